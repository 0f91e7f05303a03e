"""A whole run: rescue, work, prune, and a row that says how it went."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from convsync_cli.sync.errors import DatabaseError, Locked, Unavailable
from convsync_cli.sync.model.job import JobFilter
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.pause import PauseReason
from tests.sync.workbench import Bench

COUNTS = [
    "elapsed_s",
    "claimed",
    "succeeded",
    "retried",
    "snoozed",
    "failed",
    "released",
    "rescued",
    "requests",
    "messages",
    "due_left",
]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


# The report


def test_a_run_reports_what_it_did(bench: Bench) -> None:
    bench.sms.says("a", "b")
    bench.mail.says("c")
    bench.asked_lead()
    report = bench.run()
    counts = report.counts()
    assert (report.run, report.reason) == (1, "drained")
    assert (counts["claimed"], counts["succeeded"], counts["requests"]) == (1, 1, 2)
    assert counts["messages"] == {"new": 3, "changed": 0, "unchanged": 0}


def test_the_counts_bear_the_names_that_scripts_rely_on(bench: Bench) -> None:
    assert list(bench.run().counts()) == COUNTS


def test_what_is_due_and_was_not_done_is_reported(bench: Bench) -> None:
    bench.sms.hangs(meanwhile=bench.stop.set)
    bench.asked_lead()
    assert bench.run().due_left == 1


def test_a_run_is_written_down_with_its_end(bench: Bench) -> None:
    bench.asked_lead()
    report = bench.run()
    last = bench.store.runs.last()
    assert last is not None
    assert (last.run, last.reason, last.counts["succeeded"]) == (report.run, "drained", 1)


def test_a_second_pass_finds_nothing_new(bench: Bench) -> None:
    bench.sms.says("a", "b")
    lead = bench.asked_lead()
    bench.run()
    bench.clock.passes(60)
    bench.ask(lead)
    assert bench.run().counts()["messages"] == {"new": 0, "changed": 0, "unchanged": 2}


def test_a_run_with_nothing_to_do_reads_no_credential(bench: Bench) -> None:
    assert (bench.run().reason, bench.connected) == ("drained", 0)


def test_a_run_that_may_look_at_a_refused_account_does_though_no_job_is_due(bench: Bench) -> None:
    bench.pause(bench.sms, PauseReason.UNAUTHORIZED, seconds=900)
    bench.clock.passes(901)
    bench.run()
    assert bench.state(bench.sms).reason is None


# Jobs that a dead run left


def test_nothing_acknowledged_is_lost_jobs_of_a_dead_run_are_done_by_the_next(
    bench: Bench,
) -> None:
    lead = bench.asked_lead()
    bench.claim()  # and then the process died
    report = bench.run()
    assert (report.tally.rescued, bench.job(lead).state) == (1, "succeeded")


def test_a_job_that_kills_its_process_ends_as_failed(bench: Bench) -> None:
    lead = bench.lead()
    bench.ask(lead, max_attempts=1)
    bench.claim()
    bench.run()
    assert (bench.job(lead).state, bench.job(lead).error_code) == ("failed", "lost")


# A refused credential


def test_a_wrong_token_stops_its_account_and_burns_no_job(bench: Bench) -> None:
    bench.sms.server.answers(401)
    bench.sms.says("a")
    leads = [bench.asked_lead() for _ in range(5)]
    bench.run()
    assert bench.state(bench.sms).reason is PauseReason.UNAUTHORIZED
    assert {(bench.job(lead).state, bench.job(lead).attempts) for lead in leads} == {("pending", 0)}


def test_a_wrong_token_does_not_stop_the_other_channel(bench: Bench) -> None:
    bench.sms.server.answers(401)
    bench.sms.says("a")
    bench.mail.says("b")
    leads = [bench.asked_lead() for _ in range(5)]
    bench.run()
    assert {bench.sync(lead, Channel.EMAIL).outcome for lead in leads} == {"synced"}


def test_a_wrong_token_does_not_stop_other_workspaces(bench: Bench) -> None:
    other = bench.teller("globex", "sms-fake")
    bench.sms.server.answers(401)
    bench.sms.says("a")
    other.says("b")
    bench.asked_lead()
    leads = [bench.asked_lead("globex") for _ in range(5)]
    bench.run()
    assert set(bench.states(leads)) == {"succeeded"}


def test_an_account_is_asked_nothing_while_it_is_refused(bench: Bench) -> None:
    bench.sms.server.answers(401)
    bench.sms.says("a")
    bench.asked_lead()
    bench.run()
    asked = bench.sms.server.asked
    for _ in range(3):
        bench.clock.passes(200)
        bench.ask(bench.lead())
        bench.run()
    assert bench.sms.server.asked == asked


def test_an_account_that_works_again_frees_its_jobs_after_a_quarter_of_an_hour(
    bench: Bench,
) -> None:
    bench.sms.server.answers(401)
    bench.sms.says("a")
    leads = [bench.asked_lead() for _ in range(5)]
    bench.run()
    bench.sms.server.answers(200)
    bench.clock.passes(901)
    bench.run()
    assert set(bench.states(leads)) == {"succeeded"}
    assert bench.texts(leads[0]) == ["a"]


def test_a_429_costs_no_attempt_and_the_job_goes_on_when_it_is_over(bench: Bench) -> None:
    bench.sms.server.answers(429, Retry_After="30")
    bench.sms.says("a")
    lead = bench.asked_lead()
    bench.run(budget_s=20)
    assert (bench.job(lead).state, bench.job(lead).attempts) == ("pending", 0)
    bench.sms.server.answers(200)
    bench.clock.passes(60)
    bench.run()
    assert bench.texts(lead) == ["a"]


# Stopping, pruning, failing


def test_old_jobs_and_runs_are_pruned(bench: Bench) -> None:
    bench.asked_lead()
    bench.run()
    bench.clock.passes(timedelta(days=31).total_seconds())
    bench.run()
    assert bench.store.queue.jobs(JobFilter(), 10) == []


def test_failed_jobs_are_kept_longer_than_others(bench: Bench) -> None:
    bench.sms.fails_with(Unavailable("answered 503"), times=1)
    failed = bench.lead()
    bench.ask(failed, max_attempts=1)
    bench.run()
    bench.asked_lead()
    bench.run()
    bench.clock.passes(timedelta(days=8).total_seconds())
    bench.run()
    assert [job.lead for job in bench.store.queue.jobs(JobFilter(), 10)] == [failed]


def test_a_run_that_is_stopped_does_not_begin_to_prune(bench: Bench) -> None:
    bench.asked_lead()
    bench.run()
    bench.clock.passes(timedelta(days=31).total_seconds())
    bench.sms.hangs(meanwhile=bench.stop.set)
    bench.asked_lead()
    bench.run()
    assert len(bench.store.queue.jobs(JobFilter(), 10)) == 2


@pytest.mark.parametrize("reason", ["budget", "signal"])
def test_a_run_that_was_stopped_says_why(bench: Bench, reason: str) -> None:
    stops = bench.stop.set if reason == "signal" else lambda: bench.clock.passes(100)
    bench.sms.hangs(meanwhile=stops)
    bench.asked_lead()
    assert bench.run(budget_s=50).reason == reason


def test_a_database_that_cannot_be_used_ends_the_run_and_says_so(bench: Bench) -> None:
    bench.sms.fails_with(DatabaseError("the disk is full"))
    bench.asked_lead()
    with pytest.raises(DatabaseError):
        bench.run()


def test_a_run_ends_the_thread_of_its_database(bench: Bench) -> None:
    bench.asked_lead()
    others = set(threading.enumerate())  # another test's may be on its way out
    bench.run()
    left = set(threading.enumerate()) - others
    assert [each.name for each in left if each.name == "commits"] == []


def locked_while_reading(bench: Bench) -> sqlite3.Connection:
    """Another process begins to write in the middle of a job."""
    other = sqlite3.connect(bench.path, isolation_level=None, check_same_thread=False)
    bench.sms.then(lambda: other.execute("BEGIN IMMEDIATE")).says("a")
    return other


def when_patience_is_asked_for(bench: Bench, happens: Callable[[], object]) -> None:
    """The thread of the database looks at the clock only when it had to wait."""

    def look() -> None:
        if threading.current_thread().name == "commits":
            happens()

    bench.clock.on_look = look


def test_a_locked_database_is_waited_for(bench: Bench) -> None:
    waited: list[bool] = []

    def ends() -> None:
        waited.append(True)
        if other.in_transaction:
            other.execute("COMMIT")

    other = locked_while_reading(bench)
    when_patience_is_asked_for(bench, ends)
    lead = bench.asked_lead()
    bench.run()
    other.close()
    assert (bench.texts(lead), bool(waited)) == (["a"], True)


def test_a_run_never_outlives_its_budget_though_the_database_is_locked(bench: Bench) -> None:
    other = locked_while_reading(bench)
    when_patience_is_asked_for(bench, lambda: bench.clock.passes(3600))
    bench.asked_lead()
    with pytest.raises(Locked):
        bench.run(budget_s=50)
    other.close()
