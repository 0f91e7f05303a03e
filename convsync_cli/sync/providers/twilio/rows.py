"""A row of Twilio's list as a message; read leniently, field by field."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from convsync_cli.sync import addresses, instant
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, part, row_key, text

NAME = "twilio"
RCS = "rcs:"

_NEVER_SENT = frozenset({"accepted", "queued", "scheduled", "sending", "canceled", "failed"})
_MOST_MEDIA = 10  # what a message can hold


def message(row: Json, lead: Lead) -> Message | None:
    """A row as a message, or None where it is something else."""
    if not is_sms(row):
        return None
    sender, recipient = number(row, "from"), number(row, "to")
    return Message(
        channel=Channel.SMS,
        provider=NAME,
        external_id=text(row.get("sid")) or _fingerprint(row),
        direction=_direction(row) or _guessed(sender, recipient, lead),
        sent_at=sent_at(row) or _moment(row.get("date_created")),
        body=text(row.get("body")) or "",
        sender=sender,
        recipient=recipient,
        status=text(row.get("status")),
        thread=" ".join(sorted(filter(None, (sender, recipient)))) or None,
        attachments=_media(row),
    )


def messages(rows: Iterable[Json], lead: Lead) -> tuple[Message, ...]:
    """Those of some rows that are messages."""
    found = (message(row, lead) for row in rows)
    return tuple(each for each in found if each is not None)


def sid(row: object) -> str | None:
    """The id of a message."""
    return text(row.get("sid")) if isinstance(row, Mapping) else None


def is_sms(row: Json) -> bool:
    """Whether a row is a text that was sent; WhatsApp and the like stand in the same list.

    What was never sent has no date of sending, so that no filter finds it.
    """
    parties = [text(row.get(name)) for name in ("from", "to")]
    told = [each for each in parties if each]
    if any(":" in each and not each.lower().startswith(RCS) for each in told):
        return False
    unsent = sent_at(row) is None and (text(row.get("status")) or "").lower() in _NEVER_SENT
    return bool(told) and not unsent


def _direction(row: Json) -> Direction | None:
    said = (text(row.get("direction")) or "").lower()
    if said == Direction.INBOUND:
        return Direction.INBOUND
    return Direction.OUTBOUND if said.startswith(Direction.OUTBOUND) else None


def _guessed(sender: str | None, recipient: str | None, lead: Lead) -> Direction:
    phones = lead.values(AddressKind.PHONE)
    if sender in phones:
        return Direction.INBOUND
    return Direction.OUTBOUND if recipient in phones else Direction.UNKNOWN


def number(row: Json, name: str) -> str | None:
    """A party's number, in its normal form where it has one; RCS writes it behind a prefix."""
    told = text(row.get(name))
    if told is None:
        return None
    bare = told[len(RCS) :] if told.lower().startswith(RCS) else told
    return addresses.phone_value(bare, None) or bare


def theirs(row: Json) -> tuple[str, ...]:
    """The number at the other end; both where the row does not say which end is ours."""
    ends = {Direction.INBOUND: ("from",), Direction.OUTBOUND: ("to",), None: ("from", "to")}
    found = (number(row, name) for name in ends[_direction(row)])
    return tuple(each for each in found if each is not None)


def involves(row: object, lead: Lead) -> bool:
    """Whether one of a lead's numbers stands in a row."""
    phones = lead.values(AddressKind.PHONE)
    return isinstance(row, Mapping) and any(number(row, end) in phones for end in ("from", "to"))


def sent_at(row: object) -> datetime | None:
    """When it was sent, UTC; None where that is not said."""
    return _moment(row.get("date_sent")) if isinstance(row, Mapping) else None


def _moment(value: object) -> datetime | None:
    """A time as mail headers write it, or as everybody else does."""
    from email.utils import parsedate_to_datetime  # slow to import, and only runs read messages

    try:
        moment = parsedate_to_datetime(text(value) or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return instant.parse(value)


def _media(row: Json) -> tuple[str, ...]:
    """Where each medium of an MMS is; it has no name, and its type would cost a request."""
    count = text(row.get("num_media")) or "0"
    media = min(int(count), _MOST_MEDIA) if re.fullmatch(r"[0-9]{1,4}", count) else 0
    place = text(part(row, "subresource_uris").get("media")) or "media"
    return tuple(f"{place}#{each + 1}" for each in range(media))


def _fingerprint(row: Json) -> str:
    """A key for a row that has none: the same row gives the same key."""
    told = [text(row.get(name)) for name in ("from", "to", "date_created", "date_sent", "body")]
    return row_key(told)
