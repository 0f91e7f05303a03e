"""What `status` shows: the depth of the queue and the age of what is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Jobs by state and by (kind, state); how many are due, and since how many seconds."""

    by_state: dict[str, int]
    by_kind: dict[tuple[str, str], int]
    due: int
    oldest_due_s: float | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the database, and of its log that is not yet folded into it."""

    database: int
    log: int


@dataclass(frozen=True, slots=True)
class ChannelAges:
    """Seconds since the leads of a channel were last read to the end; None where none was.

    ``newest`` is the UTC text of the last read; ``never_synced`` counts the leads that can be read
    on the channel and never were.
    """

    newest: str | None
    p50_s: float | None
    p95_s: float | None
    never_synced: int
