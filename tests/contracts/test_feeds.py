"""``Feeds``, and the jobs that read them, on every engine."""

from typing import Any

from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import Covers, Feed
from convsync_cli.sync.model.job import JobFilter, JobState
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.placing import JobSpec, Kind, Priority, Terms
from convsync_cli.sync.model.progress import LeadSync, WalkEnd

from .conftest import USUAL, Agency, at, email, person, sms

ACCOUNT = Account("acme", Channel.SMS, "gohighlevel", "https://api.example.com", USUAL, None)
SPEC = JobSpec(Kind.DELTA_SYNC, "acme", "sms")


def terms(when: float = 0, priority: Priority = Priority.LISTED) -> Terms:
    return Terms(priority, 300.0, 3, at(when))


def sync_of(agency: Agency, lead: str) -> LeadSync:
    return agency.store.archive.syncs(lead)[Channel.SMS]


def finished(agency: Agency, started: float = 0, covers: Covers = Covers.NOBODY) -> None:
    agency.store.feeds.finish(ACCOUNT, at(started), "mark", covers)


class TestAsking:
    def test_one_job_lives_for_each_channel(self, agency: Agency) -> None:
        intake, other = agency.store.intake, JobSpec(Kind.DELTA_SYNC, "acme", "email")
        assert intake.enqueue_jobs([SPEC, SPEC, other], terms()) == 2
        assert intake.enqueue_jobs([SPEC], terms(1)) == 0
        assert {(job.kind, job.subject, job.lead) for job in agency.jobs()} == {
            ("delta_sync", "sms", None),
            ("delta_sync", "email", None),
        }

    def test_two_processes_queue_one_job(self, agency: Agency, neighbour: Agency) -> None:
        assert agency.store.intake.enqueue_jobs([SPEC], terms()) == 1
        assert neighbour.store.intake.enqueue_jobs([SPEC], terms()) == 0

    def test_there_is_no_window(self, agency: Agency) -> None:
        for when in range(3):
            assert agency.store.intake.enqueue_jobs([SPEC], terms(when)) == 1
            claim = agency.claim(when=when)
            assert claim is not None
            assert (claim.subject, claim.lead) == ("sms", None)
            agency.succeed(claim, when=when)
        assert [job.state for job in agency.jobs()] == [JobState.SUCCEEDED] * 3

    def test_who_was_never_tried_is_asked_for(self, agency: Agency) -> None:
        new, read, failed = agency.lead(), agency.lead(), agency.lead()
        archive = agency.store.archive
        archive.finish(agency.known(read), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(0))
        archive.finish(agency.known(failed), Channel.SMS, outcome=WalkEnd.FAILED, code="rejected")
        assert agency.store.intake.enqueue_unread("acme", Channel.SMS, terms(1)) == 1
        assert agency.store.intake.enqueue_unread("acme", Channel.SMS, terms(2)) == 0
        jobs = agency.store.queue.jobs(JobFilter(kind=Kind.CONVERSATION_SYNC), 9)
        assert [job.lead for job in jobs] == [new]


class TestAWalk:
    def test_nothing_is_known_of_a_feed_at_first(self, agency: Agency) -> None:
        assert agency.store.feeds.feed(ACCOUNT) == Feed()

    def test_how_far_it_has_come_is_kept_and_the_mark_stays(self, agency: Agency) -> None:
        finished(agency)
        agency.store.feeds.save_walk(ACCOUNT, at(60), "page 2", 3)
        told = Feed("mark", "page 2", at(60), at(0), WalkEnd.SYNCED, None, 3)
        assert agency.store.feeds.feed(ACCOUNT) == told

    def test_its_end_moves_the_mark(self, agency: Agency) -> None:
        agency.store.feeds.save_walk(ACCOUNT, at(60), "page 2", 3)
        agency.store.feeds.fail(ACCOUNT, "unavailable")
        finished(agency, 60)
        assert agency.store.feeds.feed(ACCOUNT) == Feed(
            "mark", None, at(60), at(60), WalkEnd.SYNCED, None, 3
        )

    def test_an_error_leaves_place_and_mark(self, agency: Agency) -> None:
        finished(agency)
        agency.store.feeds.save_walk(ACCOUNT, at(60), "page 2", 0)
        agency.store.feeds.fail(ACCOUNT, "unavailable")
        told = agency.store.feeds.feed(ACCOUNT)
        assert (told.watermark, told.cursor) == ("mark", "page 2")
        assert (told.outcome, told.error_code) == ("failed", "unavailable")

    def test_a_walk_at_another_provider_begins_without_a_mark(self, agency: Agency) -> None:
        finished(agency)
        other = Account("acme", Channel.SMS, "twilio", "https://api.example.com", USUAL, None)
        agency.store.feeds.save_walk(other, at(60), "page 2", 0)
        assert agency.store.feeds.feed(other).watermark is None
        assert agency.store.feeds.feed(ACCOUNT) == Feed()


