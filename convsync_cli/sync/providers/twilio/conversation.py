"""One lead's SMS: the account's list by sender and by recipient, for each spelling of a number."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace

from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Page
from convsync_cli.sync.providers.twilio.requests import LARGEST_PAGE, LIST, Messages, Query
from convsync_cli.sync.providers.twilio.rows import RCS, involves, messages, sid, theirs
from convsync_cli.sync.shape import ignored


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a lead's walk goes on: the lists that are left, and the query for the first's page."""

    lists: tuple[Query, ...]
    page: Query | None = None

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        lists, page = json.loads(cursor)
        return cls(tuple(lists), page)

    def write(self) -> str | None:
        return json.dumps([list(self.lists), self.page]) if self.lists else None


async def pages(api: Api, account: Messages, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
    """A lead's SMS page by page; see ``Provider.pages``."""
    place = _Place.read(cursor) if cursor else _Place(tuple(_lists(lead)))
    known, circles = cursor is not None, Circles()
    while place.lists:
        page, place = await _page(api, account, lead, place, circles)
        known = known or bool(page.messages or page.left_out)
        if known:
            yield page


async def _page(
    api: Api, account: Messages, lead: Lead, place: _Place, circles: Circles
) -> tuple[Page, _Place]:
    found, following = await account.page(api, place.page or place.lists[0])
    if following is not None:
        circles.of(LIST, place.lists[0]).watch(map(sid, found))
    if found and not any(involves(row, lead) for row in found):
        raise ignored(LIST, "number")
    phones = set(lead.values(AddressKind.PHONE))
    own = [row for row in found if isinstance(row, Mapping) and phones & set(theirs(row))]
    told = messages(own, lead)
    behind = replace(place, page=following) if following else _Place(place.lists[1:])
    return Page(told, behind.write(), left_out=len(found) - len(told)), behind


def _lists(lead: Lead) -> Iterator[Query]:
    for phone in lead.values(AddressKind.PHONE):
        for number in (phone, f"{RCS}{phone}"):
            yield {"To": number, "PageSize": LARGEST_PAGE}
            yield {"From": number, "PageSize": LARGEST_PAGE}
