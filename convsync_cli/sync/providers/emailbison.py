"""EmailBison: email of one workspace of a white-label host.

A lead's thread is its replies (which hold manual answers of ours too, in the folder Sent) together
with the campaign mails sent to it. Pages are asked for by cursor; a host that answers with numbered
pages instead is followed by number. ``links.next`` loses the filters: every address is built here.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, urlsplit

from convsync_cli.sync import addresses, instant
from convsync_cli.sync import text as texting
from convsync_cli.sync.api import Api, Auth, Costs, Get
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.shape import Json, mapping, part, rows, text, texts

NAME = "emailbison"
CHANNEL = Channel.EMAIL
BASE_URL: str | None = None  # every agency has a host of its own
RATE = Rate(50, 10)
DISCOVER = True
COSTS = Costs(per_lead=2, page=15, fill_messages=15)
REFUSALS: Mapping[str, str] = {}

_FEEDS: Mapping[str, Mapping[str, str]] = {
    "replies": {"folder": "all"},  # without it only the inbox comes back
    "sent-emails": {},
}
_NO_RECORD = "record_not_found"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.email]`` must hold beside the keys that all providers share."""

    token: Credential


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries."""
    del options
    return Auth({"Authorization": f"Bearer {secrets['token']}", "Accept": "application/json"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: the lead's ids that are left, a feed of the first, the paging there."""

    keys: tuple[str, ...]
    feed: str = "replies"
    paging: Mapping[str, str] = field(default_factory=lambda: {"pagination_type": "cursor"})

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        keys, feed, paging = json.loads(cursor)
        return cls(tuple(keys), feed, paging)

    def write(self) -> str | None:
        return json.dumps([self.keys, self.feed, dict(self.paging)]) if self.keys else None

    def behind(self, paging: Mapping[str, str] | None) -> "_Place":
        """The next page of the feed, or the first one of the next feed, or of the next id."""
        if paging is not None:
            return replace(self, paging=paging)
        return _Place(self.keys, "sent-emails") if self.feed == "replies" else self.next_key()

    def next_key(self) -> "_Place":
        return _Place(self.keys[1:])


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one workspace."""

    async def check(self, api: Api) -> None:
        """Look at whose token it is; see ``Provider.check``."""
        await _ask(api, Get("api/users", "/api/users", {}))

    async def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's mail page by page; see ``Provider.pages``."""
        handles = tuple(each for each in lead.handles_at(NAME) if _ID.fullmatch(each))
        place = _Place.read(cursor) if cursor else _Place(handles)
        known, contact = cursor is not None, None
        if handles and not lead.values(AddressKind.EMAIL):
            # Rows without a lead id are told apart by their addresses, so one must be known.
            contact = await _look_up(api, "api/leads/{id}", handles[0])
            lead = replace(lead, addresses=contact.addresses if contact else ())
        seen: set[str] = set()
        while True:
            if not place.keys and not known:
                contact = await _by_email(api, lead)
                if contact is None or contact.handles[0].external_id in handles:
                    return
                place = _Place((contact.handles[0].external_id,))
            try:
                page, place = await _page(api, lead, place, seen)
                known = True
            except Unknown as error:  # deleted there, or an id of another workspace
                if not _of_a_record(error):
                    raise
                handles, place = (*handles, place.keys[0]), place.next_key()
                if not known:
                    continue
                page = Page(cursor=place.write())
            yield replace(page, contact=contact)
            contact = None
            if page.cursor is None:
                return


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``. The token alone decides the workspace."""
    del account
    return Reader()


async def _by_email(api: Api, lead: Lead) -> Contact | None:
    """The lead as EmailBison knows it, looked up by each of its addresses."""
    for email in lead.values(AddressKind.EMAIL):
        found = await _look_up(api, "api/leads/{email}", quote(email, safe="@"))
        if found is None:
            continue
        if any(address.value != email for address in found.addresses):
            raise Rejected("api/leads/{email} answered with another lead than asked for")
        return found
    return None


async def _look_up(api: Api, label: str, key: str) -> Contact | None:
    try:
        answer = await _ask(api, Get(label, f"/api/leads/{key}", {}))
    except Unknown as error:
        if not _of_a_record(error):
            raise
        return None
    row = mapping(answer.get("data"), label)
    id = text(row.get("id"))
    if id is None:
        raise Rejected(f"{label} answered with a lead that has no id")
    return _told(row, id)


async def _page(api: Api, lead: Lead, place: _Place, seen: set[str]) -> tuple[Page, _Place]:
    key, feed = place.keys[0], place.feed
    label = f"api/leads/{{id}}/{feed}"
    path = f"/api/leads/{quote(key, safe='')}/{feed}"
    answer = await _ask(api, Get(label, path, {**_FEEDS[feed], **place.paging}))
    found = rows(answer.get("data"), label)
    ids = {f"{feed}:{key}:{text(row.get('id'))}" for row in found if isinstance(row, Mapping)}
    paging = _next(answer, place.paging) if found else None
    if paging is not None and (paging == place.paging or (ids and ids <= seen)):
        raise CursorLoop(f"{label} leads in a circle; its end cannot be reached")
    seen |= ids
    messages = list(_messages(feed, found, lead, key, label))
    behind = place.behind(paging)
    page = Page(
        tuple(message for message in messages if message is not None),
        cursor=behind.write(),
        left_out=messages.count(None),
    )
    return page, behind


async def _ask(api: Api, request: Get) -> Json:
    """Ask, and find the errors that come with status 200."""
    answer = mapping(await api.ask(request), request.label)
    data = part(answer, "data")
    if data.get("success") is False:
        if data.get("record_not_found"):
            raise Unknown(f"{request.label} answered: no such record", _NO_RECORD)
        raise Rejected(f"{request.label} answered with an error", text(data.get("message")) or "")
    return answer


def _of_a_record(error: Unknown) -> bool:
    """Whether a 404 is about the record; another host or a missing route answers 404 as well."""
    return _NO_RECORD in error.explanation or '"success"' in error.explanation


def _next(answer: Json, paging: Mapping[str, str]) -> Mapping[str, str] | None:
    """The paging parameters of the next page, or None at the end.

    A host that does not know cursors answers with numbered pages; then they are followed.
    """
    meta = part(answer, "meta")
    following = dict(parse_qsl(urlsplit(text(part(answer, "links").get("next")) or "").query))
    cursor = text(meta.get("next_cursor")) or following.get("cursor")
    if cursor:
        return {"pagination_type": "cursor", "cursor": cursor}
    current, last = _number(meta.get("current_page")), _number(meta.get("last_page"))
    if current is not None and last is not None:
        return {"page": str(current + 1)} if current < last else None
    return {"page": following["page"]} if "page" in following else None


def _number(value: object) -> int | None:
    told = text(value)
    return int(told) if told and told.isdecimal() else None


def _messages(
    feed: str, found: list[object], lead: Lead, key: str, label: str
) -> Iterator[Message | None]:
    """Each row as a message, or None where it is none of this lead's.

    Rows written by hand often carry no lead id. They are believed where an address of the lead's
    is among theirs, and otherwise only on a page that has the lead's rows and nobody else's.

    Raises:
        Rejected: every row is somebody else's: the lead that was asked for was ignored.
    """
    claims = [_is_of(row, lead, key) if isinstance(row, Mapping) else None for row in found]
    if False in claims and True not in claims:
        raise Rejected(f"{label} ignored the lead that was asked for")
    trusted = False not in claims and True in claims
    read = _reply if feed == "replies" else _sent
    for row, claim in zip(found, claims, strict=True):
        if isinstance(row, Mapping) and _tells(row) and (claim or (claim is None and trusted)):
            yield read(row, lead)
        else:
            yield None


def _tells(row: Json) -> bool:
    return any(text(row.get(name)) for name in ("id", *_TELLING))


def _is_of(row: Json, lead: Lead, key: str) -> bool | None:
    """Whether a row is the lead's; None where it does not say."""
    owner = text(row.get("lead_id")) or text(part(row, "lead").get("id"))
    if owner is not None:
        return owner == key
    involved = {text(row.get("from_email_address")), text(row.get("primary_to_email_address"))}
    involved |= {address for name in ("to", "cc") for address in _mailboxes(row.get(name))}
    told = {address.lower() for address in involved if address}
    return True if told & set(lead.values(AddressKind.EMAIL)) else None


