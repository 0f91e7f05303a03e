"""One attempt: whatever a job does, its claim gets a settlement and nobody else gets hurt."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from convsync_cli.sync.attempt import RELEASED, SPENT, attempt, settlement
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.errors import BudgetSpent, DatabaseError, Locked, Unavailable
from convsync_cli.sync.model.job import Claim, JobState, Settlement
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from tests.sync.workbench import NOON, Bench, uniform

CANARY = "lead-CANARY@example.com"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def tried(bench: Bench, timeout_s: float = 30.0, **changes: object) -> Settlement:
    """One attempt at a new lead's job."""
    lead = bench.asked_lead()
    claim = replace(bench.claim(), **changes)  # type: ignore[arg-type]
    assert claim.lead == lead

    async def act(commits: Commits) -> Settlement:
        return await attempt(claim, bench.task(commits), timeout_s, uniform)

    return bench.with_commits(act)


def a_claim(bench: Bench, attempt: int = 1, max_attempts: int = 3) -> Claim:
    bench.asked_lead()
    return replace(bench.claim(), attempt=attempt, max_attempts=max_attempts)


# From an outcome to the job's next state


@pytest.mark.parametrize(
    ("outcome", "word", "state", "free"),
    [
        (Done(), "done", JobState.SUCCEEDED, False),
        (Retry("unavailable", "why"), "retry", JobState.PENDING, False),
        (Snooze(NOON, "paused", "why"), "snooze", JobState.PENDING, True),
        (Discard("rejected", "why"), "failed", JobState.FAILED, False),
    ],
)
def test_an_outcome_becomes_a_state(
    bench: Bench, outcome: Outcome, word: str, state: JobState, free: bool
) -> None:
    settled = settlement(outcome, a_claim(bench), NOON, uniform)
    assert (settled.outcome, settled.state, settled.free) == (word, state, free)


def test_the_last_attempt_that_fails_fails_the_job(bench: Bench) -> None:
    settled = settlement(Retry("unavailable", "why"), a_claim(bench, 3, 3), NOON, uniform)
    assert (settled.outcome, settled.state) == ("failed", JobState.FAILED)


def test_a_snooze_never_fails_a_job(bench: Bench) -> None:
    settled = settlement(Snooze(NOON, "paused", "why"), a_claim(bench, 3, 3), NOON, uniform)
    assert settled.state == JobState.PENDING


def test_a_snoozed_job_is_due_when_it_said(bench: Bench) -> None:
    later = NOON + timedelta(minutes=5)
    settled = settlement(Snooze(later, "paused", "why"), a_claim(bench), NOON, uniform)
    assert settled.run_at == later


def test_a_snooze_that_is_over_is_due_now_and_not_before_others(bench: Bench) -> None:
    earlier = NOON - timedelta(minutes=5)
    settled = settlement(Snooze(earlier, "paused", "why"), a_claim(bench), NOON, uniform)
    assert settled.run_at == NOON


@pytest.mark.parametrize(("number", "seconds"), [(1, 15), (2, 30), (3, 60), (12, 900)])
def test_a_retry_waits_longer_each_time(bench: Bench, number: int, seconds: int) -> None:
    settled = settlement(Retry("unavailable", ""), a_claim(bench, number, 20), NOON, uniform)
    assert settled.run_at == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "outcome", [Retry("c", "why"), Discard("c", "why"), Snooze(NOON, "c", "why")]
)
def test_code_and_reason_are_kept(bench: Bench, outcome: Outcome) -> None:
    settled = settlement(outcome, a_claim(bench), NOON, uniform)
    assert (settled.code, settled.error) == ("c", "why")


# Jobs that do not end well


def test_a_job_that_is_done_succeeds(bench: Bench) -> None:
    bench.sms.says("a")
    assert tried(bench).state == JobState.SUCCEEDED


def test_a_bug_is_a_failed_attempt(bench: Bench) -> None:
    bench.sms.fails_with(KeyError(CANARY))
    settled = tried(bench)
    assert (settled.outcome, settled.code) == ("retry", "bug")


def test_a_bug_is_told_by_its_type_and_place(bench: Bench) -> None:
    bench.sms.fails_with(KeyError(CANARY))
    assert (tried(bench).error or "").startswith("KeyError in strike, line ")


