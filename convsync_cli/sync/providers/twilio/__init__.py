"""Twilio: SMS and MMS of one account (or subaccount).

One list holds every message of the account, newest first as far as anybody has seen, which Twilio
does not promise. It is filtered by sender or by recipient, to the letter, and by the day of
sending. So a lead's part of it is four lists, two for each way in which RCS and SMS write its
number, and the change feed is the list from the day before the newest message that is known.
WhatsApp stands in the same list and is no SMS. What was never sent has no date of sending, by
which no filter finds it: it is left out until it is sent.
"""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.api import Api, Auth, Statuses, UnusableSetting
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.providers.twilio.conversation import pages
from convsync_cli.sync.providers.twilio.feed import changes
from convsync_cli.sync.providers.twilio.requests import Messages

CHANNEL = Channel.SMS
BASE_URL: str | None = "https://api.twilio.com"
RATE = Rate(5, 1)  # what two at a time come to where an answer takes 0.4 s
AT_ONCE = 2  # the limit is on requests under way; one or two are safe
DISCOVER = False  # a number in the list is nobody in particular
EITHER: tuple[tuple[str, ...], ...] = ()
COSTS = Costs(per_lead=4, page=1000, fill_messages=1000)
REFUSALS: Mapping[str, str] = {
    "20003": "the account SID, its token or the API key is wrong, or the account is suspended",
    "20404": "the account SID is unknown",
}
STATUSES = Statuses(refused=frozenset({404}))  # all that is asked for is the account's own list


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.sms]`` must hold beside the keys that all providers share.

    The credential is the account's token, or an API key with its secret.
    """

    account_sid: str
    auth_token: Credential | None = None
    api_key_sid: str | None = None
    api_key_secret: Credential | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be asked with."""
        _check_sid("account_sid", self.account_sid, "AC")
        if self.api_key_sid is not None:
            _check_sid("api_key_sid", self.api_key_sid, "SK")
        hint = 'write auth_token = { env = "NAME" }, or api_key_sid and api_key_secret'
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            missing = "api_key_sid" if self.api_key_sid is None else "api_key_secret"
            raise UnusableSetting(missing, "is missing", hint)
        if (self.auth_token is None) == (self.api_key_secret is None):
            problem = (
                "is missing" if self.auth_token is None else "cannot be combined with an API key"
            )
            raise UnusableSetting("auth_token", problem, hint)


def _check_sid(key: str, value: str, begins: str) -> None:
    if not re.fullmatch(f"{begins}[0-9a-fA-F]{{32}}", value):
        hint = f"write {begins} and the 32 digits that follow it in Twilio's console"
        raise UnusableSetting(key, "is not a valid id", hint)


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries."""
    if options.api_key_sid is None:
        pair = f"{options.account_sid}:{secrets['auth_token']}"
    else:
        pair = f"{options.api_key_sid}:{secrets['api_key_secret']}"
    return Auth(
        {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        | {"Accept": "application/json"}
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one account."""

    messages: Messages

    async def check(self, api: Api) -> None:
        """Look at one message of the account; see ``Provider.check``."""
        await self.messages.page(api, {"PageSize": 1})

    async def identity(self, api: Api) -> str | None:
        """None: the account stands in every address; see ``Provider.identity``."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """None: Twilio counts no messages; see ``Provider.total``."""
        return None

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's SMS, page by page of its lists; see ``Provider.pages``."""
        return pages(api, self.messages, lead, cursor)

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The account's list from the day before the watermark; see ``Provider.changes``."""
        return changes(api, self.messages, watermark, cursor, now)


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``."""
    options: Settings = account.options
    return Reader(Messages(account.base_url, options.account_sid))
