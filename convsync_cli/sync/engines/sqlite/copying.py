"""A consistent copy of a database in use, by SQLite's own backup; never by copying the file."""

import os
import sqlite3
from contextlib import suppress

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.faults import worded
from convsync_cli.sync.wholefile import replacing


def backup(connection: Connection, target: str) -> None:
    """Write a private copy to ``target``, which is there only once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(target) as unfinished, worded(unfinished):
        copy = sqlite3.connect(unfinished, isolation_level=None)
        try:
            connection.raw.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
        finally:
            copy.close()
            with suppress(FileNotFoundError):
                os.unlink(f"{unfinished}-journal")
