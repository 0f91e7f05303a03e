"""The job queue from claim to settlement: one statement per act, named by the act."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from convsync_cli.sync.engines.sqlite.connection import Connection, Row
from convsync_cli.sync.engines.sqlite.pending import EVERYWHERE, GIVEN, LANES
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.job import (
    Attempt,
    Claim,
    Effort,
    Job,
    JobFilter,
    JobState,
    Overrun,
    Settlement,
)
from convsync_cli.sync.model.pause import LONGEST
from convsync_cli.sync.model.placing import Priority

# Claim: for every workspace allowed, one seek per priority in use (a loose index scan) finds its
# first due job, so that neither finished nor delayed rows cost anything. Among those: the lowest
# priority number, then the workspace with the fewest running jobs, then the longest due. Hooks have
# a priority to themselves, so that leaving them out, or everything else, costs nothing either.
_CLAIM = f"""
WITH RECURSIVE {GIVEN}, {LANES}, head (id, workspace, priority) AS MATERIALIZED (
    SELECT (SELECT id FROM jobs INDEXED BY jobs_due
            WHERE state = 'pending' AND workspace = lane.workspace AND priority = lane.priority
              AND run_at <= :now
            ORDER BY run_at LIMIT 1), workspace, priority
    FROM lane WHERE priority IS NOT NULL AND (priority = :hook) = :hooks
)
UPDATE jobs SET state = 'running', attempts = attempts + 1, token = token + 1, run = :run,
                lease_until = :lease_until, started_at = :now
WHERE id = (
    SELECT head.id FROM head JOIN jobs AS first ON first.id = head.id
    ORDER BY head.priority,
             (SELECT count(*) FROM jobs INDEXED BY jobs_running
              WHERE state = 'running' AND workspace = head.workspace),
             first.run_at, head.id
    LIMIT 1)
RETURNING id, kind, workspace, lead_id, token, attempts, max_attempts, requested_at, error_code,
          subject
"""

# Settle: only the holder of the newest token may; a job asked for again meanwhile goes round once
# more instead of ending. :ends says whether the settlement is final.
_SETTLE = """
UPDATE jobs SET
    state = iif(:ends AND rerun, 'pending', :state),
    attempts = iif(:ends AND rerun, 0, attempts - :free),
    run_at = iif(:ends AND rerun, :now, coalesce(:run_at, run_at)),
    finished_at = iif(:ends AND NOT rerun, :now, NULL),
    rerun = 0, lease_until = NULL, error_code = :code, error = :error
WHERE id = :job AND token = :token AND state = 'running'
RETURNING state
"""

_RECORD_ATTEMPT = """
INSERT INTO attempts (job, number, run, started_at, ended_at, outcome, error_code, requests,
                      http_ms, slowest)
VALUES (:job, :token, :run, :started_at, :now, :outcome, :code, :requests, :http_ms, :slowest)
"""

# Rescue: a lease that ran out belonged to a process that died. One that lies further ahead than any
# lease can was written by a clock that has since been set back. An attempt counts from its claim,
# so a job that kills its process ends as failed and does not go round for ever.
_RESCUE = """
UPDATE jobs SET
    state = iif(attempts >= max_attempts AND NOT rerun, 'failed', 'pending'),
    attempts = iif(rerun, 0, attempts),
    run_at = :now,
    finished_at = iif(attempts >= max_attempts AND NOT rerun, :now, NULL),
    rerun = 0, lease_until = NULL, error_code = 'lost',
    error = 'the process that worked on it ended before it did'
WHERE state = 'running' AND (:orphaned OR lease_until < :now OR lease_until > :latest)
RETURNING id, token, run, started_at
"""

_RECORD_LOST = """
INSERT OR IGNORE INTO attempts (job, number, run, started_at, ended_at, outcome, error_code)
VALUES (?, ?, ?, ?, ?, 'lost', 'lost')
"""

# What a clock that ran ahead wrote would wait until the clock has caught up: jobs made in the
# future, and those due later than any pause lasts.
_PULL_BACK = f"""
WITH RECURSIVE {EVERYWHERE}, {LANES}
UPDATE jobs SET created_at = min(created_at, :now), requested_at = min(requested_at, :now),
                run_at = :now
WHERE id IN (
    SELECT id FROM lane CROSS JOIN jobs INDEXED BY jobs_due
    ON state = 'pending' AND jobs.workspace = lane.workspace AND jobs.priority = lane.priority
       AND run_at > :future
    WHERE run_at > :latest OR created_at > :future)
