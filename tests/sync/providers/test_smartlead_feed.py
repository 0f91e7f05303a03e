"""Smartlead's feed: it ends where reading lead by lead ends, for the requests that it promises."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.smartlead import key_of
from convsync_cli.sandbox.smartlead_threads import lead_id
from convsync_cli.sandbox.world import World
from convsync_cli.sync import addresses
from convsync_cli.sync.api import Api
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.jobs import conversation_sync, delta_sync
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import FromEnv
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.job import Claim
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Channel, Message, Page
from convsync_cli.sync.model.outcome import Done, Outcome, Retry
from convsync_cli.sync.model.placing import Priority, Terms
from convsync_cli.sync.ports import Store
from convsync_cli.sync.providers import smartlead
from convsync_cli.sync.providers.smartlead import requests
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import open_wire
from convsync_cli.sync.work import Link, Progress, Work
from tests.contracts.providers.cases import at_once, meant, told
from tests.sync.workbench import new_store

LEADS = 90
CHANNELS = {"smartlead": Channel.EMAIL}
Meanwhile = Callable[[], object]


class ShiftedClock(SystemClock):
    """The real clock, some time on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass(frozen=True, slots=True)
class Watched:
    """The provider, with something happening behind the ``at``-th page of its feed."""

    at: int = 0
    meanwhile: Meanwhile = lambda: None
    reader: smartlead.Reader = field(default_factory=smartlead.Reader)

    async def identity(self, api: Api) -> str | None:
        return await self.reader.identity(api)

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        return self.reader.pages(api, lead, cursor)

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        number = 0
        async for page in self.reader.changes(api, watermark, cursor, now):
            yield page
            number += 1
            if number == self.at:
                self.meanwhile()


@dataclass(slots=True)
class Office:
    """One workspace's account at a running sandbox, and a database for what it reads."""

    sandbox: Sandbox
    store: Store
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def learns(self, *people: Person) -> None:
        """Take in leads by their addresses."""
        for person in people:
            contact = Contact(addresses=tuple(addresses.email(each) for each in person.emails))
            self.store.leads.learn("acme", contact, CHANNELS, self.clock.now())

    def reads_feed(self, at: int = 0, meanwhile: Meanwhile = lambda: None) -> Outcome:
        """One attempt at ``delta_sync``, with something happening behind a page of it."""
        return self._performs(delta_sync.perform, Watched(at, meanwhile), subject="email")

    def reads_every_lead(self) -> None:
        """``conversation_sync`` of all leads."""
        for lead in self.store.leads.leads("acme", "", 10_000):
            assert self._performs(conversation_sync.perform, Watched(), lead=lead.id) == Done()

    def hears(self, text: str, person: Person, direction: str = "inbound") -> None:
        """Have a mail arrive, or be written by us."""
        self.sandbox.world.say("acme", person.key, "email", direction, text)

    @property
    def people(self) -> list[Person]:
        known = self.sandbox.world.workspace("acme").people.values()
        return [person for person in known if person.bison is not None]

    @property
    def speakers(self) -> list[Person]:
        keys = {one.lead_key for one in self.truth if one.direction == "inbound"}
        return [person for person in self.people if person.key in keys]

    @property
    def truth(self) -> list[Any]:
        return list(self.sandbox.world.expected("acme", "smartlead"))

    @property
    def whole(self) -> bool:
        """Whether each message of the truth is stored once, and no other."""
        stored = Counter(told(each) for each in self.messages)
        return stored == Counter(meant(one) for one in self.truth)

    @property
    def messages(self) -> list[Message]:
        return [each.message for each in self.store.archive.messages()]

    @property
    def texts(self) -> list[str]:
        return [message.body for message in self.messages]

    @property
    def filed(self) -> set[tuple[object, ...]]:
        """Every message, whole, under the Smartlead lead whose it is."""
        owner = {
            lead.id: lead.handles_at("smartlead")
            for lead in self.store.leads.leads("acme", "", 10_000)
        }
        return {(owner[each.lead], each.message) for each in self.store.archive.messages()}

    def asked(self) -> list[str]:
        """The paths that were asked for since the last look."""
        paths = [one.path for one in self.sandbox.requests]
        self.sandbox.requests.clear()
        return paths

    def waits(self, **time: float) -> None:
        self.clock.ahead += timedelta(**time)

    def _performs(self, perform: Any, provider: Any, **about: Any) -> Outcome:
        return asyncio.run(self._acting(perform, provider, about))

    async def _acting(self, perform: Any, provider: Any, about: dict[str, Any]) -> Outcome:
        wire = self._wire()
        commits = Commits(self.store, patient=lambda: True)
        deadline = Deadline.after(self.clock, 600.0)

        def connect(deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api:
            return HttpApi(
                wire,
                commits,
                self.clock,
                deadline,
                meter,
                lambda least, most: least,
                probe,
                at_once,
            )

        now = self.clock.now()
        claim = replace(
            Claim(1, "some", "acme", None, 1, 1, 3, now, now, now + timedelta(hours=1)), **about
        )
        link = Link(wire.account, provider, smartlead.COSTS, connect)
        work = Work(commits, self.clock, deadline, Meter(), Progress(), (link,), CHANNELS)
        try:
            outcome: Outcome = await perform(claim, work)
            return outcome
        finally:
            await wire.clients.close()
            commits.close(5.0)

    def _wire(self) -> Any:
        options = smartlead.Settings(FromEnv("UNUSED"))
        url, rate = self.sandbox.urls["smartlead"], Rate(100_000, 1.0)
        account = Account("acme", Channel.EMAIL, "smartlead", url, rate, options, discover=True)
        auth = smartlead.auth(options, {"api_key": key_of(self.sandbox.world.workspace("acme"))})
        return open_wire(account, auth, {}, httpx.AsyncHTTPTransport(verify=False))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.seeded(3, LEADS, ["acme"]), enforce_limits=False) as running:
        yield running


