"""SQLite's result codes as errors for people; the one place that words them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from convsync_cli.sync.errors import DatabaseError, Locked

_PRIMARY = 0xFF  # an extended result code keeps its primary one in the low byte (rescode.html)

_SENTENCES = {
    sqlite3.SQLITE_FULL: (
        "the disk of {path} is full",
        "free some space; nothing that was acknowledged is lost",
    ),
    sqlite3.SQLITE_READONLY: (
        "{path} is read-only",
        "check the owner and mode of the file, its folder and its file system",
    ),
    sqlite3.SQLITE_NOTADB: (
        "{path} is not a convsync database",
        "check --db and the `database` setting",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{path} is damaged",
        "restore a backup; `sqlite3 FILE .recover` may save more",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot open {path}",
        "check that the file exists and that you may read and write its folder",
    ),
    sqlite3.SQLITE_PERM: (
        "not allowed to use {path}",
        "check the owner and mode of the file and its folder",
    ),
    sqlite3.SQLITE_IOERR: (
        "reading or writing {path} failed",
        "check the disk; nothing that was acknowledged is lost",
    ),
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds a lock that this one needs."""
    return _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def worded(path: str) -> Iterator[None]:
    """Turn SQLite's errors about a file into ours; errors in our own SQL stay what they are.

    Raises:
        DatabaseError: the file cannot be used.
        Locked: another process holds it.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_busy(error):
            raise Locked(f"{path} is locked by another process", "try again") from None
        sentence = _SENTENCES.get(_primary(error))
        if sentence is None:
            raise
        raise DatabaseError(sentence[0].format(path=path), sentence[1]) from None


def _primary(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY
