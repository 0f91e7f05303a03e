"""The worker: jobs side by side, each settled, stopped in time, and no one's trouble another's."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from convsync_cli.sync.claiming import Pace
from convsync_cli.sync.errors import BudgetSpent, DatabaseError, RateLimited, Rejected, Unavailable
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.placing import Priority, Terms
from convsync_cli.sync.telemetry import JobStopped
from tests.sync.workbench import NOON, Bench, Teller


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def at_once(bench: Bench, jobs: int, timeout_s: float = 30.0) -> None:
    bench.pace = Pace(jobs, timeout_s)


def when_all(count: int, happens: Callable[[], object]) -> Callable[[], None]:
    """Something to be called often, which happens at the ``count``-th call."""
    calls = 0

    def called() -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            happens()

    return called


def refused(bench: Bench, teller: Teller) -> None:
    """The account's credential was refused a while ago: it is time to look again."""
    bench.pause(teller, PauseReason.UNAUTHORIZED, seconds=900)
    bench.clock.passes(901)


# Working


def test_a_worker_works_until_nothing_is_due(bench: Bench) -> None:
    leads = [bench.asked_lead() for _ in range(20)]
    reason, tally = bench.work()
    assert (reason, tally.claimed, tally.done) == ("drained", 20, 20)
    assert set(bench.states(leads)) == {"succeeded"}


def test_what_jobs_cost_and_brought_is_added_up(bench: Bench) -> None:
    bench.sms.says("a", "b").says("c")
    bench.ask(bench.lead(mail=False))
    _, tally = bench.work()
    assert (tally.requests, tally.messages.new) == (2, 3)


def test_a_job_that_is_not_due_yet_is_left_alone(bench: Bench) -> None:
    bench.sms.fails_with(Unavailable("answered 503"))
    lead = bench.asked_lead()
    _, tally = bench.work()
    assert (tally.claimed, bench.job(lead).state) == (1, "pending")


def test_jobs_run_side_by_side(bench: Bench) -> None:
    bench.sms.hangs(meanwhile=when_all(4, bench.stop.set))
    for _ in range(4):
        bench.asked_lead()
    reason, tally = bench.work()
    assert (reason, tally.claimed) == ("signal", 4)


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_jobs_run_at_once_than_allowed(bench: Bench, jobs: int) -> None:
    at_once(bench, jobs)
    bench.sms.says("a").says("b")
    for _ in range(10):
        bench.asked_lead()
    bench.work()
    assert bench.sms.most_at_once <= jobs


def test_a_job_is_settled_and_the_next_one_claimed_in_one_transaction(bench: Bench) -> None:
    at_once(bench, 1)
    for _ in range(2):
        bench.asked_lead()
    acts: list[str] = []

    def note(sql: str) -> None:
        words = {"COMMIT": "COMMIT", "attempts = attempts + 1": "claim", "INTO attempts": "settle"}
        acts.extend(act for part, act in words.items() if part in sql)

    bench.store._connection.raw.set_trace_callback(note)  # type: ignore[attr-defined]
    bench.work()
    transactions = [set(each.split()) for each in " ".join(acts).split("COMMIT")]
    assert transactions.count({"settle", "claim"}) == 2


def test_who_asks_by_hand_goes_first(bench: Bench) -> None:
    at_once(bench, 1)
    bulk, manual = bench.lead(), bench.lead()
    bench.ask(bulk, priority=Priority.BULK)
    bench.ask(manual)
    bench.work()
    assert [lead for lead, _ in bench.sms.reads] == [manual, bulk]


def test_a_job_asked_for_while_it_runs_goes_round_once_more(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.about(lead).then(when_all(1, lambda: _ask_elsewhere(bench, lead))).says("a")
    bench.ask(lead)
    _, tally = bench.work()
    assert (tally.claimed, len(bench.sms.reads)) == (2, 2)


def _ask_elsewhere(bench: Bench, lead: str) -> None:
    with bench.another_process() as other:
        other.intake.enqueue([lead], Terms(Priority.MANUAL, 0.0, 3, bench.clock.now()))


def test_complete_or_it_says_so_a_job_asked_for_while_it_runs_is_read_again_though_the_run_ended(
    bench: Bench,
) -> None:
    """The message that arrives mid-run lies on a page that was read already."""
    lead = bench.lead(mail=False)

    def arrives() -> None:
        bench.clock.passes(10)
        _ask_elsewhere(bench, lead)
        bench.stop.set()

    bench.sms.about(lead).says("a").hangs(meanwhile=arrives)
    bench.ask(lead)
    bench.work()
    bench.stop.clear()
    bench.sms._about.clear()
    bench.sms.says("new", "a").says("old")
    bench.work()
    assert bench.texts(lead) == ["a", "new", "old"]


# One bad lead, message, job, account or workspace harms no other


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a bug"),
        Unavailable("answered 503"),
        Rejected("answered 422"),
        RateLimited("answered 429", NOON),
        BudgetSpent("no time"),
    ],
)
def test_one_bad_job_harms_no_other(bench: Bench, error: Exception) -> None:
    bad, *good = [bench.asked_lead() for _ in range(4)]
    bench.sms.about(bad).fails_with(error, times=1)
    bench.work()
    assert set(bench.states(good)) == {"succeeded"}


def test_one_job_that_hangs_harms_no_other(bench: Bench) -> None:
    at_once(bench, 2, timeout_s=0.5)
    bad, *good = [bench.asked_lead() for _ in range(5)]
    bench.sms.about(bad).hangs()
    bench.mail.about(bad).hangs()
    bench.work()
    assert (bench.job(bad).error_code, set(bench.states(good))) == ("job_timeout", {"succeeded"})


def test_a_job_that_always_fails_ends_as_failed(bench: Bench) -> None:
    bench.sms.fails_with(Unavailable("answered 503"))
    lead = bench.lead()
    bench.ask(lead, max_attempts=2)
    for _ in range(2):
        bench.work()
        bench.clock.passes(3600)
    assert (bench.job(lead).state, bench.job(lead).error_code) == ("failed", "unavailable")


def test_a_workspace_all_of_whose_accounts_are_paused_is_passed_over(bench: Bench) -> None:
    other = bench.teller("globex", "sms-fake")
    waiting, done = bench.asked_lead(), bench.asked_lead("globex")
    bench.pause(bench.sms)
    bench.pause(bench.mail)
    bench.work()
    assert bench.states([waiting, done]) == ["pending", "succeeded"]
    assert (bench.sms.reads, len(other.reads)) == ([], 1)


def test_a_paused_workspace_costs_its_jobs_no_attempt(bench: Bench) -> None:
    lead = bench.asked_lead()
    bench.pause(bench.sms)
    bench.pause(bench.mail)
    bench.work()
    assert bench.job(lead).attempts == 0


def test_where_one_account_is_paused_the_other_is_read_and_the_job_waits_free_of_charge(
    bench: Bench,
) -> None:
    bench.pause(bench.sms)
    bench.sms.says("a")
    bench.mail.says("b")
    lead = bench.asked_lead()
    _, tally = bench.work()
    assert (tally.snooze, bench.texts(lead)) == (1, ["b"])
    assert (bench.job(lead).state, bench.job(lead).attempts) == ("pending", 0)


def test_jobs_of_a_slow_workspace_do_not_take_every_slot(bench: Bench) -> None:
    at_once(bench, 2)
    bench.teller("globex", "sms-fake")
    bench.sms.hangs()
    for _ in range(5):
        bench.asked_lead()
    other = bench.asked_lead("globex")
    bench.listeners.append(lambda event: bench.stop.set())
    bench.work()
    assert bench.job(other).state == "succeeded"


# A refused account


def test_a_refused_account_is_looked_at_again_when_it_is_time(bench: Bench) -> None:
    refused(bench, bench.sms)
    bench.work()
    assert bench.state(bench.sms).reason is None


