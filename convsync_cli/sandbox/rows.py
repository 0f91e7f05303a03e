"""What the simulated providers keep: people, and the rows of their conversations."""

from dataclasses import dataclass, field
from datetime import datetime

SMS_KINDS = frozenset(
    {"TYPE_SMS", "TYPE_CUSTOM_SMS", "TYPE_CUSTOM_PROVIDER_SMS", "TYPE_CAMPAIGN_SMS", "TYPE_RCS"}
)


@dataclass(frozen=True, slots=True)
class Person:
    """A lead; ``contact`` and ``bison`` are its ids at the providers, None where unknown there.

    The first address of a kind is the one that both providers show as the main one.
    """

    key: str
    first: str
    last: str
    company: str
    title: str
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    contact: str | None
    bison: int | None
    tags: tuple[str, ...]
    created: datetime

    @property
    def name(self) -> str:
        """The full name, as providers join it."""
        return f"{self.first} {self.last}".strip()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a GoHighLevel conversation; ``dated`` is False where the API leaves the date out.

    ``mails`` are the ids under which the bodies of an email row can be fetched.
    """

    id: str
    conversation: str
    contact: str
    kind: str
    direction: str | None
    at: datetime
    body: str | None
    status: str | None
    attachments: tuple[str, ...] = ()
    dated: bool = True
    mails: tuple[str, ...] = ()


@dataclass(slots=True)
class Conversation:
    """A GoHighLevel conversation; ``entries`` are oldest first."""

    id: str
    person: Person
    contact: str
    created: datetime
    unread: int = 0
    starred: bool = False
    entries: list[Entry] = field(default_factory=list)

    @property
    def last_at(self) -> datetime:
        """When something last happened in it."""
        return self.entries[-1].at if self.entries else self.created


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One of our EmailBison sender mailboxes."""

    id: int
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """An EmailBison campaign."""

    id: int
    name: str
    status: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """A row of EmailBison's inbox: received mail, and mail that we wrote by hand.

    ``person`` is the key of the lead it belongs to, which the API does not always tell; ``visible``
    is the text that a reader of the mail sees.
    """

    id: int
    person: str | None
    lead_id: int | None
    folder: str
    type: str
    subject: str | None
    text_body: str | None
    html_body: str | None
    visible: str
    received: datetime
    ingested: datetime
    from_name: str
    from_address: str
    to_address: str
    mailbox: Mailbox
    message_id: str
    campaign_id: int | None = None
    send_id: int | None = None
    parent_id: int | None = None
    automated: bool = False
    interested: bool = False
    read: bool = False
    attachments: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()

    @property
    def direction(self) -> str:
        """Who wrote it."""
        return "outbound" if self.folder == "Sent" else "inbound"


@dataclass(frozen=True, slots=True)
class Send:
    """A planned or sent email of a campaign; ``sent_at`` is None until it was sent."""

    id: int
    person: str
    lead_id: int
    campaign: Campaign
    step: int
    mailbox: Mailbox
    subject: str
    body: str
    visible: str
    status: str
    scheduled: datetime
    sent_at: datetime | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """A message that a perfect sync holds, once.

    ``external_ids`` are the rows that may stand for it: a GoHighLevel message id, or ``reply:ID``
    and ``sent:ID`` at EmailBison, whose two tables number their rows independently. ``text`` is
    what a reader sees; a body may hold it with other white space.
    """

    lead_key: str
    channel: str
    external_ids: tuple[str, ...]
    direction: str
    sent_at: datetime | None
    text: str
    subject: str | None = None
    message_id: str | None = None
