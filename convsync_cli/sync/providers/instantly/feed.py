"""The workspace's mail since a watermark: oldest first, by the time at which Instantly stored it.

One list without a filter holds everything, so nothing changed is one request. What is stored of a
walk are times, never Instantly's own cursors: a walk goes on at the greatest time that it has read,
equal ones again. That the server heeds the bound is documented and seen by nobody, so every page is
looked at: where it does not, the list is read newest first, back to the bound. Nor is it said
whether the bound itself is within: what must be is asked for from a millisecond before.

A planned mail may become a sent one without being stored anew, behind the watermark. So while some
are planned, mail by hand is read once an hour from the oldest of them on.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circles
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.feed import Covers, FeedPage
from convsync_cli.sync.providers.instantly.news import of_mail
from convsync_cli.sync.providers.instantly.requests import LARGEST_PAGE, LIST, Query, mail, watch
from convsync_cli.sync.providers.instantly.rows import created, is_planned
from convsync_cli.sync.shape import objects

OVERLAP = timedelta(minutes=10)
LOOK_AGAIN = timedelta(hours=1)
PLANNED_FOR = timedelta(days=30)  # who plans a mail further ahead finds it by a sync of the lead
MOST_PLANNED = 50


@dataclass(frozen=True, slots=True)
class _Mark:
    """A watermark: the greatest time stored, the times of planned mail, when that was looked at."""

    stored: str | None = None
    planned: tuple[str, ...] = ()
    looked: str | None = None

    @classmethod
    def read(cls, written: str | None) -> "_Mark":
        """Read what ``write`` wrote; the mark of nothing where there is none."""
        if written is None:
            return cls()
        told = json.loads(written)
        return cls(told["stored"], tuple(told["planned"]), told["looked"])

    def write(self) -> str:
        """The watermark as text."""
        return json.dumps(
            {"stored": self.stored, "planned": list(self.planned), "looked": self.looked}
        )

    def look_due(self, now: datetime) -> bool:
        """Whether it is time to see what became of planned mail."""
        return bool(self.planned) and (
            self.looked is None or not timedelta() <= now - from_text(self.looked) < LOOK_AGAIN
        )

    def seen(self, found: list[object], now: datetime, *, moves: bool) -> "_Mark":
        """The mark behind a page, which ``moves`` it; a time in the future proves nothing."""
        told = [to_text(at) for row in found if (at := created(row)) and moves and at <= now]
        marks = [*told, *([self.stored] if self.stored else [])]
        planned = {to_text(at) for row in objects(found) if is_planned(row)
                   and (at := created(row))}  # fmt: skip
        kept = sorted(at for at in {*self.planned, *planned} if at > to_text(now - PLANNED_FOR))
        return replace(self, stored=max(marks, default=None), planned=tuple(kept[:MOST_PLANNED]))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a walk goes on.

    ``since`` is the bound that is asked for, None for the beginning; ``reached`` the time up to
    which all of it was read, as long as pages come ``in_order``. ``by_hand``: so far only what was
    planned is looked after. ``backwards``: the server ignores the bound. ``after`` is Instantly's
    own cursor, which is written down only where times do not do.
    """

    mark: _Mark
    since: str | None
    covers: Covers = Covers.NOBODY
    by_hand: bool = False
    backwards: bool = False
    after: str | None = None
    reached: str | None = None
    in_order: bool = True

    @classmethod
    def begin(cls, watermark: str | None, now: datetime) -> "_Walk":
        """A new walk, from a watermark or from the beginning of all."""
        mark = _Mark.read(watermark)
        if watermark is None:
            return cls(_Mark(looked=to_text(now)), None, Covers.EVERYBODY)
        if mark.look_due(now):
            since = _just_before(mark.planned[0])
            return cls(replace(mark, looked=to_text(now)), since, by_hand=True)
        return cls(mark, _bound(mark))

    @classmethod
    def read(cls, cursor: str) -> "_Walk":
        """Go on where ``write`` said."""
        mark, since, covers, by_hand, backwards, after = json.loads(cursor)
        return cls(_Mark.read(mark), since, Covers(covers), by_hand, backwards, after)

    def write(self) -> str:
        """Where to go on, for a later process."""
        since = _just_before(self.reached) if self.reached and not self.backwards else self.since
        told = (self.mark.write(), since, self.covers, self.by_hand, self.backwards)
        return json.dumps([*told, self.after if self.backwards else None])

    def query(self) -> Query:
        """What to ask for its next page."""
        asked: dict[str, str | int] = {"limit": LARGEST_PAGE, "mode": "emode_all"}
        asked["sort_order"] = "desc" if self.backwards else "asc"
        if self.by_hand:
            asked["email_type"] = "manual"
        if self.since and not self.backwards:
            asked["min_timestamp_created"] = self.since
        if self.after:
            asked["starting_after"] = self.after
        return asked

    def is_ignored(self, found: list[object]) -> bool:
        """Whether a page shows that the server does not heed the bound."""
        return not self.backwards and any(at < (self.since or "") for at in _times(found))

    def turned(self) -> "_Walk":
        """The same walk on a server that does not heed the bound: back to it, newest first."""
        return replace(self, backwards=True, after=None)

    def behind(self, found: list[object], after: str | None, now: datetime) -> "_Walk":
        """The walk behind a page."""
        mark = self.mark.seen(found, now, moves=not self.by_hand)
        times = _times(found)
        read = [*([self.reached] if self.reached else []), *times]
        in_order = self.in_order and read == sorted(read)
        reached = max(read, default=None) if in_order else None
        return replace(self, mark=mark, after=after, reached=reached, in_order=in_order)

    def is_known(self, found: list[object]) -> bool:
        """Whether a walk backwards has come to what was read before."""
        times = _times(found)
        falling = bool(times) and times == sorted(times, reverse=True)
        return self.backwards and falling and times[-1] < (self.since or "")

    def next_list(self) -> "_Walk | None":
        """What is left to read once a list has come to its end."""
        return _Walk(self.mark, _bound(self.mark)) if self.by_hand else None


async def changes(
    api: Api, watermark: str | None, cursor: str | None, now: datetime
) -> AsyncIterator[FeedPage]:
    """The workspace's mail from the watermark on; see ``Provider.changes``."""
    walk = _Walk.read(cursor) if cursor else _Walk.begin(watermark, now)
    circles = Circles()
    while True:
        found, after = await mail(api, walk.query())
        if walk.is_ignored(found):
            walk = walk.turned()
            continue
        watch(circles.of(LIST, walk.by_hand, walk.backwards), found)
        after = None if walk.is_known(found) else after
        walk = walk.behind(found, after, now)
        following = walk if after else walk.next_list()
        page = replace(of_mail(found), covers=walk.covers)
        if following is None:
            yield replace(page, watermark=walk.mark.write())
            return
        yield replace(page, cursor=following.write())
        walk = following


def _just_before(moment: str) -> str:
    return to_text(from_text(moment) - timedelta(milliseconds=1))


def _bound(mark: _Mark) -> str | None:
    return to_text(from_text(mark.stored) - OVERLAP) if mark.stored else None


def _times(found: list[object]) -> list[str]:
    return [to_text(at) for row in found if (at := created(row)) is not None]
