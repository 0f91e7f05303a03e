"""GoHighLevel (LeadConnector): SMS of one sub-account ("location").

A contact's conversations are searched for, then each is read newest first to its end. Contacts are
looked for, never created. Live answers differ from the published schema (messages are nested one
level deeper, rows have more fields and lack others): both shapes are read.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.api import MOST_AT_ONCE, USUAL, Api, Auth, Grant
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential, OAuth
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.gohighlevel.conversation import pages
from convsync_cli.sync.providers.gohighlevel.feed import changes
from convsync_cli.sync.providers.gohighlevel.requests import Location
from convsync_cli.sync.providers.gohighlevel.rows import NAME
from convsync_cli.sync.shape import mapping, text

CHANNEL = Channel.SMS
BASE_URL: str | None = "https://services.leadconnectorhq.com"
RATE = Rate(90, 10)  # of 100 in 10 s per location
AT_ONCE = MOST_AT_ONCE
DISCOVER = True
EITHER: tuple[tuple[str, ...], ...] = (("token", "oauth"),)
COSTS = Costs(per_lead=2, look_up=1, page=100, fill_messages=500, fill_people=100)
REFUSALS: Mapping[str, str] = {
    "scope": "the token lacks a scope; it needs conversations.readonly,"
    " conversations/message.readonly and contacts.readonly",
    "location": "the token does not belong to the configured location_id",
    "jwt": "the token is invalid or has been revoked",
}
STATUSES = USUAL


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.sms]`` must hold beside the keys that all providers share."""

    location_id: str
    token: Credential | None = None
    oauth: OAuth | None = None


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries: a token that lasts, or the one of the moment."""
    accept = {"Accept": "application/json"}
    if options.oauth is None:
        return Auth({"Authorization": f"Bearer {secrets['token']}", **accept})
    app = {name: secrets[name] for name in ("client_id", "client_secret")}
    form = {**app, "grant_type": "refresh_token", "user_type": "Location"}
    return Auth(accept, grant=Grant(options.oauth.token_file, "/oauth/token", form))


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one location."""

    location: Location

    async def check(self, api: Api) -> None:
        """Look at one conversation of the location; see ``Provider.check``."""
        await api.ask(self.location.search(limit=1))

    async def identity(self, api: Api) -> str | None:
        """Every request names the location, and a token of another is refused."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """The number that the export tells; see ``Provider.total``."""
        handles = [None] if lead is None else [*lead.handles_at(NAME)]
        totals = [await self._exported(api, handle) for handle in handles]
        known = [each for each in totals if each is not None]
        return sum(known) if known and len(known) == len(totals) else None

    async def _exported(self, api: Api, contact: str | None) -> int | None:
        only = {"contactId": contact} if contact else {}
        request = self.location.export(limit=10, channel="SMS", **only)
        told = text(mapping(await api.ask(request), request.label).get("total"))
        return int(told) if told and told.isdecimal() else None

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A contact's SMS page by page; see ``Provider.pages``."""
        return pages(api, self.location, lead, cursor)

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """What changed in the location; see ``Provider.changes``."""
        return changes(api, self.location, watermark, cursor, now)


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``."""
    options: Settings = account.options
    return Reader(Location(options.location_id))
