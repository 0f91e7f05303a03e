"""A job, the attempt that a claim gives on it, and what is counted about them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    """Where a job is in its life; pending and running are live, the others final."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({JobState.PENDING, JobState.RUNNING})


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; what is None does not narrow."""

    state: str | None = None
    kind: str | None = None
    workspace: str | None = None
    lead: str | None = None

    def columns(self) -> dict[str, str]:
        """The column values that a job must have."""
        asked = {
            "state": self.state,
            "kind": self.kind,
            "workspace": self.workspace,
            "lead_id": self.lead,
        }
        return {column: value for column, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job until ``lease_until`` (UTC).

    ``token`` is the fencing token: it grows with every claim, so that a settlement by an older
    holder of the same job is refused. A ``suspect`` is a job whose last process died with it. The
    ``subject`` says what it is about where that is not the whole of a lead; see ``JobSpec``.
    """

    job: int
    kind: str
    workspace: str
    lead: str | None
    token: int
    attempt: int
    max_attempts: int
    requested_at: datetime
    started_at: datetime
    lease_until: datetime
    suspect: bool = False
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claim ends: the job's next state and when it is due again.

    ``free`` gives the attempt back that the claim took. ``outcome`` is the word kept in the
    ``attempts`` table: done, retry, snooze, failed, released.
    """

    outcome: str
    state: JobState
    run_at: datetime | None = None
    free: bool = False
    code: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """What an attempt cost: requests, milliseconds of HTTP, and its slowest endpoint."""

    requests: int = 0
    http_ms: int = 0
    slowest: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the queue, for people and scripts to look at; times are UTC text."""

    id: int
    kind: str
    workspace: str
    lead: str | None
    state: str
    priority: int
    run_at: str
    attempts: int
    max_attempts: int
    lease_until: str | None
    rerun: bool
    created_at: str
    requested_at: str
    started_at: str | None
    finished_at: str | None
    error_code: str | None
    error: str | None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Overrun:
    """An attempt that the network or the clock ended, and its slowest endpoint."""

    kind: str
    workspace: str
    lead: str | None
    endpoint: str | None
    code: str
    http_ms: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job, for people and scripts to look at; times are UTC text."""

    number: int
    run: int | None
    started_at: str
    ended_at: str
    outcome: str
    error_code: str | None
    requests: int
    http_ms: int
    slowest: str | None