def test_a_refused_account_is_not_looked_at_before_it_is_time(bench: Bench) -> None:
    bench.pause(bench.sms, PauseReason.UNAUTHORIZED, seconds=900)
    bench.clock.passes(890)
    bench.work()
    assert bench.sms.server.asked == 0


@pytest.mark.parametrize("reason", [PauseReason.OPERATOR, PauseReason.CREDENTIAL])
def test_an_account_that_a_person_must_see_to_is_not_looked_at(
    bench: Bench, reason: PauseReason
) -> None:
    bench.pause(bench.sms, reason, seconds=1)
    bench.clock.passes(3600)
    bench.work()
    assert bench.state(bench.sms).reason is reason


def test_jobs_that_waited_for_an_account_are_worked_on_when_it_works_again(bench: Bench) -> None:
    bench.sms.says("a")
    lead = bench.asked_lead()
    bench.pause(bench.sms, PauseReason.UNAUTHORIZED, seconds=900)
    bench.work()
    bench.clock.passes(901)
    bench.work()
    assert (bench.job(lead).state, bench.texts(lead)) == ("succeeded", ["a"])


def test_an_account_that_is_still_refused_stays_paused_for_another_quarter_hour(
    bench: Bench,
) -> None:
    refused(bench, bench.sms)
    bench.sms.server.answers(401)
    bench.work()
    until = bench.state(bench.sms).paused_until
    assert until is not None
    assert until - bench.clock.now() == pytest.approx(
        timedelta(minutes=15), abs=timedelta(seconds=1)
    )


@pytest.mark.parametrize("status", [500, 404, 429, 302])
def test_an_answer_that_proves_nothing_leaves_a_refused_account_paused(
    bench: Bench, status: int
) -> None:
    refused(bench, bench.sms)
    bench.sms.server.answers(status)
    bench.work()
    assert bench.state(bench.sms).reason is PauseReason.UNAUTHORIZED


def test_an_account_whose_check_proves_nothing_is_not_asked_by_every_run(bench: Bench) -> None:
    refused(bench, bench.sms)
    bench.sms.server.answers(500)
    bench.work()
    bench.work()
    assert bench.sms.server.asked == 1


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_check_that_hangs_harms_no_other_workspace(bench: Bench, jobs: int) -> None:
    at_once(bench, jobs)
    bench.teller("globex", "sms-fake")
    refused(bench, bench.sms)
    bench.sms.server.hangs()
    lead = bench.asked_lead("globex")
    checks_meanwhile: list[int] = []

    def ended(event: JobStopped) -> None:
        checks_meanwhile.append(bench.sms.server.busy)
        bench.stop.set()

    bench.listeners.append(ended)
    bench.work(budget_s=10.0)
    assert (bench.job(lead).state, checks_meanwhile) == ("succeeded", [1])


def test_a_check_that_hangs_is_stopped_with_the_run(bench: Bench) -> None:
    refused(bench, bench.sms)
    bench.sms.server.hangs()
    bench.stop_after_s = 0.05
    assert (bench.work()[0], bench.sms.server.busy) == ("signal", 0)


def test_a_bug_in_one_check_harms_no_other_workspace(bench: Bench) -> None:
    bench.teller("globex", "sms-fake")
    refused(bench, bench.sms)
    bench.sms.check_error = KeyError("oops")
    lead = bench.asked_lead("globex")
    bench.work()
    assert bench.job(lead).state == "succeeded"


def test_a_bug_in_one_check_keeps_no_other_account_from_being_looked_at(bench: Bench) -> None:
    bench.pause(bench.mail, PauseReason.UNAUTHORIZED, seconds=900)
    refused(bench, bench.sms)
    bench.sms.check_error = KeyError("oops")
    bench.mail.server.latency_s = 0.5  # longer than the worker rests
    bench.work()
    assert bench.state(bench.mail).reason is None


# Stopping


