"""Asking for jobs: on what terms, and what became of it."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a job does; ``sync/jobs/<kind>.py`` performs it."""

    CONVERSATION_SYNC = "conversation_sync"
    DELTA_SYNC = "delta_sync"
    INBOUND_HOOK = "inbound_hook"


class Priority(IntEnum):
    """Who waits for the job; the lowest number goes first.

    HOOK is a lane of its own: those jobs need no account, and are claimed apart from the others.
    """

    MANUAL = 0
    LISTED = 5
    HOOK = 7
    BULK = 10


class Terms(NamedTuple):
    """On what terms jobs are enqueued.

    ``window_s`` seconds after it was asked for, a succeeded job still replaces a new one;
    0 ignores that. ``now`` is UTC. Where a lead was never read, ``with_history`` makes the messages
    that its first read brings count as news.
    """

    priority: Priority
    window_s: float
    max_attempts: int
    now: datetime
    with_history: bool = False


class JobSpec(NamedTuple):
    """A job that is about something else than the whole of a lead; ``subject`` says what.

    Of a ``delta_sync`` it is the channel, of an ``inbound_hook`` the number of the message.
    """

    kind: Kind
    workspace: str
    subject: str
    lead: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: one live job each."""
        return f"{self.kind}:{self.workspace}/{self.subject}"


class Placed(StrEnum):
    """What became of a lead that was to be enqueued."""

    QUEUED = "queued"
    PROMOTED = "promoted"
    ALREADY_QUEUED = "already_queued"
    RECENT = "recent"


class Placement(NamedTuple):
    """What became of one lead that was to be enqueued, and its job.

    One that was queued already tells the live job's ``state``; a recent one ``age_s``, the seconds
    since the job that succeeded was asked for.
    """

    answer: Placed
    lead: str
    job: int
    state: str = "pending"
    age_s: float = 0.0
