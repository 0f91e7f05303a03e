"""One contact's SMS: the contact is found, its conversations searched, each read to its end."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.errors import Rejected, Unknown
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Page
from convsync_cli.sync.providers.gohighlevel.people import exists, find
from convsync_cli.sync.providers.gohighlevel.requests import LARGEST_PAGE, Location
from convsync_cli.sync.providers.gohighlevel.rows import NAME, message, person, sort_value
from convsync_cli.sync.shape import Json, ignored, mapping, objects, rows, text

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes on: the conversations left, and the last message read of the first.

    ``found`` is whether any conversation was there so far.
    """

    conversations: tuple[str, ...]
    after: str | None = None
    found: bool = False

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place that a page's cursor names."""
        conversations, after, *found = json.loads(cursor)
        return cls(tuple(conversations), after, *found)

    def write(self) -> str | None:
        """The place as a cursor; None where nothing is left."""
        place = [self.conversations, self.after, self.found]
        return json.dumps(place) if self.conversations else None


async def pages(
    api: Api, location: Location, lead: Lead, cursor: str | None
) -> AsyncIterator[Page]:
    """A contact's SMS page by page; see ``Provider.pages``."""
    contact: Contact | None = None
    if cursor is not None:
        place = Place.read(cursor)
    else:
        contact, place = await _begin(api, location, lead)
        if contact is None:
            return
        lead = replace(lead, handles=(*lead.handles, *contact.handles))
        if not place.conversations:
            yield Page(contact=contact)
    circles = Circles()
    while place.conversations:
        page, place = await _page(api, location, lead, place, circles)
        yield replace(page, contact=contact)
        contact = None


async def _begin(api: Api, location: Location, lead: Lead) -> tuple[Contact | None, Place]:
    """The contact that the lead is, and its conversations: by its ids, else by address.

    A contact that was deleted or merged into another has no conversations either, so where an
    id has none the contact itself is looked at.
    """
    handles = tuple(each for each in lead.handles_at(NAME) if _ID.fullmatch(each))
    refused: Rejected | None = None
    if handles:
        known = Contact(handles=tuple(Handle(NAME, each) for each in handles))
        try:
            told, place = await _conversations(api, location, known)
            if place.conversations or await exists(api, location, handles[-1]):
                return told, place
        except Rejected as error:
            if not error.status:
                raise
            refused = error
    found = await find(api, location, lead)
    if found is not None and found.handles[0].external_id not in handles:
        return await _conversations(api, location, found)
    if refused is not None:
        raise refused
    return None, Place(())


async def _conversations(api: Api, location: Location, contact: Contact) -> tuple[Contact, Place]:
    """A contact's conversations, and what is told about it with what their rows tell."""
    found: dict[str, None] = {}
    for handle in contact.handles:
        async for row in _conversations_of(api, location, handle.external_id):
            found[text(row.get("id")) or ""] = None
            contact = _completed(contact, person(row))
    return contact, Place(tuple(found))


def _completed(contact: Contact, told: Contact) -> Contact:
    addresses = (a for a in told.addresses if a not in contact.addresses)
    return replace(
        contact,
        name=contact.name or told.name,
        company=contact.company or told.company,
        addresses=(*contact.addresses, *addresses),
    )


async def _conversations_of(api: Api, location: Location, contact: str) -> AsyncIterator[Json]:
    after: str | None = None
    seen: set[str] = set()
    while True:
        place = {"startAfterDate": after} if after else {}
        request = location.search(contactId=contact, limit=LARGEST_PAGE, **place)
        answer = mapping(await api.ask(request), request.label)
        page = rows(answer.get("conversations"), request.label)
        own = [row for row in page if isinstance(row, Mapping) and _is_of(row, contact)]
        if page and not own and not seen:
            raise ignored(request.label, "contact")
        fresh = {id: row for row in own if (id := text(row.get("id"))) and id not in seen}
        for row in fresh.values():
            yield row
        seen.update(fresh)
        after = sort_value(own[-1]) if own else None
        if not fresh or after is None or len(page) < LARGEST_PAGE:
            return


async def _page(
    api: Api, location: Location, lead: Lead, place: Place, circles: Circles
) -> tuple[Page, Place]:
    """The next page of the first conversation left, and the place behind it."""
    conversation, *others = place.conversations
    request = location.messages(conversation, place.after)
    label = request.label
    try:
        answer = mapping(await api.ask(request), label)
    except Unknown:
        # Deleted, and still found by the search: it hides no other. Where none is there, or the
        # rest of one is missing, the address may be wrong.
        if place.after or not (others or place.found):
            raise
        behind = Place(tuple(others), found=place.found)
        return Page(cursor=behind.write()), behind
    envelope = answer["messages"] if isinstance(answer.get("messages"), Mapping) else answer
    found = rows(envelope.get("messages"), label)
    after = _next(envelope, found)
    if after is not None:
        ids = (text(row.get("id")) for row in objects(found))
        circles.of(label, conversation).watch(ids, leads_to_itself=after == place.after)
    own = [row for row in found if _is_in(row, conversation, lead)]
    if found and not own:
        raise ignored(label, "conversation")
    messages = [message(row, conversation, lead) for row in own]
    page = Page(
        tuple(each for each in messages if each is not None),
        left_out=messages.count(None) + len(found) - len(own),
    )
    left = (conversation, *others) if after else tuple(others)
    behind = Place(left, after, found=True)
    return replace(page, cursor=behind.write()), behind


def _is_of(row: Json, contact: str) -> bool:
    return text(row.get("contactId")) in (None, contact)


def _is_in(row: object, conversation: str, lead: Lead) -> bool:
    """Whether a row was asked for; one that is the contact's may name a conversation merged in."""
    told = row if isinstance(row, Mapping) else {}
    named = text(told.get("conversationId"))
    return named in (None, conversation) or text(told.get("contactId")) in lead.handles_at(NAME)


def _next(envelope: Json, found: list[object]) -> str | None:
    """The id behind which the next page lies, or None at the end.

    Where the answer does not say whether there is more, a full page means that there may be.
    """
    more = envelope.get("nextPage", len(found) >= LARGEST_PAGE)
    if not found or more in (False, None, "false"):
        return None
    ids = [id for row in found if isinstance(row, Mapping) and (id := text(row.get("id")))]
    last = text(envelope.get("lastMessageId")) or (ids[-1] if ids else None)
    if last is None:
        raise Rejected("conversations/{id}/messages reports more pages, but not where they begin")
    return last