def test_a_run_never_outlives_its_budget_jobs_are_stopped_and_go_back_free_of_charge(
    bench: Bench,
) -> None:
    bench.sms.hangs(meanwhile=lambda: bench.clock.passes(100))
    lead = bench.asked_lead()
    reason, tally = bench.work(budget_s=50)
    assert (reason, tally.released) == ("budget", 1)
    assert (bench.job(lead).state, bench.job(lead).attempts) == ("pending", 0)


def test_a_job_that_was_stopped_is_due_at_once(bench: Bench) -> None:
    bench.sms.hangs(meanwhile=lambda: bench.clock.passes(100))
    bench.asked_lead()
    bench.work(budget_s=50)
    assert bench.store.queue.due(("acme",), bench.clock.now()) == 1


def test_a_job_that_was_stopped_goes_on_from_the_page_it_had_reached(bench: Bench) -> None:
    lead = bench.lead(mail=False)
    bench.sms.about(lead).says("a").hangs(meanwhile=lambda: bench.clock.passes(100))
    bench.ask(lead)
    bench.work(budget_s=50)
    bench.sms._about.clear()
    bench.sms.says("a").then(lambda: None).says("b")
    bench.work()
    assert bench.sms.reads == [(lead, None), (lead, "1")]
    assert bench.texts(lead) == ["a", "b"]


def test_after_the_deadline_nothing_is_claimed(bench: Bench) -> None:
    lead = bench.asked_lead()
    reason, tally = bench.work(budget_s=0)
    assert (reason, tally.claimed, bench.job(lead).state) == ("budget", 0, "pending")


def test_no_job_is_claimed_when_the_deadline_passed_during_another(bench: Bench) -> None:
    at_once(bench, 1)
    first, second = bench.asked_lead(), bench.asked_lead()
    bench.sms.about(first).then(lambda: bench.clock.passes(100)).says("a")
    reason, tally = bench.work(budget_s=50)
    assert (reason, tally.claimed, bench.job(second).state) == ("budget", 1, "pending")


def test_a_signal_stops_jobs_softly_and_free_of_charge(bench: Bench) -> None:
    bench.sms.hangs(meanwhile=bench.stop.set)
    lead = bench.asked_lead()
    reason, tally = bench.work()
    assert (reason, tally.released) == ("signal", 1)
    assert (bench.job(lead).state, bench.job(lead).attempts) == ("pending", 0)


def test_after_a_signal_nothing_is_claimed(bench: Bench) -> None:
    bench.stop.set()
    bench.asked_lead()
    reason, tally = bench.work()
    assert (reason, tally.claimed) == ("signal", 0)


def test_a_job_claimed_in_the_moment_of_the_stop_goes_back_free_of_charge(bench: Bench) -> None:
    """A slot's next job is claimed as the last one is settled: here, when the signal comes."""

    def stopping(least: float, most: float) -> float:
        bench.stop.set()
        return most

    at_once(bench, 1)
    bench.uniform = stopping
    bench.sms.about(bench.asked_lead()).fails_with(Unavailable("503"))
    second = bench.asked_lead()
    assert bench.work()[0] == "signal"
    assert (bench.job(second).state, bench.job(second).attempts) == ("pending", 0)


def test_every_claim_is_accounted_for(bench: Bench) -> None:
    at_once(bench, 3)
    errors = (Unavailable("503"), Rejected("422"), RateLimited("429", NOON + timedelta(hours=1)))
    for error in errors:
        bench.sms.about(bench.asked_lead()).fails_with(error)
    for _ in range(6):
        bench.asked_lead()
    bench.sms.about(bench.asked_lead()).hangs(meanwhile=bench.stop.set)
    _, tally = bench.work()
    ended = tally.done + tally.retry + tally.snooze + tally.failed + tally.released + tally.lost
    assert tally.claimed == ended


# Leases


