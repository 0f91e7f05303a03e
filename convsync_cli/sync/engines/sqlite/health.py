"""What can be wrong with a database file, and how to fix it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.filesystem import network_file_system
from convsync_cli.sync.model.finding import Finding, Level

LEAST_ROOM = 100 * 1024 * 1024
LITTLE_ROOM = 1024 * 1024 * 1024
LARGE_WAL = 256 * 1024 * 1024
# The WAL-reset bug: sqlite.org/wal.html#the_wal_reset_bug
FIRST_FLAWED, MENDED = (3, 7, 0), (3, 51, 3)
MENDED_TOO = ((3, 44, 6), (3, 50, 7))


def examine(connection: Connection) -> Iterator[Finding]:
    """Look at everything about the file and the library that reads it."""
    yield _integrity(connection)
    yield _journal(connection)
    yield from _modes(connection.path)
    yield _wal(connection.path)
    yield from _traces(connection)
    yield _library(sqlite3.sqlite_version_info)
    yield _place(connection.path)
    yield _room(connection.path)


def _integrity(connection: Connection) -> Finding:
    told = [text for (text,) in connection.rows("PRAGMA integrity_check(3)")]
    told += [f"foreign key of {row[0]}" for row in connection.rows("PRAGMA foreign_key_check")][:3]
    if told == ["ok"]:
        return Finding(Level.OK, "database", "its content is consistent")
    return Finding(
        Level.PROBLEM, "database", f"its content is damaged: {told[0]}", "restore a backup"
    )


def _journal(connection: Connection) -> Finding:
    mode = connection.value("PRAGMA journal_mode")
    if mode == "wal":
        return Finding(Level.OK, "journal", "write-ahead log")
    return Finding(
        Level.PROBLEM,
        "journal",
        f"the mode is {mode}, not wal: readers and writers block each other",
        "move the database to a local file system that supports shared memory",
    )


def _modes(path: str) -> Iterator[Finding]:
    for name in (path, f"{path}-wal", f"{path}-shm", os.path.dirname(os.path.abspath(path))):
        if not os.path.exists(name):
            continue
        mode = os.stat(name).st_mode & 0o777
        if mode & 0o077 and not (os.path.isdir(name) and not mode & 0o022):
            yield Finding(
                Level.WARNING,
                "permissions",
                f"other users can use {name} (mode {mode:04o})",
                f"chmod {'700' if os.path.isdir(name) else '600'} {name}",
            )
            return
    yield Finding(Level.OK, "permissions", "only you may read the database")


def _wal(path: str) -> Finding:
    try:
        size = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        size = 0
    told = f"the write-ahead log has {size / 1e6:.1f} MB"
    if size <= LARGE_WAL:
        return Finding(Level.OK, "log", told)
    return Finding(
        Level.WARNING, "log", told, "let a run finish: it folds the log into the database"
    )


def _traces(connection: Connection) -> Iterator[Finding]:
    if connection.value("SELECT unfinished FROM forgetting"):
        yield Finding(
            Level.WARNING,
            "forgotten",
            "the file may still hold traces of a forgotten lead",
            "convsync leads forget --finish",
        )


def _library(version: tuple[int, ...]) -> Finding:
    told = f"SQLite {'.'.join(map(str, version))}"
    same_branch = [each for each in MENDED_TOO if each[:2] == version[:2]]
    mended = version >= MENDED or any(version >= each for each in same_branch)
    if mended or version < FIRST_FLAWED:
        return Finding(Level.OK, "sqlite", told)
    return Finding(
        Level.WARNING,
        "sqlite",
        f"{told} can damage a log that two programs fold at once; convsync lets only one of its"
        " processes do it, but other programs must not write to this file",
        "upgrade to SQLite 3.51.3 (or 3.50.7, 3.44.6) when your system offers it",
    )


def _place(path: str) -> Finding:
    kind = network_file_system(path)
    if kind is None:
        return Finding(Level.OK, "place", "on a local file system, as far as can be seen")
    return Finding(
        Level.PROBLEM,
        "place",
        f"the database is on a network file system ({kind}), whose locks cannot be trusted",
        "move it to a local disk: `convsync backup` there, then change `database`",
    )


def _room(path: str) -> Finding:
    """Whether the disk has room for the log, a backup and what comes in."""
    free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    told = f"{free / 1e9:.1f} GB are free beside the database"
    if free < LEAST_ROOM:
        return Finding(Level.PROBLEM, "disk", told, "free some space: soon nothing can be stored")
    if free < LITTLE_ROOM or free < os.stat(path).st_size:
        return Finding(Level.WARNING, "disk", told, "free some space for its log and a copy of it")
    return Finding(Level.OK, "disk", told)
