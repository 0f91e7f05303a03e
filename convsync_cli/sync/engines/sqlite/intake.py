"""Where jobs come from: the acts of asking, each decided by the database in one statement.

A job is live while it is pending or running. The partial unique index ``jobs_live`` allows one live
job per ``dedupe_key``; every rule about duplicates rests on it and not on looking first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.placing import JobSpec, Kind, Placed, Placement, Terms

if TYPE_CHECKING:
    from convsync_cli.sync.model.swept import Swept

_SOON = timedelta(seconds=1)
SWEPT_AT_ONCE = 5_000  # leads to a transaction: others wait for it

# Enqueue: a row for each lead whose key is not live and did not succeed inside the window. The
# window is looked at in both directions, so that a clock set back does not lock leads out.
_ENQUEUE = """
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at)
SELECT :kind, leads.workspace, leads.id, :kind || ':' || leads.id, 'pending', :priority, :now,
       :max_attempts, :now, :now
FROM json_each(:leads) AS wanted CROSS JOIN leads ON leads.id = wanted.value
WHERE NOT EXISTS (
    SELECT 1 FROM jobs AS earlier INDEXED BY jobs_recent
    WHERE earlier.state = 'succeeded' AND earlier.dedupe_key = :kind || ':' || leads.id
    AND earlier.requested_at > :since AND earlier.requested_at < :until)
ON CONFLICT (dedupe_key) WHERE state IN ('pending', 'running') DO NOTHING
RETURNING lead_id, id
"""

# Sweep: the same for the leads of one workspace between two ids, in two steps: look at each once
# and no further than is needed to say how it stands, then queue those that nothing speaks against.
_SURVEY = """
SELECT total(standing = 'unreachable'), total(standing = 'live'), total(standing = 'recent'),
       total(standing = 'wanted'), json_group_array(id) FILTER (WHERE standing = 'wanted')
FROM (SELECT id, CASE
          WHEN oldest IS NULL THEN 'unreachable'
          WHEN oldest >= :before THEN 'fresh'
          WHEN EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_live
                       WHERE dedupe_key = :kind || ':' || lead.id
                         AND state IN ('pending', 'running')) THEN 'live'
          WHEN EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_recent
                       WHERE state = 'succeeded' AND dedupe_key = :kind || ':' || lead.id
                         AND requested_at > :since AND requested_at < :until) THEN 'recent'
          ELSE 'wanted' END AS standing
      FROM (SELECT id, (SELECT min(coalesce(max(synced_at, (
                            SELECT coalesce(max(feeds.synced_at), '') FROM feeds
                            WHERE feeds.workspace = :workspace
                              AND feeds.channel = lead_syncs.channel)), ''))
                        FROM lead_syncs  -- what was read once is as fresh as its channel's feed
                        WHERE lead_id = leads.id  -- one seek, where an IN by index makes several
                          AND +channel IN (SELECT value FROM json_each(:channels))) AS oldest
            FROM leads INDEXED BY leads_workspace
            WHERE workspace = :workspace AND id > :after AND id <= :last
            LIMIT -1) AS lead  -- a limit keeps the planner from evaluating it anew for each use
      LIMIT -1)
"""
_SWEEP = """
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at)
SELECT :kind, :workspace, value, :kind || ':' || value, 'pending', :priority, :now, :max_attempts,
       :now, :now
FROM json_each(:wanted) LIMIT :most
"""

_LAST_SWEPT = """
SELECT max(id) FROM (SELECT id FROM leads INDEXED BY leads_workspace
                     WHERE workspace = :workspace AND id > :after ORDER BY id LIMIT :leads)
