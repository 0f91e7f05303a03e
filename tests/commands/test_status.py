"""`status`: the numbers, the verdict, and the check that a monitor runs."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

import pytest

from tests.commands.operator import HEAVY, PATIENCE_S, PROGRAM, RUN_KEYS, Operator, Running

KEYS = ["jobs", "due", "oldest_due_s", "last_run", "workspaces"]
JOBS = ["pending", "running", "succeeded", "failed", "cancelled"]
CHANNEL = [
    "channel", "provider", "synced_at", "age_p50_s", "age_p95_s", "never_synced", "paused_until",
    "pause_reason",
]  # fmt: skip
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_the_document_has_the_promised_keys_in_their_order(operator: Operator) -> None:
    result = operator.runs("status", "--json").ended(0)
    told = result.json
    assert list(told) == KEYS
    assert list(told["jobs"]) == JOBS
    assert [each["name"] for each in told["workspaces"]] == ["acme", "globex"]
    for workspace in told["workspaces"]:
        assert list(workspace) == ["name", "leads", "channels"]
        assert [list(channel) for channel in workspace["channels"]] == [CHANNEL, CHANNEL]
    assert result.stderr == b""


def test_what_was_never_synced_is_not_shown_as_nothing(operator: Operator) -> None:
    told = operator.runs("status", "--json").ended(0).json
    assert (told["last_run"], told["due"], told["oldest_due_s"]) == (None, 0, None)
    sms, email = told["workspaces"][0]["channels"]
    for channel in (sms, email):
        assert channel["synced_at"] is channel["age_p50_s"] is channel["age_p95_s"] is None
        assert channel["never_synced"] > 0
    assert (sms["provider"], email["provider"]) == ("gohighlevel", "emailbison")


def test_the_queue_is_counted_by_state_and_what_is_due_has_an_age(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent"), operator.lead("away")).ended(0)
    operator.tampers("UPDATE jobs SET run_at = '2126-01-01T00:00:00.000Z' WHERE id = 2")
    told = operator.runs("status", "--json").ended(0).json
    assert told["jobs"] == dict.fromkeys(JOBS, 0) | {"pending": 2}
    assert told["due"] == 1
    assert 0 < told["oldest_due_s"] < 60


def test_after_a_run_it_tells_how_old_everything_is(synced: Operator) -> None:
    told = synced.runs("status", "--json").ended(0).json
    assert told["jobs"]["succeeded"] == sum(told["jobs"].values())
    last = told["last_run"]
    assert set(RUN_KEYS) <= set(last)
    assert last["reason"] == "drained"
    assert MOMENT.fullmatch(last["started_at"])
    assert MOMENT.fullmatch(last["ended_at"])
    for workspace in told["workspaces"]:
        for channel in workspace["channels"]:
            assert MOMENT.fullmatch(channel["synced_at"])
            assert 0 < channel["age_p50_s"] <= channel["age_p95_s"] < 900
            assert channel["never_synced"] == 0
            assert channel["pause_reason"] is channel["paused_until"] is None


def test_a_refused_account_is_shown_with_its_reason_and_the_other_goes_on(
    operator: Operator,
) -> None:
    operator.runs("enqueue", operator.lead("long mail")).ended(0)
    operator.runs("run", env={"ACME_GHL_TOKEN": "pit-wrong"}).ended(0)
    told = operator.runs("status", "--workspace", "acme", "--json").ended(0).json
    sms, email = told["workspaces"][0]["channels"]
    assert sms["pause_reason"] == "unauthorized"
    assert MOMENT.fullmatch(sms["paused_until"])
    assert sms["synced_at"] is None
    assert email["pause_reason"] is None
    assert MOMENT.fullmatch(email["synced_at"])
    words = operator.runs("status").ended(0).out
    assert "1 account paused" in words.splitlines()[0]
    assert "- acme/sms is paused: " in words
    assert "`convsync accounts resume acme/sms`" in words
    assert "refused the credential" in words


def test_the_check_is_20_where_nothing_was_synced_and_prints_its_document(
    operator: Operator,
) -> None:
    stale = operator.runs("status", "--check", "--json").ended(20)
    assert list(stale.json) == KEYS
    assert stale.err.count("never synced") == 4


def test_the_check_is_20_where_something_is_older_than_allowed(synced: Operator) -> None:
    fresh = synced.runs("status", "--check", "--max-age", "15m", "--json").ended(0)
    assert fresh.stderr == b""
    synced.tampers(
        "UPDATE lead_syncs SET synced_at = '2026-01-01T00:00:00.000Z' WHERE channel = 'sms'"
    )
    old = synced.runs("status", "--check", "--workspace", "acme").ended(20)
    assert old.err.count("\n") == 1
    assert "acme/sms" in old.err
    synced.runs("status", "--check", "--max-age", "9999d").ended(0)
    synced.runs("status").ended(0)


def test_the_check_is_20_where_an_account_is_paused(synced: Operator) -> None:
    synced.runs("enqueue", synced.lead("sms only"), "--force").ended(0)
    synced.runs("run", env={"ACME_GHL_TOKEN": "pit-wrong"}).ended(0)
    result = synced.runs("status", "--check", "--max-age", "1h", "--quiet").ended(20)
    assert result.stdout == b""
    assert "acme/sms is paused" in result.err


def test_only_the_workspace_asked_for(operator: Operator) -> None:
    told = operator.runs("status", "--workspace", "globex", "--json").ended(0).json
    assert [each["name"] for each in told["workspaces"]] == ["globex"]
    operator.runs("status", "--workspace", "nowhere").ended(4)


def test_an_age_that_is_none_is_wrong_usage(operator: Operator) -> None:
    ages = ["15", "m", "-1m", "1.5h", ""]
    told = [["status", "--check", "--max-age", age, "--json"] for age in ages]
    for _, result in operator.runs_each(told):
        assert result.ended(2).error["code"] == "usage"


def test_people_read_the_verdict_in_the_first_line(operator: Operator) -> None:
    before = operator.runs("status").ended(0).out.splitlines()
    assert before[0].startswith("Needs attention: no run yet, 0 due, ")
    assert "`convsync cron print`" in before[1]
    assert "`convsync enqueue-all`" in before[2]
    operator.suffers("status", path="/conversations/*/messages", status=400, times=1)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run").ended(0)
    after = operator.runs("status").ended(0).out.splitlines()
    assert re.match(r"Needs attention: last run \d+ s ago, 0 due, .* 1 failed$", after[0])
    assert "  - 1 failed: `convsync jobs list --state failed` says why" in after
    assert any(line.split()[:3] == ["acme", "sms", "gohighlevel"] for line in after)
    quiet = operator.runs("status", "--quiet").ended(0)
    assert quiet.stdout + quiet.stderr == b""


def test_names_addresses_and_texts_are_not_in_it(synced: Operator) -> None:
    told = synced.runs("status").out + synced.runs("status", "--json").out
    for person in synced.world.workspace("acme").people.values():
        for private in (person.last, *person.emails, *person.phones):
            assert not private or private not in told


def test_any_language_will_do(synced: Operator) -> None:
    for language in ("C", "tr_TR.UTF-8"):
        result = synced.runs("status", env={"LANG": language, "LC_ALL": language}).ended(0)
        assert result.stderr == b""
        assert b"gohighlevel" in result.stdout


def test_an_ascii_terminal_gets_a_question_mark_and_no_error(synced: Operator) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = synced.runs("status", env=ascii_only).ended(0)
    result.stdout.decode("ascii")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_it_loads_nothing_heavy(synced: Operator, form: list[str]) -> None:
    loaded = synced.loads("status", *form)
    assert {"typer", "sqlite3"} <= loaded
    assert loaded & HEAVY == set()


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync status" in operator.runs("status", "--help").ended(0).out


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_sees_a_table_and_no_colour_where_none_is_wanted(
    operator: Operator, environ: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [*PROGRAM, "status"],
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        env=operator.environment | {"TERM": "xterm-256color", "COLUMNS": "200"} | environ,
        cwd=operator.folder,
        check=True,
        timeout=30,
    )
    seen = os.read(ours, 100_000)
    os.close(theirs)
    os.close(ours)
    assert b"gohighlevel" in seen
    assert (b"\x1b[" in seen) is (environ == {} or "NO_COLOR" in environ)  # bold is no colour
    if environ:
        assert not re.search(rb"\x1b\[[\d;]*\b(3[0-8]|4[0-8]|9\d)\b[\d;]*m", seen)


def test_all_is_right_where_nobody_is_needed(synced: Operator) -> None:
    synced.runs("run").ended(0)
    told = synced.runs("status").ended(0).out.splitlines()
    assert re.match(r"All right: last run \d+ s ago, 0 due, SMS .* and email .* behind$", told[0])
    assert told[1] == ""
    bars = next(line for line in told if "█" in line)
    assert len(bars) == 60
    assert "▁" in bars and set(bars) <= set("▁▂▃▄▅▆▇█"), "the jobs may be of two minutes"


@pytest.mark.parametrize(
    ("started", "ended", "said"),
    [
        ("-10 minutes", "-9 minutes", "cron does not start runs"),
        ("-10 minutes", None, "cron does not start runs"),
        ("-10 seconds", None, None),
    ],
)
def test_a_run_that_is_missing_is_noticed_and_one_at_work_is_not(
    synced: Operator, started: str, ended: str | None, said: str | None
) -> None:
    synced.tampers(
        "UPDATE runs SET started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?),"
        " ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)",
        started,
        ended,
    )
    told = synced.runs("status").ended(0).out
    assert (said in told) if said else told.startswith("All right: a run started ")


def test_runs_that_are_rare_by_intent_are_not_missed(synced: Operator) -> None:
    synced.tampers("DELETE FROM runs")
    for age in (50, 30, 10):
        synced.tampers(
            "INSERT INTO runs (host, pid, started_at, ended_at, budget_s) SELECT 'h', 1, at, at, 50"
            " FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?) AS at)",
            f"-{age} minutes",
        )
    assert synced.runs("status").ended(0).out.startswith("All right: last run 10 min ago")


@pytest.mark.parametrize("other", ["--json", "--quiet", "--check"])
def test_a_watch_is_for_people(operator: Operator, other: str) -> None:
    operator.runs("status", "--watch", other).ended(2)


class Watched:
    """`status --watch` in a terminal of 24 lines and 80 columns."""

    def __init__(
        self,
        operator: Operator,
        term: str = "xterm-256color",
        program: Sequence[str] = (*PROGRAM, "status", "--watch"),
    ) -> None:
        self.seen = ""
        self.ours, theirs = pty.openpty()
        self.resizes(24, 80, told=False)
        self.process = subprocess.Popen(
            program,
            stdin=theirs,
            stdout=theirs,
            env=operator.environment | {"TERM": term},
            cwd=operator.folder,
        )
        os.close(theirs)
        operator.started.append(Running(tuple(program), self.process, time.monotonic()))

    def resizes(self, lines: int, columns: int, told: bool = True) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, size)
        if told:
            self.process.send_signal(signal.SIGWINCH)

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until the terminal has seen a pattern; what was seen up to it is done with."""
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            left = max(0.0, end - time.monotonic())
            assert select.select([self.ours], [], [], left)[0], f"not seen: {pattern}"
            self.seen += os.read(self.ours, 65_536).decode("utf-8", "replace")
        self.seen = self.seen[found.end() :]
        return found

    def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        with contextlib.suppress(OSError):
            while select.select([self.ours], [], [], 0)[0]:
                self.seen += os.read(self.ours, 65_536).decode("utf-8", "replace")
        os.close(self.ours)
        return code


