"""What `run` tells others: a person, a log, a monitor, and whoever watches."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convsync_cli.sync.forecast import Forecast
from convsync_cli.sync.limits import Rate
from convsync_cli.view.board import in_words
from tests.commands.operator import PROGRAM, Operator, eventually, mode_of
from tests.watcher import Watcher, watching

MESSAGES = "/conversations/*/messages"
SECRET = "5ec2e7c0-ffee"
WRONG = {"ACME_GHL_TOKEN": "pit-wrong"}


def quietly(operator: Operator, **env: str) -> str:
    """What cron would mail."""
    ended = operator.runs("run", "--max-seconds", "20", "--quiet", env=env or None).ended(0)
    return ended.out + ended.err


# A person


def test_cron_has_nothing_to_mail_while_all_is_well(operator: Operator) -> None:
    operator.runs("enqueue-all").ended(0)
    assert quietly(operator) == quietly(operator) == ""


def test_a_refused_account_is_one_line_and_only_when_it_begins(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    first = quietly(operator, **WRONG)
    assert first.startswith("convsync: acme/sms is not read: ")
    assert first.count("\n") == 1
    assert quietly(operator, **WRONG) == ""
    operator.runs("accounts", "resume", "acme/sms").ended(0)
    assert quietly(operator) == ""
    operator.runs("enqueue", operator.lead("sms only"), "--force").ended(0)
    assert "acme/sms is not read" in quietly(operator, **WRONG)


def test_a_missing_credential_is_one_line_and_only_when_it_begins(operator: Operator) -> None:
    operator.configures('{ env = "ACME_GHL_TOKEN" }', '{ env = "MISSING" }')
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    assert "MISSING" in quietly(operator)
    assert quietly(operator) == ""


def test_failed_jobs_are_one_line_an_hour(operator: Operator) -> None:
    operator.suffers("status", path=MESSAGES, status=400)
    lead = operator.lead("sms only")
    said = []
    for _ in range(2):
        operator.runs("enqueue", lead).ended(0)
        said.append(quietly(operator))
    assert said == [
        "convsync: 1 job failed for good: see `convsync jobs list --state failed`\n",
        "",
    ]
    operator.tampers("UPDATE runs SET started_at = '2026-01-01T00:00:00.000Z'")
    operator.runs("enqueue", lead).ended(0)
    assert "1 job failed" in quietly(operator)


# A log


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_job_is_a_line_of_the_log(operator: Operator, form: str) -> None:
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    log = ("--log-file", "run.log", "--log-format", form)
    told = operator.runs("run", "--json", *log).ended(0)
    lines = (operator.folder / "run.log").read_text().splitlines()
    jobs = [line for line in lines if "job.stop" in line]
    assert len(jobs) == told.json["claimed"] > 0
    assert "run.start" in lines[0] and "run.stop" in lines[-1]
    assert told.stderr == b""
    assert mode_of(operator.folder / "run.log") == 0o600
    if form == "json":
        ended = json.loads(lines[-1])
        assert (ended["run"], ended["succeeded"]) == (told.json["run"], told.json["succeeded"])


def test_the_log_has_what_a_person_is_told(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run", "--log-file", "run.log", env=WRONG).ended(0)
    lines = (operator.folder / "run.log").read_text().splitlines()
    assert [line for line in lines if " warning news " in line and "acme/sms" in line]


def test_a_format_without_a_file_goes_to_stderr_for_others_to_keep(operator: Operator) -> None:
    told = operator.runs("run", "--log-format", "json", "--json").ended(0)
    assert [json.loads(line)["event"] for line in told.err.splitlines()] == [
        "run.start",
        "run.stop",
    ]
    assert told.json["reason"] == "drained"


def test_a_log_that_cannot_be_written_stops_the_run_before_it_begins(operator: Operator) -> None:
    result = operator.runs("run", "--log-file", "missing/run.log", "--json").ended(14)
    assert result.error["code"] == "output"
    assert operator.asks("SELECT count(*) FROM runs") == [(0,)]


# A monitor


@pytest.fixture
def watcher(operator: Operator) -> Iterator[Watcher]:
    """A monitor that is told of the operator's runs."""
    with watching(SECRET) as watcher:
        text = operator.config.read_text()
        operator.config.write_text(f'{text}\n[monitoring]\nping_url = {{ env = "PING" }}\n')
        operator.environment["PING"] = watcher.url
        yield watcher


def test_a_monitor_is_told_the_start_and_the_end(operator: Operator, watcher: Watcher) -> None:
    assert quietly(operator) == ""
    assert watcher.told == [f"/{SECRET}/start", f"/{SECRET}"]


