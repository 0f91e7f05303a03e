"""What changed in a workspace: its replies by id, and once an hour its campaign mails by day.

Reply ids rise as mails are taken in, so that the greatest one is the mark; dates do not, since mail
is taken in late. Campaign mails are numbered when they are planned: those sent since the day before
the last look are read again, once a day those of some days more.

The first walk reads the campaign mails first: they tell the addresses of their leads, by which the
mails that were written by hand are recognised among the replies.

A workspace whose mailboxes are warmed up can hold millions of replies that are no lead's. There the
replies of each campaign are looked at instead, and whoever answered is read by a job of its own.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta

from convsync_cli.sync import instant
from convsync_cli.sync.api import Api
from convsync_cli.sync.model.feed import Covers, FeedPage, News
from convsync_cli.sync.providers.emailbison.news import of_replies, of_sends
from convsync_cli.sync.providers.emailbison.requests import (
    CAMPAIGNS,
    FIRST_PAGE,
    REPLIES,
    ask,
    number,
    replies_to,
    sends,
    walk,
)
from convsync_cli.sync.shape import Json, part, text

NOISY = 30_000  # replies: at the default rate it takes over six minutes to read them all
SENDS_EVERY = timedelta(minutes=55)
OVERLAP = timedelta(days=1)  # the day of a campaign mail is that of its campaign's own zone
RECONCILED = timedelta(days=3)

_SILENT = frozenset({"draft", "archived"})


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to where a workspace is known.

    ``reply`` is the greatest id read, or with ``campaigns`` those of each campaign. ``sends_at`` is
    when campaign mails were read last, UTC text. ``edge`` are the ids that stood on the newest page
    of replies: mails that are taken in side by side may appear out of turn.
    """

    reply: int
    sends_at: str
    campaigns: Mapping[str, int] | None = None
    edge: Sequence[int] = ()

    def lacks(self, ids: list[int]) -> bool:
        """Whether a page has a reply that was not there before."""
        known, least = frozenset(self.edge), min(self.edge, default=self.reply)
        return any(id > self.reply or (id > least and id not in known) for id in ids)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: in which list, on which page, and what it has found out so far."""

    phase: str
    first: bool
    paging: Mapping[str, str] = field(default_factory=lambda: FIRST_PAGE)
    newest: int | None = None
    campaigns: Mapping[str, int] | None = None
    edge: Sequence[int] = ()


Told = tuple[tuple[News, ...], _Place]


async def changes(
    api: Api, watermark: str | None, cursor: str | None, now: datetime
) -> AsyncIterator[FeedPage]:
    """What changed in the workspace; see ``Provider.changes``."""
    mark = _Mark(**json.loads(watermark)) if watermark else None
    place = _Place(**json.loads(cursor)) if cursor else await _begin(api, mark)
    feed = _Walk(api, mark, now)
    phases = {"replies": feed.replies, "campaigns": feed.campaigns, "sends": feed.sends}
    while place.phase != "end":
        async for news, behind in phases[place.phase](place):
            place = behind
            yield feed.page(news, place)


async def _begin(api: Api, mark: _Mark | None) -> _Place:
    """Everything, or what is newer than the mark; of a noisy workspace campaign by campaign."""
    if mark is not None:
        noisy = mark.campaigns is not None
        return _Place("campaigns" if noisy else "replies", False, campaigns={} if noisy else None)
    answer = await ask(api, REPLIES)
    noisy = (number(part(answer, "meta").get("total")) or 0) > NOISY
    return _Place("campaigns" if noisy else "sends", True, campaigns={} if noisy else None)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk through the workspace's lists."""

    api: Api
    mark: _Mark | None
    now: datetime

    def page(self, news: tuple[News, ...], place: _Place) -> FeedPage:
        """A page of the feed, with the watermark where it is the last one."""
        ended = place.phase == "end"
        # Of a noisy workspace the first walk only learns where to begin.
        fills = place.first and place.campaigns is None
        return FeedPage(
            news,
            cursor=None if ended else json.dumps(asdict(place)),
            watermark=json.dumps(asdict(self._mark(place))) if ended else None,
            covers=Covers.EVERYBODY if fills else Covers.NOBODY,
        )

    def _mark(self, place: _Place) -> _Mark:
        known = self.mark or _Mark(0, instant.to_text(self.now))
        return _Mark(
            max(known.reply, place.newest or 0),
            instant.to_text(self.now) if self._sends_due(place) else known.sends_at,
            place.campaigns,
            place.edge or known.edge,
        )

    async def replies(self, place: _Place) -> AsyncIterator[Told]:
        """Replies, newest first, down to the mark; the page on which it lies is read whole."""
        known = self.mark if self.mark and not place.first else _Mark(0, "")
        async for page, following in walk(self.api, REPLIES, place.paging):
            ids = _ids(page)
            if place.newest is None:
                place = replace(place, edge=ids)
            place = replace(place, newest=max(place.newest or 0, *ids, 0))
            if following is None or _reaches(ids, known.reply):
                told = page if place.first or known.lacks(ids) else ()
                yield of_replies(self.api, told), self._after_replies(place)
                return
            place = replace(place, paging=following)
            yield of_replies(self.api, page), place

    async def campaigns(self, place: _Place) -> AsyncIterator[Told]:
        """The replies to each campaign, down to its mark; the first walk only sets the marks."""
        done = dict(place.campaigns or {})
        known = (self.mark.campaigns if self.mark else None) or {}
        async for listed, _ in walk(self.api, CAMPAIGNS, FIRST_PAGE):
            for id in (text(row.get("id")) or "" for row in listed if not _is_silent(row)):
                if id in done:
                    continue
                floor = None if place.first else known.get(id, 0)
                newest, news = await self._campaign(id, floor)
                done[id] = max(newest, known.get(id, 0))
                place = replace(place, campaigns={**done})
                yield news, place
        yield (), self._after_replies(place)

    async def _campaign(self, id: str, floor: int | None) -> tuple[int, tuple[News, ...]]:
        """The greatest reply id of a campaign, and the news above ``floor``; None asks for none."""
        newest, told = 0, []
        async for page, _ in walk(self.api, replies_to(id), FIRST_PAGE):
            ids = _ids(page)
            newest = max(newest, *ids, 0)
            if floor is None:
                break
            told += [row for row in page if (number(row.get("id")) or 0) > floor]
            if _reaches(ids, floor):
                break
        return newest, of_replies(self.api, told, unread=True)

    def _after_replies(self, place: _Place) -> _Place:
        due = not place.first and self._sends_due(place)
        return replace(place, phase="sends" if due else "end", paging=FIRST_PAGE)

    def _sends_due(self, place: _Place) -> bool:
        if self.mark is None or place.first:
            return place.campaigns is None
        last = instant.from_text(self.mark.sends_at)
        return not timedelta() <= self.now - last < SENDS_EVERY

    async def sends(self, place: _Place) -> AsyncIterator[Told]:
        """Campaign mails that were sent: all, or those since the day before the last look."""
        request = sends(self._since(place))
        behind = replace(place, phase="replies" if place.first else "end", paging=FIRST_PAGE)
        async for page, following in walk(self.api, request, place.paging):
            yield of_sends(page), replace(place, paging=following) if following else behind

    def _since(self, place: _Place) -> date | None:
        if self.mark is None or place.first:
            return None
        last = instant.from_text(self.mark.sends_at)
        back = OVERLAP if last.date() == self.now.date() else RECONCILED
        return (min(last, self.now) - back).date()


def _ids(page: list[Json]) -> list[int]:
    return [id for row in page if (id := number(row.get("id"))) is not None]


def _reaches(ids: list[int], mark: int) -> bool:
    """Whether a page ends with what is known; one that is not newest first proves nothing."""
    return bool(ids) and ids[-1] <= mark and ids == sorted(ids, reverse=True)


def _is_silent(campaign: Json) -> bool:
    return (text(campaign.get("status")) or "").lower() in _SILENT
