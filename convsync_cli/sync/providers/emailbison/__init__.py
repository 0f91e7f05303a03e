"""EmailBison: email of one workspace of a white-label host.

A lead's thread is its replies together with the campaign mails sent to it. The feeds of the
workspace carry both with their bodies, among everything that is no lead's.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from convsync_cli.sync.api import MOST_AT_ONCE, USUAL, Api, Auth
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.merge import plan
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.emailbison.conversation import pages
from convsync_cli.sync.providers.emailbison.feed import changes
from convsync_cli.sync.providers.emailbison.requests import USER, ask
from convsync_cli.sync.shape import part, text

CHANNEL = Channel.EMAIL
BASE_URL: str | None = None  # every agency has a host of its own
RATE = Rate(50, 10)
AT_ONCE = MOST_AT_ONCE
DISCOVER = True
EITHER: tuple[tuple[str, ...], ...] = ()
COSTS = Costs(per_lead=2, look_up=1, page=15, fill_messages=15)
REFUSALS: Mapping[str, str] = {}
STATUSES = USUAL


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.email]`` must hold beside the keys that all providers share."""

    token: Credential
    workspace_id: str | None = None  # by default the one that the token opens at first


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries."""
    return Auth({"Authorization": f"Bearer {secrets['token']}", "Accept": "application/json"})


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one workspace."""

    async def check(self, api: Api) -> None:
        """Look at whose token it is; see ``Provider.check``."""
        await self.identity(api)

    async def identity(self, api: Api) -> str:
        """The workspace that the token sees: one kind of token follows whoever made it."""
        told = text(part(part(await ask(api, USER), "data"), "team").get("id"))
        if told is None:  # None would pass for a credential that sees one workspace for ever
            raise Rejected(f"{USER.label} does not say which workspace the token opens")
        return told

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """How many mails a lead's lists hold; those of the workspace are full of what is no lead's.

        They are read: their own totals count a mail for each mailbox that received it.
        """
        if lead is None:
            return None
        told = [page.messages async for page in pages(api, lead, None)]
        return len(plan((), chain.from_iterable(told)).new) if told else None

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's mail page by page; see ``Provider.pages``."""
        return pages(api, lead, cursor)

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """What changed in the workspace; see ``Provider.changes``."""
        return changes(api, watermark, cursor, now)


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``. The token alone decides the workspace."""
    return Reader()
