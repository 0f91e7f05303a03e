"""The numbers that `status` shows; every query here runs on an index."""

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.pending import EVERYWHERE, LANES
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth, Sizes

# How many jobs are not due yet, and since when the oldest is: for every workspace and priority in
# use one seek and a scan of what is delayed.
_WAITING = f"""
WITH RECURSIVE {EVERYWHERE}, {LANES}
SELECT coalesce(sum((SELECT count(*) FROM jobs INDEXED BY jobs_due
                     WHERE state = 'pending' AND workspace = lane.workspace
                       AND priority = lane.priority AND run_at > :now)), 0),
       min((SELECT min(run_at) FROM jobs INDEXED BY jobs_due
            WHERE state = 'pending' AND workspace = lane.workspace
              AND priority = lane.priority AND run_at <= :now))
FROM lane
"""

_STRAYS = f"""
WITH RECURSIVE {EVERYWHERE}
SELECT workspace, (SELECT count(*) FROM jobs INDEXED BY jobs_due
                   WHERE state = 'pending' AND workspace = place.workspace)
FROM place WHERE workspace IS NOT NULL AND workspace NOT IN (SELECT value FROM json_each(?))
"""

_DONE_IN = """
SELECT (SELECT count(*) FROM jobs INDEXED BY jobs_finished
        WHERE state = 'succeeded' AND finished_at >= json_extract(span.value, '$[0]')
          AND finished_at < json_extract(span.value, '$[1]'))
FROM json_each(?) AS span ORDER BY span.key
"""

_READ_IN = """
SELECT minute, leads FROM sync_counts WHERE workspace = ? AND channel = ? ORDER BY minute DESC
"""

_READ_AT = """
SELECT synced_at FROM lead_syncs INDEXED BY lead_syncs_age
WHERE workspace = ? AND channel = ? AND synced_at >= ?3 AND synced_at < ?3 || '~'
ORDER BY synced_at LIMIT 1 OFFSET ?
"""

# So many reads are passed in search of one within its minute. An account that is read faster than
# that has its percentiles told up to a minute too old; no rate limit known allows a tenth of it.
_PASSED = 10_000
NEVER = ""  # the minute under which leads are counted that were never read


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

    def strays(self, configured: Collection[str]) -> dict[str, int]:
        """Pending jobs that no run will claim; see ``Overview.strays``."""
        return dict(self._db.rows(_STRAYS, (json.dumps(list(configured)),)))

    def throughput(self, now: datetime, minutes: int) -> list[int]:
        """Jobs that succeeded in each of the last ``minutes``, oldest first."""
        begins = [now - timedelta(minutes=ago) for ago in range(minutes, 0, -1)]
        spans = [[to_text(each), to_text(each + timedelta(minutes=1))] for each in begins]
        return [jobs for (jobs,) in self._db.rows(_DONE_IN, (json.dumps(spans),))]

    def errors(self, since: datetime) -> dict[str, int]:
        """How many attempts since a moment ended with each error code."""
        rows = self._db.rows(
            "SELECT error_code, count(*) FROM attempts INDEXED BY attempts_failed"
            " WHERE error_code IS NOT NULL AND started_at >= ? GROUP BY error_code ORDER BY 1",
            (to_text(since),),
        )
        return dict(rows)

    def ages(self, workspace: str, channel: str, now: datetime) -> ChannelAges:
        """How old the knowledge about the leads of one workspace and channel is."""
        minutes: dict[str, int] = dict(self._db.rows(_READ_IN, (workspace, channel)))
        never = minutes.pop(NEVER, 0)
        synced, fed = sum(minutes.values()), self._fed(workspace, channel)

        def age(share: float) -> float | None:
            """Seconds within which a share of the leads was read."""
            if not synced:
                return None
            minute, newer = _reached(minutes, min(synced - 1, int(synced * share)))
            older = min(minutes[minute] - 1 - newer, _PASSED)
            read_at = self._db.value(_READ_AT, (workspace, channel, minute, older))
            begun = f"{minute}:00.000Z"  # where another process has just read the lead anew
            latest = max(read_at or begun, fed)
            return max(0.0, seconds_between(from_text(latest), now))

        newest = max(self._newest(workspace, channel) or "", fed if synced else "")
        return ChannelAges(newest or None, age(0.5), age(0.95), never)

    def _fed(self, workspace: str, channel: str) -> str:
        """Up to when the channel's feed was read: what was read once is as fresh as that."""
        return str(
            self._db.value(
                "SELECT coalesce(max(synced_at), '') FROM feeds"
                " WHERE workspace = ? AND channel = ?",
                (workspace, channel),
            )
        )

    def _newest(self, workspace: str, channel: str) -> str | None:
        newest: str | None = self._db.value(
            "SELECT max(synced_at) FROM lead_syncs INDEXED BY lead_syncs_age"
            " WHERE workspace = ? AND channel = ?",
            (workspace, channel),
        )
        return newest

    def messages(self) -> int:
        """How many messages there are."""
        return int(self._db.value("SELECT count(*) FROM messages"))

    def sizes(self) -> Sizes:
        """What the database takes on its disk; its files are looked at, never opened."""
        return Sizes(_size(self._db.path), _size(f"{self._db.path}-wal"))


def _reached(minutes: Mapping[str, int], place: int) -> tuple[str, int]:
    """The minute of the read at a place, newest first, and how many of that minute are newer."""
    for minute, leads in minutes.items():
        if place < leads:
            return minute, place
        place -= leads
    raise IndexError(place)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
