"""Which messages are meant, and what a search finds among them."""

from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.model.message import Channel, Direction
from convsync_cli.sync.model.progress import Stored


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are meant; what is None does not narrow.

    ``since`` is the first moment that is meant and ``until`` the first that is not, both UTC; a
    message without a date counts by when it was first seen. ``leads`` are ids.
    """

    workspace: str | None = None
    leads: tuple[str, ...] | None = None
    channel: Channel | None = None
    direction: Direction | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY = MessageFilter()


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must be next to each other, whatever their case and accents.

    With ``begins`` the last of them is only the beginning of a word. A phrase that is ``inside``
    may be anywhere, also in the middle of a run of characters: no spaces tell its words apart.
    """

    text: str
    begins: bool = False
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that a search found.

    ``score`` is greater the better it fits, None where nothing but time orders the hits.
    ``excerpt`` is the part of it that was found, in pieces: each a text, and whether it matches.
    """

    stored: Stored
    score: float | None
    excerpt: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """The best hits, and among how many messages they are: those that match and were ranked.

    Where ``partly`` is set there are still more that match, stored earlier, and not ranked.
    """

    hits: tuple[Hit, ...]
    matches: int
    partly: bool = False