@pytest.fixture
def office(sandbox: Sandbox, tmp_path: Path) -> Iterator[Office]:
    store = new_store(tmp_path / "feed.db")
    yield Office(sandbox, store)
    store.close()


@pytest.fixture
def other(sandbox: Sandbox, tmp_path: Path) -> Iterator[Office]:
    """The same account with a database of its own."""
    store = new_store(tmp_path / "leads.db")
    yield Office(sandbox, store)
    store.close()


@pytest.fixture
def current(office: Office) -> Office:
    """An office that has read everything, an hour ago at least once."""
    assert office.reads_feed() == Done()
    office.asked()
    return office


# The first walk


def test_the_first_walk_holds_the_truth(office: Office) -> None:
    assert office.reads_feed() == Done()
    assert office.whole


def test_the_feed_ends_where_reading_lead_by_lead_ends(office: Office, other: Office) -> None:
    office.learns(*office.people)
    other.learns(*other.people)
    office.reads_feed()
    other.reads_every_lead()
    assert len(office.filed) > LEADS
    assert office.filed == other.filed


def test_reading_lead_by_lead_after_the_feed_changes_nothing(current: Office) -> None:
    before = current.filed
    current.reads_every_lead()
    assert current.filed == before


def test_the_first_walk_costs_two_requests_for_a_page_of_leads(office: Office) -> None:
    office.reads_feed()
    asked = office.asked()
    campaigns = 4
    assert [path for path in asked if path.endswith("/message-history")] == []
    assert len(asked) <= 1 + 2 * (campaigns + LEADS // 100 + 1)


def test_leads_become_known_and_count_as_read(office: Office) -> None:
    office.reads_feed()
    leads = office.store.leads.leads("acme", "", 10_000)
    assert {lead.handles_at("smartlead") for lead in leads} == {
        (str(lead_id(person)),) for person in office.people
    }
    syncs = [office.store.archive.syncs(lead.id)[Channel.EMAIL] for lead in leads]
    assert {sync.outcome for sync in syncs} == {"synced"}


def test_a_lead_that_smartlead_does_not_know_is_not_found(office: Office) -> None:
    stranger = office.sandbox.world.workspace("acme").people["acme-00006"]
    assert stranger.bison is None
    office.learns(stranger)
    office.reads_feed()
    (lead,) = (
        each
        for each in office.store.leads.leads("acme", "", 10_000)
        if not each.handles_at("smartlead")
    )
    assert office.store.archive.syncs(lead.id)[Channel.EMAIL].outcome == "not_found"


# Afterwards


def test_nothing_new_costs_one_request(current: Office) -> None:
    assert current.reads_feed() == Done()
    assert current.asked() == ["/api/v1/master-inbox/inbox-replies"]


def test_a_page_of_news_costs_a_page(current: Office) -> None:
    for person in current.speakers[:19]:
        current.hears("Any news?", person)
    current.waits(minutes=1)
    current.reads_feed()
    assert len(current.asked()) == 1
    assert current.whole


@pytest.mark.parametrize("count", [20, 21, 50])
def test_many_news_cost_a_request_for_each_fifteen(current: Office, count: int) -> None:
    for person in current.speakers[:count]:
        current.hears("Any news?", person)
    current.waits(minutes=1)
    current.reads_feed()
    # They lie within one second: pages follow by offset, and share five rows.
    assert len(current.asked()) == 1 + count // 15
    assert current.whole


def test_news_stand_under_a_new_lead_where_it_was_unknown(current: Office) -> None:
    newcomer = current.sandbox.world.meet("acme")
    current.hears("Hello?", newcomer)
    current.waits(minutes=1)
    current.reads_feed()
    lead = current.store.leads.recognise(
        "acme", Contact(addresses=(addresses.email(newcomer.emails[0]),))
    )
    assert lead is not None
    assert lead.handles_at("smartlead") == (str(lead_id(newcomer)),)
    assert current.whole


def test_what_we_wrote_is_looked_for_once_an_hour(current: Office) -> None:
    silent = next(p for p in current.people if p not in current.speakers)
    current.hears("Just checking in.", silent, "outbound")
    current.waits(minutes=30)
    current.reads_feed()
    assert "Just checking in." not in current.texts
    current.waits(minutes=31)
    current.asked()
    current.reads_feed()
    asked = current.asked()
    assert "Just checking in." in current.texts
    assert asked[:2] == ["/api/v1/master-inbox/inbox-replies", "/api/v1/campaigns/"]
    current.reads_feed()
    assert current.asked() == ["/api/v1/master-inbox/inbox-replies"]


def test_campaigns_that_are_over_are_looked_at_once_a_day(current: Office) -> None:
    def looked_at() -> int:
        current.reads_feed()
        return sum(path.endswith("/leads") for path in current.asked())

    current.waits(hours=2)
    active = looked_at()
    current.waits(hours=23)
    assert (active, looked_at()) == (2, 4)


def test_a_mark_of_the_future_is_not_believed(current: Office) -> None:
    current.waits(hours=3)
    current.reads_feed()
    current.waits(hours=-2)
    current.asked()
    current.reads_feed()
    assert "/api/v1/campaigns/" in current.asked()


def test_a_reply_that_comes_in_late_is_found(current: Office) -> None:
    current.hears("I wrote this before.", current.speakers[0])
    current.waits(minutes=29)
    # The walk before had a later end than the reply: as a clock that is ahead, or slow mail.
    current.reads_feed()
    current.hears("And this too.", current.speakers[1])
    current.waits(minutes=-28)
    current.reads_feed()
    current.waits(minutes=28)
    current.reads_feed()
    assert current.whole


# While it is read


def test_a_reply_in_the_middle_of_the_first_walk_is_neither_missed_nor_doubled(
    office: Office,
) -> None:
    speaker = office.speakers[-1]
    office.reads_feed(2, lambda: office.hears("Me again.", speaker))
    office.waits(minutes=1)
    office.reads_feed()
    assert office.texts.count("Me again.") == 1
    assert office.whole


@pytest.mark.parametrize("who", [0, 10, 19, 20, 25, 39])
def test_a_conversation_that_leaves_the_range_hides_none_behind_it(
    current: Office, who: int
) -> None:
    world = current.sandbox.world
    for person in current.speakers[:45]:
        current.hears("Any news?", person)
        world.latest += timedelta(seconds=2)  # else all would lie within one second
    current.waits(minutes=10)
    lively = current.speakers[:45][::-1][who]

    def goes_on() -> None:
        world.latest = current.clock.now().replace(microsecond=0) + timedelta(seconds=30)
        current.hears("One more thing.", lively)

    current.reads_feed(1, goes_on)
    told_first = [
        person
        for person in current.speakers[:45]
        if person is not lively
        and not any(
            each.message.body == "Any news?"
            for each in current.store.archive.conversation(_lead(current, person).id)
        )
    ]
    assert told_first == []
    current.waits(minutes=2)
    current.reads_feed()
    assert current.texts.count("One more thing.") == 1
    assert current.whole


def test_leads_that_are_deleted_while_they_are_listed_hide_none_behind_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "LEADS_PAGE", 12)  # else it takes a thousand leads
    view = office.sandbox.world.workspace("acme")
    crowded = max(view.campaigns, key=lambda each: _size(office, each.id))
    assert _size(office, crowded.id) > 20, "the list must have two pages"
    gone = [person for person in office.people if _home(office, person) == crowded.id][:8]

    def deletes() -> None:
        with view.lock:
            for person in gone:
                del view.people[person.key]
            view._changed()

    before = {one.lead_key for one in office.truth} - {person.key for person in gone}
    office.reads_feed(_pages_until(office, crowded.id), deletes)
    stored = {message.message_id for message in office.messages}
    missing = {
        one.lead_key
        for one in office.truth
        if one.lead_key in before and one.message_id not in stored
    }
    assert missing == set()


