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
    except UnicodeDecodeError:  # what SQLite says quotes a damaged name
        raise _worded(sqlite3.SQLITE_CORRUPT, path) from None
    except sqlite3.DatabaseError as error:
        if is_busy(error):
            raise Locked(f"{path} is locked by another process", "try again") from None
        code = sqlite3.SQLITE_CORRUPT if _unreadable(error) else _primary(error)
        if code not in _SENTENCES:
            raise
        raise _worded(code, path) from None


def _worded(code: int, path: str) -> DatabaseError:
    said, hint = _SENTENCES[code]
    return DatabaseError(said.format(path=path), hint)


def _unreadable(error: sqlite3.Error) -> bool:
    """Whether a text is not UTF-8, which we never store; the driver's own error has no code."""
    return str(error).startswith("Could not decode to UTF-8")


def _primary(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY
