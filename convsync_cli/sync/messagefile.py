"""Messages from a JSONL file, line by line: what cannot be used is reported, the rest goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from convsync_cli.sync import instant
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.filelines import BadLine, Line, json_object, lines, opening
from convsync_cli.sync.model.imported import PROVIDER
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, text

LONGEST = 16 * 1024 * 1024  # bytes of a line: more than any mail without its attachments
_HINT = 'a line is {"lead": "ann@example.com", "channel": "sms", "direction": "inbound", "body": …}'


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message, the line on which it stands, and whose it is, as typed there."""

    line: int
    lead: str
    message: Message


def messages(stream: BinaryIO) -> Iterator[MessageRow | BadLine]:
    """Read the messages of a JSONL file, with the memory that one line needs.

    Each line has ``lead`` (as on the command line), ``channel``, ``direction`` and ``body``, and
    may have ``sent_at``, ``subject`` and ``message_id``. Other keys are ignored.

    Raises:
        UsageError: the file is empty, is not text, or is no JSONL.
    """
    source = (each for each in lines(stream, LONGEST) if each.text is None or each.text.strip())
    first = opening(source, _HINT)
    if not (first.text or "{").lstrip().startswith("{"):
        raise UsageError("the file is not JSONL", _HINT)
    for line in chain([first], source):
        read = _read(line)
        yield BadLine(line.number, read) if isinstance(read, str) else read


def _read(line: Line) -> MessageRow | str:
    if line.text is None:
        return f"the line is longer than {LONGEST >> 20} MiB"
    row = json_object(line.text)
    if isinstance(row, str):
        return row
    lead = (text(row.get("lead")) or "").strip()
    if not lead:
        return "lead is missing"
    message = _message(row)
    return message if isinstance(message, str) else MessageRow(line.number, lead, message)


def _message(row: Json) -> Message | str:
    channel = (text(row.get("channel")) or "").lower()
    direction = (text(row.get("direction")) or "").lower()
    body, told_at = row.get("body"), row.get("sent_at")
    sent_at = instant.parse(told_at)
    if channel not in list(Channel):
        return f"channel must be {' or '.join(Channel)}"
    if direction not in list(Direction):
        return f"direction must be one of {', '.join(Direction)}"
    if not isinstance(body, str):
        return "body must be text"
    if sent_at is None and told_at not in (None, ""):
        return "sent_at is not a time: write ISO 8601, as in 2026-01-31T10:00:00Z"
    return Message(
        Channel(channel),
        PROVIDER,
        None,
        Direction(direction),
        sent_at,
        text(body) or "",
        subject=text(row.get("subject")),
        message_id=_message_id(row),
    )


def _message_id(row: Json) -> str | None:
    """A Message-ID with its angle brackets, which many exports leave out."""
    told = (text(row.get("message_id")) or "").strip().strip("<>")
    return f"<{told}>" if "@" in told else None
