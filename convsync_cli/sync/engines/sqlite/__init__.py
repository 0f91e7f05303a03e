"""The SQLite engine: opens a database file and joins its parts into a ``Store``."""

import os
from functools import partial

from convsync_cli.sync.engines.sqlite import runlock
from convsync_cli.sync.engines.sqlite.accounts import SqliteAccounts
from convsync_cli.sync.engines.sqlite.archive import SqliteArchive
from convsync_cli.sync.engines.sqlite.connection import (
    APPLICATION_ID,
    PATIENCE_MS,
    Connection,
    create_private,
)
from convsync_cli.sync.engines.sqlite.copying import backup
from convsync_cli.sync.engines.sqlite.filesystem import network_file_system
from convsync_cli.sync.engines.sqlite.health import examine
from convsync_cli.sync.engines.sqlite.leads import SqliteLeads
from convsync_cli.sync.engines.sqlite.overview import SqliteOverview
from convsync_cli.sync.engines.sqlite.queue import SqliteQueue
from convsync_cli.sync.engines.sqlite.runs import SqliteRuns
from convsync_cli.sync.errors import DatabaseError
from convsync_cli.sync.ports import RunLock, Store

SCHEMA_VERSION = 5  # len(schema.MIGRATIONS); a number, so that opening need not import sqlite_utils


def open_store(path: str, *, create: bool = False, patience_ms: int = PATIENCE_MS) -> Store:
    """Open the database at ``path``, upgraded to this version's tables.

    ``patience_ms`` bounds each wait for another writer.

    Raises:
        DatabaseError: it is missing (and ``create`` is not set), foreign, newer, or unusable.
        Locked: another process holds it.
    """
    if create:
        _refuse_network(path)
        create_private(path)
    elif not os.path.exists(path):
        raise DatabaseError(f"there is no database at {path}", "make one with `convsync init`")
    connection = Connection(path, patience_ms)
    try:
        _ensure_schema(connection)
    except BaseException:
        connection.close()
        raise
    return Store(
        queue=SqliteQueue(connection),
        leads=SqliteLeads(connection),
        archive=SqliteArchive(connection),
        accounts=SqliteAccounts(connection),
        runs=SqliteRuns(connection),
        overview=SqliteOverview(connection),
        transaction=connection.transaction,
        lock_run=partial(_lock_run, connection),
        checkpoint=connection.checkpoint,
        backup=partial(backup, connection),
        examine=partial(examine, connection),
        close=connection.close,
    )


def _refuse_network(path: str) -> None:
    if kind := network_file_system(path):
        raise DatabaseError(
            f"{path} is on a network file system ({kind}), whose locks cannot be trusted",
            "choose a local disk with --db or the `database` setting",
        )


def _lock_run(connection: Connection, parallel: bool) -> RunLock | None:
    _refuse_network(connection.path)
    lock = runlock.acquire(connection.path, parallel)
    if lock is not None and lock.sole:
        connection.execute("PRAGMA wal_autocheckpoint=1000")
    return lock


def _ensure_schema(connection: Connection) -> None:
    version = connection.value("PRAGMA user_version")
    owner = connection.value("PRAGMA application_id")
    empty = version == 0 and not connection.value("SELECT count(*) FROM sqlite_master")
    if owner != APPLICATION_ID and not (empty and owner == 0):
        raise DatabaseError(
            f"{connection.path} belongs to another program",
            "check --db and the `database` setting",
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
