"""The SQLite engine: a database file, and the books in it."""

import os
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from convsync_cli.sync.engines.sqlite.connection import (
    APPLICATION_ID,
    PATIENCE_MS,
    Connection,
    create_private,
)
from convsync_cli.sync.errors import DatabaseError

if TYPE_CHECKING:
    from convsync_cli.sync.engines.sqlite.accounts import SqliteAccounts
    from convsync_cli.sync.engines.sqlite.archive import SqliteArchive
    from convsync_cli.sync.engines.sqlite.directory import SqliteDirectory
    from convsync_cli.sync.engines.sqlite.erasure import SqliteErasure
    from convsync_cli.sync.engines.sqlite.feeds import SqliteFeeds
    from convsync_cli.sync.engines.sqlite.history import SqliteHistory
    from convsync_cli.sync.engines.sqlite.intake import SqliteIntake
    from convsync_cli.sync.engines.sqlite.leads import SqliteLeads
    from convsync_cli.sync.engines.sqlite.listing import SqliteListing
    from convsync_cli.sync.engines.sqlite.overview import SqliteOverview
    from convsync_cli.sync.engines.sqlite.queue import SqliteQueue
    from convsync_cli.sync.engines.sqlite.runs import SqliteRuns
    from convsync_cli.sync.model.finding import Finding
    from convsync_cli.sync.ports import RunLock

# len(schema.MIGRATIONS); a number, so that opening need not import sqlite_utils
SCHEMA_VERSION = 14


class SqliteStore:
    """``Store`` over one file. A book is imported when it is opened: `enqueue` needs only two."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.transaction = connection.transaction
        self.checkpoint = connection.checkpoint
        self.close = connection.close

    @cached_property
    def intake(self) -> "SqliteIntake":
        """Asking for jobs."""
        from convsync_cli.sync.engines.sqlite.intake import SqliteIntake

        return SqliteIntake(self._connection)

    @cached_property
    def queue(self) -> "SqliteQueue":
        """Working on jobs."""
        from convsync_cli.sync.engines.sqlite.queue import SqliteQueue

        return SqliteQueue(self._connection)

    @cached_property
    def directory(self) -> "SqliteDirectory":
        """Names of people."""
        from convsync_cli.sync.engines.sqlite.directory import SqliteDirectory

        return SqliteDirectory(self._connection)

    @cached_property
    def leads(self) -> "SqliteLeads":
        """People."""
        from convsync_cli.sync.engines.sqlite.leads import SqliteLeads

        return SqliteLeads(self._connection)

    @cached_property
    def listing(self) -> "SqliteListing":
        """Questions about people."""
        from convsync_cli.sync.engines.sqlite.listing import SqliteListing

        return SqliteListing(self._connection)

    @cached_property
    def erasure(self) -> "SqliteErasure":
        """Forgetting people."""
        from convsync_cli.sync.engines.sqlite.erasure import SqliteErasure

        return SqliteErasure(self._connection)

    @cached_property
    def archive(self) -> "SqliteArchive":
        """Messages."""
        from convsync_cli.sync.engines.sqlite.archive import SqliteArchive

        return SqliteArchive(self._connection)

    @cached_property
    def history(self) -> "SqliteHistory":
        """Imported messages."""
        from convsync_cli.sync.engines.sqlite.history import SqliteHistory

        return SqliteHistory(self._connection)

    @cached_property
    def feeds(self) -> "SqliteFeeds":
        """Change feeds."""
        from convsync_cli.sync.engines.sqlite.feeds import SqliteFeeds

        return SqliteFeeds(self._connection)

    @cached_property
    def accounts(self) -> "SqliteAccounts":
        """Rate limits and pauses."""
        from convsync_cli.sync.engines.sqlite.accounts import SqliteAccounts

        return SqliteAccounts(self._connection)

    @cached_property
    def runs(self) -> "SqliteRuns":
        """What each run did."""
        from convsync_cli.sync.engines.sqlite.runs import SqliteRuns

        return SqliteRuns(self._connection)

    @cached_property
    def overview(self) -> "SqliteOverview":
        """Numbers."""
        from convsync_cli.sync.engines.sqlite.overview import SqliteOverview

        return SqliteOverview(self._connection)

    def lock_run(self, parallel: bool) -> "RunLock | None":
        """Take a place among the runs; see ``Store.lock_run``."""
        from convsync_cli.sync.engines.sqlite import runlock

        _refuse_network(self._connection.path)
        lock = runlock.acquire(self._connection.path, parallel)
        if lock is not None and lock.sole:
            self._connection.execute("PRAGMA journal_mode=WAL")  # a restored backup has no log
            self._connection.execute("PRAGMA wal_autocheckpoint=1000")
        return lock

    def backup(self, target: str) -> None:
        """Write a consistent copy to a path while others write."""
        from convsync_cli.sync.engines.sqlite.copying import backup

        backup(self._connection, target)

    def examine(self) -> "Iterator[Finding]":
        """Say what is right and wrong with the database."""
        from convsync_cli.sync.engines.sqlite.health import examine

        return examine(self._connection)


def open_store(path: str, *, create: bool = False, patience_ms: int = PATIENCE_MS) -> SqliteStore:
    """Open the database at ``path``, upgraded to this version's tables.

    ``patience_ms`` bounds each wait for another writer.

    Raises:
        DatabaseError: it is missing or empty (and ``create`` is not set), foreign, newer or
            unusable.
        Locked: another process holds it.
    """
    if create:
        _refuse_network(path)
        create_private(path)
    elif not os.path.exists(path):
        raise DatabaseError(f"there is no database at {path}", "make one with `convsync init`")
    connection = Connection(path, patience_ms)
    try:
        _ensure_schema(connection, create)
    except BaseException:
        connection.close()
        raise
    return SqliteStore(connection)


def files(path: str) -> tuple[str, ...]:
    """The database, and what SQLite and ``runlock`` keep beside it (sqlite.org/tempfiles.html)."""
    return path, *(f"{path}-{kind}" for kind in ("wal", "shm", "journal", "run", "alive"))


def _refuse_network(path: str) -> None:
    from convsync_cli.sync.engines.sqlite.filesystem import network_file_system

    if kind := network_file_system(path):
        raise DatabaseError(
            f"{path} is on a network file system ({kind}), whose locks cannot be trusted",
            "choose a local disk with --db or the `database` setting",
        )


def _ensure_schema(connection: Connection, create: bool) -> None:
    version = connection.value("PRAGMA user_version")
    owner = connection.value("PRAGMA application_id")
    empty = version == 0 and not connection.value("SELECT count(*) FROM sqlite_master")
    if owner != APPLICATION_ID and not (empty and owner == 0):
        raise DatabaseError(
            f"{connection.path} belongs to another program",
            "check --db and the `database` setting",
        )
    if empty and not create:  # a file that was cut to nothing is not "no leads"
        raise DatabaseError(
            f"the database {connection.path} is empty",
            "restore a backup, or make a new one with `convsync init`",
        )
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            f"{connection.path} was written by a newer convsync (tables {version},"
            f" this one knows {SCHEMA_VERSION})",
            "upgrade convsync",
        )
    if version < SCHEMA_VERSION:
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    import sqlite_utils  # 10 times the start of Python: only when there is something to migrate

    from convsync_cli.sync.engines.sqlite.schema import MIGRATIONS

    connection.execute("PRAGMA journal_mode=WAL")
    with connection.transaction():
        version = connection.value("PRAGMA user_version")  # another process may have been faster
        for migration in MIGRATIONS[version:]:
            migration(sqlite_utils.Database(connection.raw))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        if version < len(MIGRATIONS):
            connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
