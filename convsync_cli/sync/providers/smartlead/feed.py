"""What changed in the account: the inbox each time, the campaigns' sends at most once an hour.

The inbox tells every conversation by its last reply, with its thread; what only we wrote does not
move it. So the campaigns' lists are asked to whom something was sent, and the threads of those
leads are read by the hundred: each hour those of active campaigns, once a day all. The first walk
reads the campaigns' lists only, whole: there is no mail outside of them.

Lists move while they are read. The inbox is not paged by offset but down its times, because a
conversation that gets a reply leaves the range that is read, and everything behind it moves up. The
lists of leads have no such order: each page begins with the last leads of the page before, and
where none of them is there the list is read again.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from convsync_cli.sync import instant
from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.errors import Unavailable, Unknown
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.feed import Covers, FeedPage
from convsync_cli.sync.providers.smartlead import requests
from convsync_cli.sync.providers.smartlead.news import of_inbox, of_leads
from convsync_cli.sync.providers.smartlead.requests import Listed
from convsync_cli.sync.providers.smartlead.rows import listed_id
from convsync_cli.sync.shape import Json, text

OVERLAP = timedelta(minutes=30)  # replies that came in late, and clocks that disagree
SENDS_EVERY = timedelta(hours=1)
SWEEP_EVERY = timedelta(days=1)

# Up to when the inbox is asked for: a reply whose date is ahead of our clock is shown all the same,
# and so are those that its lead writes later.
_AHEAD = timedelta(days=36_500)
_SECOND = timedelta(seconds=1)  # to which the inbox may compare
_TAIL = 5  # rows that two pages share
_MOST_RESTARTS = 3
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to when the inbox, the sends of active campaigns and those of all have been read."""

    inbox: datetime
    sends: datetime
    sweep: datetime
    active: tuple[str, ...] = ()  # campaigns that were active then

    @classmethod
    def read(cls, watermark: str) -> "_Mark":
        inbox, sends, sweep, active = json.loads(watermark)
        return cls(from_text(inbox), from_text(sends), from_text(sweep), tuple(active))

    def write(self) -> str:
        return json.dumps([*map(to_text, (self.inbox, self.sends, self.sweep)), self.active])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: down the inbox from ``upper``, else in the first campaign ``left``.

    ``watermark`` is that from which the walk began; it has its own of campaigns that are active.
    ``left`` is None until they are looked up; each has the moment since which it is read, or None.
    ``tail`` are the last leads of the page before.
    """

    watermark: str | None
    upper: str | None = None
    left: tuple[tuple[str, str | None], ...] | None = None
    active: tuple[str, ...] = ()
    swept: bool = False
    offset: int = 0
    tail: tuple[str, ...] = ()
    restarts: int = 0

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        told = json.loads(cursor)
        left = told["left"]
        told["left"] = None if left is None else tuple((id, since) for id, since in left)
        return cls(**told | {name: tuple(told[name]) for name in ("active", "tail")})

    def write(self) -> str:
        return json.dumps(asdict(self))

    @property
    def mark(self) -> _Mark | None:
        return None if self.watermark is None else _Mark.read(self.watermark)

    def next_campaign(self) -> "_Place":
        return replace(self, left=(self.left or ())[1:], offset=0, tail=(), restarts=0)


async def changes(
    api: Api, watermark: str | None, cursor: str | None, now: datetime
) -> AsyncIterator[FeedPage]:
    """The feed page by page; see ``Provider.changes``."""
    if cursor is not None:
        place: _Place | None = _Place.read(cursor)
    else:
        place = _Place(watermark, None if watermark is None else to_text(now + _AHEAD))
    circles = Circles()
    while place is not None:
        walk = _Walk(api, place, now, circles)
        page, place = await (walk.inbox() if place.upper is not None else walk.campaigns())
        covers = Covers.EVERYBODY if walk.mark is None else Covers.NOBODY
        yield replace(page, covers=covers, cursor=place.write() if place else None)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One step of a walk that began at ``now``: a page, and the place behind it."""

    api: Api
    place: _Place
    now: datetime
    circles: Circles

    @property
    def mark(self) -> _Mark | None:
        return self.place.mark

    async def inbox(self) -> tuple[FeedPage, _Place | None]:
        """The next conversations that got a reply."""
        place, mark = self.place, self.mark
        assert mark is not None
        assert place.upper is not None
        upper = from_text(place.upper)
        since = mark.inbox - OVERLAP
        found = await requests.inbox(self.api, since, upper, place.offset)
        news, left_out = await of_inbox(self.api, found.rows)
        page = FeedPage(tuple(news), left_out=left_out + found.left_out)
        if not found.last and not _passes(found, since):
            self.circles.of("master-inbox/inbox-replies").watch(map(_inbox_key, found.rows))
            return page, _down(place, upper, found)
        return self._ended(page, replace(place, upper=None, offset=0))

    async def campaigns(self) -> tuple[FeedPage, _Place | None]:
        """The next leads of a campaign to whom something was sent."""
        place = self.place if self.place.left is not None else await self._looked_up()
        if not place.left:
            return self._ended(FeedPage(), place)
        (campaign, since), *_ = place.left
        moment = None if since is None else from_text(since)
        try:
            found = await requests.campaign_leads(self.api, campaign, moment, place.offset)
        except Unknown as error:
            await requests.must_be_gone(self.api, campaign, error)
            return self._ended(FeedPage(), place.next_campaign())
        ids = [listed_id(row) for row in found.rows]
        if place.tail and not set(place.tail) & set(ids):
            return FeedPage(), _again(place)
        if not found.last:
            self.circles.of("campaigns/{id}/leads", campaign, place.restarts).watch(ids)
        fresh = [row for row in found.rows if listed_id(row) not in place.tail]
        news, left_out = await of_leads(self.api, campaign, fresh)
        page = FeedPage(tuple(news), left_out=left_out + found.left_out)
        tail = tuple(id for id in ids if id is not None)[-_TAIL:]
        if found.last or not fresh:
            return self._ended(page, place.next_campaign())
        return page, replace(place, offset=place.offset + found.moved - len(tail), tail=tail)

    async def _looked_up(self) -> _Place:
        """The campaigns that are due: active ones, those that were at the last look, or all."""
        every = await requests.campaigns(self.api)
        active = tuple(id for id, status in every if status == _ACTIVE)
        mark, swept = self.mark, self._due("sweep", SWEEP_EVERY)
        if mark is None:
            left = tuple((id, None) for id, _ in every)
            return replace(self.place, left=left, active=active, swept=True)
        since = to_text((mark.sweep if swept else mark.sends) - OVERLAP)
        due = {id for id, _ in every} if swept else {*active, *mark.active}
        chosen = tuple((id, since) for id, _ in every if id in due)
        return replace(self.place, left=chosen, active=active, swept=swept)

    def _due(self, what: str, every: timedelta) -> bool:
        """Whether a slower feed is to be read; a mark from the future is not believed."""
        mark = self.mark
        return mark is None or not timedelta() <= self.now - getattr(mark, what) < every

    def _ended(self, page: FeedPage, place: _Place) -> tuple[FeedPage, _Place | None]:
        """What follows a part of the walk: campaigns that are left or due, or the end."""
        if place.left or (place.left is None and self._due("sends", SENDS_EVERY)):
            return page, place
        mark = self.mark
        if place.left is None and mark is not None:
            new = replace(mark, inbox=self.now)
        else:
            sweep = self.now if place.swept or mark is None else mark.sweep
            new = _Mark(self.now, self.now, sweep, place.active)
        return replace(page, watermark=new.write()), None


