"""How far a conversation has been read, and what is stored of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from convsync_cli.sync.model.message import Message


@dataclass(frozen=True, slots=True)
class Walk:
    """A read of one lead's channel from its first page to its last.

    ``cursor`` is where it goes on, None at its end. What arrives after ``started_at`` (UTC) may
    have been missed by the pages already read, so that is the moment up to which it is current.
    """

    started_at: datetime
    cursor: str | None = None
    left_out: int = 0


class WalkEnd(StrEnum):
    """How a walk ended, of one lead's channel or of a feed."""

    SYNCED = "synced"
    NOT_FOUND = "not_found"  # the provider does not know the lead
    FAILED = "failed"
    FOUND = "found"  # not at all: the lead was made by a walk of the feed that goes on


@dataclass(frozen=True, slots=True)
class Saved:
    """What storing fetched messages changed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    healed: int = 0

    def __add__(self, other: "Saved") -> "Saved":
        return Saved(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.healed + other.healed,
        )


@dataclass(frozen=True, slots=True)
class LeadSync:
    """The state of one channel of one lead.

    ``synced_at`` is None as long as it was never read to its end. ``outcome`` is how the last read
    ended; a failed one has an ``error_code``. ``with_history`` is whether somebody asked that the
    messages of the first read count as news.
    """

    cursor: str | None
    walk_started_at: datetime | None
    synced_at: datetime | None
    outcome: WalkEnd | None
    error_code: str | None
    left_out: int
    with_history: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the archive; ``seen_at`` is when it was first stored, UTC."""

    id: int
    workspace: str
    lead: str
    seen_at: datetime
    message: Message
