"""The operator's program for a new inbound message: told as JSON, its exit status obeyed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync.arrivals import announced
from convsync_cli.sync.claiming import Pace
from convsync_cli.sync.document import document as exported
from convsync_cli.sync.jobs.inbound_hook import perform
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.job import Job, JobFilter
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.telemetry import JobStopped
from tests.sync.workbench import NOON, Bench

PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def hooked(bench: Bench, line: str = "exit 0", timeout_s: float = 20.0, **further: int) -> None:
    """Have the workspace run a line of shell for each new inbound message."""
    bench.hooks["acme"] = Hook(("/bin/sh", "-c", line), timeout_s, PATH, **further)


def arrives(bench: Bench, body: str = "Yes, Tuesday works", **further: Any) -> str:
    """A message comes in, of a lead of its own."""
    lead = bench.store.leads.lead(bench.lead())
    assert lead is not None
    message = replace(
        Message(Channel.SMS, "sms-fake", lead.id, Direction.INBOUND, NOON, body), **further
    )

    def save(commits: object) -> None:
        with announced(bench.task(commits), None):  # type: ignore[arg-type]
            bench.store.archive.save_messages(lead, Channel.SMS, [message], bench.clock.now())

    async def saving(commits: object) -> None:
        save(commits)

    bench.with_commits(saving)
    return lead.id


def hooks(bench: Bench) -> list[Job]:
    return bench.store.queue.jobs(JobFilter(kind=Kind.INBOUND_HOOK), 1000)


def perform_one(bench: Bench, budget_s: float = 3600.0) -> Outcome:
    claim = bench.store.queue.claim(1, ["acme"], bench.clock.now(), bench.clock.now(), hooks=True)
    assert claim is not None
    return bench.with_commits(lambda commits: perform(claim, bench.task(commits, budget_s)))


# What it is told, and what its end means


def test_it_reads_the_message_as_it_would_be_exported(bench: Bench, tmp_path: Path) -> None:
    hooked(bench, f"cat > {tmp_path}/heard")
    lead = arrives(bench, "Ja, 10 €\n👍", subject="Offer", sender="+12025550001")
    assert perform_one(bench) == Done()
    (stored,) = bench.store.archive.conversation(lead)
    heard = (tmp_path / "heard").read_bytes()
    assert json.loads(heard) == exported(stored)
    assert heard.count(b"\n") == 1
    assert heard.isascii()


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("exit 0", Done()),
        ("exit 75", Retry("hook_retry", "exit status 75")),
        ("echo busy >&2; exit 75", Retry("hook_retry", "exit status 75: busy")),
        ("exit 1", Discard("hook_failed", "exit status 1")),
        ("echo a >&2; echo b >&2; exit 2", Discard("hook_failed", "exit status 2: b")),
        ("kill -9 $$", Discard("hook_failed", "signal 9")),
        ("exit 76", Discard("hook_failed", "exit status 76")),
    ],
)  # fmt: skip
def test_its_exit_status_is_the_jobs_outcome(bench: Bench, line: str, outcome: Outcome) -> None:
    hooked(bench, line)
    arrives(bench)
    assert perform_one(bench) == outcome


def test_one_that_takes_too_long_is_ended_and_has_failed(bench: Bench) -> None:
    hooked(bench, "sleep 1000", timeout_s=0.05)
    arrives(bench)
    assert perform_one(bench) == Discard("hook_timeout", "took longer than 0.05 s and was stopped")


def test_one_that_cannot_be_started_is_tried_again(bench: Bench) -> None:
    bench.hooks["acme"] = Hook(("/nowhere/hook",), 5.0, PATH)
    arrives(bench)
    expected = Retry("hook_unstartable", "cannot be started: No such file or directory")
    assert perform_one(bench) == expected


def test_a_message_that_is_gone_is_done(bench: Bench, tmp_path: Path) -> None:
    hooked(bench, f"touch {tmp_path}/ran")
    arrives(bench)
    claim = bench.store.queue.claim(1, ["acme"], bench.clock.now(), bench.clock.now(), hooks=True)
    assert claim is not None
    gone = replace(claim, subject="4711")
    assert bench.with_commits(lambda commits: perform(gone, bench.task(commits))) == Done()
    assert not (tmp_path / "ran").exists()


def test_a_hook_that_is_no_longer_configured_has_failed(bench: Bench) -> None:
    hooked(bench)
    arrives(bench)
    del bench.hooks["acme"]
    bench.work()
    (job,) = hooks(bench)
    assert (job.state, job.error_code) == ("failed", "no_hook")


# What an error may hold


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot reach ann@example.com", "cannot reach …"),
        ("no contact +1 (202) 555-0123 in list", "no contact … in list"),
        ("ValueError: 'Yes, Tuesday works'", "ValueError: '…'"),
        ("Offer 7 refused", "… 7 refused"),
        ("HTTP 503 after 20000 ms", "HTTP 503 after 20000 ms"),
        (r"\033[31mred\033[0m", "[31mred [0m"),
        ("x" * 500, "x" * 200),
    ],
)
def test_an_error_holds_no_personal_data(bench: Bench, said: str, shown: str) -> None:
    hooked(bench, f'printf "{said}\\n" >&2; exit 1')
    arrives(bench, subject="Offer")
    assert perform_one(bench) == Discard("hook_failed", f"exit status 1: {shown}")


def test_what_it_said_is_in_the_job_and_nowhere_else(bench: Bench) -> None:
    told: list[JobStopped] = []
    bench.listeners.append(told.append)
    hooked(bench, "echo quota used up >&2; exit 1")
    arrives(bench)
    bench.work()
    assert hooks(bench)[0].error == "exit status 1: quota used up"
    assert [event.code for event in told] == ["hook_failed"]
    assert "quota" not in repr(told)


# In a run


def test_it_runs_for_each_message_once(bench: Bench, tmp_path: Path) -> None:
    hooked(bench, f"cat >> {tmp_path}/heard")
    leads = {arrives(bench) for _ in range(10)}
    bench.work()
    bench.work()
    heard = [json.loads(line)["lead"] for line in (tmp_path / "heard").read_text().splitlines()]
    assert (len(heard), set(heard)) == (10, leads)


def test_it_is_run_again_as_often_as_it_asks_for_and_may(bench: Bench) -> None:
    hooked(bench, "exit 75", max_attempts=2)
    arrives(bench)
    bench.work()
    assert [job.state for job in hooks(bench)] == ["pending"]
    bench.clock.passes(3600)
    bench.work()
    (job,) = hooks(bench)
    assert (job.state, job.attempts, job.error_code) == ("failed", 2, "hook_retry")


def test_it_runs_though_every_account_is_paused(bench: Bench) -> None:
    hooked(bench)
    arrives(bench)
    for teller in bench.tellers:
        bench.pause(teller, PauseReason.UNAUTHORIZED)
    bench.work()
    assert [job.state for job in hooks(bench)] == ["succeeded"]


def test_it_costs_no_request(bench: Bench) -> None:
    hooked(bench)
    arrives(bench)
    _, tally = bench.work()
    assert (tally.done, tally.requests, bench.sms.server.asked) == (1, 0, 0)


def test_hooks_that_hang_hold_up_no_sync(bench: Bench) -> None:
    bench.pace = Pace(1, 30.0)
    hooked(bench, "sleep 1000")
    for _ in range(10):
        arrives(bench)
    leads = [bench.asked_lead() for _ in range(3)]  # one after the other, beside the programs
    left = set(leads)

    def ended(event: JobStopped) -> None:
        left.discard(event.lead or "")
        if not left:
            bench.stop.set()

    bench.listeners.append(ended)
    bench.stop_after_s = 15.0  # where they do hold it up
    bench.work()
    assert bench.states(leads) == ["succeeded"] * 3


def test_syncs_that_hang_hold_up_no_hook(bench: Bench, tmp_path: Path) -> None:
    bench.pace = Pace(1, 30.0)
    bench.sms.hangs()
    hooked(bench, f"echo >> {tmp_path}/ran")
    bench.asked_lead()
    arrives(bench)

    def stops(event: JobStopped) -> None:
        if event.outcome == "done":
            bench.stop.set()

    bench.listeners.append(stops)
    bench.work()
    assert [job.state for job in hooks(bench)] == ["succeeded"]


def test_a_run_that_ends_ends_it_and_gives_the_job_back_free_of_charge(
    bench: Bench, tmp_path: Path
) -> None:
    hooked(bench, f"echo $$ > {tmp_path}/began; sleep 1000")
    arrives(bench)

    def stops() -> None:
        if (tmp_path / "began").exists():
            bench.stop.set()

    bench.clock.on_look = stops
    reason, _ = bench.work()
    (job,) = hooks(bench)
    assert (reason, job.state, job.attempts) == ("signal", "pending", 0)


def test_with_little_time_left_it_waits_for_the_next_run(bench: Bench, tmp_path: Path) -> None:
    hooked(bench, f"touch {tmp_path}/ran")
    arrives(bench)
    reason, tally = bench.work(budget_s=5.0)
    (job,) = hooks(bench)
    assert (reason, job.state, job.attempts, tally.snooze) == ("drained", "pending", 0, 1)
    assert not (tmp_path / "ran").exists()


def test_it_waits_only_once_where_runs_are_always_short(bench: Bench) -> None:
    hooked(bench)
    arrives(bench)
    bench.work(budget_s=5.0)
    bench.clock.passes(60)
    bench.work(budget_s=5.0)
    assert [job.state for job in hooks(bench)] == ["succeeded"]