def _taken_over(bench: Bench) -> None:
    """Another process takes the job for dead, and claims it."""
    with bench.another_process() as other:
        late = bench.clock.now() + timedelta(hours=1)
        other.queue.rescue(late, 90.0, orphaned=False)
        assert other.queue.claim(2, ("acme",), late, late + timedelta(seconds=90))


def test_a_lost_lease_is_counted_and_nothing_is_written(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.about(lead).then(lambda: _taken_over(bench)).says("a")
    bench.ask(lead)
    _, tally = bench.work()
    assert (tally.lost, tally.done) == (1, 0)
    assert (bench.job(lead).state, bench.job(lead).attempts) == ("running", 2)


def test_a_lease_outlives_the_time_that_a_job_may_take(bench: Bench) -> None:
    leases: list[str | None] = []
    lead = bench.lead()
    bench.sms.about(lead).then(lambda: leases.append(bench.job(lead).lease_until)).says("a")
    bench.ask(lead)
    bench.work()
    assert leases[0] is not None
    assert leases[0] > (NOON + timedelta(seconds=bench.pace.job_timeout_s)).isoformat()


# A database that cannot be used, and listeners


def test_a_database_that_cannot_be_used_ends_the_run_and_says_so(bench: Bench) -> None:
    bench.sms.fails_with(DatabaseError("the disk is full"))
    bench.asked_lead()
    with pytest.raises(DatabaseError):
        bench.work()


def test_a_database_that_cannot_be_used_leaves_no_job_running_in_this_process(
    bench: Bench,
) -> None:
    bad = bench.lead()
    bench.sms.hangs()
    bench.sms.about(bad).fails_with(DatabaseError("the disk is full"))
    for _ in range(3):
        bench.asked_lead()
    bench.ask(bad)
    with pytest.raises(DatabaseError):
        bench.work()
    assert bench.sms.reading == 0


def test_listeners_are_told_of_every_job_that_stopped(bench: Bench) -> None:
    events: list[JobStopped] = []
    bench.listeners.append(events.append)
    bench.sms.says("a")
    lead = bench.asked_lead()
    bench.work()
    [event] = events
    assert isinstance(event, JobStopped)
    assert (event.job, event.workspace, event.lead, event.outcome) == (1, "acme", lead, "done")


def test_no_personal_data_in_telemetry(bench: Bench) -> None:
    events: list[JobStopped] = []
    bench.listeners.append(events.append)
    bench.sms.says("text-CANARY").fails_with(KeyError("lead-CANARY@example.com"))
    bench.asked_lead()
    bench.work()
    assert events
    assert "CANARY" not in repr(events)


def test_a_listener_that_fails_breaks_nothing(bench: Bench) -> None:
    def broken(event: JobStopped) -> None:
        raise ValueError("the terminal is gone")

    bench.listeners.append(broken)
    leads = [bench.asked_lead() for _ in range(3)]
    bench.work()
    assert set(bench.states(leads)) == {"succeeded"}


# Waiting for a rate limit


def test_a_rate_limit_that_ends_in_time_is_waited_for(bench: Bench) -> None:
    bench.pause(bench.sms, PauseReason.RATE_LIMITED, seconds=0.03)
    bench.pause(bench.mail)
    bench.sms.says("a")
    lead = bench.lead(mail=False)
    bench.ask(lead)
    bench.work()
    assert bench.texts(lead) == ["a"]


def test_a_rate_limit_that_ends_after_the_deadline_is_not_waited_for(bench: Bench) -> None:
    bench.pause(bench.sms, PauseReason.RATE_LIMITED, seconds=100)
    bench.pause(bench.mail)
    bench.asked_lead()
    reason, tally = bench.work(budget_s=50)
    assert (reason, tally.claimed) == ("drained", 0)


def test_a_worker_can_be_stopped_while_it_waits(bench: Bench) -> None:
    bench.pause(bench.sms, PauseReason.RATE_LIMITED, seconds=100)
    bench.pause(bench.mail)
    bench.asked_lead()
    bench.stop_after_s = 0.05
    assert bench.work()[0] == "signal"
