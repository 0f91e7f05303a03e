"""What every change feed promises (see ``api.Provider.changes``), by the job that reads it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.rows import Entry
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from convsync_cli.sync import providers
from convsync_cli.sync.model.outcome import Discard, Done, Retry, Snooze
from tests.contracts.providers.cases import CASES, WORKSPACE, Case, Desk
from tests.contracts.providers.conftest import MOST_ROWS
from tests.contracts.providers.follower import Follower, follower

FED = [name for name in providers.names() if name in CASES]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A world of its own, since these tests change it."""
    world = World.seeded(1, len(CAST))
    with Sandbox(world, enforce_limits=False, most_rows=MOST_ROWS) as running:
        yield running


@pytest.fixture(params=FED)
def case(request: pytest.FixtureRequest) -> Case:
    name: str = request.param
    return CASES[name]


@pytest.fixture
def open_follower(desk: Desk, tmp_path: Path) -> Iterator[Callable[[str], Follower]]:
    """Open archives by name."""
    opened = []

    def open_one(name: str) -> Follower:
        context = follower(desk, tmp_path / f"{name}.db")
        opened.append(context)
        return context.__enter__()

    yield open_one
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def strangers(open_follower: Callable[[str], Follower]) -> Follower:
    """Somebody who knows no lead yet."""
    return open_follower("strangers")


@pytest.fixture
def new(open_follower: Callable[[str], Follower]) -> Follower:
    """Somebody who knows every lead and has read nothing."""
    return open_follower("followed").knows_everybody()


@pytest.fixture(scope="module")
def archives() -> dict[str, bytes]:
    """What those who have read everything hold, by provider: made once, since a walk is long."""
    return {}


@pytest.fixture
def current(desk: Desk, tmp_path: Path, archives: dict[str, bytes]) -> Iterator[Follower]:
    """Somebody who has read everything, and once more what a bulk export may not have had yet."""
    name = desk.case.name
    if name not in archives:
        with follower(desk, tmp_path / "read.db") as reader:
            reader.knows_everybody().follow()
            reader.follow()
            reader.store.checkpoint()
        archives[name] = (tmp_path / "read.db").read_bytes()
    with follower(desk, tmp_path / "current.db", archives[name]) as reader:
        yield reader


def pages_of_a_walk(of: Follower) -> int:
    """How many pages a walk from where it stands has; it stays there."""
    pages = 0

    def count(number: int) -> None:
        nonlocal pages
        pages = number

    of.follow(meanwhile=count)
    return pages


def crowd(of: Follower, count: int) -> None:
    """Let one lead say many things in one instant."""
    of.says("the first of many")
    view = of.workspace
    with view.lock:
        if of.desk.account.channel == "sms":
            last = list(view.entries.values())[-1]
            for number in range(count):
                view.add_entry(replace(last, id=view.new_id("msg"), body=f"one of many {number}"))
        else:
            reply = view.replies[-1]
            for number in range(count):
                text, id = f"one of many {number}", reply.id + number + 1
                mail = f"<crowd-{number}@mail.example.com>"
                view.add_reply(replace(reply, id=id, text_body=text, visible=text, message_id=mail))


def arrive_late(of: Follower, text: str, late: timedelta) -> None:
    """Let a message appear that is older than the youngest."""
    view = of.workspace
    with view.lock:
        if of.desk.account.channel == "sms":
            last = list(view.entries.values())[-1]
            view.add_entry(Entry(view.new_id("msg"), last.conversation, last.contact, "TYPE_SMS",
                                 "inbound", last.at - late, text, "delivered"))  # fmt: skip
        else:
            reply = view.replies[-1]
            at, mail = reply.ingested - late, "<late@mail.example.com>"
            view.add_reply(
                replace(
                    reply, id=reply.id + 1, text_body=text, visible=text, message_id=mail,
                    ingested=at, received=at,
                )
            )  # fmt: skip


# The first walk


def test_the_first_walk_equals_the_truth(new: Follower) -> None:
    assert new.follow() == Done()
    assert new.told() == new.truth()


def test_the_feed_and_the_per_lead_way_end_up_identical(
    new: Follower, open_follower: Callable[[str], Follower]
) -> None:
    new.follow()
    other = open_follower("lead by lead").knows_everybody()
    other.read_each()
    assert new.messages() == other.messages()


def test_the_first_walk_covers_every_lead_that_the_provider_knows(current: Follower) -> None:
    channel = current.desk.account.channel
    syncs = [current.store.archive.syncs(lead.id)[channel] for lead in current.leads()]
    assert [sync for sync in syncs if sync.synced_at is None] == []


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9])
def test_a_first_walk_that_is_interrupted_goes_on_and_misses_nothing(
    new: Follower, open_follower: Callable[[str], Follower], part: float
) -> None:
    pages = pages_of_a_walk(open_follower("counted"))
    new.follow(cut_after=int(pages * part))
    assert new.feed.watermark is None
    new.finish()
    assert new.told() == new.truth()


