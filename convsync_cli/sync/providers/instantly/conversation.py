"""One lead's mail: the workspace's list, filtered by each of the lead's addresses in turn."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Page
from convsync_cli.sync.providers.instantly.requests import (
    LARGEST_PAGE,
    LIST,
    Query,
    lead_by_id,
    mail,
    watch,
)
from convsync_cli.sync.providers.instantly.rows import NAME, contact, messages, party, person
from convsync_cli.sync.shape import ignored

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a lead's walk goes on: its addresses that are left, and the cursor of the first."""

    emails: tuple[str, ...]
    after: str | None = None

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        emails, after = json.loads(cursor)
        return cls(tuple(emails), after)

    def write(self) -> str | None:
        return json.dumps([self.emails, self.after]) if self.emails else None

    def query(self) -> Query:
        asked: dict[str, str | int] = {"lead": self.emails[0], "limit": LARGEST_PAGE}
        return (
            asked | {"mode": "emode_all"} | ({"starting_after": self.after} if self.after else {})
        )


async def pages(api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
    """A lead's mail page by page; see ``Provider.pages``."""
    told: Contact | None = None
    if cursor is None and not lead.values(AddressKind.EMAIL):
        told = await _look_up(api, lead)
        lead = replace(lead, addresses=told.addresses if told else ())
    place = _Place.read(cursor) if cursor else _Place(lead.values(AddressKind.EMAIL))
    known, circles = cursor is not None or told is not None, Circles()
    while place.emails:
        page, behind = await _page(api, lead, place, circles)
        known, place = known or bool(page.messages or page.left_out), behind
        if known:
            yield replace(page, contact=told or page.contact)
            told = None


async def _page(api: Api, lead: Lead, place: _Place, circles: Circles) -> tuple[Page, _Place]:
    found, after = await mail(api, place.query())
    watch(circles.of(LIST, *place.emails), found)
    emails = {*lead.values(AddressKind.EMAIL), *place.emails}
    own = [row for row in found if isinstance(row, Mapping) and party(row) in emails]
    if found and not own:
        raise ignored(LIST, "lead")
    told = messages(own, lead)
    behind = replace(place, after=after) if after else _Place(place.emails[1:])
    page = Page(told, behind.write(), len(found) - len(told), contact(own, place.emails[0]))
    return page, behind


async def _look_up(api: Api, lead: Lead) -> Contact | None:
    """A lead that is known by its ids alone, as Instantly knows it."""
    for id in filter(_ID.fullmatch, lead.handles_at(NAME)):
        row = await lead_by_id(api, id)
        if row is not None:
            return person(row)
    return None
