"""Claim and settle on a disk whose fsync is slow, as real ones are (1-10 ms).

SQLite's own file system layer is told to wait before every sync: the pointer to ``xOpen`` of the
default VFS is replaced, and with it ``xSync`` of every file opened afterwards. No privilege and no
preloaded library is needed, and huey and the bare driver wait just as long (sqlite.org/vfs.html).
"""

import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_void_p, cast, pointer
from ctypes.util import find_library
from pathlib import Path
from time import sleep
from typing import Any

from benchmarks.claim_and_settle import SMALL, against_huey
from benchmarks.measure import Figure, seconds
from benchmarks.stores import Home, add_jobs, connect

FSYNC_S = 0.005
ROUNDS = 2
COMMITS = 20

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """The beginning of ``sqlite3_vfs``."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("path_length", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", c_void_p),
    )


class _Methods(Structure):
    """``sqlite3_io_methods``, version 3; only ``sync`` is looked at."""

    _fields_ = (
        ("version", c_int),
        ("before", c_void_p * 4),  # close, read, write, truncate
        ("sync", c_void_p),
        ("behind", c_void_p * 13),
    )


class _File(Structure):
    """``sqlite3_file``: all that its users know is where the methods are."""

    _fields_ = (("methods", POINTER(_Methods)),)


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """The same as against huey, with a slow fsync for both."""
    home = Home.made(folder / "home")
    add_jobs(home, SMALL)
    with slow_sync(FSYNC_S) as ready:
        if not ready or _commit_seconds(home) < FSYNC_S:
            print("this SQLite cannot be made slow: the slow disk is left out")
            return
        for figure in against_huey(folder, home, ROUNDS):
            yield Figure(
                f"{figure.name}, fsync + {FSYNC_S * 1e3:g} ms",
                figure.ours,
                figure.bare,
                figure.unit,
                figure.goal,
            )


@contextmanager
def slow_sync(delay_s: float) -> Iterator[bool]:
    """Make every sync of this process wait; False where its SQLite cannot be reached."""
    library = _library()
    vfs = library and _default_vfs(library)
    if not vfs:
        yield False
        return
    kept: dict[int, Any] = {}  # the changed methods, by the address of the originals
    original = vfs.contents.open
    plain_open = _Open(original or 0)

    def slowed(plain_sync: Callable[[int, int], int]) -> Callable[[int, int], int]:
        def sync(file: int, flags: int) -> int:
            sleep(delay_s)
            return plain_sync(file, flags)

        return sync

    def changed(methods: Any) -> Any:
        address = ctypes.addressof(methods.contents)
        if address not in kept:
            copy = _Methods.from_buffer_copy(methods.contents)
            plain_sync = _Sync(copy.sync)
            slow = _Sync(slowed(plain_sync))
            copy.sync = cast(slow, c_void_p).value
            kept[address] = (pointer(copy), slow)
        return kept[address][0]

    def slow_open(this: int, name: int | None, file: int, flags: int, told: int) -> int:
        code = int(plain_open(this, name, file, flags, told))
        if code == 0:
            opened = cast(file, POINTER(_File)).contents
            opened.methods = changed(opened.methods)
        return code

    replacement = _Open(slow_open)
    vfs.contents.open = cast(replacement, c_void_p).value
    try:
        yield True
    finally:
        vfs.contents.open = original


def _library() -> Any:
    """The SQLite that Python's ``sqlite3`` uses, where it is a library of its own."""
    name = find_library("sqlite3")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.sqlite3_libversion.restype = c_char_p
    same = library.sqlite3_libversion().decode() == sqlite3.sqlite_version
    return library if same else None


def _default_vfs(library: Any) -> Any:
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = (c_char_p,)
    return library.sqlite3_vfs_find(None)


def _commit_seconds(home: Home) -> float:
    """What one commit takes, to see that the delay is in force."""
    with closing(connect(home.database)) as connection:

        def commit() -> None:
            for _ in range(COMMITS):
                with connection:
                    connection.execute("UPDATE jobs SET priority = priority + 1 WHERE id = 1")

        return seconds(commit) / COMMITS
