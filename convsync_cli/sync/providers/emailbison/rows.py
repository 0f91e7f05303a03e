"""EmailBison's rows as our values: replies, campaign mails, and what is told about people."""

from convsync_cli.sync import addresses, instant, mail
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, objects, part, row_key, text, texts

NAME = "emailbison"


def reply(row: Json, lead: Lead) -> Message:
    """A reply, or a mail that was written by hand, as a message of the lead's."""
    outbound = is_outbound(row)
    html = text(row.get("html_body"))
    return Message(
        channel=Channel.EMAIL,
        provider=NAME,
        external_id=_key("reply", row),
        direction=Direction.OUTBOUND if outbound else Direction.INBOUND,
        sent_at=instant.parse(row.get("date_received")),
        body=mail.body(html, text(row.get("text_body"))),
        sender=text(row.get("from_email_address")),
        recipient=text(row.get("primary_to_email_address"))
        or next(iter(mailboxes(row.get("to"))), None),
        subject=text(row.get("subject")) or text(row.get("email_subject")),
        status=_status(row, outbound),
        thread=_thread(row),
        message_id=mail.message_id(row.get("raw_message_id")),
        source=html,
        source_type="text/html" if html else None,
        attachments=texts([each.get("file_name") for each in objects(row.get("attachments"))]),
    )


def is_outbound(row: Json) -> bool:
    """Whether a reply is one of ours, written by hand."""
    folder, kind = text(row.get("folder")) or "", text(row.get("type")) or ""
    return folder.lower() == "sent" or kind.lower() == "outgoing email"


def sent(row: Json, lead: Lead) -> Message | None:
    """A campaign mail as a message to the lead; None where it was never sent."""
    status = text(row.get("status"))
    sent_at = instant.parse(row.get("sent_at"))
    if sent_at is None and status not in (None, "sent"):
        return None  # planned, stopped or failed: never sent
    html = text(row.get("email_body"))
    return Message(
        channel=Channel.EMAIL,
        provider=NAME,
        external_id=_key("sent", row),
        direction=Direction.OUTBOUND,
        sent_at=sent_at,
        body=mail.body(html, None),
        sender=text(part(row, "sender_email").get("email")),
        recipient=next(iter(lead.values(AddressKind.EMAIL)), None),
        subject=text(row.get("email_subject")),
        status=status,
        thread=_thread(row),
        message_id=mail.message_id(row.get("raw_message_id")),
        source=html,
        source_type="text/html" if html else None,
    )


def person(row: Json, id: str) -> Contact:
    """What a lead's row tells about the person."""
    return Contact(
        name=" ".join(texts([row.get("first_name"), row.get("last_name")])) or None,
        company=text(row.get("company")),
        addresses=tuple(addresses.email(each) for each in texts(row.get("email"))),
        handles=(Handle(NAME, id),),
    )


TELLING = (
    "date_received", "sent_at", "from_email_address", "primary_to_email_address", "subject",
    "email_subject", "text_body", "html_body", "email_body", "raw_message_id",
)  # fmt: skip


def _key(kind: str, row: Json) -> str:
    """A message's key: replies and campaign mails are numbered apart."""
    id = text(row.get("id"))
    if id is not None:
        return f"{kind}:{id}"
    return f"{kind}:" + row_key([text(row.get(name)) for name in TELLING])


def _status(row: Json, outbound: bool) -> str:
    if "bounced" in (text(row.get("folder")) or "").lower():
        return "bounced"
    if row.get("automated_reply") is True:
        return "automated_reply"
    return "sent" if outbound else "received"


def _thread(row: Json) -> str | None:
    campaign = text(row.get("campaign_id")) or text(part(row, "campaign").get("id"))
    return f"campaign:{campaign}" if campaign else None


def mailboxes(value: object) -> tuple[str, ...]:
    """The addresses of a list of mailboxes."""
    return texts([each.get("address") for each in objects(value)])