def _inbox_key(row: Json) -> str:
    told = (row.get(name) for name in ("email_lead_map_id", "email_lead_id", "last_reply_time"))
    return " ".join(text(each) or "" for each in told).strip()


def _passes(found: Listed, since: datetime) -> bool:
    """Whether a page of the inbox ends before the bound that was asked for: it is ignored."""
    times = [instant.parse(text(row.get("last_reply_time"))) for row in found.rows]
    told = [moment for moment in times if moment is not None]
    return bool(told) and told[-1] < since - _SECOND


def _down(place: _Place, upper: datetime, found: Listed) -> _Place:
    """The place behind a page of the inbox: from the second of its last row on.

    Where that would tell most of the page once more, or the page has no times or no order, there
    is only the offset, less a few rows in case some leave the range.
    """
    times = [instant.parse(text(row.get("last_reply_time"))) for row in found.rows]
    told = [moment for moment in times if moment is not None]
    ordered = len(told) == len(times) and all(one >= other for one, other in pairwise(told))
    if ordered and told:
        lower = told[-1].replace(microsecond=0) + _SECOND
        if lower < upper and sum(moment <= lower for moment in told) <= _TAIL:
            return replace(place, upper=to_text(lower), offset=0)
    return replace(place, offset=place.offset + max(1, found.moved - _TAIL))


def _again(place: _Place) -> _Place:
    """The beginning of a campaign whose list has moved so far that its pages do not meet."""
    if place.restarts >= _MOST_RESTARTS:
        raise Unavailable("campaigns/{id}/leads changes faster than it can be read")
    return replace(place, offset=0, tail=(), restarts=place.restarts + 1)