"""

# (The condition of a partial index must stand in the statement word for word for SQLite to use it:
# sqlite.org/partialindex.html, 2.)
#
# Promote: who asks by hand does not wait behind the bulk, nor for a backoff or a pause to end. What
# is due within a second was asked for by somebody whose clock was read a little later.
_PROMOTE = """
UPDATE jobs INDEXED BY jobs_live
SET priority = min(priority, :priority), run_at = min(run_at, :now), requested_at = :now
WHERE state IN ('pending', 'running') AND state = 'pending'
  AND (priority > :priority OR run_at > :soon)
  AND dedupe_key IN (SELECT :kind || ':' || value FROM json_each(:leads))
RETURNING lead_id, id
"""

# Ask anew: a waiting job that was begun before reads again what may have come since.
_ASK_ANEW = """
UPDATE jobs INDEXED BY jobs_live SET requested_at = :now
WHERE state IN ('pending', 'running') AND state = 'pending' AND started_at IS NOT NULL
  AND dedupe_key IN (SELECT :kind || ':' || value FROM json_each(:leads))
"""

# Rerun: a message that arrives while the lead is being read must be fetched by one more run.
_RERUN = """
UPDATE jobs INDEXED BY jobs_live SET rerun = 1, requested_at = :now
WHERE state IN ('pending', 'running') AND state = 'running'
  AND dedupe_key IN (SELECT :kind || ':' || value FROM json_each(:leads))
"""

_LIVE = """
SELECT lead_id, id, state FROM jobs INDEXED BY jobs_live
WHERE state IN ('pending', 'running')
  AND dedupe_key IN (SELECT :kind || ':' || value FROM json_each(:leads))
"""

_RECENT = """
SELECT lead_id, id, max(requested_at) FROM jobs INDEXED BY jobs_recent
WHERE state = 'succeeded' AND requested_at > :since AND requested_at < :until
  AND dedupe_key IN (SELECT :kind || ':' || value FROM json_each(:leads))
GROUP BY lead_id
"""

_ENQUEUE_JOB = """
INSERT INTO jobs (kind, workspace, subject, lead_id, dedupe_key, state, priority, run_at,
                  max_attempts, created_at, requested_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?8, ?7, ?7)
ON CONFLICT (dedupe_key) WHERE state IN ('pending', 'running') DO NOTHING
"""

# Unread: the leads of a channel that no attempt has looked at yet.
_ENQUEUE_UNREAD = """
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at)
SELECT :kind, :workspace, lead_id, :kind || ':' || lead_id, 'pending', :priority, :now,
       :max_attempts, :now, :now
FROM lead_syncs INDEXED BY lead_syncs_age
WHERE workspace = :workspace AND channel = :channel AND synced_at IS NULL AND outcome IS NULL
LIMIT :leads
ON CONFLICT (dedupe_key) WHERE state IN ('pending', 'running') DO NOTHING
"""

# With history: what the first read of these leads brings is wanted as news.
_WANT_HISTORY = """
UPDATE lead_syncs SET with_history = 1
WHERE lead_id IN (SELECT value FROM json_each(:leads)) AND synced_at IS NULL
"""
_WANT_HISTORY_BETWEEN = """
UPDATE lead_syncs SET with_history = 1
WHERE lead_id > :after AND lead_id <= :last AND workspace = :workspace AND synced_at IS NULL
  AND EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_live
              WHERE dedupe_key = :kind || ':' || lead_syncs.lead_id
                AND state IN ('pending', 'running'))
