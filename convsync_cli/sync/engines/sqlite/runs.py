"""A row for every run: who, when, on what budget, and how it ended."""

import json
from datetime import datetime
from typing import Any

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.pastrun import PastRun

MOST = 1000  # runs that are looked through: half a day of one a minute

_COLUMNS = "id, host, pid, user, attended, started_at, ended_at, budget_s, reason, counts"


class SqliteRuns:
    """``Runs`` over the table ``runs``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def start(
        self,
        host: str,
        pid: int,
        budget_s: float,
        now: datetime,
        *,
        user: str = "",
        attended: bool = False,
    ) -> int:
        """Write down that a run has begun; returns its number."""
        with self._db.transaction():
            return int(
                self._db.value(
                    "INSERT INTO runs (host, pid, started_at, budget_s, user, attended)"
                    " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                    (host, pid, to_text(now), budget_s, user, attended),
                )
            )

    def finish(self, run: int, reason: str, counts: dict[str, Any], now: datetime) -> None:
        """Write down how a run ended."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE runs SET ended_at = ?, reason = ?, counts = ? WHERE id = ?",
                (to_text(now), reason, json.dumps(counts), run),
            )

    def last(self) -> PastRun | None:
        """The newest run, or None."""
        return next(iter(self.newest(1)), None)

    def newest(self, limit: int) -> list[PastRun]:
        """Up to ``limit`` runs, the newest first."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM runs ORDER BY id DESC LIMIT ?", (limit,))
        return [_past(row) for row in rows]

    def recent(self, since: datetime) -> list[PastRun]:
        """The runs that started since a moment; see ``Runs.recent``."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM (SELECT * FROM runs ORDER BY id DESC LIMIT ?)"
            " WHERE started_at >= ? ORDER BY id DESC",
            (MOST, to_text(since)),
        )
        return [_past(row) for row in rows]

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` runs that started before ``before``; returns how many."""
        with self._db.transaction():
            return self._db.execute(
                "DELETE FROM runs WHERE id IN"
                " (SELECT id FROM runs WHERE started_at < ? ORDER BY id LIMIT ?)",
                (to_text(before), limit),
            ).rowcount


def _past(row: tuple[Any, ...]) -> PastRun:
    run, host, pid, user, attended, started_at, ended_at, budget_s, reason, counts = row
    return PastRun(
        run,
        host,
        pid,
        user,
        bool(attended),
        from_text(started_at),
        from_text(ended_at) if ended_at else None,
        budget_s,
        reason,
        json.loads(counts or "{}"),
    )
