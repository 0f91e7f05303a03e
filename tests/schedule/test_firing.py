"""What is said of a schedule: ok only where it was seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from convsync_cli.schedule import firing
from convsync_cli.schedule.observed import Entry
from convsync_cli.sync.model.finding import Level
from convsync_cli.sync.model.pastrun import PastRun

from .installations import DEFAULT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMAND = "/usr/local/bin/convsync run --max-seconds 50 --quiet"
ENTRY = Entry("your crontab", COMMAND, {"CONVSYNC_CONFIG": DEFAULT.config})
TIMER = Entry("the timer convsync-run.timer")


def begun(minutes_ago: float, **different: object) -> PastRun:
    run = PastRun(
        1, "here", 42, "convsync", False, NOW - timedelta(minutes=minutes_ago), None, 50.0, None, {}
    )
    return replace(run, **different)  # type: ignore[arg-type]


MINUTELY = [begun(minute) for minute in range(10)]


@pytest.mark.parametrize(
    ("recent", "level"),
    [
        (MINUTELY, Level.OK),
        (MINUTELY[:2], Level.WARNING),
        ([], Level.PROBLEM),
        ([begun(11)], Level.PROBLEM),
        ([begun(1, attended=True) for _ in range(10)], Level.PROBLEM),
        ([replace(each, host="elsewhere") for each in MINUTELY], Level.WARNING),
        ([begun(3, budget_s=290.0), begun(8, budget_s=290.0)], Level.OK),
    ],
    ids=["every minute", "seldom", "never", "long ago", "by hand", "elsewhere", "long runs"],
)
def test_only_runs_that_nobody_watches_are_by_themselves(
    recent: list[PastRun], level: Level
) -> None:
    assert firing.runs(recent, "here", NOW, DEFAULT).level is level


def test_it_says_by_whom_and_where() -> None:
    told = firing.runs(MINUTELY, "here", NOW, DEFAULT).message
    assert "10 were started" in told
    assert "convsync on here" in told


@pytest.mark.parametrize(
    ("recent", "level"),
    [
        (MINUTELY, Level.OK),
        ([begun(1, user="root")], Level.PROBLEM),
        ([begun(1, user="")], Level.WARNING),
        ([], Level.WARNING),
        ([begun(1, attended=True, user="root")], Level.WARNING),
    ],
    ids=["owner", "another", "unknown", "none", "by hand"],
)
def test_runs_are_to_be_the_owner_s(recent: list[PastRun], level: Level) -> None:
    assert firing.same_user(recent, DEFAULT).level is level


@pytest.mark.parametrize(
    ("entries", "fired", "daemon", "level"),
    [
        ([ENTRY], True, True, Level.OK),
        ([ENTRY], False, True, Level.OK),
        ([ENTRY], False, False, Level.PROBLEM),
        ([ENTRY], True, False, Level.OK),
        ([ENTRY], False, None, Level.OK),
        ([TIMER], False, False, Level.OK),
        ([], True, True, Level.WARNING),
        ([], False, True, Level.PROBLEM),
        ([replace(ENTRY, command="/opt/other run")], True, True, Level.WARNING),
        (
            [replace(ENTRY, variables={"CONVSYNC_CONFIG": "/etc/other.toml"})],
            True,
            True,
            Level.WARNING,
        ),
    ],
)
def test_the_schedule_is_to_run_this_very_installation(
    entries: list[Entry], fired: bool, daemon: bool | None, level: Level
) -> None:
    assert firing.scheduled(entries, DEFAULT, fired, daemon).level is level


def test_a_variable_counts_only_where_the_entry_reads_its_file() -> None:
    given = {"TOKEN": "x"}
    assert "TOKEN" not in firing.environment([ENTRY], given, DEFAULT)
    reads = replace(ENTRY, command=f". {DEFAULT.environment_file}; {COMMAND}")
    assert "TOKEN" in firing.environment([reads], given, DEFAULT)
    assert "TOKEN" in firing.environment([TIMER], given, DEFAULT)
    assert "TOKEN" in firing.environment([], given, DEFAULT)


@pytest.mark.parametrize(
    ("wrong", "variable", "entries", "level"),
    [
        ("", None, [ENTRY], Level.OK),
        ("it is empty", None, [ENTRY], Level.PROBLEM),
        ("it is not set", "TOKEN", [ENTRY], Level.PROBLEM),
        ("it is not set", "TOKEN", [], Level.PROBLEM),
        ("it is not set", "TOKEN", [TIMER], Level.WARNING),
    ],
)
def test_a_credential_is_ok_only_where_a_scheduled_run_has_it(
    wrong: str, variable: str | None, entries: list[Entry], level: Level
) -> None:
    finding = firing.credential("account acme/sms", wrong, variable, entries, DEFAULT)
    assert finding.level is level
    assert (finding.remedy == "") is (level is Level.OK)


@pytest.mark.parametrize(
    ("mode", "levels"),
    [(None, []), (0o600, [Level.OK]), (0o400, [Level.OK]), (0o640, [Level.PROBLEM])],
)
def test_a_file_of_credentials_is_its_owner_s_alone(mode: int | None, levels: list[Level]) -> None:
    assert [each.level for each in firing.secret_file("/etc/x", mode)] == levels


def test_somebody_else_is_told_that_they_are() -> None:
    assert firing.asked_by("convsync", DEFAULT) == []
    (finding,) = firing.asked_by("root", DEFAULT)
    assert finding.level is Level.WARNING


def test_what_works_bare_is_ok_and_nothing_else() -> None:
    assert firing.works_bare("").level is Level.OK
    assert firing.works_bare("there is no database").level is Level.PROBLEM
