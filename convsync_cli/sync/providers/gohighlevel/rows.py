"""GoHighLevel's rows as our values: messages, and what is told about people."""

from collections.abc import Mapping

from convsync_cli.sync import addresses, instant
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, part, row_key, text, texts

NAME = "gohighlevel"


def message(row: object, conversation: str, lead: Lead) -> Message | None:
    """A row as a message, or None where it is something else."""
    if not isinstance(row, Mapping) or not is_sms(row):
        return None
    direction = _direction(row, lead)
    phone = next(iter(lead.values(AddressKind.PHONE)), None)
    inbound, outbound = direction == Direction.INBOUND, direction == Direction.OUTBOUND
    return Message(
        channel=Channel.SMS,
        provider=NAME,
        external_id=text(row.get("id")) or _fingerprint(row, conversation),
        direction=direction,
        sent_at=instant.parse(row.get("dateAdded")),
        body=text(row.get("body")) or "",
        sender=text(row.get("from")) or (phone if inbound else None),
        recipient=text(row.get("to")) or (phone if outbound else None),
        status=text(row.get("status")),
        thread=text(row.get("conversationId")) or conversation,
        attachments=texts(row.get("attachments")),
    )


def _direction(row: Json, lead: Lead) -> Direction:
    said = (text(row.get("direction")) or "").lower()
    if said in (Direction.INBOUND, Direction.OUTBOUND):
        return Direction(said)
    phones = lead.values(AddressKind.PHONE)
    if text(row.get("from")) in phones:
        return Direction.INBOUND
    if text(row.get("to")) in phones or text(row.get("userId")):
        return Direction.OUTBOUND
    return Direction.UNKNOWN


def _fingerprint(row: Json, conversation: str) -> str:
    """A key for a row that has none: the same row gives the same key."""
    told = [conversation, *(text(row.get(name)) for name in ("direction", "dateAdded", "body"))]
    return row_key(told)


def is_sms(row: Json) -> bool:
    """Whether a row is a text message; calls, WhatsApp, mail and activity rows are not.

    The number in ``type`` is only known for a few kinds, so it decides only where the name is
    missing.
    """
    name = (text(row.get("messageType")) or "").upper().removeprefix("TYPE_")
    if not name:
        return text(row.get("type")) in ("2", "SMS", "TYPE_SMS")
    if name.startswith("ACTIVITY") or name.endswith("REACTION"):
        return False
    return "SMS" in name or name == "RCS"


def contact(row: Json) -> Contact:
    """What a contact's row tells about the person."""
    first_and_last = " ".join(texts([row.get("firstName"), row.get("lastName")]))
    mails = texts(row.get("email")) + _further(row.get("additionalEmails"), "email")
    phones = texts(row.get("phone")) + _further(row.get("additionalPhones"), "phone")
    return Contact(
        name=first_and_last or text(row.get("contactName")) or text(row.get("name")),
        company=text(row.get("companyName")) or text(row.get("businessName")),
        addresses=(
            *(addresses.email(each) for each in mails),
            *(addresses.phone(each, None) for each in phones),
        ),
        handles=tuple(Handle(NAME, id) for id in texts(row.get("id"))),
    )


def person(conversation: Json) -> Contact:
    """What a conversation's row tells about the contact that it is with."""
    mails, phones = texts(conversation.get("email")), texts(conversation.get("phone"))
    return Contact(
        name=text(conversation.get("fullName")) or text(conversation.get("contactName")),
        company=text(conversation.get("companyName")),
        addresses=(
            *(addresses.email(each) for each in mails),
            *(addresses.phone(each, None) for each in phones),
        ),
        handles=tuple(Handle(NAME, id) for id in texts(conversation.get("contactId"))),
    )


def date_of(conversation: Json) -> int:
    """When a conversation's newest message came, milliseconds since the epoch; 0 if not told."""
    at = instant.parse(conversation.get("lastMessageDate"))
    at = at or instant.parse(sort_value(conversation))
    return instant.to_milliseconds(at) if at else 0


def sort_value(conversation: Json) -> str | None:
    """The value by which a conversation was sorted: the cursor of the page behind it."""
    sort = texts(conversation.get("sort"))
    return sort[0] if sort else text(conversation.get("lastMessageDate"))


def _further(value: object, name: str) -> tuple[str, ...]:
    """Additional addresses: a list of texts, or of objects that hold one."""
    listed = value if isinstance(value, list) else []
    return texts([part({"it": each}, "it").get(name, each) for each in listed])
