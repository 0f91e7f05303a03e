"""New inbound messages ring once: never for history, never again, never lost with a page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.api import Api
from convsync_cli.sync.errors import Unavailable
from convsync_cli.sync.jobs import conversation_sync, delta_sync
from convsync_cli.sync.model.feed import Covers, FeedPage, News
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.job import Claim, Effort, JobFilter, JobState, Settlement
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.placing import JobSpec, Kind, Priority, Terms
from tests.sync.workbench import NOON, Bench, Teller, account


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "db")
    bench.hooks["acme"] = Hook(("/bin/true",), 5.0)
    return bench


def rung(bench: Bench) -> list[str]:
    """The texts for which a hook was ever queued."""
    jobs = bench.store.queue.jobs(JobFilter(kind=Kind.INBOUND_HOOK), 1000)
    stored = [bench.store.archive.message(int(job.subject or 0)) for job in jobs]
    assert all(each and each.lead == job.lead for each, job in zip(stored, jobs, strict=True))
    return sorted(each.message.body for each in stored if each)


def read(bench: Bench, lead: str, *, with_history: bool = False) -> None:
    """Ask for a lead and read it, with whatever comes of that."""
    bench.store.intake.enqueue(
        [lead], Terms(Priority.MANUAL, 0.0, 3, bench.clock.now(), with_history)
    )
    claim = bench.claim()
    bench.with_commits(lambda commits: conversation_sync.perform(claim, bench.task(commits)))
    end(bench, claim)


def end(bench: Bench, claim: Claim) -> None:
    """The job is over, however it went."""
    done = Settlement("done", JobState.SUCCEEDED)
    assert bench.store.queue.settle(1, claim, done, Effort(), bench.clock.now())


def later_lead(bench: Bench, **channels: Any) -> str:
    """A lead that was made an hour after what the tellers say was sent."""
    bench.clock.passes(3600)
    return bench.lead(**channels)


def says_again(bench: Bench, *texts: str) -> None:
    bench.sms.forgets()
    bench.sms.says(*texts)


# One lead's conversation


def test_a_message_of_a_conversation_that_was_read_rings(bench: Bench) -> None:
    lead = later_lead(bench)
    bench.sms.says("old")
    read(bench, lead)
    says_again(bench, "new", "old")
    read(bench, lead)
    assert rung(bench) == ["new"]


def test_what_the_first_read_brings_is_history_on_every_page(bench: Bench) -> None:
    bench.sms.says("a").says("b").says("c")
    read(bench, later_lead(bench, mail=False))
    assert rung(bench) == []


def test_what_was_sent_after_the_lead_was_made_rings_at_the_first_read_too(bench: Bench) -> None:
    bench.sms.says("hello")
    read(bench, bench.lead(mail=False))
    assert rung(bench) == ["hello"]


@pytest.mark.parametrize(("minutes", "expected"), [(14, ["hello"]), (16, [])])
def test_a_lead_is_often_made_because_it_has_just_written(
    bench: Bench, minutes: int, expected: list[str]
) -> None:
    bench.sms.says("hello")
    bench.clock.passes(60 * minutes)
    read(bench, bench.lead(mail=False))
    assert rung(bench) == expected


def test_with_history_the_first_read_rings_for_everything(bench: Bench) -> None:
    bench.sms.says("a").says("b")
    read(bench, later_lead(bench, mail=False), with_history=True)
    assert rung(bench) == ["a", "b"]


def test_with_history_holds_through_an_interrupted_read(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("503"), times=1).says("b")
    lead = later_lead(bench, mail=False)
    read(bench, lead, with_history=True)
    read(bench, lead)
    assert rung(bench) == ["a", "b"]


def test_an_interrupted_first_read_goes_on_as_a_first_read(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("503"), times=1).says("b")
    lead = later_lead(bench, mail=False)
    read(bench, lead)
    read(bench, lead)
    assert (bench.texts(lead), rung(bench)) == (["a", "b"], [])


def test_the_history_of_a_lead_that_was_not_found_at_first_is_history(bench: Bench) -> None:
    bench.sms.knows_nobody()
    lead = later_lead(bench, mail=False)
    read(bench, lead)
    bench.sms._knows_nobody = False
    bench.sms.says("old")
    read(bench, lead)
    assert (bench.texts(lead), rung(bench)) == (["old"], [])


def test_a_message_rings_once_however_often_it_is_read(bench: Bench) -> None:
    lead = later_lead(bench, mail=False)
    bench.sms.says()
    read(bench, lead)
    says_again(bench, "new")
    for _ in range(3):
        read(bench, lead)
        jobs = bench.store.queue.jobs(JobFilter(kind=Kind.INBOUND_HOOK), 1000)
        bench.store.queue.cancel([job.id for job in jobs], bench.clock.now())
    assert rung(bench) == ["new"]


def test_a_message_that_was_imported_does_not_ring_when_it_is_healed(bench: Bench) -> None:
    lead = bench.store.leads.lead(bench.lead(mail=False))
    assert lead is not None
    imported = Message(Channel.SMS, "imported", None, Direction.INBOUND, NOON, "hello")
    bench.store.archive.save_messages(lead, Channel.SMS, [imported], bench.clock.now())
    bench.sms.says("hello")
    read(bench, lead.id)
    assert (bench.texts(lead.id), rung(bench)) == (["hello"], [])


def test_a_page_that_is_not_stored_rings_for_nothing(bench: Bench) -> None:
    """Neither without the other: the jobs go with the page."""
    bench.sms.says("hello")
    lead = bench.lead(mail=False)
    bench.ask(lead)
    claim = bench.claim()
    intake, queued = bench.store.intake, bench.store.intake.enqueue_jobs

    def breaking(specs: list[JobSpec], terms: Terms) -> int:
        queued(specs, terms)
        raise RuntimeError

    intake.enqueue_jobs = breaking  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError):
        bench.with_commits(lambda commits: conversation_sync.perform(claim, bench.task(commits)))
    assert (bench.texts(lead), rung(bench)) == ([], [])


def test_without_a_hook_nothing_is_asked_of_the_database(bench: Bench) -> None:
    del bench.hooks["acme"]
    statements: list[str] = []
    bench.store._connection.raw.set_trace_callback(statements.append)  # type: ignore[attr-defined]
    bench.sms.says("hello")
    read(bench, bench.lead(mail=False))
    assert rung(bench) == []
    assert not [each for each in statements if "max(id)" in each or "messages.id >" in each]


# The account's change feed


class Feed(Teller):
    """A provider whose feed tells pages of (phone, text, hours ago)."""

    def __init__(self) -> None:
        super().__init__(account("acme", "sms-fake"))
        self.told: list[tuple[str, str, datetime]] = []

    def tells(self, phone: str, text: str, sent_at: datetime) -> None:
        self.told.append((phone, text, sent_at))

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        covers = Covers.EVERYBODY if watermark is None else Covers.NOBODY
        news = tuple(self._news(*each) for each in self.told)
        yield FeedPage(news, None, "read", covers)

    def _news(self, phone: str, text: str, sent_at: datetime) -> News:
        message = Message(
            Channel.SMS, "sms-fake", text, Direction.INBOUND, sent_at, text, sender=phone
        )

        def read(lead: Lead) -> tuple[Message, ...]:
            return (message,)

        return News(Contact(addresses=(addresses.phone(phone, None),)), read, vouched=True)


ANN, BOB = "+12025550001", "+12025550199"


@pytest.fixture
def feed(bench: Bench) -> Feed:
    feed = Feed()
    feed.account = replace(feed.account, discover=True)
    bench.tellers = [feed]
    return feed


def walk(bench: Bench) -> None:
    spec = JobSpec(Kind.DELTA_SYNC, "acme", "sms")
    bench.store.intake.enqueue_jobs([spec], Terms(Priority.BULK, 0.0, 3, bench.clock.now()))
    claim = bench.claim()
    bench.with_commits(lambda commits: delta_sync.perform(claim, bench.task(commits)))
    end(bench, claim)
    ended = [job.id for job in bench.store.queue.jobs(JobFilter(kind="conversation_sync"), 99)]
    bench.store.queue.cancel(ended, bench.clock.now())


def test_the_first_walk_of_a_feed_is_history(bench: Bench, feed: Feed) -> None:
    later_lead(bench, mail=False)
    feed.tells(ANN, "old", NOON)
    feed.tells(BOB, "old too", NOON)
    walk(bench)
    assert rung(bench) == []


def test_what_the_first_walk_tells_of_a_lead_that_was_read_before_rings(
    bench: Bench, feed: Feed
) -> None:
    lead = later_lead(bench, mail=False)
    feed.says("old")
    read(bench, lead)
    feed.tells(ANN, "missed", NOON)
    walk(bench)
    assert rung(bench) == ["missed"]


def test_what_a_feed_tells_after_its_first_walk_rings_once(bench: Bench, feed: Feed) -> None:
    later_lead(bench, mail=False)
    walk(bench)
    bench.clock.passes(60)
    feed.tells(ANN, "new", NOON + timedelta(seconds=3660))
    walk(bench)
    walk(bench)
    assert rung(bench) == ["new"]


def test_somebody_who_becomes_a_lead_by_writing_rings(bench: Bench, feed: Feed) -> None:
    walk(bench)
    bench.clock.passes(3600)
    feed.tells(BOB, "hello", NOON + timedelta(seconds=3540))
    walk(bench)
    assert rung(bench) == ["hello"]


def test_with_history_the_first_walk_rings_for_the_leads_that_were_asked_for(
    bench: Bench, feed: Feed
) -> None:
    lead = later_lead(bench, mail=False)
    terms = Terms(Priority.MANUAL, 0.0, 3, bench.clock.now(), with_history=True)
    (placed,) = bench.store.intake.enqueue([lead], terms)
    bench.store.queue.cancel([placed.job], bench.clock.now())
    feed.tells(ANN, "old", NOON)
    feed.tells(BOB, "old too", NOON)
    walk(bench)
    assert rung(bench) == ["old"]