# Interrupted


@pytest.mark.parametrize("at", range(1, 9))
def test_a_first_walk_that_is_cut_off_anywhere_goes_on_and_ends_the_same(
    office: Office, at: int
) -> None:
    office.sandbox.faults.add(Fault(FaultKind.STATUS, status=503, skip=at))
    assert isinstance(office.reads_feed(), Retry)
    assert office.reads_feed() == Done()
    assert office.whole


@pytest.mark.parametrize("at", range(1, 7))
def test_a_later_walk_that_is_cut_off_anywhere_goes_on_and_ends_the_same(
    current: Office, at: int
) -> None:
    for person in current.speakers[:45]:
        current.hears("Any news?", person)
    for person in current.people[-5:]:
        current.hears("Just checking in.", person, "outbound")
    current.waits(hours=25)
    current.sandbox.faults.add(Fault(FaultKind.STATUS, status=503, skip=at))
    assert isinstance(current.reads_feed(), Retry)
    assert current.reads_feed() == Done()
    assert current.whole


def test_a_first_walk_goes_on_at_its_page(office: Office) -> None:
    office.sandbox.faults.add(Fault(FaultKind.STATUS, status=503, skip=5))
    office.reads_feed()
    before = office.asked()
    office.reads_feed()
    after = office.asked()
    assert "/api/v1/campaigns/" in before
    assert "/api/v1/campaigns/" not in after


