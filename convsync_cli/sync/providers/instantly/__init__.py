"""Instantly (v2): email of one workspace.

One list holds all mail, sent and received; a lead's part of it is filtered by its address. The list
may be asked 20 times a minute by everybody together, so the change feed is what a sync lives from.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.api import MOST_AT_ONCE, Api, Auth, Statuses
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.instantly.conversation import pages
from convsync_cli.sync.providers.instantly.feed import changes
from convsync_cli.sync.providers.instantly.requests import mail

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


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.email]`` must hold beside the keys that all providers share."""

    token: Credential


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries."""
    return Auth({"Authorization": f"Bearer {secrets['token']}", "Accept": "application/json"})


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one workspace."""

    async def check(self, api: Api) -> None:
        """Look at one mail: the key then has the scope that counts; see ``Provider.check``."""
        await mail(api, {"limit": 1})

    async def identity(self, api: Api) -> str | None:
        """None: a key belongs to one workspace for good; see ``Provider.identity``."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """None: Instantly counts replies and sends, not what its list holds."""
        return None

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's mail, page by page of each of its addresses; see ``Provider.pages``."""
        return pages(api, lead, cursor)

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The workspace's mail from the watermark on; see ``Provider.changes``."""
        return changes(api, watermark, cursor, now)


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``. The key alone decides the workspace."""
    return Reader()
