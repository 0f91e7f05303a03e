"""Twilio: SMS and MMS of one account (or subaccount).

One list holds every message of the account, newest first as far as anybody has seen, which Twilio
does not promise. It is filtered by sender or by recipient, to the letter, and by the day of
sending. So a lead's part of it is four lists, two for each way in which RCS and SMS write its
number, and the change feed is the list from the day before the newest message that is known.
WhatsApp stands in the same list and is no SMS. What was never sent has no date of sending, by
which no filter finds it: it is left out until it is sent.
"""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from convsync_cli.sync import addresses, instant
from convsync_cli.sync.api import Api, Auth, Get, Statuses, UnusableSetting
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.credential import Credential
from convsync_cli.sync.model.feed import Covers, FeedPage, News
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Channel, Message, Page
from convsync_cli.sync.providers.twilio.rows import (
    RCS,
    involves,
    is_sms,
    message,
    sent_at,
    theirs,
)
from convsync_cli.sync.shape import Json, mapping, rows, text

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

_LIST = "Accounts/{sid}/Messages"
_LARGEST_PAGE = 1000
_PAGE_OF_NEWS = 500
_OVERLAP = timedelta(days=1)  # bounds are days, and statuses change for some time
_WHOLE_EVERY = timedelta(hours=1)  # between are short looks, down to what is known
_SHORT_OVERLAP = timedelta(minutes=10)