def test_a_monitor_is_told_what_strict_finds(operator: Operator, watcher: Watcher) -> None:
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run", "--strict", env=WRONG).ended(12)
    assert watcher.told[-1] == f"/{SECRET}/12"


def test_a_monitor_is_told_of_a_signal(operator: Operator, watcher: Watcher) -> None:
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    run = operator.starts("run", "--max-seconds", "40")
    eventually(lambda: operator.asked("/messages"))
    run.gets(signal.SIGTERM)
    run.ends(10).ended(143)
    assert watcher.told[-1] == f"/{SECRET}/143"


def test_a_run_that_finds_another_one_tells_nothing(operator: Operator, watcher: Watcher) -> None:
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    run = operator.starts("run", "--max-seconds", "40")
    eventually(lambda: operator.asked("/messages"))
    assert operator.runs("run", "--json").ended(0).json["reason"] == "locked"
    run.gets(signal.SIGTERM)
    run.ends(10)
    assert watcher.told.count(f"/{SECRET}/start") == 1


def test_the_budget_s_end_is_told_within_the_budget(operator: Operator, watcher: Watcher) -> None:
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    told = operator.runs("run", "--max-seconds", "3", "--json").ended(0).json
    assert told["reason"] == "budget"
    assert told["elapsed_s"] < 3
    assert watcher.told[-1] == f"/{SECRET}"


def test_a_monitor_that_refuses_is_a_warning_that_cron_does_not_mail(
    operator: Operator, watcher: Watcher
) -> None:
    watcher.status = 500
    loud = operator.runs("run").ended(0)
    assert loud.err.count("the monitor was not notified: it answered 500") == 2
    assert SECRET not in loud.err
    assert quietly(operator) == ""


@pytest.mark.parametrize(
    "url", ["http://monitor.example/x", "ftp://localhost/x", "https://user@host/x", "x"]
)
def test_an_address_that_may_not_be_asked_is_refused_unseen(operator: Operator, url: str) -> None:
    text = operator.config.read_text()
    operator.config.write_text(f'{text}\n[monitoring]\nping_url = "{url}"\n')
    operator.config.chmod(0o600)
    result = operator.runs("run", "--json").ended(14)
    assert "monitoring.ping_url" in result.error["message"]
    assert url not in result.err


# Whoever watches


def watched(operator: Operator, *options: str, stop: bool = False) -> tuple[bytes, int]:
    """What a terminal is sent by a run, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "run", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=operator.environment | {"TERM": "xterm", "COLUMNS": "120"},
        cwd=operator.folder,
    )
    os.close(theirs)
    seen = b""
    if stop:
        eventually(lambda: operator.asked("/messages"))
        process.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 65_536):
            seen += piece
    except OSError:  # Linux: the last writer is gone
        pass
    os.close(ours)
    return seen, process.wait(30)


def test_every_account_with_work_has_a_bar(operator: Operator) -> None:
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    seen, code = watched(operator)
    assert code == 0
    for account, there in (("acme/sms", True), ("acme/email", True), ("globex/sms", False)):
        assert (account.encode() in seen) is there
    assert b"10000/s" in seen


def test_failures_stand_below_by_their_lead(operator: Operator) -> None:
    operator.suffers("status", path=MESSAGES, status=400)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    seen, _ = watched(operator)
    assert f"failed: acme, lead {lead}: rejected".encode() in seen


@pytest.mark.parametrize("stop", [False, True], ids=["at the end", "after a signal"])
def test_the_terminal_gets_its_cursor_back(operator: Operator, stop: bool) -> None:
    if stop:
        operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    seen, code = watched(operator, "--max-seconds", "20", stop=stop)
    assert code == (130 if stop else 0)
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") >= 0


def test_a_finish_is_a_time_of_day_or_days_ahead() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    soon, far = Forecast(Rate(60, 60), 10), Forecast(Rate(60, 60), 10**6)
    assert in_words(soon, 0.0, noon)[:2] == ("0.0 of 1/s", "10 left")
    assert in_words(soon, 0.0, noon)[2].startswith("~")
    assert in_words(far, 0.0, noon)[2] == "in 12 d"
    assert in_words(Forecast(Rate(60, 60), 0), 0.0, noon)[2] == "done"


def test_a_run_writes_down_that_it_was_watched(operator: Operator, tmp_path: Path) -> None:
    watched(operator)
    operator.runs("run").ended(0)
    assert operator.asks("SELECT attended FROM runs ORDER BY id") == [(1,), (0,)]
