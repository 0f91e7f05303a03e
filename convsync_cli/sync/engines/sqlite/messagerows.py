"""Messages as rows: the columns that are read and written, and the values they become."""

import json

from convsync_cli.sync.engines.sqlite.connection import Row
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Stored

_TEXTS = (
    "body",
    "sender",
    "recipient",
    "subject",
    "status",
    "thread",
    "message_id",
    "source",
    "source_type",
)
FIELDS = f"channel, provider, external_id, direction, sent_at, {', '.join(_TEXTS)}, attachments"
STORED = f"messages.id, messages.workspace, lead_id, seen_at, {FIELDS}"


def fields(message: Message) -> Row:
    """The values of ``FIELDS``."""
    return (
        message.channel,
        message.provider,
        message.external_id,
        message.direction,
        message.sent_at and to_text(message.sent_at),
        message.body,
        message.sender,
        message.recipient,
        message.subject,
        message.status,
        message.thread,
        message.message_id,
        message.source,
        message.source_type,
        json.dumps(message.attachments, ensure_ascii=False),
    )


def message(values: Row) -> Message:
    """The message that the values of ``FIELDS`` are."""
    channel, provider, external_id, direction, sent_at = values[:5]
    attachments = json.loads(values[-1])
    return Message(
        Channel(channel),
        provider,
        external_id,
        Direction(direction),
        from_text(sent_at) if sent_at else None,
        **dict(zip(_TEXTS, values[5:-1], strict=True)),
        attachments=tuple(attachments),
    )


def stored(row: Row) -> Stored:
    """The message that a row of ``STORED`` holds."""
    id, workspace, lead, seen_at = row[:4]
    return Stored(id, workspace, lead, from_text(seen_at), message(row[4:]))
