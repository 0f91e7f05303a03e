"""What changed in a GoHighLevel location: what its rows prove, and when the export is read too."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from convsync_cli.sync import instant
from convsync_cli.sync.api import Get, Post
from convsync_cli.sync.errors import CursorLoop, Rejected
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.providers.gohighlevel import Reader
from convsync_cli.sync.providers.gohighlevel.mark import OVERLAP_MS, RECENT, Mark
from convsync_cli.sync.providers.gohighlevel.requests import Location
from tests.sync.providers import script
from tests.sync.providers.script import Script

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
NOW_MS = instant.to_milliseconds(NOW)
SINCE = NOW_MS - 3_600_000
SEARCH, EXPORT = "/conversations/search", "/conversations/messages/export"
HERE = "locAAAA0000000000001"
reader = Reader(Location(HERE))


def row(id: str, date: object, **told: object) -> dict[str, object]:
    """A conversation; by default of our location."""
    sort = [date] if isinstance(date, int) else None
    return {"id": id, "contactId": f"c{id}", "locationId": HERE, "lastMessageDate": date,
            "sort": sort, **told}  # fmt: skip


def rows(number: int, newest: int = NOW_MS, name: str = "a") -> list[dict[str, object]]:
    """Conversations, a second apart."""
    return [row(f"{name}{n}", newest - 1000 * n) for n in range(number)]


def mark(**told: Any) -> str:
    """The mark of an hour ago; the exports were read just now."""
    now = instant.to_text(NOW)
    return Mark(**{"at": SINCE, "reconciled": now, "settled": now, **told}).write()


def walk(answers: Any, watermark: str | None = None, now: datetime = NOW) -> list[FeedPage]:
    return script.changes(reader, answers, watermark or mark(), None, now)


def people(pages: list[FeedPage]) -> list[str]:
    return [each.contact.handles[0].external_id for page in pages for each in page.news]


def moved(pages: list[FeedPage]) -> Mark:
    assert pages[-1].watermark is not None
    return Mark.read(pages[-1].watermark)


@dataclass(slots=True)
class Live:
    """The search as it is live: what is older than a date, newest first, a hundred a page."""

    held: list[dict[str, Any]]
    exported: list[str] = field(default_factory=list)

    async def ask(self, request: Get | Post) -> Any:
        if request.path == EXPORT:
            self.exported.append(str(request.query["startDate"]))
            return {"messages": [], "nextCursor": None}
        after = int(request.query.get("startAfterDate", NOW_MS * 2))
        held = sorted(self.held, key=lambda each: -each["lastMessageDate"])
        return {"conversations": [row for row in held if row["lastMessageDate"] < after][:100]}


# What rows prove


def test_a_date_in_the_future_moves_nothing() -> None:
    future = row("f", NOW_MS + 10**12)
    pages = walk(Script().answers(SEARCH, {"conversations": [future, *rows(3)]}))
    assert people(pages) == ["cf", "ca0", "ca1", "ca2"]
    assert moved(pages).at == NOW_MS
    again = walk(Script().answers(SEARCH, {"conversations": [future, *rows(3)]}),
                 pages[-1].watermark)  # fmt: skip
    assert people(again) == []


def test_a_mark_of_the_future_hides_nothing() -> None:
    pages = walk(Script().answers(SEARCH, {"conversations": rows(3)}), mark(at=NOW_MS + 10**12))
    assert len(people(pages)) == 3


ODD: dict[str, dict[str, object]] = {
    "a row without a date": row("x", None),
    "an old row out of turn": row("x", 1_600_000_000_000),
    "a row of another location": row("x", NOW_MS, locationId="locBBBB"),
    "an old row of another location": row("x", 1_600_000_000_000, locationId="locBBBB"),
    "a row without an id": row("x", NOW_MS) | {"id": None},
    "a number for an id": row("x", NOW_MS) | {"id": 7},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", [0, 50])
def test_an_odd_row_ends_no_walk(odd: str, place: int) -> None:
    first, second = rows(99), rows(5, NOW_MS - 200_000, "b")
    first.insert(place, ODD[odd])
    answers = Script().answers(SEARCH, {"conversations": first})
    after = str(NOW_MS - 98_000 + 1)
    answers.answers(SEARCH, {"conversations": [first[-1], *second]}, startAfterDate=after)
    found = people(walk(answers))
    assert {f"ca{n}" for n in range(99)} | {f"cb{n}" for n in range(5)} <= set(found)


def test_a_conversation_whose_date_went_back_is_news() -> None:
    future = row("f", NOW_MS + 10**12)
    pages = walk(Script().answers(SEARCH, {"conversations": [future]}))
    back = Script().answers(SEARCH, {"conversations": [row("f", NOW_MS)]})
    assert people(walk(back, pages[-1].watermark)) == ["cf"]


def test_rows_of_another_location_move_nothing() -> None:
    foreign = row("x", NOW_MS, locationId="locBBBB")
    pages = walk(Script().answers(SEARCH, {"conversations": [foreign, *rows(3, SINCE)]}))
    assert moved(pages).at == SINCE


def test_a_page_without_any_date_is_refused_and_not_taken_for_no_news() -> None:
    undated = [row(f"a{n}", None) for n in range(3)]
    with pytest.raises(Rejected):
        walk(Script().answers(SEARCH, {"conversations": undated, "total": 3}))


@pytest.mark.parametrize("total", [5, "5"])
def test_a_server_that_gives_fewer_a_page_than_asked_for_hides_none(total: object) -> None:
    held = rows(5)
    answers = Script()
    for place, page in (("", held[:3]), (str(NOW_MS - 2000 + 1), held[2:])):
        asked = {"startAfterDate": place} if place else {}
        answers.answers(SEARCH, {"conversations": page, "total": total}, **asked)
    assert people(walk(answers)) == [f"ca{n}" for n in range(5)]
    assert len(answers.requests) == 2


def test_conversations_of_one_date_that_fill_a_page_hide_none_behind_them() -> None:
    held = [row(f"a{n}", NOW_MS - 5) for n in range(100)] + rows(40, NOW_MS - 60_000, "b")
    assert len(set(people(walk(Live(held))))) == 140


@pytest.mark.parametrize("first", [True, False])
def test_a_walk_that_is_cut_after_every_page_comes_forward(first: bool) -> None:
    held = [row(f"a{n}", NOW_MS - 3_000_000) for n in range(60)] + rows(60, name="b")
    cursor, found = None, set()
    for _ in range(20):
        page = asyncio.run(_next(Live(held), None if first else mark(), cursor))
        found |= set(people([page]))
        cursor = page.cursor
        if cursor is None or json.loads(cursor)["phase"] == "contacts":
            break
    else:
        raise AssertionError("it does not come forward")
    assert len(found) == 120


async def _next(api: Any, watermark: str | None, cursor: str | None) -> FeedPage:
    return await anext(aiter(reader.changes(api, watermark, cursor, NOW)))


# Pages that lead in a circle


@dataclass(slots=True)
class Deaf:
    """A server that does not hear where a page is to begin, and gives a new cursor each time."""

    numbers: Iterator[int] = field(default_factory=count)

    async def ask(self, request: Get | Post) -> Any:
        if request.path == SEARCH:
            return {"conversations": rows(100)}
        if request.path == EXPORT:
            return {"messages": [{"id": "m1", "contactId": "c1", "locationId": HERE}],
                    "nextCursor": f"c{next(self.numbers)}"}  # fmt: skip
        return {"contacts": [{"id": f"c{n}", "searchAfter": [next(self.numbers)]}
                             for n in range(500)]}  # fmt: skip


@pytest.mark.parametrize("phase", ["changed", "conversations", "contacts", "messages", "export"])
def test_pages_that_repeat_themselves_are_an_error(phase: str) -> None:
    cursor = json.dumps({"phase": phase, "since": instant.to_text(NOW)})
    with pytest.raises(CursorLoop):
        script.changes(reader, Deaf(), mark(at=0), cursor, NOW)  # type: ignore[arg-type]


# What moves no conversation


def exported(watermark: str, after: timedelta, news: int = 0) -> tuple[list[str], str]:
    """From when on a walk reads the export, some time later; and its mark."""
    now = NOW + after
    live = Live([*rows(news, instant.to_milliseconds(now)), row("z", 1_600_000_000_000)])
    pages = walk(live, watermark, now)
    return live.exported, pages[-1].watermark or ""


def test_within_the_hour_the_export_is_not_read() -> None:
    assert exported(mark(), timedelta(minutes=59), news=1)[0] == []


def test_after_news_the_export_is_read_each_hour_until_it_must_have_all() -> None:
    hour = timedelta(hours=1)
    since, watermark = exported(mark(), hour, news=1)
    assert since == [instant.to_text(NOW - hour)]
    since, watermark = exported(watermark, 2 * hour)
    assert since == [instant.to_text(NOW)]
    assert exported(watermark, 3 * hour)[0] == []


def test_without_news_the_export_is_not_read() -> None:
    assert exported(mark(), timedelta(hours=5))[0] == []


def test_news_before_the_hour_is_over_is_remembered() -> None:
    _, watermark = exported(mark(), timedelta(minutes=10), news=1)
    assert len(exported(watermark, timedelta(minutes=61))[0]) == 1


def test_news_on_the_first_of_two_pages_are_remembered() -> None:
    now = NOW + timedelta(hours=1)
    held = [*rows(100, instant.to_milliseconds(now)), row("z", 1_600_000_000_000)]
    live = Live(held)
    walk(live, mark(), now)
    assert len(live.exported) == 1


def test_once_a_night_the_last_days_are_read_whatever_happened() -> None:
    night = timedelta(hours=21)
    since, watermark = exported(mark(), night)
    assert since == [instant.to_text(NOW + night - RECENT)]
    assert exported(watermark, night + timedelta(minutes=30))[0] == []


def test_a_mark_without_the_hour_is_read() -> None:
    old = json.dumps({"at": SINCE, "reconciled": instant.to_text(NOW), "edge": {}})
    assert exported(old, timedelta(hours=2))[0] == []
    assert Mark.read(old).floor == SINCE - OVERLAP_MS
