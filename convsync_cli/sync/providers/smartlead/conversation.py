"""One lead's conversation: its thread in each of its campaigns, a page each.

A lead is known by its ids, else by its addresses; each of them may be a lead of its own here.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from convsync_cli.sync.api import Api
from convsync_cli.sync.errors import Unknown
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Page
from convsync_cli.sync.providers.smartlead import requests
from convsync_cli.sync.providers.smartlead.requests import Found
from convsync_cli.sync.providers.smartlead.rows import NAME, Thread, is_id


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: pairs of lead and campaign; whether any thread was there so far."""

    pairs: tuple[tuple[str, str], ...]
    found: bool = False

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        pairs, found = json.loads(cursor)
        return cls(tuple((lead, campaign) for lead, campaign in pairs), found)

    def write(self) -> str | None:
        return json.dumps([self.pairs, self.found]) if self.pairs else None


async def pages(api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
    """A lead's threads one by one; see ``Provider.pages``."""
    contact: Contact | None = None
    if cursor is not None:
        place = _Place.read(cursor)
    else:
        contact, place = await _begin(api, lead)
        if contact is None:
            return
        if not place.pairs:
            yield Page(contact=contact)
    mails = lead.values(AddressKind.EMAIL)
    if place.pairs and not mails:
        contact = _joined([await requests.lead_by_id(api, id) for id in _leads(place)])
        mails = tuple(each.value for each in contact.addresses if each.value)
    while place.pairs:
        page, place = await _page(api, mails, place)
        yield replace(page, contact=contact)
        contact = None


async def _begin(api: Api, lead: Lead) -> tuple[Contact | None, _Place]:
    """The lead as it is known there, and all its campaigns: by its ids, else by its addresses."""
    handles = tuple(each for each in lead.handles_at(NAME) if is_id(each))
    known = [found for id in handles if (found := await _by_id(api, id)) is not None]
    if not any(found.campaigns for found in known):
        mails = lead.values(AddressKind.EMAIL)
        looked_up = [await requests.lead_by_email(api, mail) for mail in mails]
        known += [each for each in looked_up if each and each.id not in {k.id for k in known}]
    if handles and not known:
        await requests.campaigns(api)  # a wrong address answers 404 as well; then this raises
    pairs = [(each.id, campaign) for each in known for campaign in await _campaigns(api, each)]
    return (_joined(known) if known else None), _Place(tuple(pairs))


async def _by_id(api: Api, id: str) -> Found | None:
    try:
        campaigns = await requests.campaigns_of(api, id)
    except Unknown:
        return None
    return Found(id, Contact(handles=(Handle(NAME, id),)), campaigns)


async def _campaigns(api: Api, found: Found) -> tuple[str, ...]:
    if found.campaigns is None:
        return await requests.campaigns_of(api, found.id)
    return found.campaigns


async def _page(api: Api, mails: Iterable[str], place: _Place) -> tuple[Page, _Place]:
    """The thread of the first pair left, and the place behind it."""
    (lead, campaign), *others = place.pairs
    try:
        thread = Thread.read(lead, campaign, await requests.history(api, campaign, lead))
        found = True
    except Unknown as error:  # taken out of the campaign, or the campaign is gone
        thread, found = Thread(lead, campaign, ()), place.found
        if not others and not found:
            await requests.must_be_gone(api, campaign, error)
    behind = _Place(tuple(others), found)
    return Page(thread.messages(mails), behind.write(), thread.left_out), behind


def _leads(place: _Place) -> list[str]:
    return list(dict.fromkeys(lead for lead, _ in place.pairs))


def _joined(found: Iterable[Found]) -> Contact:
    """One contact of what is told of several leads that are one person."""
    told = [each.contact for each in found]
    return Contact(
        name=next((each.name for each in told if each.name), None),
        company=next((each.company for each in told if each.company), None),
        addresses=tuple(dict.fromkeys(a for each in told for a in each.addresses)),
        handles=tuple(dict.fromkeys(h for each in told for h in each.handles)),
    )