def test_a_walk_that_goes_on_reads_nothing_twice_but_a_page(
    new: Follower, strangers: Follower
) -> None:
    whole = strangers.cost(strangers.follow)
    half = new.cost(lambda: new.follow(cut_after=whole // 2))
    assert half + new.cost(new.finish) <= whole + 2


def test_a_walk_that_is_cut_after_every_page_ends_all_the_same(new: Follower) -> None:
    for _ in range(500):
        if new.follow(cut_after=1) is not None:
            break
    assert new.feed.watermark is not None
    assert new.told() == new.truth()


# News


def test_nothing_changed_costs_one_request(current: Follower) -> None:
    assert current.cost(current.follow) == 1


def test_nothing_changed_changes_nothing(current: Follower) -> None:
    before = current.messages()
    current.follow()
    assert current.messages() == before


def test_an_hour_later_nothing_costs_little_more(current: Follower) -> None:
    current.clock.ahead = timedelta(hours=2)
    assert current.cost(current.follow) <= current.desk.case.feeds.hourly
    assert current.cost(current.follow) == 1


def test_a_page_of_news_costs_a_page(current: Follower) -> None:
    for number in range(5):
        current.says(f"news {number}")
    assert current.cost(current.follow) == current.desk.case.feeds.news
    assert current.told() == current.truth()


def test_news_of_several_leads_are_stored_with_each(current: Follower) -> None:
    for role in ("all kinds", "hostile", "two mailboxes"):
        current.says(f"from {role}", role)
    current.follow()
    assert current.told() == current.truth()


def test_much_news_is_read_to_its_end(current: Follower) -> None:
    for number in range(70):
        current.says(f"news {number}")
    current.follow()
    assert current.told() == current.truth()


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_news_that_are_interrupted_are_not_lost(current: Follower, pages: int) -> None:
    for number in range(170):
        current.says(f"news {number}")
    mark = current.feed.watermark
    if current.follow(cut_after=pages) is None:
        assert current.feed.watermark == mark
    current.finish()
    assert current.told() == current.truth()


@pytest.mark.parametrize("pages", [0, 1])
def test_news_of_many_that_are_interrupted_are_not_lost(current: Follower, pages: int) -> None:
    current.newcomers_say(60)
    mark = current.feed.watermark
    assert current.follow(cut_after=pages) is None
    assert current.feed.watermark == mark
    current.finish()
    assert current.told() == current.truth()


# What moves


def test_what_is_said_while_it_reads_is_not_lost(new: Follower) -> None:
    new.follow(meanwhile=lambda page: new.says(f"meanwhile {page}") if page < 6 else None)
    new.follow()
    assert "meanwhile 1" in new.heard()
    assert new.told() == new.truth()


def test_what_is_said_between_two_parts_of_a_walk_is_not_lost(new: Follower) -> None:
    new.follow(cut_after=2)
    new.says("between the parts")
    new.finish()
    new.follow()
    assert new.told() == new.truth()


def test_equal_times_at_the_edge_of_a_page_hide_nothing(current: Follower) -> None:
    crowd(current, 120)
    current.follow()
    assert current.told() == current.truth()


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_equal_times_at_the_edge_of_an_interrupted_walk_hide_nothing(
    current: Follower, pages: int
) -> None:
    crowd(current, 120)
    current.follow(cut_after=pages)
    current.finish()
    assert current.told() == current.truth()


def test_equal_times_at_the_watermark_hide_nothing(current: Follower) -> None:
    crowd(current, 3)
    current.follow()
    arrive_late(current, "the straggler", timedelta())
    current.clock.ahead = current.desk.case.feeds.late_after
    current.follow()
    assert "the straggler" in current.heard()


def test_a_message_that_arrives_late_is_found(current: Follower) -> None:
    current.says("in time")
    current.follow()
    arrive_late(current, "late", timedelta(minutes=8))
    current.clock.ahead = current.desk.case.feeds.late_after
    current.follow()
    assert "late" in current.heard()


def test_a_date_in_the_future_hides_nothing_that_comes_later(current: Follower) -> None:
    current.says("in time")
    arrive_late(current, "of the future", -timedelta(days=26_000))
    current.follow()
    current.says("after it")
    current.says("somebody else", "all kinds")
    current.clock.ahead = current.desk.case.feeds.late_after
    current.follow()
    assert {"of the future", "after it", "somebody else"} <= current.heard()
    assert current.told() == current.truth()


def test_a_date_in_the_future_ends_no_first_walk(new: Follower) -> None:
    new.says("in time")
    arrive_late(new, "of the future", -timedelta(days=26_000))
    new.follow(cut_after=1)
    new.says("while it waits")
    new.finish()
    new.follow()
    assert new.told() == new.truth()


# Answers that go wrong


def test_a_server_that_ignores_the_bound_is_read_no_further_than_news_are(
    current: Follower,
) -> None:
    current.says("something new")
    current.desk.sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, times=None))
    cost = current.cost(current.follow)
    left = current.left_to_jobs
    assert bool(left) != current.desk.case.feeds.bodies
    current.desk.sandbox.faults.clear()
    current.read_each(only=left)
    assert "something new" in current.heard()
    assert current.told() == current.truth()
    assert cost <= 3


