"""``Overview``: what it counts fast is what counting by hand gives."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random

import pytest

from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.job import Job, JobState
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.overview import ChannelAges
from convsync_cli.sync.model.placing import Priority
from convsync_cli.sync.model.progress import WalkEnd

from .conftest import DAY_S, ENDINGS, Agency, at, phone, sms

WORKSPACES = ("acme", "beta", "gamma")


class Day:
    """A day at an agency: people ask, runs work, clocks move."""

    def __init__(self, agency: Agency, seed: int) -> None:
        self.agency, self.chance, self.seconds = agency, Random(seed), 0.0
        self.leads = [agency.lead(workspace=w) for w in WORKSPACES for _ in range(6)]
        self.acts: list[Callable[[], object]] = [
            self.ask, self.ask, self.sweep, self.work, self.work, self.work,
            self.rescue, self.prune, self.cancel, self.retry, self.wait,
        ]  # fmt: skip

    @property
    def now(self) -> datetime:
        return at(self.seconds)

    def pass_by(self, acts: int) -> None:
        for _ in range(acts):
            self.chance.choice(self.acts)()

    def some_jobs(self) -> list[int]:
        jobs = [job.id for job in self.agency.jobs()]
        return self.chance.sample(jobs, min(3, len(jobs)))

    def ask(self) -> None:
        leads = self.chance.sample(self.leads, 3)
        priority = self.chance.choice(list(Priority))
        self.agency.ask(*leads, when=self.seconds, priority=priority, max_attempts=2)

    def sweep(self) -> None:
        workspace = self.chance.choice(WORKSPACES)
        self.agency.sweep(self.seconds, workspace, most=self.chance.choice([None, 2]))

    def work(self) -> None:
        claim = self.agency.claim(self.seconds, *self.chance.sample(WORKSPACES, 2))
        if claim is None or self.chance.random() < 0.2:
            return  # nothing to do, or the runner dies
        end = self.chance.choice(["done", "done", "failed", "retry", "snooze", "release"])
        due = self.seconds + self.chance.uniform(0, 600)
        if end in ENDINGS:
            self.agency.settle(claim, ENDINGS[end], self.seconds)
        elif end == "retry":
            self.agency.retry_at(claim, due, self.seconds)
        elif end == "snooze":
            self.agency.snooze(claim, due, self.seconds)
        else:
            self.agency.release(claim, self.seconds)

    def rescue(self) -> None:
        self.agency.rescue(self.seconds, orphaned=self.chance.random() < 0.2)

    def prune(self) -> None:
        state = self.chance.choice(list(JobState))
        self.agency.store.queue.prune(state, at(self.seconds - 300), 2)

    def cancel(self) -> None:
        self.agency.store.queue.cancel(self.some_jobs(), self.now)

    def retry(self) -> None:
        self.agency.store.queue.retry(self.some_jobs(), self.now)

    def wait(self) -> None:
        self.seconds += self.chance.choice([0.001, 1, 30, 90, 400, -60])


@pytest.fixture(params=range(6))
def day(agency: Agency, request: pytest.FixtureRequest) -> Day:
    passed = Day(agency, request.param)
    passed.pass_by(150)
    return passed


class TestTheQueue:
    def test_states_and_kinds_are_counted_right(self, day: Day) -> None:
        depth = day.agency.store.overview.queue(day.now)
        jobs = day.agency.jobs()
        by_state = Counter(job.state for job in jobs)
        assert depth.by_state == {str(state): by_state[state] for state in JobState}
        assert depth.by_kind == Counter((job.kind, job.state) for job in jobs)

    def test_what_is_due_is_counted_right(self, day: Day) -> None:
        depth = day.agency.store.overview.queue(day.now)
        due = due_jobs(day.agency.jobs(), day.now)
        oldest = min((from_text(job.run_at) for job in due), default=None)
        assert depth.due == len(due) == day.agency.store.queue.due(WORKSPACES, day.now)
        assert depth.oldest_due_s == (oldest and (day.now - oldest).total_seconds())

    def test_an_empty_queue_has_zeros_for_every_state(self, agency: Agency) -> None:
        depth = agency.store.overview.queue(at(0))
        assert depth.by_state == dict.fromkeys(map(str, JobState), 0)
        assert (depth.by_kind, depth.due, depth.oldest_due_s) == ({}, 0, None)

    def test_a_delayed_job_is_not_due(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 60)
        assert agency.store.overview.queue(at(59.999)).due == 0
        assert agency.store.overview.queue(at(60)).due == 1

    def test_the_oldest_due_job_is_sought_in_every_workspace(self, agency: Agency) -> None:
        for when, workspace, priority in ((30, "acme", 0), (10, "beta", 10), (20, "gamma", 5)):
            lead = agency.lead(workspace=workspace)
            agency.queued(lead, when=when, priority=Priority(priority))
        assert agency.store.overview.queue(at(40)).oldest_due_s == 30

    def test_what_fails_half_way_is_not_counted(self, agency: Agency) -> None:
        lead = agency.lead()
        with pytest.raises(ZeroDivisionError), agency.store.transaction():
            agency.queued(lead)
            raise ZeroDivisionError
        assert agency.store.overview.queue(at(0)).by_state["pending"] == 0


class TestThroughput:
    def test_successes_are_counted_in_their_minutes(self, day: Day) -> None:
        told = day.agency.store.overview.throughput(day.now, 30)
        ages = [
            (day.now - from_text(job.finished_at)).total_seconds()
            for job in day.agency.jobs(state="succeeded")
            if job.finished_at is not None
        ]
        assert told == [
            sum(60 * ago < age <= 60 * ago + 60 for age in ages) for ago in reversed(range(30))
        ]

    def test_the_newest_minute_stands_last(self, agency: Agency) -> None:
        agency.finished(agency.lead(), when=61)
        assert agency.store.overview.throughput(at(121), 3) == [0, 0, 1]
        assert agency.store.overview.throughput(at(122), 3) == [0, 1, 0]

    def test_only_successes_count(self, agency: Agency) -> None:
        agency.finished(agency.lead(), "failed", when=1)
        agency.queued(agency.lead(), when=1)
        assert agency.store.overview.throughput(at(2), 2) == [0, 0]


class TestAges:
    def test_without_leads_nothing_is_known(self, agency: Agency) -> None:
        assert ages(agency) == ChannelAges(None, None, None, 0)

    def test_leads_never_read_are_counted_apart(self, agency: Agency) -> None:
        for _ in range(3):
            agency.lead()
        read(agency, agency.lead(), 0)
        told = ages(agency, 60)
        assert (told.never_synced, told.p50_s, told.p95_s) == (3, 60, 60)
        assert told.newest == to_text(at(0))

    @pytest.mark.parametrize("leads", [1, 2, 3, 10, 19, 20, 21, 40])
    @pytest.mark.parametrize(("share", "field"), [(0.5, "p50_s"), (0.95, "p95_s")])
    def test_so_many_leads_are_as_fresh_as_a_percentile_says(
        self, agency: Agency, leads: int, share: float, field: str
    ) -> None:
        chance = Random(leads)
        old = [chance.randrange(100_000) / 1000 for _ in range(leads)]
        with agency.store.transaction():
            for seconds in old:
                read(agency, agency.lead(), 1000 - seconds)
        told = getattr(ages(agency, 1000), field)
        assert any(abs(told - seconds) < 0.0011 for seconds in old)
        assert sum(seconds < told - 0.0011 for seconds in old) <= share * leads
        assert sum(seconds <= told + 0.0011 for seconds in old) >= share * leads

    def test_other_workspaces_and_channels_are_left_out(self, agency: Agency) -> None:
        read(agency, agency.lead(workspace="beta"), 0)
        read(agency, agency.lead(), 0, Channel.EMAIL)
        assert ages(agency, 5) == ChannelAges(None, None, None, never_synced=1)

    def test_a_lead_that_cannot_be_read_on_a_channel_is_not_missed_there(
        self, agency: Agency
    ) -> None:
        agency.lead(phone("+15550100"))
        told = agency.store.overview.ages("acme", "email", at(0))
        assert told.never_synced == 0

    def test_a_clock_set_back_gives_no_negative_age(self, agency: Agency) -> None:
        read(agency, agency.lead(), DAY_S)
        assert ages(agency, 0).p50_s == 0


class TestErrors:
    def test_attempts_are_counted_by_the_code_they_ended_with(self, agency: Agency) -> None:
        for when in (0, 10, 20):
            agency.queued(agency.lead(), when=when)
            agency.retry_at(agency.take(when), 1000, when)
        agency.queued(agency.lead(), when=20)
        agency.snooze(agency.take(20), 1000, 20, "rate_limited")
        agency.finished(agency.lead(), when=20)
        assert agency.store.overview.errors(at(10)) == {"rate_limited": 1, "timeout": 2}
        assert agency.store.overview.errors(at(21)) == {}


def due_jobs(jobs: list[Job], now: datetime) -> list[Job]:
    return [job for job in jobs if job.state == "pending" and from_text(job.run_at) <= now]


def ages(agency: Agency, when: float = 0) -> ChannelAges:
    return agency.store.overview.ages("acme", "sms", at(when))


def read(agency: Agency, lead: str, when: float, channel: Channel = Channel.SMS) -> None:
    agency.store.archive.finish(
        agency.known(lead), channel, outcome=WalkEnd.SYNCED, synced_at=at(when)
    )


class TestTheArchive:
    def test_every_message_is_counted_once(self, agency: Agency) -> None:
        assert agency.store.overview.messages() == 0
        lead = agency.lead()
        agency.save(lead, sms("a"), sms("b"))
        agency.save(lead, sms("b"))
        assert agency.store.overview.messages() == 2

    def test_a_database_takes_room_and_so_does_its_log(self, agency: Agency) -> None:
        agency.save(agency.lead(), sms("a"))
        sizes = agency.store.overview.sizes()
        assert sizes.database > 0
        assert sizes.log > 0
