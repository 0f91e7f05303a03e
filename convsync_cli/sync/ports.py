"""What the services need from a database; engines keep these promises, and one contract suite per
port holds them to it.

All methods of a ``Store`` are synchronous and belong to one thread at a time. Every method that
writes is all or nothing, and inside ``transaction()`` part of that.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.finding import Finding
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
from convsync_cli.sync.model.lead import Contact, Lead, Learnt
from convsync_cli.sync.model.message import Channel, Message
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.model.placing import Placement, Terms
from convsync_cli.sync.model.progress import LeadSync, Saved, Stored, Walk
from convsync_cli.sync.model.query import Found, Query
from convsync_cli.sync.model.swept import Swept
from convsync_cli.sync.people import Erasure, Listing


class Intake(Protocol):
    """Asking for jobs. There is at most one live job per lead, whoever asks at once."""

    def enqueue(self, leads: Sequence[str], terms: Terms) -> list[Placement]:
        """Queue a sync of each lead, as somebody who waits for it asks.

        A waiting job is promoted to ``terms.priority`` and made due; a running one is marked to run
        once more. Leads that do not exist are not answered for.
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
        self, run: int, workspaces: Sequence[str], now: datetime, lease_until: datetime
    ) -> Claim | None:
        """Take the next due job of these workspaces, or None.

        Lowest priority number first, then the workspace with the fewest running jobs, then the
        longest due. The attempt counts from here.
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

    def ids(self, wanted: JobFilter, after: int, limit: int) -> list[int]:
        """The next jobs behind the id ``after`` that fit a filter."""

    def attempts(self, job: int) -> list[Attempt]:
        """What was tried on a job, oldest first."""

    def timeouts(self, since: datetime) -> list[Overrun]:
        """The attempts since a moment that the network or the clock ended."""

    def jobs(self, wanted: JobFilter, limit: int) -> list[Job]:
        """The newest jobs that fit a filter."""


class Directory(Protocol):
    """Which leads a name means."""

    def find(self, queries: Sequence[Query]) -> list[set[Found]]:
        """The leads that each query finds, in the order of the queries."""


class Leads(Protocol):
    """People, and all that finds them. An address or handle belongs to one lead of a workspace."""

    def lead(self, lead: str) -> Lead | None:
        """A lead with all that finds it, or None."""

    def leads(self, workspace: str | None, after: str, limit: int) -> list[Lead]:
        """The next leads after an id, in the order in which they were added."""

    def count(self, workspace: str) -> int:
        """How many leads a workspace has."""

    def learn(
        self, workspace: str, contact: Contact, channels: Mapping[str, Channel], now: datetime
    ) -> Learnt:
        """Store what is told about a person: as a new lead, or with the lead that it is.

        What is known is never overwritten, only completed. ``channels`` tells which channel each
        provider serves. Somebody who has an address or handle of a lead that was forgotten is not
        added; another lead is told all but that.
        """

    def learn_about(
        self, lead: Lead, contact: Contact, channels: Mapping[str, Channel], now: datetime
    ) -> Learnt:
        """Store what a provider tells about a lead that is known.

        The answer is ``forgotten``, and nothing is stored, where the lead was forgotten meanwhile
        or turns out to be who was forgotten, found again by nothing but an id.
        """


class Archive(Protocol):
    """Messages, each once, and how far each conversation has been read."""

    def save_page(
        self, lead: Lead, channel: Channel, messages: Sequence[Message], walk: Walk, now: datetime
    ) -> Saved:
        """Store what a page changes together with the cursor behind it; twice is as once.

        Nothing is stored where the lead was forgotten meanwhile.
        """

    def finish(
        self,
        lead: Lead,
        channel: Channel,
        *,
        outcome: str,
        synced_at: datetime | None = None,
        code: str | None = None,
    ) -> None:
        """Write down how a read ended; with ``synced_at``, at the end of the conversation."""

    def syncs(self, lead: str) -> dict[Channel, LeadSync]:
        """How far each channel on which a lead can be followed has been read."""

    def conversation(self, lead: str) -> Iterator[Stored]:
        """A lead's messages, oldest first."""

    def messages(self, workspace: str | None, leads: Sequence[str] | None) -> Iterator[Stored]:
        """All messages, of a workspace or of some leads, streamed in the order of storing."""