def _reply(row: Json, lead: Lead) -> Message | None:
    outbound = (text(row.get("folder")) or "").lower() == "sent" or (
        text(row.get("type")) or ""
    ).lower() == "outgoing email"
    html = text(row.get("html_body"))
    plain = text(row.get("text_body"))
    if plain is None or not plain.strip():
        plain = texting.from_html(html) if html else plain
    return Message(
        channel=Channel.EMAIL,
        provider=NAME,
        external_id=_key("reply", row),
        direction=Direction.OUTBOUND if outbound else Direction.INBOUND,
        sent_at=instant.parse(row.get("date_received")),
        body=plain or "",
        sender=text(row.get("from_email_address")),
        recipient=text(row.get("primary_to_email_address"))
        or next(iter(_mailboxes(row.get("to"))), None),
        subject=text(row.get("subject")) or text(row.get("email_subject")),
        status=_status(row, outbound),
        thread=_thread(row),
        message_id=_message_id(row),
        source=html,
        source_type="text/html" if html else None,
        attachments=texts([each.get("file_name") for each in _objects(row.get("attachments"))]),
    )


def _sent(row: Json, lead: Lead) -> Message | None:
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
        body=texting.from_html(html) if html else "",
        sender=text(part(row, "sender_email").get("email")),
        recipient=next(iter(lead.values(AddressKind.EMAIL)), None),
        subject=text(row.get("email_subject")),
        status=status,
        thread=_thread(row),
        message_id=_message_id(row),
        source=html,
        source_type="text/html" if html else None,
    )


