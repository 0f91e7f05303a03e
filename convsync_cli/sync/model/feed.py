"""What a provider's change feed reports, and how far it has been read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.model.progress import WalkEnd


class Covers(StrEnum):
    """Of whom a walk that has come to its end told everything there is."""

    NOBODY = "nobody"  # it told what changed
    KNOWN = "known"  # the leads that have an id at the provider
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation that changed, where the feed itself carries no bodies.

    ``cursor`` is where ``Provider.pages`` reads it, newest first; what is older than ``since``
    (UTC) is known.
    """

    cursor: str
    since: datetime


def _nothing(lead: Lead) -> tuple[Message, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class News:
    """What a feed tells of one person.

    ``read`` gives the messages, once it is known which lead the person is. ``vouched`` is whether
    the provider says that this is a lead, so that a stranger becomes one. With ``unread`` the
    feed says that something changed, and not all of it: the whole conversation is to be read.

    ``found_by`` has addresses that recognise a lead where the ``contact`` names no one; they are
    never learnt, since they may be a colleague's or a mail system's. Where the contact is an id
    and nothing else, ``ask`` asks the provider who that is: None if it knows no such id.
    ``late`` says that pages before this one may hold mail of the person too: who becomes a lead
    by it is not read to the end by the walk.
    """

    contact: Contact
    read: Callable[[Lead], tuple[Message, ...]] = _nothing
    thread: Thread | None = None
    vouched: bool = False
    unread: bool = False
    found_by: tuple[Address, ...] = ()
    ask: Callable[[], Awaitable[Contact | None]] | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a feed.

    ``cursor`` is where the walk goes on, for a later process too; None at its end. The last page
    has the ``watermark``, up to which all is read once it is stored. Every page says whom the walk
    ``covers`` once it is at its end. ``left_out`` counts rows that are no messages of this channel.
    """

    news: tuple[News, ...] = ()
    cursor: str | None = None
    watermark: str | None = None
    covers: Covers = Covers.NOBODY
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Feed:
    """How far the feed of one workspace and channel has been read; times are UTC.

    ``watermark`` and ``cursor`` are the provider's own words. Without a watermark the walk is the
    first one, which reads everything. ``outcome`` is how the last walk ended; a failed one
    has an ``error_code``.
    """

    watermark: str | None = None
    cursor: str | None = None
    walk_started_at: datetime | None = None
    synced_at: datetime | None = None
    outcome: WalkEnd | None = None
    error_code: str | None = None
    left_out: int = 0
