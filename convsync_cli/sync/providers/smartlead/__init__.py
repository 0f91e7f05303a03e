"""Smartlead: email of one account.

A lead's conversation is its thread in each campaign that it is in; a thread comes whole, without
paging (``conversation``). What changed is told by the inbox and by the campaigns' lists of leads
(``feed``). The pages that describe this API were shown wrong more than once, and each endpoint
wraps its rows otherwise (``requests``), so that rows are read leniently and answers strictly
(``rows``).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.api import MOST_AT_ONCE, USUAL, Api, Auth
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.smartlead import conversation, feed, requests

CHANNEL = Channel.EMAIL
BASE_URL: str | None = "https://server.smartlead.ai"
RATE = Rate(50, 60)  # sources differ; the strictest that is told for a minute is 60
AT_ONCE = MOST_AT_ONCE
DISCOVER = True
EITHER: tuple[tuple[str, ...], ...] = ()
COSTS = Costs(per_lead=2, look_up=1, page=20, fill_messages=400, fill_people=requests.LEADS_PAGE)
REFUSALS: Mapping[str, str] = {"api key": "the key is not one of Smartlead's, or was regenerated"}
STATUSES = USUAL


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.email]`` must hold beside the keys that all providers share."""

    api_key: Credential


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries: the key, which this API takes in the address only."""
    return Auth({"Accept": "application/json"}, {"api_key": secrets["api_key"]})


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one account."""

    async def check(self, api: Api) -> None:
        """Look at the list of campaigns; see ``Provider.check``."""
        await requests.campaigns(api)

    async def identity(self, api: Api) -> str | None:
        """A key sees one account for ever; see ``Provider.identity``."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """Smartlead counts what its sequences sent, and no replies; see ``Provider.total``."""
        return None

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's mail campaign by campaign; see ``Provider.pages``."""
        return conversation.pages(api, lead, cursor)

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The inbox, and now and then what was sent; see ``Provider.changes``."""
        return feed.changes(api, watermark, cursor, now)


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``. The key alone decides which one it is."""
    return Reader()
