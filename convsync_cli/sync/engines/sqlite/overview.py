"""The numbers that `status` shows; every query here runs on an index."""

import json
import os
from datetime import datetime, timedelta

from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth, Sizes

# How many jobs are not due yet, and since when the oldest is: for every workspace and priority in
# use one seek and a scan of what is delayed.
_WAITING = """
WITH RECURSIVE place (workspace) AS (
    SELECT min(workspace) FROM jobs INDEXED BY jobs_due WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(workspace) FROM jobs INDEXED BY jobs_due
            WHERE state = 'pending' AND workspace > place.workspace)
    FROM place WHERE workspace IS NOT NULL
), lane (workspace, priority) AS (
    SELECT workspace, (SELECT min(priority) FROM jobs INDEXED BY jobs_due
                       WHERE state = 'pending' AND workspace = place.workspace) FROM place
    UNION ALL
    SELECT workspace, (SELECT min(priority) FROM jobs INDEXED BY jobs_due
                       WHERE state = 'pending' AND workspace = lane.workspace
                         AND priority > lane.priority)
    FROM lane WHERE priority IS NOT NULL
)
SELECT coalesce(sum((SELECT count(*) FROM jobs INDEXED BY jobs_due
                     WHERE state = 'pending' AND workspace = lane.workspace
                       AND priority = lane.priority AND run_at > :now)), 0),
       min((SELECT min(run_at) FROM jobs INDEXED BY jobs_due
            WHERE state = 'pending' AND workspace = lane.workspace
              AND priority = lane.priority AND run_at <= :now))
FROM lane
"""

_DONE_IN = """
SELECT (SELECT count(*) FROM jobs INDEXED BY jobs_finished
        WHERE state = 'succeeded' AND finished_at >= json_extract(span.value, '$[0]')
          AND finished_at < json_extract(span.value, '$[1]'))
FROM json_each(?) AS span ORDER BY span.key
"""

_SYNCS = "FROM lead_syncs INDEXED BY lead_syncs_age WHERE workspace = ? AND channel = ?"


class SqliteOverview:
    """``Overview`` over all tables."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def queue(self, now: datetime) -> QueueDepth:
        """How many jobs there are in each state and kind, and what is due."""
        counts = self._db.rows("SELECT kind, state, jobs FROM job_counts WHERE jobs > 0")
        by_state = {str(state): 0 for state in JobState}
        for _, state, jobs in counts:
            by_state[state] += jobs
        delayed, oldest = self._db.rows(_WAITING, {"now": to_text(now)})[0]
        return QueueDepth(
            by_state=by_state,
            by_kind={(kind, state): jobs for kind, state, jobs in counts},
            due=by_state[JobState.PENDING] - delayed,
            oldest_due_s=(now - from_text(oldest)).total_seconds() if oldest else None,
        )

    def throughput(self, now: datetime, minutes: int) -> list[int]:
        """Jobs that succeeded in each of the last ``minutes``, oldest first."""
        begins = [now - timedelta(minutes=ago) for ago in range(minutes, 0, -1)]
        spans = [[to_text(each), to_text(each + timedelta(minutes=1))] for each in begins]
        return [jobs for (jobs,) in self._db.rows(_DONE_IN, (json.dumps(spans),))]

    def ages(self, workspace: str, channel: str, now: datetime) -> ChannelAges:
        """How old the knowledge about the leads of one workspace and channel is."""
        of = (workspace, channel)
        never = self._db.value(f"SELECT count(*) {_SYNCS} AND synced_at IS NULL", of)
        synced = self._db.value(f"SELECT count(*) {_SYNCS} AND synced_at IS NOT NULL", of)

        def at(place: int) -> str | None:
            """The moment of the read at a place in the order of age, the oldest first."""
            moment: str | None = self._db.value(
                f"SELECT synced_at {_SYNCS} AND synced_at IS NOT NULL"
                " ORDER BY synced_at LIMIT 1 OFFSET ?",
                (*of, place),
            )
            return moment

        def age(share: float) -> float | None:
            moment = at(synced - 1 - min(synced - 1, int(synced * share))) if synced else None
            return max(0.0, seconds_between(from_text(moment), now)) if moment else None

        newest = self._db.value(f"SELECT max(synced_at) {_SYNCS}", of)
        return ChannelAges(newest, age(0.5), age(0.95), never)

    def messages(self) -> int:
        """How many messages there are."""
        return int(self._db.value("SELECT count(*) FROM messages"))

    def sizes(self) -> Sizes:
        """What the database takes on its disk; its files are looked at, never opened."""
        return Sizes(_size(self._db.path), _size(f"{self._db.path}-wal"))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
