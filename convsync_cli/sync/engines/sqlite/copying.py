"""A consistent copy of a database in use, by SQLite's own backup; never by copying the file."""

import os
import sqlite3

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.faults import worded
from convsync_cli.sync.errors import OutputError


def backup(connection: Connection, target: str) -> None:
    """Write a private copy to ``target``, which is there only once it is whole.

    Raises:
        OutputError: it cannot be written, or is the database itself, which others have open.
    """
    if os.path.exists(target) and os.path.samefile(target, connection.path):
        raise OutputError(f"{target} is the database itself", "name another file for the copy")
    unfinished = f"{target}.{os.getpid()}.unfinished"
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            _copy(connection, unfinished)
            os.replace(unfinished, target)
        finally:
            for left in (unfinished, f"{unfinished}-journal"):
                if os.path.exists(left):
                    os.unlink(left)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}", "check the folder and its free space"
        ) from None


def _copy(connection: Connection, path: str) -> None:
    with worded(path):
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            connection.raw.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
        finally:
            copy.close()
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
