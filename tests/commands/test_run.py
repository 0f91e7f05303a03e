"""`run`: what it reports, how it ends, and what it leaves behind."""

import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.commands.operator import PROGRAM, RUN_KEYS, Operator, Running, differences, eventually
from tests.commands.terminal import shown

MESSAGES = "/conversations/*/messages"


@contextmanager
def busy(operator: Operator, *options: str) -> Iterator[Running]:
    """A run that is waiting for an answer which does not come."""
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    run = operator.starts("run", "--max-seconds", "40", "--json", *options)
    eventually(lambda: operator.asked("/messages"))
    yield run
    operator.sandbox.faults.clear()


# What it reports


def test_the_document_has_the_promised_keys_in_their_order(operator: Operator) -> None:
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    result = operator.runs("run", "--max-seconds", "50", "--json").ended(0)
    told = result.json
    assert list(told) == RUN_KEYS
    assert list(told["messages"]) == ["new", "changed", "unchanged"]
    assert (told["reason"], told["due_left"]) == ("drained", 0)
    assert told["claimed"] == told["succeeded"] == sum(operator.states().values())
    assert told["requests"] == len(operator.sandbox.requests)
    assert told["messages"]["new"] == len(operator.runs("export").lines)
    assert result.stderr == b""
    assert differences(operator) == []


def test_a_second_pass_finds_nothing_new(synced: Operator) -> None:
    lead = synced.lead("several conversations")
    known = len(synced.runs("export", "--lead", lead).lines)
    synced.runs("enqueue", lead, "--force").ended(0)
    second = synced.runs("run", "--json").ended(0).json["messages"]
    assert (second["new"], second["changed"]) == (0, 0)
    assert second["unchanged"] >= known > 0


def test_exactly_the_messages_that_appeared_arrive(synced: Operator) -> None:
    synced.world.chatter(10)
    synced.tampers("UPDATE jobs SET requested_at = '2026-01-01T00:00:00.000Z'")
    synced.runs("enqueue-all").ended(0)
    told = synced.runs("run", "--max-seconds", "50", "--json").ended(0).json
    assert told["messages"]["new"] == 10
    assert differences(synced) == differences(synced, "globex") == []


def test_without_work_nobody_is_asked(operator: Operator) -> None:
    told = operator.runs("run", "--json").ended(0).json
    assert (told["reason"], told["claimed"], told["requests"]) == ("drained", 0, 0)
    assert operator.sandbox.requests == []


