"""Smartlead's rows as our values: a thread as messages, and what is told about people."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from convsync_cli.sync import addresses, instant, mail
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.shape import Json, part, row_key, text, texts

NAME = "smartlead"
_STATUS = {
    Direction.INBOUND: "received",
    Direction.OUTBOUND: "sent",
    Direction.UNKNOWN: None,
}
_TELLING = ("type", "time", "message_id", "from", "to", "subject", "email_body")
_INVOLVED = ("from", "to", "cc", "bcc")
_HTML = re.compile(r"<(?:[a-zA-Z][a-zA-Z0-9]*[\s/>]|!--|!doctype)|&(?:[a-zA-Z]+|#\d+);", re.I)


@dataclass(frozen=True, slots=True)
class Thread:
    """What was said with one lead in one campaign; ``items`` are the rows that tell anything.

    A thread comes whole, so that the pairing of its items does not depend on when it was read.
    """

    lead: str
    campaign: str
    items: tuple[Json, ...]
    left_out: int = 0

    @classmethod
    def read(cls, lead: str, campaign: str, rows: Sequence[object]) -> "Thread":
        """Take the rows of an answer that are items."""
        items = tuple(row for row in rows if isinstance(row, Mapping) and _tells(row))
        return cls(lead, campaign, items, len(rows) - len(items))

    def messages(self, mails: Iterable[str]) -> tuple[Message, ...]:
        """The items that are of the person with the addresses ``mails``, as messages.

        An item is the person's where an address of theirs is among its own, or where it belongs to
        a send that is: colleagues answer from addresses of their own. One that says neither is
        believed only where nothing in the thread is somebody else's.

        Raises:
            Rejected: no item is the person's: the lead that was asked for was ignored.
        """
        known = set(mails)
        own = [item for item in self.items if known & _involved(item)]
        sends = {id for item in own for id in _stats(item)}
        foreign = {
            id for item in self.items if _is_send(item) and item not in own for id in _stats(item)
        } - sends
        strangers = [item for item in self.items if item not in own and self._is_of(item, foreign)]
        if self.items and not own:
            raise Rejected("a Smartlead thread belongs to somebody other than the lead asked for")
        ours = _senders(self.items)
        return tuple(
            self._message(item, known, ours)
            for item in self.items
            if item in own
            or any(id in sends for id in _stats(item))
            or (not strangers and not self._is_of(item, foreign))
        )

    def _is_of(self, item: Json, foreign: Collection[str]) -> bool:
        return _is_send(item) or any(id in foreign for id in _stats(item))

    def _message(self, item: Json, theirs: Collection[str], ours: Collection[str]) -> Message:
        direction = _direction(item, theirs, ours)
        told = text(item.get("email_body")) or ""
        html, plain = (told, None) if _HTML.search(told) else (None, told)
        return Message(
            channel=Channel.EMAIL,
            provider=NAME,
            external_id=self._key(item),
            direction=direction,
            sent_at=instant.parse(item.get("time")),
            body=mail.body(html, plain),
            sender=next(iter(_mailboxes(item.get("from"))), None),
            recipient=next(iter(_mailboxes(item.get("to"))), None),
            subject=text(item.get("subject")) or self._subject_answered(item),
            status=_STATUS[direction],
            thread=f"campaign:{self.campaign}",
            message_id=mail.message_id(item.get("message_id")),
            source=html,
            source_type="text/html" if html else None,
            attachments=_attachments(item.get("attachments")),
        )

    def _key(self, item: Json) -> str:
        """A message's key: its Message-ID within the thread, since a mail to two is in two threads.

        Copies in several campaigns are one message by their Message-ID, under the smallest of their
        keys, whichever was read last. An item without one is known by what it says and when, to
        the second.
        """
        kind = (text(item.get("type")) or "other").lower()
        if id := mail.message_id(item.get("message_id")):
            return f"{kind}:{self.campaign}:{self.lead}:{id}"
        sent_at = instant.parse(item.get("time"))
        second = instant.to_text(sent_at)[:19] if sent_at else text(item.get("time"))
        told = [self.campaign, self.lead, kind, second, text(item.get("email_body"))]
        return row_key(told)

    def _subject_answered(self, item: Json) -> str | None:
        """The subject of the mail that an item without one answers: they share the send's id."""
        return next(
            (
                subject
                for each in sorted(self.items, key=_when)
                if _type(each) == "SENT"
                and set(_stats(each)) & set(_stats(item))
                and (subject := text(each.get("subject")))
            ),
            None,
        )


def person(row: Json, prefix: str = "") -> Contact:
    """What a row tells of a person; the inbox puts ``lead_`` before the names of its fields."""
    names = texts([row.get(f"{prefix}first_name"), row.get(f"{prefix}last_name")])
    handles = texts(row.get("email_lead_id" if prefix else "id"))
    return Contact(
        name=" ".join(names) or None,
        company=text(row.get("company_name")),
        addresses=tuple(addresses.email(each) for each in texts(row.get(f"{prefix}email"))),
        handles=tuple(Handle(NAME, id) for id in handles if is_id(id)),
    )


def is_id(value: str | None) -> bool:
    """Whether a text can be the id of a lead or campaign, and stand in a path."""
    return value is not None and value.isascii() and value.isdecimal() and len(value) <= 18


def listed_id(row: Json) -> str | None:
    """The lead's id in a row of a campaign's list; its own id in the campaign is of no use."""
    id = text(part(row, "lead").get("id"))
    return id if is_id(id) else None


def _direction(item: Json, theirs: Collection[str], ours: Collection[str]) -> Direction:
    match _type(item):
        case "SENT":
            return Direction.OUTBOUND
        case "REPLY":
            return Direction.INBOUND
    writer = set(_values(item.get("from")))
    if writer & set(theirs):
        return Direction.INBOUND
    return Direction.OUTBOUND if writer & set(ours) else Direction.UNKNOWN


def _senders(items: Iterable[Json]) -> set[str]:
    """Our own addresses: those from which the thread's sends came."""
    return {each for item in items if _type(item) == "SENT" for each in _values(item.get("from"))}


def _type(item: Json) -> str:
    return (text(item.get("type")) or "").upper()


def _is_send(item: Json) -> bool:
    """Whether the sequence sent it, always to the lead itself; what people write goes anywhere."""
    return _type(item) == "SENT" and text(item.get("email_seq_number")) is not None


def _stats(item: Json) -> tuple[str, ...]:
    return texts(item.get("stats_id"))


def _when(item: Json) -> str:
    moment = instant.parse(item.get("time"))
    return instant.to_text(moment) if moment else ""


def _tells(item: Json) -> bool:
    return any(texts(item.get(name)) for name in _TELLING)


def _involved(item: Json) -> set[str]:
    return {value for name in _INVOLVED for value in _values(item.get(name))}


def _values(value: object) -> tuple[str, ...]:
    found = (addresses.mail_value(each) for each in _mailboxes(value))
    return tuple(each for each in found if each is not None)


def _mailboxes(value: object) -> tuple[str, ...]:
    """Addresses: one, several in a text, a list of either, or of objects that hold one."""
    listed = value if isinstance(value, list) else [value]
    told = texts([part({"it": each}, "it").get("email", each) for each in listed])
    return tuple(each.strip() for one in told for each in one.split(",") if "@" in each)


def _attachments(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return texts([each.get("file_name") for each in listed if isinstance(each, Mapping)])