_TELLING = (
    "date_received", "sent_at", "from_email_address", "primary_to_email_address", "subject",
    "email_subject", "text_body", "html_body", "email_body", "raw_message_id",
)  # fmt: skip


def _key(kind: str, row: Json) -> str:
    """A message's key: replies and campaign mails are numbered apart."""
    id = text(row.get("id"))
    if id is not None:
        return f"{kind}:{id}"
    told = json.dumps([text(row.get(name)) for name in _TELLING])
    return f"{kind}:row:" + hashlib.sha256(told.encode()).hexdigest()[:32]


def _status(row: Json, outbound: bool) -> str:
    if "bounced" in (text(row.get("folder")) or "").lower():
        return "bounced"
    if row.get("automated_reply") is True:
        return "automated_reply"
    return "sent" if outbound else "received"


def _thread(row: Json) -> str | None:
    campaign = text(row.get("campaign_id")) or text(part(row, "campaign").get("id"))
    return f"campaign:{campaign}" if campaign else None


def _message_id(row: Json) -> str | None:
    told = (text(row.get("raw_message_id")) or "").strip()
    return told if "@" in told else None


def _mailboxes(value: object) -> tuple[str, ...]:
    return texts([each.get("address") for each in _objects(value)])


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _told(row: Json, id: str) -> Contact:
    """What a lead's row tells about the person."""
    return Contact(
        name=" ".join(texts([row.get("first_name"), row.get("last_name")])) or None,
        company=text(row.get("company")),
        addresses=tuple(addresses.email(each) for each in texts(row.get("email"))),
        handles=(Handle(NAME, id),),
    )
