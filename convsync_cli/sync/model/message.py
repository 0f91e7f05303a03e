"""A message, and a page of messages as a provider hands it over."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from convsync_cli.sync.model.lead import Contact


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class Direction(StrEnum):
    """Who wrote: the lead (inbound) or us (outbound); unknown where the provider does not say."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a provider tells it.

    ``external_id`` is the provider's key, unique within a workspace and provider, or None for
    history imported without one. ``body`` is plain text, whole; ``source`` is the body as received
    and ``source_type`` its media type, both None where ``body`` is what was received. ``sent_at``
    is UTC, or None where the provider gives no date. ``message_id`` is the RFC 5322 Message-ID of a
    mail, with its angle brackets.
    """

    channel: Channel
    provider: str
    external_id: str | None
    direction: Direction
    sent_at: datetime | None
    body: str
    sender: str | None = None
    recipient: str | None = None
    subject: str | None = None
    status: str | None = None
    thread: str | None = None
    message_id: str | None = None
    source: str | None = None
    source_type: str | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one lead's conversation.

    ``cursor`` is where to go on after this page, None after the last one. ``left_out`` counts rows
    that are not messages of this channel. ``contact`` is what the page told about the lead.
    """

    messages: tuple[Message, ...] = ()
    cursor: str | None = None
    left_out: int = 0
    contact: Contact | None = field(default=None)