class TestWhoIsCovered:
    def leads(self, agency: Agency) -> dict[str, str]:
        """One known at the provider, one with messages only, one known nowhere."""
        known = agency.lead(email("a@x.co"), gohighlevel="c1")
        heard, stranger = agency.lead(email("b@x.co")), agency.lead(email("c@x.co"))
        agency.store.archive.save_messages(agency.known(heard), Channel.SMS, [sms("m1")], at(0))
        return {"known": known, "heard": heard, "stranger": stranger}

    def outcomes(self, agency: Agency, leads: dict[str, str]) -> dict[str, Any]:
        return {name: sync_of(agency, lead).outcome for name, lead in leads.items()}

    def test_nobody(self, agency: Agency) -> None:
        leads = self.leads(agency)
        finished(agency, 60)
        assert set(self.outcomes(agency, leads).values()) == {None}

    def test_whom_the_provider_knows(self, agency: Agency) -> None:
        leads = self.leads(agency)
        finished(agency, 60, Covers.KNOWN)
        told = {"known": "synced", "heard": None, "stranger": None}
        assert self.outcomes(agency, leads) == told

    def test_everybody_also_those_it_told_nothing_of(self, agency: Agency) -> None:
        leads = self.leads(agency)
        finished(agency, 60, Covers.EVERYBODY)
        told = {"known": "synced", "heard": "synced", "stranger": "not_found"}
        assert self.outcomes(agency, leads) == told
        assert {sync_of(agency, lead).synced_at for lead in leads.values()} == {at(60)}

    def test_not_who_came_while_it_went_on_unless_it_made_them_itself(self, agency: Agency) -> None:
        mine = agency.learn(person(email("d@x.co")), when=120).lead
        late = agency.learn(person(email("e@x.co")), when=120).lead
        agency.store.feeds.found(mine, Channel.SMS)
        finished(agency, 60, Covers.EVERYBODY)
        assert sync_of(agency, mine).synced_at == at(60)
        assert sync_of(agency, late).synced_at is None

    def test_what_was_read_later_than_the_walk_began_stays(self, agency: Agency) -> None:
        lead = agency.lead()
        archive = agency.store.archive
        archive.finish(agency.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(90))
        finished(agency, 60, Covers.EVERYBODY)
        assert sync_of(agency, lead).synced_at == at(90)

    def test_who_is_unread_is_counted_up_to_a_bound(self, agency: Agency) -> None:
        for _ in range(3):
            agency.lead()
        assert agency.store.feeds.untried(ACCOUNT, 99) == 3
        assert agency.store.feeds.untried(ACCOUNT, 2) == 2
        finished(agency, 60, Covers.EVERYBODY)
        assert agency.store.feeds.untried(ACCOUNT, 99) == 0


class TestHowFreshThatMakesIt:
    def read_at(self, agency: Agency, when: float) -> str:
        lead = agency.lead()
        agency.store.archive.finish(
            agency.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(when)
        )
        return lead

    def test_what_was_read_once_is_as_fresh_as_the_feed(self, agency: Agency) -> None:
        self.read_at(agency, 0)
        self.read_at(agency, 590)
        agency.lead()
        finished(agency, 540)
        ages = agency.store.overview.ages("acme", "sms", at(600))
        assert (ages.p50_s, ages.p95_s, ages.never_synced) == (60, 60, 1)
        assert ages.newest == "2026-03-01T12:09:50.000Z"

    def test_a_channel_of_which_nothing_was_read_is_not_fresh(self, agency: Agency) -> None:
        agency.lead()
        finished(agency, 540)
        ages = agency.store.overview.ages("acme", "sms", at(600))
        assert (ages.newest, ages.p50_s) == (None, None)

    def test_who_is_fresh_by_the_feed_is_not_asked_for(self, agency: Agency) -> None:
        self.read_at(agency, 0)
        new = agency.lead()
        finished(agency, 540)
        swept = agency.swept(when=600, before=500, channels=("sms",))
        assert (swept.eligible, swept.queued) == (1, 1)
        assert [job.lead for job in agency.jobs()] == [new]