def test_a_walk_that_broke_off_moves_no_watermark(current: Office) -> None:
    watermark = current.store.feeds.feed(current._wire().account).watermark
    for person in current.speakers[:45]:
        current.hears("Any news?", person)
    current.waits(minutes=1)
    current.sandbox.faults.add(Fault(FaultKind.STATUS, status=503, skip=1))
    current.reads_feed()
    assert current.store.feeds.feed(current._wire().account).watermark == watermark


# Answers that go wrong


def test_a_malformed_row_hides_no_other(office: Office) -> None:
    office.sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW, times=None))
    assert office.reads_feed() == Done()
    assert office.whole


def test_a_malformed_row_of_the_inbox_hides_no_other(current: Office) -> None:
    for person in current.speakers[:30]:
        current.hears("Any news?", person)
    current.waits(minutes=1)
    current.sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW, times=None))
    assert current.reads_feed() == Done()
    assert current.whole


def test_threads_that_do_not_come_together_are_read_one_by_one(office: Office) -> None:
    office.sandbox.faults.add(
        Fault(FaultKind.STATUS, status=404, path="*/message-history-for-leads/*", times=None)
    )
    assert office.reads_feed() == Done()
    assert office.whole


def test_a_thread_that_cannot_be_read_is_left_to_a_job_of_its_own(office: Office) -> None:
    office.learns(*office.people)
    gone = {"status": 404, "times": None}
    for path in ("*/message-history-for-leads/*", "*/campaigns/1?/leads/700902/message-history"):
        office.sandbox.faults.add(Fault(FaultKind.STATUS, path=path, **gone))  # type: ignore[arg-type]
    office.reads_feed()
    leads = {
        lead.handles_at("smartlead"): lead for lead in office.store.leads.leads("acme", "", 999)
    }
    terms = Terms(Priority.BULK, 0.0, 3, office.clock.now())
    (placement,) = office.store.intake.enqueue([leads["700902",].id], terms)
    assert placement.answer in ("already_queued", "promoted")


def _lead(office: Office, person: Person) -> Lead:
    contact = Contact(addresses=(addresses.email(person.emails[0]),))
    lead = office.store.leads.recognise("acme", contact)
    assert lead is not None
    return lead


def _size(office: Office, campaign: int) -> int:
    return sum(_home(office, person) == campaign for person in office.people)


def _home(office: Office, person: Person) -> int:
    view = office.sandbox.world.workspace("acme")
    sends = [row for row in view.sends_of.get(person.key, ()) if row.status == "sent"]
    return sends[0].campaign.id if sends else view.campaigns[0].id


def _pages_until(office: Office, campaign: int) -> int:
    """How many pages a first walk has before the campaign's second one."""
    return 1 + sum(each.id < campaign for each in office.sandbox.world.workspace("acme").campaigns)
