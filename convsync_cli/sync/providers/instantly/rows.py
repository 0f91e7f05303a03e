"""A row of Instantly's list as a message; lists may lack every field but the id."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from convsync_cli.sync import addresses, instant, mail
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, objects, part, row_key, text, texts

NAME = "instantly"

_RECEIVED, _SCHEDULED = 2, 4
_OUTBOUND = (1, 3)  # sent by a campaign, sent by hand
_HTML = re.compile(r"<(?:!doctype|html|head|body|div|p|br|span|table)\b", re.IGNORECASE)
_TELLING = (
    "timestamp_created", "timestamp_email", "message_id", "from_address_email",
    "to_address_email_list", "subject",
)  # fmt: skip


def message(row: Json, lead: Lead) -> Message | None:
    """A row as a message, or None where it is none: planned, or without anything in it."""
    if is_planned(row) or not any(text(row.get(name)) for name in ("id", *_TELLING)):
        return None
    html, plain = _body(row)
    direction = _direction(row) or _guessed(row, lead)
    return Message(
        channel=Channel.EMAIL,
        provider=NAME,
        external_id=text(row.get("id")) or _fingerprint(row),
        direction=direction,
        sent_at=instant.parse(row.get("timestamp_email")) or created(row),
        body=mail.body(html, plain),
        sender=text(row.get("from_address_email")),
        recipient=next(iter(_listed(row.get("to_address_email_list"))), None),
        subject=text(row.get("subject")),
        status=_status(row, direction),
        thread=text(row.get("thread_id")),
        message_id=mail.message_id(row.get("message_id")),
        source=html,
        source_type="text/html" if html else None,
        attachments=texts(
            [each.get("filename") for each in objects(part(row, "attachment_json").get("files"))]
        ),
    )


def messages(rows: Iterable[Json], lead: Lead) -> tuple[Message, ...]:
    """Those of some rows that are messages."""
    found = (message(row, lead) for row in rows)
    return tuple(each for each in found if each is not None)


def created(row: object) -> datetime | None:
    """When Instantly stored it, UTC: what lists are sorted and filtered by."""
    return instant.parse(row.get("timestamp_created")) if isinstance(row, Mapping) else None


def is_planned(row: Json) -> bool:
    """Whether it was not sent yet; it may become a sent row under this id, or another."""
    return _kind(row) == _SCHEDULED


def party(row: Json) -> str | None:
    """The normal form of the address of the lead whom a row is about; else of the other end."""
    told = text(row.get("lead"))
    if told is None:
        ends = {
            Direction.INBOUND: text(row.get("from_address_email")),
            Direction.OUTBOUND: next(iter(_listed(row.get("to_address_email_list"))), None),
            None: None,
        }
        told = ends[_direction(row)]
    return addresses.mail_value(told) if told else None


def contact(rows: Iterable[Json], address: str) -> Contact:
    """What rows about a person tell of it: its name, and its ids (one for each campaign)."""
    names, ids = list[str](), dict[str, None]()
    for row in rows:
        if text(row.get("lead")) and (id := text(row.get("lead_id"))):
            ids[id] = None
        for name in ("from_address_json", "to_address_json"):
            for each in objects(row.get(name)):
                if addresses.mail_value(text(each.get("address")) or "") == address:
                    names.extend(texts(each.get("name")))
    return Contact(
        name=next((each for each in names if each.strip()), None),
        addresses=(addresses.email(address),),
        handles=tuple(Handle(NAME, id) for id in ids),
    )


def person(row: Json) -> Contact:
    """What a lead's own row tells."""
    return Contact(
        name=" ".join(texts([row.get("first_name"), row.get("last_name")])) or None,
        company=text(row.get("company_name")),
        addresses=(
            *(addresses.email(each) for each in texts(row.get("email"))),
            *(addresses.phone(each, None) for each in texts(row.get("phone"))),
        ),
        handles=tuple(Handle(NAME, id) for id in texts(row.get("id"))),
    )


def _kind(row: Json) -> int | None:
    told = re.fullmatch(r"([1-4])(?:\.0)?", text(row.get("ue_type")) or "")
    return int(told[1]) if told else None


def _direction(row: Json) -> Direction | None:
    """Who wrote; where the kind is not told, whether it came from our mailbox decides."""
    kind = _kind(row)
    if kind is not None:
        return Direction.OUTBOUND if kind in (*_OUTBOUND, _SCHEDULED) else Direction.INBOUND
    sender = addresses.mail_value(text(row.get("from_address_email")) or "")
    ours = addresses.mail_value(text(row.get("eaccount")) or "")
    if sender is None or ours is None:
        return None
    return Direction.OUTBOUND if sender == ours else Direction.INBOUND


def _guessed(row: Json, lead: Lead) -> Direction:
    emails = lead.values(AddressKind.EMAIL)
    if addresses.mail_value(text(row.get("from_address_email")) or "") in emails:
        return Direction.INBOUND
    to = (addresses.mail_value(each) for each in _listed(row.get("to_address_email_list")))
    return Direction.OUTBOUND if any(each in emails for each in to) else Direction.UNKNOWN


def _body(row: Json) -> tuple[str | None, str | None]:
    """HTML and text of a body: an object that has one or both, or (older rows) either alone."""
    bare = text(row.get("body"))
    if bare is not None:
        return (bare, None) if _HTML.search(bare) else (None, bare)
    body = part(row, "body")
    return text(body.get("html")), text(body.get("text"))


def _status(row: Json, direction: Direction) -> str:
    if direction != Direction.INBOUND:
        return "sent"
    automated = text(row.get("is_auto_reply")) in ("1", "1.0") or row.get("is_auto_reply") is True
    return "automated_reply" if automated else "received"


def _listed(value: object) -> tuple[str, ...]:
    """The addresses of a list in one text, with commas between them."""
    return tuple(each.strip() for each in (text(value) or "").split(",") if each.strip())


def _fingerprint(row: Json) -> str:
    """A key for a row that has none: the same row gives the same key."""
    return row_key([text(row.get(name)) for name in _TELLING])