def test_no_personal_data_in_what_is_told_of_a_bug(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.sms.fails_with(KeyError(CANARY))
    assert "CANARY" not in f"{tried(bench)} {caplog.text}"


@pytest.mark.parametrize(
    "error",
    [RecursionError(), MemoryError(), AssertionError(), ExceptionGroup("x", [ValueError()])],
)
def test_no_exception_leaves_an_attempt(bench: Bench, error: Exception) -> None:
    bench.sms.fails_with(error)
    assert tried(bench).code == "bug"


def test_a_kind_that_this_version_does_not_know_is_a_failed_attempt(bench: Bench) -> None:
    assert tried(bench, kind="of_the_future").outcome == "retry"


@pytest.mark.parametrize("error", [DatabaseError("the disk is full"), Locked("locked")])
def test_a_database_that_cannot_be_used_is_no_jobs_fault(
    bench: Bench, error: DatabaseError | Locked
) -> None:
    bench.sms.fails_with(error)
    with pytest.raises(type(error)):
        tried(bench)


# Time


def test_a_job_without_progress_that_takes_too_long_has_failed_once(bench: Bench) -> None:
    bench.sms.hangs()
    bench.mail.hangs()
    settled = tried(bench, timeout_s=0.05)
    assert (settled.outcome, settled.code, settled.free) == ("retry", "job_timeout", False)


def test_a_job_that_was_getting_on_when_its_time_was_up_is_free_of_charge(bench: Bench) -> None:
    bench.sms.says("a").hangs()
    assert tried(bench, timeout_s=0.5) == RELEASED


def test_a_release_is_free_and_due_at_once(bench: Bench) -> None:
    bench.sms.fails_with(BudgetSpent("no time"))
    assert tried(bench) == Settlement(
        "released", JobState.PENDING, run_at=None, free=True, code="budget"
    )


def test_a_budget_that_is_spent_is_free_of_charge_though_the_other_channel_failed(
    bench: Bench,
) -> None:
    bench.sms.fails_with(Unavailable("answered 503"))
    bench.mail.fails_with(BudgetSpent("no time"))
    assert tried(bench) == SPENT


def test_a_job_that_is_cancelled_is_released(bench: Bench) -> None:
    cancelled = asyncio.Event()
    bench.sms.hangs(meanwhile=cancelled.set)
    bench.asked_lead()
    claim = bench.claim()

    async def act(commits: Commits) -> Settlement:
        task = asyncio.create_task(attempt(claim, bench.task(commits), 30.0, uniform))
        await cancelled.wait()
        task.cancel()
        return await task

    assert bench.with_commits(act) == RELEASED


def test_both_channels_of_a_cancelled_job_stop(bench: Bench) -> None:
    begun: list[str] = []
    both = asyncio.Event()

    def began(name: str) -> Callable[[], None]:
        def note() -> None:
            begun.append(name)
            if len(begun) == 2:
                both.set()

        return note

    bench.sms.hangs(meanwhile=began("sms"))
    bench.mail.hangs(meanwhile=began("mail"))
    bench.asked_lead()
    claim = bench.claim()

    async def act(commits: Commits) -> int:
        task = asyncio.create_task(attempt(claim, bench.task(commits), 30.0, uniform))
        await both.wait()
        task.cancel()
        await task
        return bench.sms.reading + bench.mail.reading

    assert bench.with_commits(act) == 0


@pytest.mark.parametrize(
    ("waited_s", "pages", "behind"), [(2, 0, True), (0.5, 0, False), (2, 1, False)]
)
def test_a_lead_that_its_provider_only_kept_waiting_lets_the_others_go_first(
    bench: Bench, waited_s: float, pages: int, behind: bool
) -> None:
    """Or a few that hang would be the first of every short run, and no other ever read."""
    for provider in (bench.sms, bench.mail):
        provider.fails_with(BudgetSpent("the run ended"))
    bench.asked_lead()
    claim = bench.claim()

    async def act(commits: Commits) -> Settlement:
        work = bench.task(commits)
        work.meter.add("acme/sms", "search", waited_s)
        work.progress.pages = pages
        return await attempt(claim, work, 30.0, uniform)

    assert (bench.with_commits(act).run_at is not None) is behind
