"""What the services need from a database; engines keep these promises, and one contract suite per
port holds them to it.

All methods of a ``Store`` are synchronous and belong to one thread at a time. Every method that
writes is all or nothing, and inside ``transaction()`` part of that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import Covers, Feed
from convsync_cli.sync.model.finding import Finding
from convsync_cli.sync.model.lead import Contact, Lead, Learnt
from convsync_cli.sync.model.load import Load
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth, Sizes
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.model.query import Found, Query
from convsync_cli.sync.ports.archive import Archive, History
from convsync_cli.sync.ports.jobs import Intake, JobQueue, Runs
from convsync_cli.sync.ports.people import Erasure, Listing

__all__ = [
    "Accounts",
    "Archive",
    "Directory",
    "Erasure",
    "Feeds",
    "History",
    "Intake",
    "JobQueue",
    "Leads",
    "Listing",
    "Overview",
    "RunLock",
    "Runs",
    "Store",
]


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

    def recognise(self, workspace: str, contact: Contact) -> Lead | None:
        """The lead that a contact is, by the rules of ``learn``, or None."""

    def learn_about(
        self, lead: Lead, contact: Contact, channels: Mapping[str, Channel], now: datetime
    ) -> Learnt:
        """Store what a provider tells about a lead that is known.

        The answer is ``forgotten``, and nothing is stored, where the lead was forgotten meanwhile
        or turns out to be who was forgotten, found again by nothing but an id.
        """


class Feeds(Protocol):
    """How far the change feed of each account has been read."""

    def feed(self, account: Account) -> Feed:
        """How far an account's feed was read; what another provider's said is not trusted."""

    def load(self, account: Account, page: int) -> Load:
        """How much there is to read on the account's channel, in pages of ``page`` messages."""

    def untried(self, account: Account, most: int) -> int:
        """How many leads were never tried on the account's channel, counted up to ``most``."""

    def save_walk(
        self, account: Account, started_at: datetime, cursor: str | None, left_out: int
    ) -> None:
        """Write down how far a walk that began at ``started_at`` (UTC) has come."""

    def finish(
        self, account: Account, started_at: datetime, watermark: str, covers: Covers
    ) -> None:
        """Write down that a walk has come to its end: what was before ``started_at`` is stored.

        The leads that the walk covers count as read, those the provider told nothing of as not
        found there; leads that came while it went on, only if the walk itself ``found`` them.
        """

    def fail(self, account: Account, code: str) -> None:
        """Write down that a walk was ended by an error; its cursor stays."""

    def found(self, lead: str, channel: Channel) -> None:
        """Remember that a walk through everything made a lead, which it will cover."""


class Accounts(Protocol):
    """The token buckets and pauses of all accounts, shared by all processes."""

    def state(self, account: Account) -> AccountState:
        """What is known of an account."""

    def states(self) -> list[AccountState]:
        """What is known of every account that was used."""

    def held_up(self, now: datetime) -> list[AccountState]:
        """What is known of those that may be paused or have requests waiting: others are free."""

    def take(self, account: Account, now: datetime, patience_s: float) -> AccountState | float:
        """Reserve a request: the seconds to wait before it, or the state of a paused account.

        Nothing is reserved where the wait is not shorter than ``patience_s``.
        """

    def identify(self, account: Account, seen: str, now: datetime) -> str:
        """The workspace that an account's credential opened at first, which may be the one ``seen``
        at ``now`` (UTC)."""

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


class Overview(Protocol):
    """Numbers for people and monitors; fast however many jobs there are."""

    def queue(self, now: datetime) -> QueueDepth:
        """How many jobs there are in each state and kind, and what is due."""

    def strays(self, configured: Collection[str]) -> dict[str, int]:
        """How many jobs are pending for each workspace that is not among the ``configured``."""

    def throughput(self, now: datetime, minutes: int) -> list[int]:
        """Jobs that succeeded in each of the last ``minutes``, oldest first."""

    def errors(self, since: datetime) -> dict[str, int]:
        """How many attempts since a moment ended with each error code."""

    def ages(self, workspace: str, channel: str, now: datetime) -> ChannelAges:
        """How old the knowledge about the leads of one workspace and channel is."""

    def messages(self) -> int:
        """How many messages there are."""

    def sizes(self) -> Sizes:
        """What the database takes on its disk."""


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
    def history(self) -> History:
        """Imported messages."""

    @property
    def feeds(self) -> Feeds:
        """Change feeds."""

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
