"""The ports of the queue: asking for jobs, working on them, and what each run did."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

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
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.placing import JobSpec, Placement, Terms
from convsync_cli.sync.model.swept import Swept


class Intake(Protocol):
    """Asking for jobs. There is at most one live job per lead, however many ask at once.

    Where the terms say ``with_history``, the leads that are asked for and were never read are
    marked for that.
    """

    def enqueue(self, leads: Sequence[str], terms: Terms) -> list[Placement]:
        """Queue a sync of each lead, for a caller who waits for it.

        A waiting job is promoted to ``terms.priority`` and made due; a running one is marked to run
        once more. Leads that do not exist are not answered for.
        """

    def enqueue_jobs(self, specs: Sequence[JobSpec], terms: Terms) -> int:
        """Queue jobs about something else than the whole of a lead; returns how many are new.

        There is no window: only where a job with the same key is live, none is added.
        """

    def enqueue_unread(self, workspace: str, channel: str, terms: Terms) -> int:
        """Queue a sync of the leads that were never tried on a channel; returns how many.

        At most a few thousand at once; live jobs stay as they are.
        """

    def sweep(
        self,
        workspace: str,
        channels: Sequence[str],
        before: datetime | None,
        after: str,
        most: int | None,
        terms: Terms,
    ) -> Swept | None:
        """Queue the next leads of a workspace behind the id ``after``; None behind the last.

        Only leads that can be followed on one of ``channels``, with ``before`` only those not read
        to the end since then, and at most ``most`` of them. Live jobs stay as they are.
        """


class JobQueue(Protocol):
    """Jobs, from claimed to settled, and what people do to them."""

    def claim(
        self,
        run: int,
        workspaces: Sequence[str],
        now: datetime,
        lease_until: datetime,
        *,
        hooks: bool = False,
    ) -> Claim | None:
        """Take the next due job of these workspaces, or None.

        Lowest priority number first, then the workspace with the fewest running jobs, then the
        longest due. The attempt counts from here. With ``hooks`` only jobs that need no account
        are taken (``Priority.HOOK``), without it none of them.
        """

    def settle(
        self, run: int, claim: Claim, settlement: Settlement, effort: Effort, now: datetime
    ) -> bool:
        """End a claim and record the attempt.

        False where the lease was lost to another: then nothing is written. A job asked for again
        while it ran goes back to pending instead of ending.
        """

    def rescue(self, now: datetime, longest_lease_s: float, *, orphaned: bool) -> int:
        """Free the jobs whose lease ran out, or all running ones if they are ``orphaned``.

        They are due at once, or failed where their attempts are used up. Returns how many.
        """

    def prune(self, state: JobState, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` jobs that ended in a state before a moment; returns how many."""

    def cancel(self, jobs: Sequence[int], now: datetime) -> list[int]:
        """End pending jobs without running them; returns which."""

    def retry(self, jobs: Sequence[int], now: datetime) -> list[int]:
        """Make failed and cancelled jobs pending again, unless their key is live; returns which."""

    def make_due(self, workspace: str, now: datetime) -> int:
        """Make the jobs due that wait for an account of a workspace; returns how many."""

    def due(self, workspaces: Sequence[str], now: datetime) -> int:
        """How many pending jobs of these workspaces are due."""

    def job(self, job: int) -> Job | None:
        """One job, or None."""

    def live(self, jobs: Collection[int]) -> list[int]:
        """Those among some jobs that are pending or running."""

    def ids(self, wanted: JobFilter, after: int, limit: int) -> list[int]:
        """The next jobs behind the id ``after`` that fit a filter."""

    def attempts(self, job: int) -> list[Attempt]:
        """What was tried on a job, oldest first."""

    def timeouts(self, since: datetime) -> list[Overrun]:
        """The attempts since a moment that the network or the clock ended."""

    def jobs(self, wanted: JobFilter, limit: int) -> list[Job]:
        """The newest jobs that fit a filter."""


class Runs(Protocol):
    """A row for every run."""

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
        """Write down that a run has begun, and who began it, at a terminal or not.

        Returns its number.
        """

    def finish(self, run: int, reason: str, counts: dict[str, Any], now: datetime) -> None:
        """Write down how a run ended."""

    def last(self) -> PastRun | None:
        """The newest run, or None."""

    def recent(self, since: datetime) -> list[PastRun]:
        """The runs that started since a moment, newest first, of the newest thousand."""

    def newest(self, limit: int) -> list[PastRun]:
        """Up to ``limit`` runs, the newest first."""

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` runs that started before ``before``; returns how many."""