def test_people_are_told_in_one_line_and_quiet_says_nothing(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    result = operator.runs("run").ended(0)
    assert result.out.startswith("drained after ")
    assert "1 done, 0 failed" in result.out
    assert result.out.count("\n") == 1
    quiet = operator.runs("run", "--quiet").ended(0)
    assert quiet.stdout + quiet.stderr == b""


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync run" in operator.runs("run", "--help").ended(0).out


def test_every_run_is_written_down(operator: Operator) -> None:
    first = operator.runs("run", "--json").json["run"]
    operator.runs("run", "--json")
    rows = operator.asks("SELECT id, reason, ended_at IS NOT NULL FROM runs ORDER BY id")
    assert rows == [(first, "drained", 1), (first + 1, "drained", 1)]


# Wrong usage


def test_a_budget_that_is_no_number_of_seconds_is_wrong_usage(operator: Operator) -> None:
    wrong = ["0", "-1", "nan", "inf", "1e300", "soon", ""]
    told = [["run", "--max-seconds", seconds, "--json"] for seconds in wrong]
    for _, result in operator.runs_each(told):
        assert result.ended(2).error["code"] == "usage"
    assert operator.asks("SELECT * FROM runs") == []


def test_wrong_usage_is_2(operator: Operator) -> None:
    wrong = [["--concurrency", "0"], ["--concurrency", "129"], ["x"]]
    for _, result in operator.runs_each(["run", *each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"


# One run at a time


def test_a_second_run_ends_at_once_and_quietly(operator: Operator) -> None:
    with busy(operator):
        plain = operator.runs("run").ended(0)
        assert plain.stdout + plain.stderr == b""
        assert plain.seconds < 2
        told = operator.runs("run", "--json").ended(0)
        assert list(told.json) == RUN_KEYS
        assert (told.json["run"], told.json["reason"]) == (None, "locked")
        assert told.stderr == b""


def test_parallel_works_beside_another_run_and_leaves_its_job_alone(operator: Operator) -> None:
    with busy(operator, "--concurrency", "1") as first:
        operator.runs("enqueue", operator.lead("mail only")).ended(0)
        told = operator.runs("run", "--parallel", "--max-seconds", "20", "--json").ended(0).json
        assert (told["claimed"], told["succeeded"], told["rescued"]) == (1, 1, 0)
        assert operator.states() == {"running": 1, "succeeded": 1}
        assert first.alive


def test_the_lock_of_a_run_that_was_killed_holds_nobody_up(operator: Operator) -> None:
    with busy(operator) as run:
        run.gets(signal.SIGKILL)
        run.ends()
    told = operator.runs("run", "--max-seconds", "30", "--json").ended(0).json
    assert (told["rescued"], told["succeeded"]) == (1, 1)
    outcomes = operator.asks("SELECT outcome FROM attempts ORDER BY number")
    assert outcomes == [("lost",), ("done",)]


# How it ends


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_it_softly_within_two_seconds_and_frees_its_jobs(
    operator: Operator, number: signal.Signals, code: int
) -> None:
    with busy(operator) as run:
        before = run.gets(number)
        result = run.ends(10).ended(code)
        assert run.started + result.seconds - before < 2
    assert result.stderr == b""
    assert list(result.json) == RUN_KEYS
    assert (result.json["reason"], result.json["released"]) == ("signal", 1)
    job = operator.asks("SELECT state, attempts, lease_until FROM jobs")
    assert job == [("pending", 0, None)]
    assert operator.runs("run", "--json").ended(0).json["succeeded"] == 1


def test_a_second_sigint_ends_it_at_once_and_loses_nothing(operator: Operator) -> None:
    # Another process that writes for a second keeps the soft stop from coming to its end.
    with busy(operator) as run, held(operator):
        quiet = threads(run)
        run.gets(signal.SIGINT)
        eventually(lambda: threads(run) > quiet)
        before = run.gets(signal.SIGINT)
        result = run.ends(10)
        assert result.code == 130
        assert run.started + result.seconds - before < 0.5
        assert result.stdout == b""
    assert operator.runs("run", "--json").ended(0).json["succeeded"] == 1


def threads(run: Running) -> int:
    """How many threads a process has; a soft stop starts one, which ends it by force."""
    return len(os.listdir(f"/proc/{run.process.pid}/task"))


@contextmanager
def held(operator: Operator) -> Iterator[None]:
    """A database that another process is writing to."""
    connection = sqlite3.connect(operator.database, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_the_budget_ends_it_and_the_job_goes_back_free_of_charge(operator: Operator) -> None:
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    result = operator.runs("run", "--max-seconds", "0.5", "--json").ended(0)
    assert (result.json["reason"], result.json["due_left"]) == ("budget", 1)
    assert (result.json["released"], result.json["retried"]) == (1, 0)
    assert operator.asks("SELECT state, attempts FROM jobs") == [("pending", 0)]


def test_strict_says_that_a_job_failed(operator: Operator) -> None:
    operator.suffers("status", path=MESSAGES, status=400)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    assert operator.runs("run", "--json").ended(0).json["failed"] == 1
    operator.runs("enqueue", lead).ended(0)
    assert operator.runs("run", "--strict", "--json").ended(3).json["failed"] == 1


def test_strict_says_that_a_credential_is_refused(operator: Operator) -> None:
    wrong = {"ACME_GHL_TOKEN": "pit-wrong"}
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    lax = operator.runs("run", "--json", env=wrong).ended(0)
    assert lax.err.count("\n") == 1
    assert "acme/sms" in lax.err
    strict = operator.runs("run", "--strict", "--json", env=wrong).ended(12)
    assert list(strict.json) == RUN_KEYS
    assert operator.states() == {"pending": 1}


def test_strict_has_nothing_to_say_where_all_went_well(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    operator.runs("run", "--strict").ended(0)


# What is shown while it works


def test_progress_is_not_drawn_where_nobody_sees_it(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    result = operator.runs("run", "--progress").ended(0)
    assert result.out.startswith("drained")
    assert result.stderr == b""


@pytest.mark.parametrize(("option", "drawn"), [((), True), (("--no-progress",), False)])
def test_a_terminal_sees_progress_unless_it_is_told_not_to(
    operator: Operator, option: tuple[str, ...], drawn: bool
) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [*PROGRAM, "run", *option],
        stdout=subprocess.PIPE,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env=operator.environment | {"TERM": "xterm"},
        cwd=operator.folder,
        check=True,
        timeout=30,
    )
    os.set_blocking(ours, False)
    try:
        seen = os.read(ours, 100_000)
    except BlockingIOError:
        seen = b""
    os.close(theirs)
    os.close(ours)
    assert ended.stdout.startswith(b"drained")
    assert (b"0/1" in seen or b"1/1" in seen) is drawn


@pytest.mark.parametrize(("refused", "coloured"), [("1", False), ("", True)])
def test_progress_has_no_colour_where_that_is_refused(
    operator: Operator, refused: str, coloured: bool
) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    told = shown(operator, "run", env={"NO_COLOR": refused})
    assert "1/1" in told.text
    assert told.coloured is coloured


def test_what_loading_took_is_part_of_the_budget(operator: Operator) -> None:
    """On a busy machine that is seconds, which whoever waits for the end of a run counts, too."""
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    slow = "import time; began = time.monotonic() - 60; from convsync_cli.cli import main"
    program = (sys.executable, "-c", f"{slow}; raise SystemExit(main(began=began))")
    told = operator.runs("run", "--max-seconds", "50", "--json", program=program).ended(0).json
    assert (told["reason"], told["claimed"]) == ("budget", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_credential_command_that_hangs_and_the_run_reports(
    operator: Operator, number: signal.Signals
) -> None:
    """It has a session of its own, so that no Ctrl-C reaches it."""
    pid = operator.folder / "pid"
    command = f'{{ command = ["sh", "-c", "echo $$ > {pid}; sleep 60"] }}'
    operator.configures('{ env = "ACME_GHL_TOKEN" }', command)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    run = operator.starts("run", "--max-seconds", "50", "--json")
    child = int(eventually(lambda: pid.exists() and pid.read_text().strip()))
    run.gets(number)
    ended = run.ends().ended(128 + number)
    assert (ended.json["reason"], ended.json["claimed"]) == ("signal", 0)
    eventually(lambda: not os.path.exists(f"/proc/{child}"))
