"""``Intake`` and ``JobQueue``: jobs from asked for to settled, on every engine."""

from dataclasses import replace

import pytest

from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.job import Effort, JobFilter, JobState, Settlement
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.placing import JobSpec, Kind, Placed, Placement, Priority, Terms
from convsync_cli.sync.model.progress import WalkEnd

from .conftest import DAY_S, ENDINGS, Agency, at, email, person, phone

BULK, MANUAL = Priority.BULK, Priority.MANUAL
GOING_ON = {
    "retry": Settlement("retry", JobState.PENDING, at(400), code="timeout", error="too slow"),
    "snooze": Settlement("snooze", JobState.PENDING, at(400), True, "paused", "wait"),
    "released": Settlement("released", JobState.PENDING, free=True),
}
SETTLEMENTS = ENDINGS | GOING_ON


class TestEnqueue:
    def test_a_lead_asked_for_waits_due_and_untried(self, agency: Agency) -> None:
        lead = agency.lead()
        number = agency.queued(lead, when=7, max_attempts=5, priority=Priority.LISTED)
        job = agency.job(number)
        assert (job.kind, job.workspace, job.lead) == ("conversation_sync", "acme", lead)
        assert (job.state, job.priority, job.attempts, job.max_attempts) == ("pending", 5, 0, 5)
        assert {job.run_at, job.created_at, job.requested_at} == {to_text(at(7))}
        assert (job.started_at, job.finished_at, job.lease_until, job.error) == (None,) * 4

    def test_a_lead_asked_for_twice_has_one_job(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        assert agency.ask(lead, when=1) == [Placement(Placed.ALREADY_QUEUED, lead, job, "pending")]
        assert [each.id for each in agency.jobs()] == [job]

    def test_a_lead_mentioned_twice_at_once_has_one_job(self, agency: Agency) -> None:
        lead = agency.lead()
        assert agency.answers(lead, lead) == ["queued", "already_queued"]
        assert len(agency.jobs()) == 1

    def test_answers_come_in_the_order_of_the_question(self, agency: Agency) -> None:
        leads = [agency.lead() for _ in range(4)]
        agency.finished(leads[3])
        agency.queued(leads[1])
        agency.queued(leads[2], priority=BULK)
        placed = agency.ask(*reversed(leads), when=1)
        assert [each.lead for each in placed] == list(reversed(leads))
        assert [each.answer for each in placed] == [
            "recent", "promoted", "already_queued", "queued"
        ]  # fmt: skip

    def test_a_lead_that_does_not_exist_is_not_answered_for(self, agency: Agency) -> None:
        lead = agency.lead()
        assert [each.lead for each in agency.ask("Lnobody", lead, "")] == [lead]

    def test_nobody_asked_for_is_nobody_queued(self, agency: Agency) -> None:
        assert agency.ask() == []

    def test_two_processes_queue_one_job(self, agency: Agency, neighbour: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        assert neighbour.ask(lead) == [Placement(Placed.ALREADY_QUEUED, lead, job, "pending")]

    def test_the_same_address_in_two_workspaces_is_two_jobs(self, agency: Agency) -> None:
        ann, her_twin = (agency.lead(email("a@x.co"), workspace=w) for w in ("acme", "beta"))
        agency.queued(ann, her_twin)
        assert {(job.workspace, job.lead) for job in agency.jobs()} == {
            ("acme", ann), ("beta", her_twin)
        }  # fmt: skip

    def test_thousands_are_queued_in_one_go(self, agency: Agency) -> None:
        with agency.store.transaction():
            leads = [agency.lead() for _ in range(3_000)]
        assert set(agency.answers(*leads)) == {"queued"}
        assert set(agency.answers(*leads, when=1)) == {"already_queued"}


class TestTheWindow:
    def test_it_is_measured_from_the_asking_and_not_from_the_end(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.queued(lead, when=0)
        agency.succeed(agency.take(100), 200)
        assert agency.answers(lead, when=299.999) == ["recent"]
        assert agency.answers(lead, when=300) == ["queued"]

    def test_it_slides_and_has_no_edge_to_slip_through(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.finished(lead, when=299)  # five minutes end at 300
        assert agency.answers(lead, when=301) == ["recent"]

    def test_a_recent_answer_names_the_job_and_its_age(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.finished(lead, when=0)
        newest = agency.finished(lead, when=10)
        assert agency.ask(lead, when=25.5) == [Placement(Placed.RECENT, lead, newest, age_s=15.5)]

    def test_a_window_of_nothing_ignores_what_was_done(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.finished(lead)
        assert agency.answers(lead, window_s=0) == ["queued"]

    @pytest.mark.parametrize("end", ["failed", "cancelled"])
    def test_a_job_that_did_not_succeed_does_not_count(self, agency: Agency, end: str) -> None:
        lead = agency.lead()
        if end == "failed":
            agency.finished(lead, "failed")
        else:
            agency.store.queue.cancel([agency.queued(lead)], at(0))
        assert agency.answers(lead, when=1) == ["queued"]

    def test_another_leads_success_does_not_count(self, agency: Agency) -> None:
        done, other = agency.lead(), agency.lead()
        agency.finished(done)
        assert agency.answers(other, when=1) == ["queued"]

    def test_a_clock_set_back_does_not_lock_a_lead_out(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.finished(lead, when=DAY_S)
        assert agency.answers(lead, when=0) == ["queued"]

    def test_a_clock_set_back_a_little_never_gives_a_negative_age(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.finished(lead, when=10)
        assert agency.ask(lead, when=0) == [Placement(Placed.RECENT, lead, job, age_s=0.0)]

    def test_an_asking_during_the_run_moves_it(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.queued(lead, when=0)
        claim = agency.take(100)
        agency.ask(lead, when=200)
        agency.succeed(claim, 210)
        agency.succeed(agency.take(220), 230)
        assert agency.answers(lead, when=499) == ["recent"]
        assert agency.answers(lead, when=500) == ["queued"]


class TestPromotion:
    def test_who_asks_by_hand_does_not_wait_behind_the_bulk(self, agency: Agency) -> None:
        first, urgent = agency.lead(), agency.lead()
        agency.queued(first, urgent, priority=BULK)
        assert agency.answers(urgent, when=1) == ["promoted"]
        assert agency.take(2).lead == urgent

    def test_a_promoted_job_is_the_same_job(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead, priority=BULK)
        assert agency.ask(lead, when=1) == [Placement(Placed.PROMOTED, lead, job)]

    def test_who_asks_by_hand_does_not_wait_for_a_backoff(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        agency.retry_at(agency.take(1), 900, 2)
        assert agency.answers(lead, when=10) == ["promoted"]
        assert agency.take(10).job == job

    def test_promotion_gives_no_attempt_back(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead, priority=BULK)
        agency.retry_at(agency.take(1), 900, 2)
        agency.ask(lead, when=10)
        assert agency.job(job).attempts == 1

    def test_a_promoted_job_was_asked_for_when_it_was_promoted(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.queued(lead, when=0, priority=BULK)
        agency.ask(lead, when=50)
        assert agency.take(60).requested_at == at(50)

    def test_who_asks_with_less_urgency_changes_nothing(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead, priority=MANUAL)
        assert agency.answers(lead, when=1, priority=BULK) == ["already_queued"]
        assert agency.job(job).priority == MANUAL

    def test_who_asks_with_less_urgency_for_a_delayed_job_does_not_make_it_less_urgent(
        self, agency: Agency
    ) -> None:
        lead = agency.lead()
        job = agency.queued(lead, priority=MANUAL)
        agency.retry_at(agency.take(1), 900, 2)
        agency.ask(lead, when=10, priority=Priority.LISTED)
        assert agency.job(job).priority == MANUAL

    def test_an_asking_for_a_waiting_job_that_had_begun_counts_from_then(
        self, agency: Agency
    ) -> None:
        """What it read before the asking has to be read again."""
        lead = agency.lead()
        agency.queued(lead, when=0)
        agency.release(agency.take(1), 15)
        agency.ask(lead, when=20)
        assert agency.take(30).requested_at == at(20)


class TestRerun:
    def test_a_running_lead_is_marked_and_not_queued_twice(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        agency.take(1)
        assert agency.ask(lead, when=2) == [Placement(Placed.ALREADY_QUEUED, lead, job, "running")]
        assert [(each.id, each.rerun) for each in agency.jobs()] == [(job, True)]

    @pytest.mark.parametrize("end", SETTLEMENTS)
    def test_whatever_the_end_one_more_run_follows(self, agency: Agency, end: str) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        claim = agency.take(1)
        agency.ask(lead, when=2)
        agency.settle(claim, SETTLEMENTS[end], 3)
        after = agency.job(job)
        assert (after.state, after.rerun, after.finished_at) == ("pending", False, None)
        assert agency.take(400).requested_at == at(2)

    @pytest.mark.parametrize("end", ENDINGS)
    def test_the_further_run_is_due_at_once_with_all_its_attempts(
        self, agency: Agency, end: str
    ) -> None:
        lead = agency.lead()
        agency.queued(lead)
        claim = agency.take(1)
        agency.ask(lead, when=2)
        agency.settle(claim, ENDINGS[end], 3)
        assert agency.take(3).attempt == 1

    @pytest.mark.parametrize("end", ENDINGS)
    def test_it_happens_once(self, agency: Agency, end: str) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        claim = agency.take(1)
        agency.ask(lead, when=2)
        agency.settle(claim, ENDINGS[end], 3)
        agency.settle(agency.take(4), ENDINGS[end], 5)
        assert agency.state(job) == ENDINGS[end].state

    def test_both_runs_are_written_down(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        claim = agency.take(1)
        agency.ask(lead, when=2)
        agency.fail(claim, 3)
        agency.succeed(agency.take(4), 5)
        assert [each.outcome for each in agency.tries(job)] == ["failed", "done"]

    def test_bulk_enqueuing_does_not_mark(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(1)
        agency.swept(2)
        assert agency.job(job).rerun is False

    def test_a_killed_run_on_its_last_attempt_is_followed_by_one_more(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead, max_attempts=1)
        agency.take(1)
        agency.ask(lead, when=2)
        assert agency.rescue(1000) == 1
        after = agency.job(job)
        assert (after.state, after.attempts, after.rerun) == ("pending", 0, False)


class TestSweep:
    def test_every_lead_that_can_be_followed_is_queued(self, agency: Agency) -> None:
        leads = [agency.lead() for _ in range(3)]
        swept = agency.swept()
        assert (swept.eligible, swept.queued, swept.already_queued, swept.recent) == (3, 3, 0, 0)
        assert {job.lead for job in agency.jobs(state="pending")} == set(leads)

    def test_bulk_jobs_wait_behind_what_is_asked_for_by_hand(self, agency: Agency) -> None:
        bulk, urgent = agency.lead(), agency.lead(workspace="beta")
        agency.swept(0)
        agency.queued(urgent, when=1)
        assert [agency.take(2, "acme", "beta").lead for _ in range(2)] == [urgent, bulk]

    def test_the_second_time_nothing_is_queued(self, agency: Agency) -> None:
        for _ in range(3):
            agency.lead()
        agency.swept(0)
        again = agency.swept(1)
        assert (again.eligible, again.queued, again.already_queued) == (3, 0, 3)

    def test_live_jobs_stay_as_they_are(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead)
        agency.retry_at(agency.take(1), 900, 2)
        before = agency.job(job)
        agency.swept(3)
        assert agency.job(job) == before

    def test_a_recent_success_is_counted_and_not_queued(self, agency: Agency) -> None:
        agency.finished(agency.lead(), when=0)
        assert agency.swept(299.999).recent == 1
        assert agency.swept(300).queued == 1

    @pytest.mark.parametrize("end", ["failed", "cancelled"])
    def test_a_job_that_did_not_succeed_does_not_count(self, agency: Agency, end: str) -> None:
        lead = agency.lead()
        if end == "failed":
            agency.finished(lead, "failed")
        else:
            agency.store.queue.cancel([agency.queued(lead)], at(0))
        assert agency.swept(1).queued == 1

    def test_a_lead_that_nothing_finds_is_counted_apart(self, agency: Agency) -> None:
        agency.lead(phone("call me", None))
        agency.lead()
        swept = agency.swept()
        assert (swept.eligible, swept.not_syncable, swept.queued) == (1, 1, 1)

    def test_only_the_channels_asked_for_make_a_lead_eligible(self, agency: Agency) -> None:
        agency.lead(phone("+15550100"))  # opens SMS only
        swept = agency.swept(channels=["email"])
        assert (swept.eligible, swept.not_syncable, swept.queued) == (0, 1, 0)

    def test_only_leads_not_read_since_then_are_queued(self, agency: Agency) -> None:
        old, fresh, never = (agency.lead(gohighlevel=f"c{i}") for i in range(3))
        for lead, seconds in ((old, 99.999), (fresh, 100)):
            agency.store.archive.finish(
                agency.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(seconds)
            )
        swept = agency.swept(500, before=100)
        assert (swept.eligible, swept.queued) == (2, 2)
        assert {job.lead for job in agency.jobs()} == {old, never}

    def test_the_channel_read_longest_ago_counts(self, agency: Agency) -> None:
        lead = agency.lead()  # an email opens both channels
        agency.store.archive.finish(
            agency.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(100)
        )
        assert agency.swept(500, before=50).eligible == 1
        assert agency.swept(500, before=50, channels=["sms"]).eligible == 0

    def test_no_more_than_asked_for_are_queued(self, agency: Agency) -> None:
        leads = [agency.lead() for _ in range(5)]
        assert agency.swept(most=2).queued == 2
        assert {job.lead for job in agency.jobs()} == set(leads[:2])

    def test_what_is_live_already_is_not_taken_from_the_limit(self, agency: Agency) -> None:
        leads = [agency.lead() for _ in range(5)]
        agency.queued(leads[0])
        assert agency.swept(1, most=2).queued == 2

    def test_other_workspaces_are_left_alone(self, agency: Agency) -> None:
        agency.lead(workspace="beta")
        agency.lead()
        agency.swept()
        assert [job.workspace for job in agency.jobs()] == ["acme"]

    def test_it_goes_on_behind_an_id(self, agency: Agency) -> None:
        first, second = agency.lead(), agency.lead()
        assert agency.swept(after=first).queued == 1
        assert [job.lead for job in agency.jobs()] == [second]

    def test_behind_the_last_there_is_nothing(self, agency: Agency) -> None:
        assert agency.sweep() is None
        agency.lead()
        assert agency.sweep(after=agency.swept().last) is None

    def test_going_on_from_batch_to_batch_reaches_every_lead_once(self, agency: Agency) -> None:
        with agency.store.transaction():
            leads = {agency.lead() for _ in range(5_001)}
        queued, last = 0, ""
        while (swept := agency.sweep(after=last)) is not None:
            queued, last = queued + swept.queued, swept.last
        assert queued == len(leads)
        assert {job.lead for job in agency.jobs()} == leads


class TestClaim:
    def test_a_claim_tells_all_that_a_worker_needs(self, agency: Agency) -> None:
        lead = agency.lead()
        job = agency.queued(lead, when=0, max_attempts=4)
        claim = agency.take(5, lease_s=90)
        assert (claim.job, claim.kind, claim.workspace) == (job, "conversation_sync", "acme")
        assert (claim.lead, claim.attempt, claim.max_attempts) == (lead, 1, 4)
        assert (claim.requested_at, claim.started_at) == (at(0), at(5))
        assert claim.lease_until == at(95)

    def test_the_attempt_counts_from_the_claim(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(1, lease_s=60)
        running = agency.job(job)
        assert (running.state, running.attempts) == ("running", 1)
        assert (running.started_at, running.lease_until) == (to_text(at(1)), to_text(at(61)))

    def test_a_job_is_claimed_once(self, agency: Agency, neighbour: Agency) -> None:
        agency.queued(agency.lead())
        agency.take(1)
        assert neighbour.claim(1) is None

    def test_nothing_due_is_nothing_claimed(self, agency: Agency) -> None:
        assert agency.claim() is None

    def test_a_delayed_job_is_claimed_from_its_time_on(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 60)
        assert agency.claim(59.999) is None
        assert agency.take(60).job == job

    def test_a_delayed_job_hides_no_later_one(self, agency: Agency) -> None:
        delayed, waiting = agency.lead(), agency.lead()
        agency.queued(delayed, when=0)
        agency.retry_at(agency.take(0), 600)
        agency.queued(waiting, when=1)
        assert agency.take(2).lead == waiting

    def test_delayed_jobs_of_more_urgency_hide_no_due_one(self, agency: Agency) -> None:
        for _ in range(5):
            agency.queued(agency.lead())
            agency.retry_at(agency.take(0), 600)
        lead = agency.lead()
        agency.queued(lead, priority=BULK)
        assert agency.take(1).lead == lead

    def test_the_lowest_priority_number_goes_first(self, agency: Agency) -> None:
        order = (BULK, MANUAL, Priority.LISTED)
        for when, priority in enumerate(order):
            agency.queued(agency.lead(), when=when, priority=priority)
        claimed = [agency.job(agency.take(9).job).priority for _ in order]
        assert claimed == sorted(order)

    def test_the_longest_due_goes_first(self, agency: Agency) -> None:
        late, early = agency.lead(), agency.lead()
        agency.queued(late, when=5)
        agency.queued(early, when=3)
        assert [agency.take(9).lead, agency.take(9).lead] == [early, late]

    def test_the_workspace_with_the_fewest_running_goes_first(self, agency: Agency) -> None:
        for workspace, leads in (("acme", 9), ("beta", 2)):
            for _ in range(leads):
                agency.queued(agency.lead(workspace=workspace))
        claimed = [agency.take(1, "acme", "beta").workspace for _ in range(4)]
        assert sorted(claimed) == ["acme", "acme", "beta", "beta"]

    def test_urgency_goes_before_fairness(self, agency: Agency) -> None:
        for priority in (MANUAL, MANUAL):
            agency.queued(agency.lead(), priority=priority)
        agency.queued(agency.lead(workspace="beta"), priority=BULK)
        claimed = [agency.take(1, "acme", "beta").workspace for _ in range(3)]
        assert claimed == ["acme", "acme", "beta"]

    def test_only_the_workspaces_given_are_worked_for(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.queued(agency.lead(workspace="beta"), when=1)
        assert agency.take(2, "beta", "gamma").workspace == "beta"
        assert agency.claim(2, "beta", "gamma") is None

    def test_without_a_workspace_nothing_is_claimed(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        assert agency.store.queue.claim(1, [], at(1), at(91)) is None

    def test_a_workspace_given_twice_changes_nothing(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        assert agency.claim(1, "acme", "acme") is not None
        assert agency.claim(1, "acme", "acme") is None

    def test_a_million_due_in_one_workspace_hold_up_no_other(self, agency: Agency) -> None:
        with agency.store.transaction():
            for _ in range(500):
                agency.lead()
        agency.swept(0)
        few = [agency.lead(workspace="beta") for _ in range(5)]
        agency.queued(*few, when=1, priority=BULK)
        claimed = [agency.take(2, "acme", "beta").lead for _ in range(10)]
        assert set(few) < set(claimed)


class TestHooks:
    """Jobs that need no account are a lane of their own."""

    @pytest.fixture(autouse=True)
    def queued(self, agency: Agency) -> None:
        self.lead = agency.queued(agency.lead(), priority=Priority.BULK)
        specs = [JobSpec(Kind.INBOUND_HOOK, "acme", str(number)) for number in (1, 2)]
        terms = Terms(Priority.HOOK, 0.0, 3, at(0))
        assert agency.store.intake.enqueue_jobs(specs, terms) == 2

    def claimed(self, agency: Agency, hooks: bool) -> list[str]:
        claims = iter(
            lambda: agency.store.queue.claim(1, ["acme"], at(0), at(90), hooks=hooks), None
        )
        return [claim.kind for claim in claims if claim]

    def test_only_hooks_are_claimed_where_they_are_asked_for(self, agency: Agency) -> None:
        assert self.claimed(agency, hooks=True) == ["inbound_hook"] * 2
        assert self.claimed(agency, hooks=False) == ["conversation_sync"]

    def test_no_hook_is_claimed_where_none_is_asked_for(self, agency: Agency) -> None:
        assert self.claimed(agency, hooks=False) == ["conversation_sync"]
        assert self.claimed(agency, hooks=True) == ["inbound_hook"] * 2

    def test_there_is_one_live_job_for_a_message(self, agency: Agency) -> None:
        again = [JobSpec(Kind.INBOUND_HOOK, "acme", "1")]
        terms = Terms(Priority.HOOK, 0.0, 3, at(1))
        assert agency.store.intake.enqueue_jobs(again, terms) == 0

    def test_they_count_as_due(self, agency: Agency) -> None:
        assert agency.store.queue.due(["acme"], at(0)) == 3


class TestWithHistory:
    def wanted(self, agency: Agency, lead: str) -> set[bool]:
        return {sync.with_history for sync in agency.store.archive.syncs(lead).values()}

    def test_it_is_remembered_of_leads_that_were_never_read(self, agency: Agency) -> None:
        lead, other = agency.lead(), agency.lead()
        agency.store.intake.enqueue([lead], Terms(Priority.MANUAL, 0, 3, at(0), True))
        assert (self.wanted(agency, lead), self.wanted(agency, other)) == ({True}, {False})

    def test_it_means_nothing_to_a_channel_that_was_read(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.store.archive.finish(
            agency.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=at(0)
        )
        agency.store.intake.enqueue([lead], Terms(Priority.MANUAL, 0, 3, at(0), True))
        syncs = agency.store.archive.syncs(lead)
        assert (syncs[Channel.SMS].with_history, syncs[Channel.EMAIL].with_history) == (False, True)

    def test_a_sweep_remembers_it_of_those_that_are_queued(self, agency: Agency) -> None:
        first, second = agency.lead(), agency.lead()
        elsewhere = agency.lead(workspace="beta")
        terms = Terms(Priority.BULK, 0, 3, at(0), True)
        agency.store.intake.sweep("acme", ["sms", "email"], None, "", 1, terms)
        assert self.wanted(agency, first) == {True}
        assert self.wanted(agency, second) == self.wanted(agency, elsewhere) == {False}


class TestSettle:
    @pytest.mark.parametrize(
        ("end", "state", "attempts", "due"),
        [
            ("done", "succeeded", 1, None),
            ("failed", "failed", 1, None),
            ("retry", "pending", 1, 400),
            ("snooze", "pending", 0, 400),
            ("released", "pending", 0, 0),
        ],
    )
    def test_every_end_leads_to_its_state(
        self, agency: Agency, end: str, state: str, attempts: int, due: float | None
    ) -> None:
        number = agency.queued(agency.lead(), when=0)
        assert agency.settle(agency.take(1), SETTLEMENTS[end], 2)
        job = agency.job(number)
        assert (job.state, job.attempts, job.lease_until) == (state, attempts, None)
        assert (job.error_code, job.error) == (SETTLEMENTS[end].code, SETTLEMENTS[end].error)
        if due is None:
            assert job.finished_at == to_text(at(2))
        else:
            assert (job.finished_at, job.run_at) == (None, to_text(at(due)))

    @pytest.mark.parametrize("end", SETTLEMENTS)
    def test_every_try_is_written_down(self, agency: Agency, end: str) -> None:
        job = agency.queued(agency.lead())
        claim = agency.take(1, run=7)
        effort = Effort(3, 1200, "GET /conversations/search")
        agency.store.queue.settle(7, claim, SETTLEMENTS[end], effort, at(2.5))
        (told,) = agency.tries(job)
        assert (told.outcome, told.error_code, told.run) == (end, SETTLEMENTS[end].code, 7)
        assert (told.started_at, told.ended_at) == (to_text(at(1)), to_text(at(2.5)))
        assert (told.requests, told.http_ms, told.slowest) == (3, 1200, effort.slowest)

    def test_a_success_after_a_failure_keeps_no_error(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.retry_at(agency.take(1), 10, 2)
        agency.succeed(agency.take(10), 11)
        assert (agency.job(job).error_code, agency.job(job).error) == (None, None)

    def test_attempts_add_up_over_retries(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        for due in (10, 20, 30):
            agency.retry_at(agency.take(due), due + 10, due)
        assert agency.job(job).attempts == 3
        assert [each.outcome for each in agency.tries(job)] == ["retry"] * 3

    def test_what_is_free_costs_no_attempt_however_often(self, agency: Agency) -> None:
        agency.queued(agency.lead(), max_attempts=2)
        for moment in range(1, 6):
            agency.release(agency.take(moment), moment)
        assert agency.take(9).attempt == 1

    @pytest.mark.parametrize("end", SETTLEMENTS)
    def test_a_stale_token_settles_nothing(self, agency: Agency, end: str) -> None:
        job = agency.queued(agency.lead())
        zombie = agency.take(0, lease_s=10)
        agency.rescue(11)
        agency.take(12)
        before = agency.job(job), agency.tries(job)
        assert not agency.settle(zombie, SETTLEMENTS[end], 13)
        assert (agency.job(job), agency.tries(job)) == before

    @pytest.mark.parametrize("end", SETTLEMENTS)
    def test_a_job_that_was_rescued_is_no_longer_the_zombies(
        self, agency: Agency, end: str
    ) -> None:
        job = agency.queued(agency.lead())
        zombie = agency.take(0, lease_s=10)
        agency.rescue(11)
        before = agency.job(job), agency.tries(job)
        assert not agency.settle(zombie, SETTLEMENTS[end], 12)
        assert (agency.job(job), agency.tries(job)) == before

    @pytest.mark.parametrize("end", SETTLEMENTS)
    def test_a_claim_settles_once(self, agency: Agency, end: str) -> None:
        job = agency.queued(agency.lead())
        claim = agency.take(1)
        agency.settle(claim, SETTLEMENTS[end], 2)
        before = agency.job(job), agency.tries(job)
        assert not agency.succeed(claim, 3)
        assert (agency.job(job), agency.tries(job)) == before

    def test_a_token_from_before_a_retry_by_hand_is_stale(self, agency: Agency) -> None:
        job = agency.queued(agency.lead(), max_attempts=1)
        zombie = agency.take(0, lease_s=10)
        agency.rescue(11)
        agency.store.queue.retry([job], at(12))
        agency.take(13)
        assert not agency.succeed(zombie, 14)

    def test_an_invented_token_settles_nothing(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        claim = agency.take(1)
        assert not agency.succeed(replace(claim, token=claim.token + 1), 2)

    def test_a_job_that_is_gone_settles_nothing(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        claim = agency.take(1)
        assert not agency.succeed(replace(claim, job=claim.job + 1), 2)

    def test_an_expired_lease_that_nobody_took_still_settles(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        assert agency.succeed(agency.take(0, lease_s=10), 99)
        assert agency.state(job) == "succeeded"

    def test_other_jobs_are_left_alone(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        other = agency.queued(agency.lead(), when=1)
        claim, _ = agency.take(2), agency.take(2)
        before = agency.job(other)
        agency.succeed(claim, 3)
        assert agency.job(other) == before

    def test_a_clock_set_back_during_the_run_ends_it_all_the_same(self, agency: Agency) -> None:
        job = agency.queued(agency.lead(), when=DAY_S)
        assert agency.succeed(agency.take(DAY_S), 0)
        assert agency.state(job) == "succeeded"


class TestRescue:
    def test_a_lease_that_ran_out_frees_its_job(self, agency: Agency) -> None:
        number = agency.queued(agency.lead())
        agency.take(0, lease_s=90)
        assert agency.rescue(90.001) == 1
        job = agency.job(number)
        assert (job.state, job.attempts, job.lease_until) == ("pending", 1, None)
        assert (job.run_at, job.error_code) == (to_text(at(90.001)), "lost")

    def test_a_lease_that_holds_is_respected(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(0, lease_s=90)
        assert agency.rescue(90) == 0
        assert agency.state(job) == "running"

    def test_an_orphan_is_freed_before_its_lease_ends(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(0, lease_s=90)
        assert agency.rescue(1, orphaned=True) == 1
        assert agency.take(1).job == job

    def test_a_lease_from_the_future_is_no_lease(self, agency: Agency) -> None:
        """The clock that wrote it has been set back since."""
        job = agency.queued(agency.lead())
        agency.take(DAY_S, lease_s=90)
        assert agency.rescue(0, longest_lease_s=90) == 1
        assert agency.take(0).job == job

    def test_a_clock_a_few_seconds_behind_frees_nothing(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.take(20, lease_s=90)
        assert agency.rescue(0, longest_lease_s=90) == 0

    def test_a_job_whose_attempts_are_used_up_ends_as_failed(self, agency: Agency) -> None:
        number = agency.queued(agency.lead(), max_attempts=2)
        for moment in (0, 100):
            agency.take(moment, lease_s=90)
            assert agency.rescue(moment + 91) == 1
        job = agency.job(number)
        assert (job.state, job.attempts, job.finished_at) == ("failed", 2, to_text(at(191)))
        assert job.error_code == "lost"

    def test_a_job_whose_process_died_with_it_is_suspect(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        assert not agency.take(0).suspect
        agency.rescue(1, orphaned=True)
        assert agency.take(2).suspect

    def test_a_job_that_survived_a_further_try_is_suspect_no_more(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.take(0)
        agency.rescue(1, orphaned=True)
        agency.retry_at(agency.take(2), 60, 3)
        assert not agency.take(60).suspect

    def test_a_lost_try_is_written_down(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(5, lease_s=90, run=3)
        agency.rescue(100)
        (told,) = agency.tries(job)
        assert (told.outcome, told.error_code, told.run) == ("lost", "lost", 3)
        assert (told.started_at, told.ended_at) == (to_text(at(5)), to_text(at(100)))

    def test_it_frees_every_job_of_a_dead_run(self, agency: Agency) -> None:
        for _ in range(3):
            agency.queued(agency.lead())
        for _ in range(2):
            agency.take(0)
        assert agency.rescue(1, orphaned=True) == 2
        assert [job.state for job in agency.jobs()] == ["pending"] * 3

    def test_what_waits_or_ended_is_left_alone(self, agency: Agency) -> None:
        agency.finished(agency.lead())
        agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 900)
        before = agency.jobs()
        assert agency.rescue(5, orphaned=True) == 0
        assert agency.jobs() == before

    def test_a_job_enqueued_by_a_clock_that_ran_ahead_does_not_wait_for_it(
        self, agency: Agency
    ) -> None:
        job = agency.queued(agency.lead(), when=DAY_S)
        agency.rescue(0)
        assert agency.take(0).job == job

    def test_a_job_delayed_by_a_clock_that_ran_ahead_does_not_wait_for_it(
        self, agency: Agency
    ) -> None:
        """No pause or backoff is longer than a day and an hour."""
        job = agency.queued(agency.lead(), when=0)
        agency.retry_at(agency.take(365 * DAY_S), 365 * DAY_S + 15, 365 * DAY_S)
        agency.rescue(10)
        assert agency.take(10).job == job

    def test_a_job_that_waits_for_midnight_goes_on_waiting(self, agency: Agency) -> None:
        job = agency.queued(agency.lead(), when=0)
        agency.snooze(agency.take(1), DAY_S, 1)
        agency.rescue(2, orphaned=True)
        assert agency.job(job).run_at == to_text(at(DAY_S))


class TestPrune:
    @pytest.mark.parametrize("end", ENDINGS)
    def test_what_ended_before_a_moment_is_deleted(self, agency: Agency, end: str) -> None:
        old = agency.finished(agency.lead(), end, when=99.999)
        new = agency.finished(agency.lead(), end, when=100)
        assert agency.store.queue.prune(ENDINGS[end].state, at(100), 10) == 1
        assert agency.store.queue.job(old) is None
        assert agency.state(new) == ENDINGS[end].state

    def test_cancelled_jobs_are_deleted_too(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.store.queue.cancel([job], at(1))
        assert agency.store.queue.prune(JobState.CANCELLED, at(2), 10) == 1
        assert agency.jobs() == []

    def test_only_the_state_asked_for_is_deleted(self, agency: Agency) -> None:
        agency.finished(agency.lead(), "failed")
        agency.finished(agency.lead(), "done")
        assert agency.store.queue.prune(JobState.SUCCEEDED, at(100), 10) == 1
        assert [job.state for job in agency.jobs()] == ["failed"]

    def test_no_more_than_asked_for_are_deleted_the_oldest_first(self, agency: Agency) -> None:
        jobs = [agency.finished(agency.lead(), when=when) for when in (3, 1, 2)]
        assert agency.store.queue.prune(JobState.SUCCEEDED, at(100), 2) == 2
        assert [job.id for job in agency.jobs()] == [jobs[0]]

    @pytest.mark.parametrize("state", [JobState.PENDING, JobState.RUNNING])
    def test_live_jobs_are_never_deleted(self, agency: Agency, state: JobState) -> None:
        job = agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 1)
        if state is JobState.RUNNING:
            agency.take(1)
        assert agency.store.queue.prune(state, at(DAY_S), 10) == 0
        assert agency.state(job) == state

    def test_a_job_that_was_tried_again_by_hand_is_live(self, agency: Agency) -> None:
        job = agency.finished(agency.lead(), "failed")
        agency.store.queue.retry([job], at(1))
        for state in JobState:
            assert agency.store.queue.prune(state, at(DAY_S), 10) == 0

    def test_its_tries_go_with_a_job(self, agency: Agency) -> None:
        job = agency.finished(agency.lead())
        agency.store.queue.prune(JobState.SUCCEEDED, at(100), 10)
        assert agency.tries(job) == []

    def test_a_number_is_never_given_twice(self, agency: Agency) -> None:
        job = agency.finished(agency.lead())
        agency.store.queue.prune(JobState.SUCCEEDED, at(100), 10)
        assert agency.queued(agency.lead()) > job


class TestCancel:
    def test_a_waiting_job_ends_without_a_run(self, agency: Agency) -> None:
        number = agency.queued(agency.lead())
        assert agency.store.queue.cancel([number], at(5)) == [number]
        job = agency.job(number)
        assert (job.state, job.finished_at) == ("cancelled", to_text(at(5)))
        assert agency.claim(6) is None

    def test_a_running_job_is_left_to_its_run(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.take(1)
        assert agency.store.queue.cancel([job], at(2)) == []
        assert agency.state(job) == "running"

    @pytest.mark.parametrize("end", ENDINGS)
    def test_what_has_ended_stays_as_it_is(self, agency: Agency, end: str) -> None:
        job = agency.finished(agency.lead(), end)
        before = agency.job(job)
        assert agency.store.queue.cancel([job], at(2)) == []
        assert agency.job(job) == before

    def test_only_the_jobs_named_are_cancelled(self, agency: Agency) -> None:
        named, other = agency.queued(agency.lead()), agency.queued(agency.lead())
        assert agency.store.queue.cancel([named, 999], at(1)) == [named]
        assert agency.state(other) == "pending"


class TestRetryByHand:
    @pytest.mark.parametrize("end", ["failed", "cancelled"])
    def test_a_job_that_did_not_succeed_waits_again_with_all_its_attempts(
        self, agency: Agency, end: str
    ) -> None:
        if end == "failed":
            number = agency.finished(agency.lead(), "failed")
        else:
            number = agency.queued(agency.lead())
            agency.store.queue.cancel([number], at(1))
        assert agency.store.queue.retry([number], at(5)) == [number]
        job = agency.job(number)
        assert (job.state, job.attempts, job.finished_at) == ("pending", 0, None)
        assert (job.run_at, job.requested_at) == (to_text(at(5)), to_text(at(5)))
        assert (job.error_code, job.error) == (None, None)

    def test_a_succeeded_job_stays_as_it_is(self, agency: Agency) -> None:
        job = agency.finished(agency.lead())
        assert agency.store.queue.retry([job], at(5)) == []
        assert agency.state(job) == "succeeded"

    @pytest.mark.parametrize("live", ["pending", "running"])
    def test_a_lead_that_has_a_live_job_gets_no_second_one(self, agency: Agency, live: str) -> None:
        lead = agency.lead()
        failed = agency.finished(lead, "failed")
        agency.queued(lead, when=1)
        if live == "running":
            agency.take(2)
        assert agency.store.queue.retry([failed], at(3)) == []
        assert agency.state(failed) == "failed"

    def test_of_two_failed_jobs_of_a_lead_one_is_tried_again(self, agency: Agency) -> None:
        lead = agency.lead()
        both = [agency.finished(lead, "failed", when=when) for when in (0, 1)]
        retried = agency.store.queue.retry(both, at(2))
        assert len(retried) == 1
        assert sorted(agency.state(job) for job in both) == ["failed", "pending"]
        assert agency.state(retried[0]) == "pending"

    def test_the_tries_of_before_are_kept(self, agency: Agency) -> None:
        job = agency.finished(agency.lead(), "failed")
        agency.store.queue.retry([job], at(1))
        agency.succeed(agency.take(2), 3)
        assert [each.outcome for each in agency.tries(job)] == ["failed", "done"]


class TestDue:
    def test_jobs_are_due_from_their_time_on(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 60)
        agency.queued(agency.lead())
        assert agency.store.queue.due(["acme"], at(59.999)) == 1
        assert agency.store.queue.due(["acme"], at(60)) == 2

    def test_only_the_workspaces_given_count(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        assert agency.store.queue.due(["beta", "gamma"], at(1)) == 0
        assert agency.store.queue.due([], at(1)) == 0

    def test_what_runs_or_has_ended_is_not_due(self, agency: Agency) -> None:
        agency.finished(agency.lead())
        agency.queued(agency.lead())
        agency.take(1)
        assert agency.store.queue.due(["acme"], at(2)) == 0

    @pytest.mark.parametrize("code", ["paused", "rate_limited"])
    def test_jobs_that_wait_for_an_account_are_made_due(self, agency: Agency, code: str) -> None:
        job = agency.queued(agency.lead())
        agency.snooze(agency.take(0), 3600, code=code)
        assert agency.store.queue.make_due("acme", at(5)) == 1
        assert agency.take(5).job == job

    def test_jobs_that_wait_for_a_backoff_go_on_waiting(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.retry_at(agency.take(0), 3600)
        assert agency.store.queue.make_due("acme", at(5)) == 0
        assert agency.claim(5) is None

    def test_the_accounts_of_another_workspace_make_nothing_due(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.snooze(agency.take(0), 3600)
        assert agency.store.queue.make_due("beta", at(5)) == 0
        assert agency.claim(5) is None

    def test_a_job_that_is_due_already_does_not_lose_its_place(self, agency: Agency) -> None:
        job = agency.queued(agency.lead())
        agency.snooze(agency.take(0), 3)
        assert agency.store.queue.make_due("acme", at(5)) == 0
        assert agency.job(job).run_at == to_text(at(3))


class TestLooking:
    def test_a_job_that_does_not_exist_is_none(self, agency: Agency) -> None:
        assert agency.store.queue.job(1) is None

    def test_of_some_jobs_those_that_have_not_ended_are_told(self, agency: Agency) -> None:
        ended = agency.finished(agency.lead())
        running = agency.queued(agency.lead())
        agency.take(0)
        pending = agency.queued(agency.lead())
        assert agency.store.queue.live([ended, running, pending, 4711]) == [running, pending]

    def test_jobs_come_newest_first_up_to_a_limit(self, agency: Agency) -> None:
        jobs = [agency.queued(agency.lead()) for _ in range(3)]
        assert [job.id for job in agency.jobs()] == jobs[::-1]
        assert len(agency.store.queue.jobs(JobFilter(), 2)) == 2

    def test_a_filter_narrows_by_each_of_its_fields(self, agency: Agency) -> None:
        lead, other = agency.lead(), agency.lead(workspace="beta")
        job, done = agency.queued(lead), agency.finished(other)
        for field, wanted, found in (
            ("state", "pending", [job]),
            ("state", "succeeded", [done]),
            ("workspace", "beta", [done]),
            ("lead", lead, [job]),
            ("kind", "conversation_sync", [done, job]),
            ("kind", "delta_sync", []),
        ):
            assert [each.id for each in agency.jobs(**{field: wanted})] == found

    def test_fields_of_a_filter_narrow_together(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        assert agency.jobs(state="pending", workspace="beta") == []

    def test_numbers_come_oldest_first_behind_a_number_up_to_a_limit(self, agency: Agency) -> None:
        jobs = [agency.queued(agency.lead()) for _ in range(5)]
        assert agency.store.queue.ids(JobFilter(), jobs[0], 3) == jobs[1:4]
        assert agency.store.queue.ids(JobFilter(), jobs[-1], 3) == []

    def test_numbers_are_narrowed_like_jobs(self, agency: Agency) -> None:
        agency.queued(agency.lead(workspace="beta"))
        failed = agency.finished(agency.lead(), "failed")
        assert agency.store.queue.ids(JobFilter(state="failed"), 0, 9) == [failed]
        assert agency.store.queue.ids(JobFilter(state="failed", workspace="beta"), 0, 9) == []


class TestTimeouts:
    @pytest.mark.parametrize("code", ["timeout", "network", "job_timeout"])
    def test_a_try_that_the_clock_ended_tells_where(self, agency: Agency, code: str) -> None:
        lead = agency.lead()
        agency.queued(lead)
        late = Settlement("retry", JobState.PENDING, at(60), code=code)
        agency.settle(agency.take(10), late, 40, Effort(2, 30_000, "GET /slow"))
        (told,) = agency.store.queue.timeouts(at(10))
        assert (told.kind, told.workspace, told.lead) == ("conversation_sync", "acme", lead)
        assert (told.endpoint, told.code, told.http_ms) == ("GET /slow", code, 30_000)

    def test_tries_from_before_are_left_out(self, agency: Agency) -> None:
        agency.queued(agency.lead())
        agency.retry_at(agency.take(10), 60, 40)
        assert agency.store.queue.timeouts(at(10.001)) == []

    def test_tries_that_ended_otherwise_are_left_out(self, agency: Agency) -> None:
        for end in ENDINGS:
            agency.finished(agency.lead(), end)
        assert agency.store.queue.timeouts(at(0)) == []


class TestTransactions:
    def test_what_was_done_in_one_that_failed_was_not_done(self, agency: Agency) -> None:
        lead = agency.lead()
        with pytest.raises(ZeroDivisionError), agency.store.transaction():
            agency.queued(lead)
            raise ZeroDivisionError
        assert agency.jobs() == []

    def test_a_part_that_failed_undoes_only_itself(self, agency: Agency) -> None:
        kept, undone = agency.lead(), agency.lead()
        with agency.store.transaction():
            agency.queued(kept)
            with pytest.raises(ZeroDivisionError), agency.store.transaction():
                agency.queued(undone)
                raise ZeroDivisionError
        assert [job.lead for job in agency.jobs()] == [kept]

    def test_nobody_else_sees_what_is_not_committed(
        self, agency: Agency, neighbour: Agency
    ) -> None:
        lead = agency.lead()
        with agency.store.transaction():
            agency.queued(lead)
            assert neighbour.jobs() == []
        assert len(neighbour.jobs()) == 1

    def test_a_closed_store_opens_again_as_it_was(self, agency: Agency, neighbour: Agency) -> None:
        agency.queued(agency.lead())
        agency.retry_at(agency.take(1), 60)
        before = agency.jobs()
        agency.store.close()
        assert neighbour.jobs() == before


def test_a_lead_that_is_known_by_a_new_contact_stays_one_job(agency: Agency) -> None:
    lead = agency.lead(email("ann@x.co"))
    agency.queued(lead)
    assert agency.learn(person(email("ann@x.co"), phone("+15550100"))).lead == lead
    assert agency.answers(lead, when=1) == ["already_queued"]