class Accounts(Protocol):
    """The token buckets and pauses of all accounts, shared by all processes."""

    def state(self, account: Account) -> AccountState:
        """What is known of an account."""

    def states(self) -> list[AccountState]:
        """What is known of every account that was used."""

    def take(self, account: Account, now: datetime, patience_s: float) -> AccountState | float:
        """Reserve a request: the seconds to wait before it, or the state of a paused account.

        Nothing is reserved where the wait is not shorter than ``patience_s``.
        """

    def pause(
        self,
        account: Account,
        reason: PauseReason,
        message: str,
        until: datetime | None,
        now: datetime,
    ) -> None:
        """Stop using an account; ``until`` is when it ends or when to look again.

        A rate limit's pause never shortens one that holds, nor replaces one of another kind.
        """

    def resume(self, workspace: str, channel: str, now: datetime) -> None:
        """Use an account again."""


class Runs(Protocol):
    """A row for every run."""

    def start(self, host: str, pid: int, budget_s: float, now: datetime) -> int:
        """Write down that a run has begun; returns its number."""

    def finish(self, run: int, reason: str, counts: dict[str, Any], now: datetime) -> None:
        """Write down how a run ended."""

    def last(self) -> dict[str, Any] | None:
        """The newest run, or None."""

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` runs that started before ``before``; returns how many."""


class Overview(Protocol):
    """Numbers for people and monitors; fast however many jobs there are."""

    def queue(self, now: datetime) -> QueueDepth:
        """How many jobs there are in each state and kind, and what is due."""

    def throughput(self, now: datetime, minutes: int) -> list[int]:
        """Jobs that succeeded in each of the last ``minutes``, oldest first."""

    def ages(self, workspace: str, channel: str, now: datetime) -> ChannelAges:
        """How old the knowledge about the leads of one workspace and channel is."""


class RunLock(Protocol):
    """A run's place among the runs over one database; the kernel frees it with the process."""

    @property
    def sole(self) -> bool:
        """Whether this run is the one that may checkpoint."""

    @property
    def alone(self) -> bool:
        """Whether no other run lives, so that every running job is an orphan; until ``share``."""

    def share(self) -> None:
        """Let other runs in."""

    def release(self) -> None:
        """Give up the place."""


class Store(Protocol):
    """A database, open, and the books in it."""

    @property
    def intake(self) -> Intake:
        """Asking for jobs."""

    @property
    def queue(self) -> JobQueue:
        """Working on jobs."""

    @property
    def directory(self) -> Directory:
        """Names of people."""

    @property
    def leads(self) -> Leads:
        """People."""

    @property
    def listing(self) -> Listing:
        """Questions about people."""

    @property
    def erasure(self) -> Erasure:
        """Forgetting people."""

    @property
    def archive(self) -> Archive:
        """Messages."""

    @property
    def accounts(self) -> Accounts:
        """Rate limits and pauses."""

    @property
    def runs(self) -> Runs:
        """What each run did."""

    @property
    def overview(self) -> Overview:
        """Numbers."""

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written inside is stored together or not at all."""

    def lock_run(self, parallel: bool) -> RunLock | None:
        """Take a place among the runs; None if another is active and ``parallel`` is not set."""

    def checkpoint(self) -> bool:
        """Fold the write-ahead log into the file; only the run that is ``sole`` may.

        False where a reader still needs some of it.
        """

    def backup(self, target: str) -> None:
        """Write a consistent copy to a path while others write."""

    def examine(self) -> Iterator[Finding]:
        """Say what is right and wrong with the database."""

    def close(self) -> None:
        """Close it."""
