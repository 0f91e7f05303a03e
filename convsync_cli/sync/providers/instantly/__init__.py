"""Instantly (v2): email of one workspace.

One list holds all mail, sent and received; a lead's part of it is filtered by its address. The list
may be asked 20 times a minute by everybody together, so the change feed is what a sync lives from.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from convsync_cli.sync.api import MOST_AT_ONCE, Api, Auth, Get, Statuses
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.instantly import feed
from convsync_cli.sync.providers.instantly.feed import LARGEST_PAGE, Query
from convsync_cli.sync.providers.instantly.rows import NAME, contact, messages, party, person
from convsync_cli.sync.shape import Json, mapping, rows, text

CHANNEL = Channel.EMAIL
BASE_URL: str | None = "https://api.instantly.ai"
RATE = Rate(18, 60)  # of 20 a minute, which all requests for mail share
AT_ONCE = MOST_AT_ONCE
DISCOVER = True
EITHER: tuple[tuple[str, ...], ...] = ()
COSTS = Costs(per_lead=1, page=100, fill_messages=100)
REFUSALS: Mapping[str, str] = {
    "scope": "the API key lacks a scope; it needs emails:read, and leads:read for leads that are"
    " known by their id alone",
    "plan": "the workspace's plan does not include the API",
    "payment": "the workspace's plan does not include the API",
    "api key": "the key is wrong, has been deleted, or is for version 1 of the API",
}
STATUSES = Statuses(
    refused=frozenset({402}),  # the plan does not include the API
    too_fast=frozenset({403}),  # some meet it instead of 429
)

_LIST = "api/v2/emails"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.email]`` must hold beside the keys that all providers share."""

    token: Credential


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries."""
    return Auth({"Authorization": f"Bearer {secrets['token']}", "Accept": "application/json"})


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


@dataclass(slots=True)
class _Trail:
    """What a list has shown so far, so that one that leads in a circle is noticed."""

    cursors: set[str] = field(default_factory=set)
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    circle: Circle = field(default_factory=lambda: Circle(_LIST))

    def follow(self, found: list[object], after: str | None) -> str | None:
        """The cursor behind a page, None at the end: without a row, or where it repeats itself."""
        ids = frozenset(
            id for row in found if isinstance(row, Mapping) and (id := text(row.get("id")))
        )
        if ids and ids <= self.first | self.last:
            raise CursorLoop(f"{_LIST} leads in a circle; its end cannot be reached")
        self.first, self.last = self.first or ids, ids
        if after is None or not found or after in self.cursors:
            return None
        self.circle.watch(sorted(ids))
        self.cursors.add(after)
        return after


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one workspace."""

    async def check(self, api: Api) -> None:
        """Look at one mail: the key then has the scope that counts; see ``Provider.check``."""
        await _list(api, {"limit": 1})

    async def identity(self, api: Api) -> str | None:
        """None: a key belongs to one workspace for good; see ``Provider.identity``."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """None: Instantly counts replies and sends, not what its list holds."""
        return None

    async def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's mail, page by page of each of its addresses; see ``Provider.pages``."""
        told: Contact | None = None
        if cursor is None and not lead.values(AddressKind.EMAIL):
            told = await _look_up(api, lead)
            lead = replace(lead, addresses=told.addresses if told else ())
        place = _Place.read(cursor) if cursor else _Place(lead.values(AddressKind.EMAIL))
        known, trail = cursor is not None or told is not None, _Trail()
        while place.emails:
            page, behind = await _page(api, lead, place, trail)
            trail = trail if behind.emails == place.emails else _Trail()
            known, place = known or bool(page.messages or page.left_out), behind
            if known:
                yield replace(page, contact=told or page.contact)
                told = None

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The workspace's mail from the watermark on; see ``Provider.changes`` and ``feed``."""
        walk = feed.Walk.read(cursor) if cursor else feed.Walk.begin(watermark, now)
        trail = _Trail()
        while True:
            found, after = await _list(api, walk.query())
            if walk.is_ignored(found):
                walk, trail = walk.turned(), _Trail()
                continue
            after = None if walk.is_known(found) else trail.follow(found, after)
            walk = walk.behind(found, after, now)
            following = walk if after else walk.next_list()
            page = replace(feed.page(found), covers=walk.covers)
            if following is None:
                yield replace(page, watermark=walk.mark.write())
                return
            yield replace(page, cursor=following.write())
            walk, trail = following, trail if after else _Trail()


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``. The key alone decides the workspace."""
    return Reader()


async def _page(api: Api, lead: Lead, place: _Place, trail: _Trail) -> tuple[Page, _Place]:
    found, after = await _list(api, place.query())
    after = trail.follow(found, after)
    emails = {*lead.values(AddressKind.EMAIL), *place.emails}
    own = [row for row in found if isinstance(row, Mapping) and party(row) in emails]
    if found and not own:
        raise Rejected(f"{_LIST} ignored the lead that was asked for")
    told = messages(own, lead)
    behind = replace(place, after=after) if after else _Place(place.emails[1:])
    page = Page(told, behind.write(), len(found) - len(told), contact(own, place.emails[0]))
    return page, behind


async def _look_up(api: Api, lead: Lead) -> Contact | None:
    """A lead that is known by its ids alone, as Instantly knows it."""
    label = "api/v2/leads/{id}"
    for id in filter(_ID.fullmatch, lead.handles_at(NAME)):
        try:
            row = await _ask(api, Get(label, f"/api/v2/leads/{id}", {}))
        except Unknown as error:
            if '"statusCode"' not in error.explanation:  # another host, or a route that is missing
                raise
            continue
        if text(row.get("id")) != id:
            raise Rejected(f"{label} answered with another lead than asked for")
        return person(row)
    return None


async def _list(api: Api, query: Query) -> tuple[list[object], str | None]:
    """The rows of a page of mail, and the cursor behind it."""
    answer = await _ask(api, Get(_LIST, f"/{_LIST}", query))
    return rows(answer.get("items"), _LIST), text(answer.get("next_starting_after"))


async def _ask(api: Api, request: Get) -> Json:
    """Ask, and find the errors that come with status 200."""
    answer = mapping(await api.ask(request), request.label)
    if answer.get("error"):
        raise Rejected(f"{request.label} answered with an error", text(answer["error"]) or "")
    return answer