"""

_DUE = f"""
WITH RECURSIVE {GIVEN}, {LANES}
SELECT count(*) FROM lane CROSS JOIN jobs INDEXED BY jobs_due
ON state = 'pending' AND jobs.workspace = lane.workspace AND jobs.priority = lane.priority
   AND run_at <= :now
"""

_PRUNE = """
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs INDEXED BY jobs_finished
    WHERE state = ? AND finished_at < ? ORDER BY finished_at LIMIT ?)
"""

_JOB_COLUMNS = (
    "id",
    "kind",
    "workspace",
    "lead_id",
    "state",
    "priority",
    "run_at",
    "attempts",
    "max_attempts",
    "lease_until",
    "rerun",
    "created_at",
    "requested_at",
    "started_at",
    "finished_at",
    "error_code",
    "error",
    "subject",
)
_JOB = f"SELECT {', '.join(_JOB_COLUMNS)} FROM jobs"

_LIVE = """
SELECT jobs.id FROM json_each(:jobs) AS wanted CROSS JOIN jobs ON jobs.id = wanted.value
WHERE state IN ('pending', 'running')
"""

_FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
_CLOCK_SLACK = timedelta(minutes=1)


class SqliteQueue:
    """``JobQueue`` over the tables ``jobs`` and ``attempts``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def claim(
        self,
        run: int,
        workspaces: Sequence[str],
        now: datetime,
        lease_until: datetime,
        *,
        hooks: bool = False,
    ) -> Claim | None:
        """Take the next due job of these workspaces; see ``JobQueue.claim``."""
        with self._db.transaction():
            row = self._db.row(
                _CLAIM,
                {
                    "run": run,
                    "workspaces": json.dumps(list(workspaces)),
                    "now": to_text(now),
                    "lease_until": to_text(lease_until),
                    "hook": int(Priority.HOOK),
                    "hooks": int(hooks),
                },
            )
        return _claim(row, now, lease_until) if row else None

    def settle(
        self, run: int, claim: Claim, settlement: Settlement, effort: Effort, now: datetime
    ) -> bool:
        """End a claim; see ``JobQueue.settle``."""
        settled = {
            "job": claim.job,
            "token": claim.token,
            "state": settlement.state,
            "ends": settlement.state in _FINAL,
            "free": int(settlement.free),
            "run_at": settlement.run_at and to_text(settlement.run_at),
            "code": settlement.code,
            "error": settlement.error,
            "now": to_text(now),
        }
        with self._db.transaction():
            if self._db.row(_SETTLE, settled) is None:
                return False
            self._db.execute(
                _RECORD_ATTEMPT,
                settled
                | {
                    "run": run,
                    "started_at": to_text(claim.started_at),
                    "outcome": settlement.outcome,
                    "requests": effort.requests,
                    "http_ms": effort.http_ms,
                    "slowest": effort.slowest,
                },
            )
        return True

    def rescue(self, now: datetime, longest_lease_s: float, *, orphaned: bool) -> int:
        """Free the jobs of processes that died; see ``JobQueue.rescue``."""
        moment = to_text(now)
        latest = to_text(now + timedelta(seconds=longest_lease_s) + _CLOCK_SLACK)
        with self._db.transaction():
            lost = self._db.rows(
                _RESCUE, {"now": moment, "latest": latest, "orphaned": int(orphaned)}
            )
            self._db.executemany(
                _RECORD_LOST,
                [(job, token, run, start or moment, moment) for job, token, run, start in lost],
            )
            self._db.execute(
                _PULL_BACK,
                {
                    "now": moment,
                    "future": to_text(now + _CLOCK_SLACK),
                    "latest": to_text(now + LONGEST + _CLOCK_SLACK),
                },
            )
        return len(lost)

    def prune(self, state: JobState, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` final jobs that ended before ``before``; returns how many."""
        with self._db.transaction():
            return self._db.execute(_PRUNE, (state, to_text(before), limit)).rowcount

    def cancel(self, jobs: Sequence[int], now: datetime) -> list[int]:
        """End pending jobs without running them; returns which."""
        with self._db.transaction():
            rows = self._db.rows(
                "UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE state = 'pending'"
                " AND id IN (SELECT value FROM json_each(?)) RETURNING id",
                (to_text(now), json.dumps(list(jobs))),
            )
        return [job for (job,) in rows]

    def retry(self, jobs: Sequence[int], now: datetime) -> list[int]:
        """Make failed and cancelled jobs pending again, unless their key is live; returns which."""
        moment = to_text(now)
        with self._db.transaction():
            rows = self._db.rows(
                "UPDATE OR IGNORE jobs SET state = 'pending', attempts = 0, run_at = ?,"
                " requested_at = ?, finished_at = NULL, error_code = NULL, error = NULL"
                " WHERE state IN ('failed', 'cancelled')"
                " AND id IN (SELECT value FROM json_each(?)) RETURNING id",
                (moment, moment, json.dumps(list(jobs))),
            )
        return [job for (job,) in rows]

    def make_due(self, workspace: str, now: datetime) -> int:
        """Make the jobs due that wait for an account; returns how many."""
        with self._db.transaction():
            return self._db.execute(
                "UPDATE jobs SET run_at = ? WHERE state = 'pending' AND workspace = ?"
                " AND error_code IN ('paused', 'rate_limited') AND run_at > ?",
                (to_text(now), workspace, to_text(now)),
            ).rowcount

    def due(self, workspaces: Sequence[str], now: datetime) -> int:
        """How many pending jobs of these workspaces are due."""
        return int(
            self._db.value(_DUE, {"workspaces": json.dumps(list(workspaces)), "now": to_text(now)})
        )

    def job(self, job: int) -> Job | None:
        """One job, or None."""
        row = self._db.row(f"{_JOB} WHERE id = ?", (job,))
        return _job(row) if row else None

    def live(self, jobs: Collection[int]) -> list[int]:
        """Those among some jobs that are pending or running."""
        rows = self._db.rows(_LIVE, {"jobs": json.dumps(list(jobs))})
        return [job for (job,) in rows]

    def ids(self, wanted: JobFilter, after: int, limit: int) -> list[int]:
        """The next jobs behind the id ``after`` that fit a filter."""
        filters = wanted.columns()
        where = "".join(f" AND {column} = :{column}" for column in filters)
        rows = self._db.rows(
            f"SELECT id FROM jobs WHERE id > :after{where} ORDER BY id LIMIT :limit",
            filters | {"after": after, "limit": limit},
        )
        return [job for (job,) in rows]

    def timeouts(self, since: datetime) -> list[Overrun]:
        """The attempts since a moment that the network or the clock ended."""
        rows = self._db.rows(
            "SELECT jobs.kind, jobs.workspace, jobs.lead_id, slowest, attempts.error_code, http_ms"
            " FROM attempts INDEXED BY attempts_failed JOIN jobs ON jobs.id = attempts.job"
            " WHERE attempts.error_code IN ('timeout', 'network', 'job_timeout')"
            " AND attempts.started_at >= ? ORDER BY attempts.started_at",
            (to_text(since),),
        )
        return [Overrun(*row) for row in rows]

    def attempts(self, job: int) -> list[Attempt]:
        """What was tried on a job, oldest first."""
        rows = self._db.rows(
            "SELECT number, run, started_at, ended_at, outcome, error_code, requests, http_ms,"
            " slowest FROM attempts WHERE job = ? ORDER BY number",
            (job,),
        )
        return [Attempt(*row) for row in rows]

    def jobs(self, wanted: JobFilter, limit: int) -> list[Job]:
        """The newest jobs that fit a filter."""
        filters = wanted.columns()
        where = " AND ".join(f"{column} = :{column}" for column in filters) or "1"
        rows = self._db.rows(
            f"{_JOB} WHERE {where} ORDER BY id DESC LIMIT :limit", filters | {"limit": limit}
        )
        return [_job(row) for row in rows]


def _claim(row: Row, now: datetime, lease_until: datetime) -> Claim:
    job, kind, workspace, lead, token, attempt, max_attempts, requested_at, code, subject = row
    return Claim(
        job,
        kind,
        workspace,
        lead,
        token,
        attempt,
        max_attempts,
        requested_at=from_text(requested_at),
        started_at=now,
        lease_until=lease_until,
        suspect=code == "lost",
        subject=subject,
    )


def _job(row: Row) -> Job:
    told = dict(zip(_JOB_COLUMNS, row, strict=True))
    return Job(lead=told.pop("lead_id"), rerun=bool(told.pop("rerun")), **told)
