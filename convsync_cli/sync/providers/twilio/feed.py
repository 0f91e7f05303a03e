"""What changed in the account: its list from the day before the newest message that is known.

Once an hour it is read to that bound; looks between are short, down to what is known.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from convsync_cli.sync import instant
from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.model.feed import Covers, FeedPage
from convsync_cli.sync.providers.twilio.news import of_messages
from convsync_cli.sync.providers.twilio.requests import LARGEST_PAGE, LIST, Messages, Query
from convsync_cli.sync.providers.twilio.rows import sent_at, sid

_PAGE_OF_NEWS = 500
_OVERLAP = timedelta(days=1)  # bounds are days, and statuses change for some time
_WHOLE_EVERY = timedelta(hours=1)  # between are short looks, down to what is known
_SHORT_OVERLAP = timedelta(minutes=10)


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
            return cls(None, None, {"PageSize": LARGEST_PAGE}, covers, instant.to_text(now))
        sent = instant.from_text(newest)
        since = f"{sent - _OVERLAP:%Y-%m-%d}"
        # The key is "DateSent>": written out, this is DateSent>=2026-01-01.
        page: Query = {"DateSent>": since, "PageSize": LARGEST_PAGE}
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


async def changes(
    api: Api, account: Messages, watermark: str | None, cursor: str | None, now: datetime
) -> AsyncIterator[FeedPage]:
    """What changed in the account; see ``Provider.changes``."""
    walk: _Walk | None = _Walk.read(cursor) if cursor else _Walk.begin(watermark, now)
    circle = Circle(LIST)
    while walk is not None:
        found, following = await account.page(api, walk.page)
        again, walk = walk.write(), walk.seen(found, now)
        following = None if walk.is_over(found, now) else following
        if following is not None:
            circle.watch(map(sid, found))
        behind = replace(walk, page=following) if following else None
        *parts, last = _parts(found)
        for each in parts:  # a later process reads this page again
            yield replace(of_messages(each), cursor=again, covers=walk.covers)
        page = replace(of_messages(last), covers=walk.covers)
        if behind is None:
            yield replace(page, watermark=walk.watermark())
        else:
            yield replace(page, cursor=behind.write())
        walk = behind


def _parts(found: list[object]) -> list[list[object]]:
    """The rows in parts that are stored one by one; one empty part where there are none."""
    starts = range(0, max(1, len(found)), _PAGE_OF_NEWS)
    return [found[start : start + _PAGE_OF_NEWS] for start in starts]