PAGE = r"\x1b\[H(?P<page>.*?)\x1b\[J"


def test_a_watch_redraws_in_place_and_ends_well(synced: Operator) -> None:
    watched = Watched(synced)
    watched.shows(r"\x1b\[\?1049h")
    first = watched.shows(PAGE)["page"]
    assert "last run" in first and "gohighlevel" in first
    assert "\x1b[2J" not in first  # clearing first is what flickers
    watched.resizes(10, 80)
    while (small := watched.shows(PAGE)["page"]).count("\n") > 9:
        pass
    assert small.count("\n") == 9
    assert small.endswith("…\x1b[K")
    assert watched.ends(signal.SIGINT) == 0
    left, after = watched.seen.rsplit("\x1b[?1049l", 1)
    assert "\x1b[?25h" in left
    assert "last run" in after  # the last page stays


def test_a_new_size_is_drawn_at_once(synced: Operator) -> None:
    patient = (
        "from convsync_cli.view.watching import watch;"
        " watch(lambda: print('page'), lambda: None, look_s=3600)"
    )
    watched = Watched(synced, program=(sys.executable, "-c", patient))
    watched.shows(PAGE)
    watched.resizes(10, 40)
    watched.shows(PAGE)
    assert watched.ends(signal.SIGINT) == 0


def test_a_watch_that_is_killed_leaves_the_terminal_as_it_was(synced: Operator) -> None:
    watched = Watched(synced)
    watched.shows(PAGE)
    assert watched.ends(signal.SIGTERM) == 143
    assert watched.seen.endswith("\x1b[?25h\x1b[?1049l")


def test_a_dumb_terminal_and_a_pipe_get_a_line_each_time(synced: Operator) -> None:
    watched = Watched(synced, "dumb")
    watched.shows(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \w+ \w+: last run [^\n]*\n")
    assert watched.ends(signal.SIGINT) == 0
    assert "\x1b" not in watched.seen
    piped = synced.pipes("convsync status --watch | head -1").ended(0)
    assert piped.out.count("\n") == 1
    assert piped.stderr == b""
