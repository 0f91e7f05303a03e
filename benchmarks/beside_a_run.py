"""Enqueuing beside a runner that settles and claims without pause."""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import sleep

from benchmarks.busy import run_without_pause
from benchmarks.measure import Figure, Goal, below, convsync_seconds, percentile, seconds
from benchmarks.stores import Home, add_jobs, connect
from convsync_cli.sync.errors import Locked
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.placing import Priority, Terms

ENQUEUES = 200
WINDOW_S = 300.0
PAUSE_S = 0.005  # between two enqueues, so that they meet the runner at different moments


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """In this process against the driver's own patience, whole processes against no runner."""
    home = Home.made(folder / "home", leads=10_000)
    add_jobs(home, 10_000, first=100_000)  # other leads than those that are enqueued
    lead = count(1)
    with _busy(home, 8):
        ours = Sample(lambda: _port(home, next(lead)))
        bare = Sample(lambda: _driver(home, next(lead)))
    yield from _compared("enqueue beside a run", ours, bare, below(100, "ms"))

    alone = Sample(lambda: _process(home, next(lead)), ENQUEUES // 4)
    with _busy(home, 8):
        beside = Sample(lambda: _process(home, next(lead)))
    for share in (0.5, 0.99):
        name = f"enqueue LEAD, whole process, beside a run / alone, p{share * 100:.0f}"
        yield Figure(name, beside.ms(share), alone.ms(share), "ms")

    with _busy(home, 1):
        ours = Sample(lambda: _port(home, next(lead)))
        bare = Sample(lambda: _driver(home, next(lead)), ENQUEUES if large else ENQUEUES // 20)
    yield from _compared("enqueue beside a loop without a pause", ours, bare, None)


def _compared(name: str, ours: "Sample", bare: "Sample", goal: Goal | None) -> Iterator[Figure]:
    yield Figure(f"{name} / driver, p50", ours.ms(0.5), bare.ms(0.5), "ms")
    yield Figure(f"{name} / driver, p99", ours.ms(0.99), bare.ms(0.99), "ms", goal)
    yield Figure(f"{name}: 'locked' / driver", ours.locked, bare.locked, "times", below(0, "times"))


class Sample:
    """The times of many enqueues, and how many of them met a locked database."""

    def __init__(self, act: Callable[[], object], times: int = ENQUEUES) -> None:
        """Enqueue so many times."""
        self.times: list[float] = []
        self.locked = 0
        for _ in range(times):
            self.times.append(seconds(lambda: self._counted(act)))
            sleep(PAUSE_S)

    def ms(self, share: float) -> float:
        """A percentile in milliseconds."""
        return percentile(self.times, share) * 1e3

    def _counted(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (Locked, sqlite3.OperationalError):
            self.locked += 1


@contextmanager
def _busy(home: Home, in_flight: int) -> Iterator[None]:
    """A process that works as a runner does, but whose jobs take no time."""
    context = multiprocessing.get_context("spawn")
    started, stop = context.Event(), context.Event()
    process = context.Process(
        target=run_without_pause, args=(str(home.database), in_flight, started, stop)
    )
    process.start()
    started.wait()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _port(home: Home, lead: int) -> None:
    """Through our engine, on a connection of its own as every process has one."""
    with home.opened() as store:
        store.intake.enqueue(
            [f"L{lead:018d}"], Terms(Priority.MANUAL, WINDOW_S, 3, datetime.now(UTC))
        )


def _driver(home: Home, lead: int) -> None:
    """The same row through ``sqlite3``, which waits with SQLite's own busy handler."""
    with closing(connect(home.database)) as connection:
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at,"
            " max_attempts, created_at, requested_at)"
            " VALUES ('conversation_sync', 'acme', ?1, 'conversation_sync:' || ?1, 'pending', 0,"
            " ?2, 3, ?2, ?2) ON CONFLICT DO NOTHING",
            (f"L{lead:018d}", to_text(datetime.now(UTC))),
        )
        connection.commit()


def _process(home: Home, lead: int) -> None:
    convsync_seconds(home, "enqueue", f"lead{lead}@example.com")