def test_a_server_that_ignores_the_bound_costs_a_first_walk_nothing_of_its_own(
    new: Follower,
) -> None:
    new.desk.sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, times=None))
    new.follow(cut_after=3)
    new.finish()
    assert new.told() == new.truth()


def test_a_malformed_row_hides_no_other(new: Follower) -> None:
    new.desk.sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW, times=None))
    new.follow()
    assert new.told() == new.truth()


@pytest.mark.parametrize("page", [1, 3])
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FaultKind.STATUS, Retry),
        (FaultKind.TRUNCATED, Retry),
        (FaultKind.HTML, Retry),
        (FaultKind.EMPTY, Retry),
        (FaultKind.RATE_LIMITED, Snooze),
        (FaultKind.UNAUTHORIZED, Snooze),
        (FaultKind.REDIRECT, Discard),
    ],
)
def test_a_page_that_goes_wrong_is_said_so_and_read_later(
    new: Follower, kind: FaultKind, outcome: type, page: int
) -> None:
    status = 503 if kind is FaultKind.STATUS else None
    lasting = kind is FaultKind.REDIRECT  # a page that is refused once is asked for again
    fault = Fault(kind, status=status, skip=page - 1, seconds=1, times=None if lasting else 1)
    new.desk.sandbox.faults.add(fault)
    assert isinstance(new.follow(), outcome)
    assert new.feed.watermark is None
    new.desk.sandbox.faults.clear()
    new.store.accounts.resume(WORKSPACE, new.desk.account.channel, new.clock.now())
    new.finish()
    assert new.told() == new.truth()


def test_a_cursor_that_is_refused_by_now_begins_the_walk_anew(new: Follower) -> None:
    new.follow(cut_after=2)
    assert new.feed.cursor is not None
    new.desk.sandbox.faults.add(Fault(FaultKind.STATUS, status=400))
    assert new.follow() == Done()
    assert new.told() == new.truth()


def test_a_page_that_is_refused_once_loses_nothing(new: Follower) -> None:
    new.desk.sandbox.faults.add(Fault(FaultKind.REDIRECT, skip=4))
    assert new.follow() == Done()
    assert new.told() == new.truth()


def test_pages_that_lead_in_a_circle_end_in_an_error_or_with_everything(new: Follower) -> None:
    new.desk.sandbox.faults.add(Fault(FaultKind.CURSOR_LOOP, times=None))
    outcome = new.follow()
    if outcome == Done():  # where nothing in this world fills a page, nothing is paged
        assert new.told() == new.truth()
        return
    assert isinstance(outcome, Discard)
    assert outcome.code == "cursor_loop"
    assert new.feed.watermark is None


# Who is a lead


def test_nobody_becomes_a_lead_where_that_is_not_wanted(strangers: Follower) -> None:
    strangers.follow()
    assert strangers.leads() == []


def test_only_whom_the_provider_vouches_for_becomes_a_lead(strangers: Follower) -> None:
    strangers.discover = True
    strangers.follow()
    known = {address for person in strangers.workspace.people.values()
             for address in (*person.emails, *person.phones)}  # fmt: skip
    found = {address.value for lead in strangers.leads() for address in lead.addresses}
    assert found <= known
    assert bool(found) == strangers.desk.case.module.DISCOVER


def test_whom_a_walk_makes_a_lead_is_read_whole_by_it(strangers: Follower) -> None:
    strangers.discover = True
    strangers.follow()
    if strangers.desk.case.module.DISCOVER:
        assert strangers.told() == strangers.truth()


def test_a_clock_ten_minutes_off_loses_nothing(new: Follower) -> None:
    for minutes in (-10, 10, -10, 10):
        new.clock.ahead = timedelta(minutes=minutes)
        new.says(f"at {minutes}")
        new.follow()
    assert new.told() == new.truth()