"""


class SqliteIntake:
    """``Intake`` over the table ``jobs``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def enqueue(self, leads: Sequence[str], terms: Terms) -> list[Placement]:
        """Queue a sync of each lead; see ``Intake.enqueue``."""
        asked = _asked(terms, leads=json.dumps(list(leads)))
        with self._db.transaction():
            promoted: dict[str, int] = dict(self._db.rows(_PROMOTE, asked))
            self._db.execute(_ASK_ANEW, asked)
            self._db.execute(_RERUN, asked)
            queued: dict[str, int] = dict(self._db.rows(_ENQUEUE, asked))
            if terms.with_history:
                self._db.execute(_WANT_HISTORY, asked)
            if len(queued) + len(promoted) == len(leads):
                return list(_placements(leads, queued, promoted, {}, {}, terms.now))
            live = {lead: (job, state) for lead, job, state in self._db.rows(_LIVE, asked)}
            recent = {lead: (job, at) for lead, job, at in self._db.rows(_RECENT, asked)}
        return list(_placements(leads, queued, promoted, live, recent, terms.now))

    def enqueue_jobs(self, specs: Sequence[JobSpec], terms: Terms) -> int:
        """Queue jobs that are not about the whole of a lead; see ``Intake.enqueue_jobs``."""
        common = (int(terms.priority), to_text(terms.now), terms.max_attempts)
        with self._db.transaction():
            return sum(
                self._db.execute(_ENQUEUE_JOB, (*spec, spec.key, *common)).rowcount
                for spec in specs
            )

    def enqueue_unread(self, workspace: str, channel: str, terms: Terms) -> int:
        """Queue the leads that nobody tried to read; see ``Intake.enqueue_unread``."""
        asked = _asked(terms, workspace=workspace, channel=channel, leads=SWEPT_AT_ONCE)
        with self._db.transaction():
            return self._db.execute(_ENQUEUE_UNREAD, asked).rowcount

    def sweep(
        self,
        workspace: str,
        channels: Sequence[str],
        before: datetime | None,
        after: str,
        most: int | None,
        terms: Terms,
    ) -> "Swept | None":
        """Queue the next leads of a workspace; see ``Intake.sweep``."""
        from convsync_cli.sync.model.swept import Swept  # `enqueue` does not need it

        asked = _asked(
            terms,
            workspace=workspace,
            channels=json.dumps(list(channels)),
            before=to_text(before) if before else "~",  # sorts after every moment
            after=after,
            leads=SWEPT_AT_ONCE,
            most=-1 if most is None else most,
        )
        with self._db.transaction():
            last = self._db.value(_LAST_SWEPT, asked)
            if last is None:
                return None
            (told,) = self._db.rows(_SURVEY, {**asked, "last": last})
            unreachable, live, recent, wanted = map(int, told[:4])
            queued = 0
            if wanted:
                queued = self._db.execute(_SWEEP, {**asked, "wanted": told[4]}).rowcount
            if terms.with_history:
                self._db.execute(_WANT_HISTORY_BETWEEN, {**asked, "last": last})
        return Swept(last, live + recent + wanted, unreachable, queued, live, recent)


def _asked(terms: Terms, **further: Any) -> dict[str, Any]:
    window = timedelta(seconds=terms.window_s)
    return {
        "kind": Kind.CONVERSATION_SYNC.value,
        "priority": int(terms.priority),
        "max_attempts": terms.max_attempts,
        "now": to_text(terms.now),
        "since": to_text(terms.now - window),
        "until": to_text(terms.now + window),
        "soon": to_text(terms.now + _SOON),
        **further,
    }


def _placements(
    leads: Sequence[str],
    queued: dict[str, int],
    promoted: dict[str, int],
    live: Mapping[str, tuple[int, str]],
    recent: Mapping[str, tuple[int, str]],
    now: datetime,
) -> Iterator[Placement]:
    """Say of each lead what became of it; the second mention of a lead finds it queued."""
    for lead in leads:
        if lead in queued:
            yield Placement(Placed.QUEUED, lead, queued.pop(lead))
        elif lead in promoted:
            yield Placement(Placed.PROMOTED, lead, promoted.pop(lead))
        elif lead in live:
            yield Placement(Placed.ALREADY_QUEUED, lead, live[lead][0], state=live[lead][1])
        elif lead in recent:
            job, requested_at = recent[lead]
            age = max(0.0, (now - from_text(requested_at)).total_seconds())
            yield Placement(Placed.RECENT, lead, job, age_s=round(age, 3))
