"""One lead's thread: its replies, which hold manual answers of ours too (in the folder Sent),
together with the campaign mails sent to it."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace

from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.errors import Unknown
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Message, Page
from convsync_cli.sync.providers.emailbison.requests import (
    FIRST_PAGE,
    ask,
    following,
    lead_by_email,
    lead_by_id,
    mails_of,
    of_a_record,
)
from convsync_cli.sync.providers.emailbison.rows import NAME, TELLING, mailboxes, reply, sent
from convsync_cli.sync.shape import Json, ignored, objects, part, rows, text

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: the lead's ids that are left, a feed of the first, the paging there."""

    keys: tuple[str, ...]
    feed: str = "replies"
    paging: Mapping[str, str] = field(default_factory=lambda: FIRST_PAGE)

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


async def pages(api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
    """A lead's mail page by page; see ``Provider.pages``."""
    handles = tuple(each for each in lead.handles_at(NAME) if _ID.fullmatch(each))
    place = _Place.read(cursor) if cursor else _Place(handles)
    known, contact = cursor is not None, None
    if handles and not lead.values(AddressKind.EMAIL):
        # Rows without a lead id are told apart by their addresses, so one must be known.
        contact = await lead_by_id(api, handles[0])
        lead = replace(lead, addresses=contact.addresses if contact else ())
    circles = Circles()
    while True:
        if not place.keys and not known:
            contact = await _by_email(api, lead)
            if contact is None or contact.handles[0].external_id in handles:
                return
            place = _Place((contact.handles[0].external_id,))
        try:
            page, place = await _page(api, lead, place, circles)
            known = True
        except Unknown as error:  # deleted there, or an id of another workspace
            if not of_a_record(error):
                raise
            handles, place = (*handles, place.keys[0]), place.next_key()
            if not known:
                continue
            page = Page(cursor=place.write())
        yield replace(page, contact=contact)
        contact = None
        if page.cursor is None:
            return


async def _by_email(api: Api, lead: Lead) -> Contact | None:
    """The lead as EmailBison knows it, looked up by each of its addresses."""
    for email in lead.values(AddressKind.EMAIL):
        found = await lead_by_email(api, email)
        if found is not None:
            return found
    return None


async def _page(api: Api, lead: Lead, place: _Place, circles: Circles) -> tuple[Page, _Place]:
    key, feed = place.keys[0], place.feed
    request = mails_of(key, feed)
    label = request.label
    answer = await ask(api, replace(request, query={**request.query, **place.paging}))
    found = rows(answer.get("data"), label)
    paging = following(answer, place.paging) if found else None
    if paging is not None:
        ids = (text(row.get("id")) for row in objects(found))
        circles.of(label, key).watch(ids, leads_to_itself=paging == place.paging)
    messages = list(_messages(feed, found, lead, key, label))
    behind = place.behind(paging)
    page = Page(
        tuple(message for message in messages if message is not None),
        cursor=behind.write(),
        left_out=messages.count(None),
    )
    return page, behind


def _messages(
    feed: str, found: list[object], lead: Lead, key: str, label: str
) -> Iterator[Message | None]:
    """Each row as a message, or None where it is none of this lead's.

    Rows written by hand often carry no lead id. They are believed where an address of the lead's
    is among theirs, and otherwise only on a page that has the lead's rows and nobody else's.
    Campaign mails have no address to prove them by: nobody else's on their page is enough.

    Raises:
        Rejected: every row is somebody else's: the lead that was asked for was ignored.
    """
    claims = [_is_of(row, lead, key) if isinstance(row, Mapping) else None for row in found]
    if False in claims and True not in claims:
        raise ignored(label, "lead")
    trusted = False not in claims and (True in claims or feed == "sent-emails")
    read = reply if feed == "replies" else sent
    for row, claim in zip(found, claims, strict=True):
        if isinstance(row, Mapping) and _tells(row) and (claim or (claim is None and trusted)):
            yield read(row, lead)
        else:
            yield None


def _tells(row: Json) -> bool:
    return any(text(row.get(name)) for name in ("id", *TELLING))


def _is_of(row: Json, lead: Lead, key: str) -> bool | None:
    """Whether a row is the lead's; None where it does not say."""
    owner = text(row.get("lead_id")) or text(part(row, "lead").get("id"))
    if owner is not None:
        return owner == key
    involved = {text(row.get("from_email_address")), text(row.get("primary_to_email_address"))}
    involved |= {address for name in ("to", "cc") for address in mailboxes(row.get(name))}
    told = {address.lower() for address in involved if address}
    return True if told & set(lead.values(AddressKind.EMAIL)) else None
