"""Does anything grow without end? Thousands of simulated minutes of cron, in one process.

``python -m tests.torture.growth --minutes 60`` is the long version: an hour of simulated cron at
full speed. An hour of simulated time passes between two runs. In every tenth leads are
asked for and read, the others find nothing to do, as most runs of a crontab do; old jobs are
forgotten. The database, its log, memory and open files must level off.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from convsync_cli import bootstrap
from convsync_cli import settings as configuration
from convsync_cli.sync import loop
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.enqueue import enqueue
from convsync_cli.sync.model.placing import Priority
from tests.torture import invariants
from tests.torture.harness import Harness, installed

STEP = timedelta(hours=1)
AT_ONCE = 3  # leads that are asked for
EVERY = 10  # runs
LOOK_EVERY = 50


@dataclass(frozen=True, slots=True)
class Size:
    """How large everything is at one moment."""

    runs: int
    database_kb: int
    log_kb: int
    memory_kb: int
    files: int
    jobs: int
    attempts: int


@dataclass(slots=True)
class SimulatedClock:
    """A clock of which the hours are short and the seconds are real."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class Cron:
    """Runs, one after the other, in this process."""

    harness: Harness
    settings: configuration.Settings
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    runs: int = 0

    def goes_round(self) -> None:
        """Run until nothing is due, as a process of its own would; and let time pass."""
        store = bootstrap.open_store(self.settings.database, False, 10_000)
        given = bootstrap.Services(self.settings, store, self.clock)
        asked = self._ask(given) if self.runs % EVERY == 0 else 0
        lock = store.lock_run(False)
        assert lock is not None
        deadline = Deadline.after(self.clock, 30.0)
        runner = bootstrap.runner(given, None, ())
        report = loop.run(runner.run(lock, deadline, asyncio.Event()))
        lock.release()
        store.close()
        assert report.tally.done == asked, report
        self.harness.sandbox.requests.clear()  # its memory is not convsync's
        self.clock.at += STEP
        self.runs += 1

    def _ask(self, given: bootstrap.Services) -> int:
        leads = sorted(set(self.harness.leads("acme").values()))
        first = self.runs // EVERY * AT_ONCE
        some = [leads[(first + n) % len(leads)] for n in range(AT_ONCE)]
        terms = given.terms(Priority.MANUAL, force=True)
        list(enqueue(given.store, some, given.regions, None, lambda: terms))
        return len(some)

    def size(self) -> Size:
        """How large everything is now, apart from what waits for the garbage collector."""
        gc.collect()
        log = self.harness.database.with_name(self.harness.database.name + "-wal")
        ((jobs, attempts),) = self.harness.asks(
            "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM attempts)"
        )
        return Size(
            self.runs,
            self.harness.database.stat().st_size // 1024,
            log.stat().st_size // 1024 if log.exists() else 0,
            _memory_kb(),
            len(os.listdir("/proc/self/fd")),
            jobs,
            attempts,
        )


def simulate(folder: Path, enough: Callable[[int], bool], looks: int = 8) -> list[Size]:
    """Go round until ``enough`` of the runs made; returns the sizes on the way, evenly spread."""
    with (
        installed(folder, ["acme"]) as harness,
        mock.patch.dict(os.environ, harness.environment),
    ):
        export = harness.world.gohighlevel_csv("acme")
        harness.runs("leads", "import", "-", "-w", "acme", stdin=export).well(0, 3)
        cron = Cron(harness, configuration.load(str(harness.config), os.environ))
        sizes = []
        while not enough(cron.runs):
            cron.goes_round()
            if cron.runs % LOOK_EVERY == 0:
                sizes.append(cron.size())
        assert invariants.damage(harness) == []
        every = max(1, len(sizes) // looks)
        return [*sizes[every - 1 :: every]]


def growing(sizes: list[Size]) -> list[str]:
    """What is larger at the end than in the middle, beyond what the ups and downs explain."""
    middle, last = sizes[len(sizes) // 2], sizes[-1]
    slack = {"database_kb": 64, "log_kb": 64, "memory_kb": 4_096, "files": 2}
    return [
        f"{name}: {getattr(middle, name)} became {getattr(last, name)}"
        for name, more in slack.items()
        if getattr(last, name) > getattr(middle, name) * 1.1 + more
    ]


def _memory_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> int:
    """The long version."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.growth", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="convsync-growth-") as folder:
        sizes = simulate(Path(folder), lambda _: time.monotonic() > end, looks=20)
    for size in sizes:
        print(json.dumps(_told(size)))
    wrong = growing(sizes)
    print("\n".join(wrong) or "everything levels off")
    return 1 if wrong else 0


def _told(size: Size) -> dict[str, Any]:
    return {name: getattr(size, name) for name in Size.__slots__}


if __name__ == "__main__":
    sys.exit(main())