Query = Mapping[str, str | int]


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


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a walk through the account's list goes on.

    ``since`` is the first day that was asked for, None for everything; ``newest`` the greatest time
    of sending so far, the next watermark. ``whole`` is when a walk last read to its bound; a short
    one ends where it meets what is older than ``known``. That the list is newest first is observed
    and not promised, so that no walk is short for long.
    """

    since: str | None
    newest: str | None
    page: Query
    covers: Covers
    whole: str
    known: str | None = None

    @classmethod
    def begin(cls, watermark: str | None, now: datetime) -> "_Walk":
        mark = json.loads(watermark) if watermark else {}
        newest, whole = mark.get("sent"), mark.get("whole")
        if newest is None:
            covers = Covers.NOBODY if watermark else Covers.EVERYBODY
            return cls(None, None, {"PageSize": _LARGEST_PAGE}, covers, instant.to_text(now))
        sent = instant.from_text(newest)
        since = f"{sent - _OVERLAP:%Y-%m-%d}"
        # The key is "DateSent>": written out, this is DateSent>=2026-01-01.
        page: Query = {"DateSent>": since, "PageSize": _LARGEST_PAGE}
        if whole and timedelta() <= now - instant.from_text(whole) < _WHOLE_EVERY:
            known = instant.to_text(sent - _SHORT_OVERLAP)
            return cls(since, newest, page, Covers.NOBODY, whole, known)
        return cls(since, newest, page, Covers.NOBODY, instant.to_text(now))

    @classmethod
    def read(cls, cursor: str) -> "_Walk":
        since, newest, page, covers, whole, known = json.loads(cursor)
        return cls(since, newest, page, Covers(covers), whole, known)

    def write(self) -> str:
        told = (self.since, self.newest, self.page, self.covers, self.whole, self.known)
        return json.dumps(told)

    def watermark(self) -> str:
        return json.dumps({"sent": self.newest, "whole": self.whole})

    def seen(self, found: list[object], now: datetime) -> "_Walk":
        """The walk with what a page says of time; a date in the future proves nothing."""
        sent = [each for each in map(sent_at, found) if each is not None and each <= now]
        marks = [self.newest] if self.newest else []
        return replace(self, newest=max([*marks, *map(instant.to_text, sent)], default=None))

    def is_over(self, found: list[object], now: datetime) -> bool:
        """Whether what follows is known, or older than the first day, which a server may ignore."""
        sent = [each for each in map(sent_at, found) if each is not None and each <= now]
        if not sent or self.since is None:
            return False
        known = self.known is not None and min(sent) < instant.from_text(self.known)
        return known or f"{max(sent):%Y-%m-%d}" < self.since


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one account."""

    origin: str
    account: str

    async def check(self, api: Api) -> None:
        """Look at one message of the account; see ``Provider.check``."""
        await self._list(api, {"PageSize": 1})

    async def identity(self, api: Api) -> str | None:
        """None: the account stands in every address; see ``Provider.identity``."""
        return None

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """None: Twilio counts no messages; see ``Provider.total``."""
        return None

    async def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's SMS, page by page of its lists; see ``Provider.pages``."""
        place = _Place.read(cursor) if cursor else _Place(tuple(_lists(lead)))
        known, circle = cursor is not None, Circle(_LIST)
        while place.lists:
            lists = place.lists
            page, place = await self._page(api, lead, place, circle)
            circle = circle if place.lists == lists else Circle(_LIST)
            known = known or bool(page.messages or page.left_out)
            if known:
                yield page

    async def _page(
        self, api: Api, lead: Lead, place: _Place, circle: Circle
    ) -> tuple[Page, _Place]:
        found, following = await self._list(api, place.page or place.lists[0])
        if following is not None:
            circle.watch(map(_sid, found))
        if found and not any(involves(row, lead) for row in found):
            raise Rejected(f"{_LIST} ignored the number that was asked for")
        phones = set(lead.values(AddressKind.PHONE))
        own = [row for row in found if isinstance(row, Mapping) and phones & set(theirs(row))]
        messages = _messages(lead, own)
        behind = replace(place, page=following) if following else _Place(place.lists[1:])
        return Page(messages, behind.write(), left_out=len(found) - len(messages)), behind

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The account's list from the day before the watermark; see ``Provider.changes``."""
        walk: _Walk | None = _Walk.read(cursor) if cursor else _Walk.begin(watermark, now)
        circle = Circle(_LIST)
        while walk is not None:
            found, following = await self._list(api, walk.page)
            if following is not None:
                circle.watch(map(_sid, found))
            again, walk = walk.write(), walk.seen(found, now)
            following = None if walk.is_over(found, now) else following
            behind = replace(walk, page=following) if following else None
            *parts, last = _parts(found)
            for each in parts:  # a later process reads this page again
                yield replace(_news(each), cursor=again, covers=walk.covers)
            page = replace(_news(last), covers=walk.covers)
            if behind is None:
                yield replace(page, watermark=walk.watermark())
            else:
                yield replace(page, cursor=behind.write())
            walk = behind

    async def _list(self, api: Api, query: Query) -> tuple[list[object], Query | None]:
        """The rows of a page, and the query for the next one."""
        answer = mapping(await api.ask(Get(_LIST, self._path, query)), _LIST)
        found = rows(answer.get("messages"), _LIST)
        if "next_page_uri" not in answer:
            raise Rejected(f"{_LIST} does not say whether there is more")
        own = [row for row in found if self._is_ours(row)]
        if found and not own:
            raise Rejected(f"{_LIST} answered for another account")
        return own, self._next(answer)

    def _is_ours(self, row: object) -> bool:
        account = text(row.get("account_sid")) if isinstance(row, Mapping) else None
        return account is None or account.lower() == self.account.lower()

    @property
    def _path(self) -> str:
        return f"/2010-04-01/Accounts/{self.account}/Messages.json"

    def _next(self, answer: Json) -> Query | None:
        """The address of the next page as a query; the credential follows it nowhere else."""
        address = text(answer.get("next_page_uri"))
        if address is None:
            return None
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        if origin not in ("://", self.origin) or parts.path != self._path:
            raise Rejected(f"{_LIST} points to another place for its next page")
        return dict(parse_qsl(parts.query, keep_blank_values=True))


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``."""
    options: Settings = account.options
    return Reader(account.base_url, options.account_sid)


def _sid(row: object) -> str | None:
    return text(row.get("sid")) if isinstance(row, Mapping) else None


def _lists(lead: Lead) -> Iterator[Query]:
    for phone in lead.values(AddressKind.PHONE):
        for number in (phone, f"{RCS}{phone}"):
            yield {"To": number, "PageSize": _LARGEST_PAGE}
            yield {"From": number, "PageSize": _LARGEST_PAGE}


def _parts(found: list[object]) -> list[list[object]]:
    """The rows in parts that are stored one by one; one empty part where there are none."""
    starts = range(0, max(1, len(found)), _PAGE_OF_NEWS)
    return [found[start : start + _PAGE_OF_NEWS] for start in starts]


def _news(found: list[object]) -> FeedPage:
    """Some rows, by the people they may be about; who is a lead is not Twilio's to say."""
    about: dict[str, list[Json]] = {}
    left_out = 0
    for row in found:
        numbers = theirs(row) if isinstance(row, Mapping) and is_sms(row) else ()
        left_out += not numbers
        for number in numbers:
            about.setdefault(number, []).append(row)  # type: ignore[arg-type]  # has numbers
    news = tuple(
        News(
            Contact(addresses=(addresses.phone(number, None),)), read=partial(_messages, told=told)
        )
        for number, told in about.items()
    )
    return FeedPage(news, left_out=left_out)


def _messages(lead: Lead, told: Iterable[Json]) -> tuple[Message, ...]:
    found = (message(row, lead) for row in told)
    return tuple(each for each in found if each is not None)
