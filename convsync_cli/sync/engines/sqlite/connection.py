"""One SQLite connection: private file, patient locks, real transactions.

House rules: every write is inside ``transaction()``, which begins IMMEDIATE, because a deferred
transaction that turns into a writer fails with BUSY at once (sqlite.org/lang_transaction.html).
Nothing here or above ever opens the database file itself: closing such a handle would drop the
process's POSIX locks (sqlite.org/howtocorrupt.html, 2.2).
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import sleep
from typing import Any

from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.engines.sqlite.faults import is_busy, worded
from convsync_cli.sync.errors import DatabaseError, Locked

APPLICATION_ID = 0x636F6E76  # "conv", so that file(1) and we know the file
PATIENCE_MS = 10_000

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class Connection:
    """A connection whose errors are ours and whose waiting is fair.

    SQLite's own busy handler sleeps longer and longer and so starves beside a busy writer; asking
    again every millisecond does not. ``patience_ms`` bounds that waiting.
    """

    def __init__(self, path: str, patience_ms: int = PATIENCE_MS) -> None:
        """Open an existing file.

        Raises:
            DatabaseError: it cannot be opened.
        """
        self.path = path
        self.patience_ms = patience_ms
        self._depth = 0
        self._file = _identity(path)
        with worded(path):
            uri = f"file:{_quoted(os.path.abspath(path))}?mode=rw"
            self._raw = sqlite3.connect(
                uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
            )
        # Checkpoints are the run lock holder's: SQLite 3.7.0-3.51.2 may corrupt a WAL that two
        # connections checkpoint at once (sqlite.org/wal.html, "the WAL-reset bug").
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "wal_autocheckpoint=0",
            "temp_store=MEMORY",
        ):
            self.execute(f"PRAGMA {pragma}")

    @property
    def raw(self) -> sqlite3.Connection:
        """The driver's own connection, for migrations and backups."""
        return self._raw

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run one statement, waiting for other processes where it must."""
        with worded(self.path):
            return self._patiently(sql, parameters)

    def stream(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Run a query and hand over its rows as they are read, however many there are."""
        with worded(self.path):
            yield from self._patiently(sql, parameters)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Run a query and return all its rows."""
        with worded(self.path):
            return self._patiently(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Run a query and return its first row, or None."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Run a query and return the first column of its first row, or None."""
        row = self.row(sql, parameters)
        return row[0] if row else None

    def executemany(self, sql: str, rows: Sequence[Parameters]) -> None:
        """Run one statement for each row; only inside a transaction."""
        with worded(self.path):
            self._raw.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction, a savepoint of it."""
        begin, commit, rollback = self._verbs()
        self.execute(begin)
        self._depth += 1
        if self._depth == 1 and _identity(self.path) != self._file:
            self._undo(rollback)
            self._depth -= 1
            raise DatabaseError(
                f"{self.path} was replaced or moved while it was in use",
                "start again; what was not acknowledged will be done again",
            )
        try:
            yield
            reached(f"{commit}.before")
            self.execute(commit)
            reached(f"{commit}.after")
        except BaseException:
            self._undo(rollback)
            raise
        finally:
            self._depth -= 1

    def checkpoint(self, patience_ms: int = 0) -> bool:
        """Fold the write-ahead log into the database, and say whether all of it is.

        What a reader still needs stays; ``patience_ms`` is how long to wait for readers to end.
        """
        for _ in range(1 + patience_ms):
            busy, *_ = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
            if not busy:
                return True
            sleep(0.001)
        return False

    def close(self) -> None:
        """Close the connection; a transaction that is open is rolled back."""
        self._raw.close()

    def _verbs(self) -> tuple[str, str, tuple[str, ...]]:
        if self._depth == 0:
            return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
        name = f"level_{self._depth}"
        return f"SAVEPOINT {name}", f"RELEASE {name}", (f"ROLLBACK TO {name}", f"RELEASE {name}")

    def _undo(self, statements: tuple[str, ...]) -> None:
        for statement in statements:
            if self._raw.in_transaction:  # SQLite may have rolled back by itself (disk full)
                self._raw.execute(statement)

    def _patiently(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        for _ in range(1 + self.patience_ms):
            try:
                return self._raw.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                sleep(0.001)
        raise Locked(
            f"another process has been writing to {self.path} for too long",
            "try again; `convsync status` shows whether a run is active",
        )


def _identity(path: str) -> tuple[int, int] | None:
    """Which file stands at a path: SQLite goes on with one that was moved away from there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_private(path: str) -> None:
    """Make an empty database file that only its owner can read, and its folder likewise.

    SQLite itself would make it 0644; a WAL and its index take the mode of the file.

    Raises:
        DatabaseError: the file or its folder cannot be made.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseError(
            f"cannot create {path}: {error.strerror}",
            "check that the folder exists and belongs to you",
        ) from None


def _quoted(path: str) -> str:
    """A path inside an SQLite URI (sqlite.org/uri.html)."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
