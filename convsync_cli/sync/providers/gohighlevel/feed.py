"""What changed in a location: conversations by the date of their newest message.

A conversation that changed is read back to what is known of it. The first walk takes the contact of
every conversation, then every contact (a lead may be known by an address that is not its main one),
then every message by the export. What moves no conversation is brought by the export too: once an
hour, while there is news, that of the last hours (a message that came late), and once a night that
of the last days (the status of a message).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from convsync_cli.sync import instant
from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.model.feed import Covers, FeedPage, News
from convsync_cli.sync.providers.gohighlevel.mark import EXPORT_LAG_MS, OVERLAP_MS, Mark, Place
from convsync_cli.sync.providers.gohighlevel.news import contacts, messages, of_conversations
from convsync_cli.sync.providers.gohighlevel.requests import LARGEST_PAGE, Location
from convsync_cli.sync.providers.gohighlevel.rows import date_of, sort_value
from convsync_cli.sync.shape import Json, ignored, mapping, rows, text

THREADS_A_PAGE = 25  # few, since the cursor behind them is stored once all are read

Told = tuple[tuple[News, ...], Place, int]  # news, the place behind them, rows left out


async def changes(
    api: Api, location: Location, watermark: str | None, cursor: str | None, now: datetime
) -> AsyncIterator[FeedPage]:
    """What changed in the location; see ``Provider.changes``."""
    mark = Mark.read(watermark).until(now) if watermark else None
    place = Place.read(cursor) if cursor else Place("changed" if mark else "conversations")
    walk = _Walk(api, location, mark, now, first=place.phase in _FIRST)
    while place.phase != "end":
        async for news, behind, left_out in walk.phase(place):
            place = behind
            yield walk.page(news, place, left_out)


_FIRST = ("conversations", "contacts", "messages")


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk through the feed, from phase to phase."""

    api: Api
    location: Location
    mark: Mark | None
    now: datetime
    first: bool

    def phase(self, place: Place) -> AsyncIterator[Told]:
        """What the phase that a place is in tells, up to the beginning of the next."""
        phases: Mapping[str, Callable[[Place], AsyncIterator[Told]]] = {
            "conversations": self._conversations,
            "contacts": self._contacts,
            "messages": self._messages,
            "changed": self._conversations,
            "export": self._export,
        }
        return phases[place.phase](place)

    def page(self, news: tuple[News, ...], place: Place, left_out: int) -> FeedPage:
        """A page of the feed, with the watermark where it is the last one."""
        ended = place.phase == "end"
        return FeedPage(
            news,
            cursor=None if ended else place.write(),
            watermark=self._mark(place).write() if ended else None,
            covers=Covers.EVERYBODY if self.first else Covers.NOBODY,
            left_out=left_out,
        )

    def _mark(self, place: Place) -> Mark:
        now = instant.to_text(self.now)
        if self.first or self.mark is None:
            return Mark(place.newest or 0, reconciled=now, settled=now, news=now)
        at = max(self.mark.at, place.newest or 0)
        news = now if place.news else self.mark.news
        return replace(self.mark, at=at, edge=place.edge, news=news).exported(self.now, place.since)

    async def _conversations(self, place: Place) -> AsyncIterator[Told]:
        """Conversations, newest first, down to those that are known."""
        floor = -1 if self.first or self.mark is None else self.mark.floor
        since = None if self.first else instant.from_milliseconds(floor)
        seen: set[str] = set()
        circle = Circle("conversations/search")
        while True:
            found, full, total = await self._search(place)
            fresh = [row for row in found if (text(row.get("id")) or "") not in seen]
            seen.update(text(row.get("id")) or "" for row in fresh)
            following = _following(found, place.after) if full or len(seen) < total else None
            if following is not None:
                circle.watch([following])  # not the rows: pages begin again with the last date
            recent = [row for row in fresh if date_of(row) > floor]
            changed = [row for row in recent if self._changed(row, place)]
            place = self._informed(place, found, changed)
            *chunks, last = self._chunks(changed)
            for chunk in chunks:
                place = replace(self._behind(place, chunk), after=_inclusive(chunk))
                yield of_conversations(chunk, since), place, 0
            place = replace(self._behind(place, recent), after=following)
            ended = following is None or _reaches(found, floor)
            yield of_conversations(last, since), self._next(place) if ended else place, 0
            if ended:
                return

    async def _search(self, place: Place) -> tuple[list[Json], bool, int]:
        """A page of the location's conversations, whether it is full, and how many there are.

        A server may give fewer a page than asked for: then only their number tells of more.
        """
        after = {"startAfterDate": str(place.after)} if place.after else {}
        request = self.location.search(limit=LARGEST_PAGE, **after)
        answer = mapping(await self.api.ask(request), request.label)
        found = rows(answer.get("conversations"), request.label)
        known = [row for row in found if isinstance(row, Mapping) and text(row.get("id"))]
        own = [row for row in known if text(row.get("locationId")) in (None, self.location.id)]
        if found and not own:
            raise ignored(request.label, "location")
        if own and not self.first and not any(map(date_of, own)):
            raise Rejected(f"{request.label} does not say when the last message came")
        total = text(answer.get("total")) or ""
        return own, len(found) >= LARGEST_PAGE, int(total) if total.isdecimal() else 0

    def _informed(self, place: Place, found: list[Json], changed: list[Json]) -> Place:
        """The place with what a page says of time; a date in the future proves nothing."""
        now = instant.to_milliseconds(self.now)
        dates = [date for date in map(date_of, found) if 0 < date <= now]
        newest = max(dates, default=None) if place.newest is None else place.newest
        return replace(place, newest=newest, news=place.news or bool(changed))

    def _chunks(self, changed: list[Json]) -> list[list[Json]]:
        """Conversations in parts; the first walk reads none of them, and needs no parts."""
        size = len(changed) if self.first else THREADS_A_PAGE
        starts = range(0, max(1, len(changed)), max(1, size))
        return [changed[start : start + size] for start in starts]

    def _changed(self, row: Json, place: Place) -> bool:
        """Whether a conversation has another date than when it was last dealt with."""
        id = text(row.get("id")) or ""
        known = place.edge.get(id) or (self.mark.edge.get(id) if self.mark else None)
        return self.first or date_of(row) != known

    def _behind(self, place: Place, done: list[Json]) -> Place:
        """The place once some conversations have been dealt with.

        Remembered are those of the overlap, and those of the date at which the walk goes on. The
        first walk remembers none: it begins the overlap anew.
        """
        if self.first:
            return place
        edge = {**place.edge, **{text(row.get("id")) or "": date_of(row) for row in done}}
        floor = (place.newest or 0) - OVERLAP_MS
        here = date_of(done[-1]) if done else None
        near = {id: date for id, date in edge.items() if date > floor or date == here}
        return replace(place, edge=near)

    def _next(self, place: Place) -> Place:
        if self.first:
            return place.at("contacts")
        since = self.mark.export_due(self.now, news=place.news) if self.mark else None
        if since is None:
            return place.at("end")
        return replace(place.at("export"), since=instant.to_text(since))

    async def _contacts(self, place: Place) -> AsyncIterator[Told]:
        async for news, after in contacts(self.api, self.location, place.after):
            behind = replace(place, after=after) if after else place.at("messages")
            yield news, behind, 0

    async def _messages(self, place: Place) -> AsyncIterator[Told]:
        """Every message, oldest first, so that the date of the last one is where to go on.

        What the export does not have yet is left to the next walk, which reads the conversations
        that are newer than it reached.
        """
        async for news, left_out, last, more in messages(
            self.api, self.location, self.now, sortBy="createdAt", **_since(place.after)
        ):
            place = replace(place, after=last or place.after)
            yield news, place if more else self._exported(place), left_out

    def _exported(self, place: Place) -> Place:
        """The end of the first walk: the export has all from before its lag.

        One that has less than the conversations promised trails by more than now tells.
        """
        reached, now = instant.parse(place.after), instant.to_milliseconds(self.now)
        last = instant.to_milliseconds(reached) if reached else now
        trails = place.newest is not None and last < place.newest
        at = (last if trails else now) - EXPORT_LAG_MS
        return replace(place.at("end"), newest=min(at, place.newest or at))

    async def _export(self, place: Place) -> AsyncIterator[Told]:
        """The messages of late; a walk that is interrupted here begins them anew."""
        async for news, left_out, _, more in messages(
            self.api, self.location, self.now, sortBy="updatedAt", **_since(place.since)
        ):
            yield news, place if more else place.at("end"), left_out


def _since(after: object) -> dict[str, str]:
    return {"startDate": str(after)} if after else {}


def _inclusive(page: list[Json]) -> str | None:
    """The cursor of a page that begins with the last conversation, and those of the same date."""
    last = _last(page)
    return str(int(last) + 1) if last is not None and last.isdecimal() else None


def _last(page: list[Json]) -> str | None:
    """The value by which the last conversation was sorted; some may have none."""
    return next((value for row in reversed(page) if (value := sort_value(row))), None)


def _following(page: list[Json], asked: object) -> str | None:
    """The cursor of the next page; None where there is none.

    The server goes on with what is older than a date, and several conversations can have the last
    one: so that of the page is asked for again, unless nothing else stands on it.
    """
    inclusive = _inclusive(page)
    return _last(page) if inclusive is None or inclusive == asked else inclusive


def _reaches(page: list[Json], floor: int) -> bool:
    """Whether a page ends with what is known: by its last row, since one may be out of turn."""
    dates = [date for date in map(date_of, page) if date]
    return bool(dates) and dates[-1] <= floor
