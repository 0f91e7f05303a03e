"""A clock that jumps, and a zone that changes to winter time: nothing lost, nothing twice at once.

The processes' wall clock is shifted from inside (``injected/sitecustomize.py``), also while they
run; budgets and rate limits must not notice.
"""

import re
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.torture import invariants
from tests.torture.harness import Harness, eventually

HOUR, DAY = 3_600, 86_400
JUMPS = {"an hour on": HOUR, "an hour back": -HOUR, "a day on": DAY, "a day back": -DAY}


class Clock:
    """The wall clock of the processes that get its ``env``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.env = {"TORTURE_CLOCK": str(self._file)}
        self.jumps(0)

    def jumps(self, seconds: float) -> None:
        """Be off by so many seconds from now on."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(str(seconds))
        unfinished.replace(self._file)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_it_runs_loses_nothing_and_starts_nothing_twice(
    harness: Harness, jump: str
) -> None:
    clock = Clock(harness.folder)
    harness.suffers("latency", seconds=0.1)
    harness.runs("enqueue-all", env=clock.env).well()
    jobs = harness.states()["pending"]
    run = harness.starts("run", "--max-seconds", "30", "--json", env=clock.env)
    eventually(lambda: harness.states().get("succeeded", 0) >= 3)
    clock.jumps(JUMPS[jump])
    beside = harness.starts("run", "--max-seconds", "30", "--parallel", "--json", env=clock.env)
    lead = harness.leads("acme")["acme-00003", "sms"]
    said = harness.world.say("acme", "acme-00003", "sms", "inbound", "what time is it?")
    harness.runs("enqueue", lead, "--force", env=clock.env).well()
    for each in (run, beside):
        each.ends().well()
    harness.sandbox.faults.clear()
    harness.runs("run", "--max-seconds", "20", "--json", env=clock.env).well()

    assert invariants.unfinished(harness) == invariants.damage(harness) == []
    assert set(harness.states()) == {"succeeded"} and harness.states()["succeeded"] >= jobs
    assert invariants.wrong_messages(harness) == []
    assert harness.asks(
        "SELECT count(*) FROM messages WHERE external_id = ?", *said.external_ids
    ) == [(1,)]
    assert _most_at_once(harness) <= 2, "a conversation was read by two at the same time"


@pytest.mark.parametrize("jump", ["a day on", "an hour back"])
def test_a_jump_does_not_change_the_budget(harness: Harness, jump: str) -> None:
    clock = Clock(harness.folder)
    harness.suffers("hang")
    harness.runs("enqueue-all", env=clock.env).well()
    run = harness.starts("run", "--max-seconds", "1.5", "--json", env=clock.env)
    eventually(lambda: len(harness.sandbox.requests) > 2)
    clock.jumps(JUMPS[jump])
    ended = run.ends(10).well()

    assert 1.5 <= ended.seconds <= 3.5
    assert ended.json["reason"] == "budget"
    assert set(harness.asks("SELECT state, attempts FROM jobs")) == {("pending", 0)}
    harness.sandbox.faults.clear()
    harness.runs("run", "--max-seconds", "30", env=clock.env).well()
    assert set(harness.states()) == {"succeeded"}, "what waited is due, whatever the clock says"


def test_what_a_dead_run_left_behind_a_wrong_clock_is_freed(harness: Harness) -> None:
    clock = Clock(harness.folder)
    clock.jumps(DAY)
    harness.suffers("hang")
    harness.runs("enqueue-all", env=clock.env).well()
    run = harness.starts("run", "--max-seconds", "30", env=clock.env)
    eventually(lambda: harness.states().get("running", 0) >= 4)
    run.gets(signal.SIGKILL)
    run.ends()
    harness.sandbox.faults.clear()
    clock.jumps(0)

    harness.runs("run", "--max-seconds", "30", env=clock.env).well()
    assert set(harness.states()) == {"succeeded"}


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ],
)
def test_the_change_to_winter_or_summer_time_is_no_event(
    harness: Harness, zone: str, change: datetime
) -> None:
    clock = Clock(harness.folder)
    env = clock.env | {"TZ": zone}
    clock.jumps((change - datetime.now(UTC)).total_seconds() - 1.5)  # it happens during the run
    harness.suffers("latency", seconds=0.1)
    harness.runs("enqueue-all", env=env).well()
    ended = harness.runs("run", "--max-seconds", "30", "--json", env=env).well()

    assert set(harness.states()) == {"succeeded"}
    assert ended.json["elapsed_s"] <= ended.seconds
    assert invariants.twice_at_once(harness) == invariants.wrong_messages(harness) == []
    assert harness.asks("SELECT count(*) FROM jobs WHERE finished_at < created_at") == [(0,)]
    assert harness.asks("SELECT count(*) FROM jobs WHERE finished_at > ?", f"{change:%Y-%m-%dT%H}")


def _most_at_once(harness: Harness) -> int:
    """How often the same page was asked for, at most; twice where a lead was asked for anew."""
    pages: Counter[object] = Counter(
        (one.path, one.query)
        for one in harness.sandbox.requests
        if re.search("/messages$", one.path) and "lastMessageId" in dict(one.query)
    )
    return max(pages.values(), default=0)
