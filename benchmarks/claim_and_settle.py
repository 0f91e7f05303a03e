"""Claim and settle: jobs per second, with little and with much in the table."""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import uniform
from types import ModuleType
from typing import cast

from benchmarks.busy import done, take
from benchmarks.measure import Figure, alternate, at_least, seconds
from benchmarks.stores import WORKSPACE, Home, add_jobs
from convsync_cli.sync.api import Api, Provider
from convsync_cli.sync.claiming import Pace
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.work import Link
from convsync_cli.sync.worker import Worker

JOBS = 400  # to a sample
ROUNDS = 7
TOGETHER = 8  # jobs at once: what a run does unless told otherwise
SMALL = 10_000
LARGE = 1_000_000


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """Against huey, and against itself where the table holds a million jobs."""
    small = Home.made(folder / "small")
    add_jobs(small, SMALL)
    yield from against_huey(folder, small.copied("beside-huey.db"))
    for name, filled in _FILLED.items():
        full, base = Home.made(folder / name.replace(" ", "-")), small.copied("base.db")
        filled(full)
        with running(full) as store, running(base) as little:
            ours, bare = alternate(ROUNDS, partial(one_by_one, store), partial(one_by_one, little))
        yield Figure(f"claim + settle, {name} / 10,000 rows", ours, bare, "jobs/s", at_least(0.7))
        full.removed()
        base.removed()


def against_huey(folder: Path, home: Home, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Both durable (WAL, synchronous=FULL). huey deletes on take, so that it settles nothing."""
    huey = _huey()
    if huey is None:
        print("huey is not installed: claim + settle against it is left out")
        return
    storage = huey.SqliteStorage(
        filename=str(folder / "huey.db"), fsync=True, journal_mode="wal", cache_mb=2
    )
    for _ in range(rounds * JOBS):
        storage.enqueue(b"conversation_sync:L000000000000000001")
    idle = Home.made(folder / "idle")
    with running(home) as store, running(idle) as another:
        together, single, apart, worker, bare = alternate(
            rounds,
            lambda: in_turn(store, TOGETHER),
            lambda: in_turn(store, 1),
            lambda: one_by_one(store),
            lambda: in_the_worker(idle, another),
            lambda: _rate(lambda: [storage.dequeue() for _ in range(JOBS)]),
        )
    goal = at_least(1)
    yield Figure("claim + settle, 8 to a transaction / huey", together, bare, "jobs/s", goal)
    yield Figure("claim + settle, 1 to a transaction / huey", single, bare, "jobs/s", goal)
    yield Figure("claim and settle, each a transaction / huey", apart, bare, "jobs/s")
    yield Figure("worker, 8 jobs at once that do nothing / huey", worker, bare, "jobs/s", goal)


@contextmanager
def running(home: Home) -> Iterator[Store]:
    """The store as a run has it: it alone, and checkpointing."""
    with home.opened() as store:
        lock = store.lock_run(False)
        if lock is None:
            raise RuntimeError("another run is active")
        yield store
        lock.release()


def one_by_one(store: Store) -> float:
    """Jobs per second, each act in a transaction of its own."""

    def work() -> None:
        for _ in range(JOBS):
            done(store, take(store))

    return _rate(work)


def in_turn(store: Store, jobs: int) -> float:
    """Jobs per second where some are settled, and as many claimed, in one transaction."""

    def work() -> None:
        claims = [take(store) for _ in range(jobs)]
        for _ in range(JOBS // jobs):
            with store.transaction():
                for claim in claims:
                    done(store, claim)
                claims = [take(store) for _ in range(jobs)]

    return _rate(work)


def in_the_worker(home: Home, store: Store) -> float:
    """Jobs per second through the worker itself; their leads do not exist, so they do nothing."""
    add_jobs(home, JOBS)
    clock, commits = SystemClock(), Commits(store, patient=lambda: True)
    account = Account(WORKSPACE, Channel.SMS, "gohighlevel", "", Rate(90, 10), None)
    links = {WORKSPACE: (Link(account, cast("Provider", None), Costs(1, 1, 1), _unasked),)}

    async def work() -> None:
        worker = Worker(commits, clock, links, Pace(TOGETHER, 60.0), uniform)
        await worker.work(1, Deadline.after(clock, 600.0), asyncio.Event())

    rate = _rate(lambda: asyncio.run(work()))
    commits.close(1.0)
    return rate


def _unasked(deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api:
    """The way to a provider that no job comes to ask."""
    raise NotImplementedError


def _rate(act: Callable[[], object]) -> float:
    return JOBS / seconds(act)


def _huey() -> ModuleType | None:
    try:
        return importlib.import_module("huey.storage")
    except ModuleNotFoundError:
        return None


def _finished(home: Home) -> None:
    add_jobs(home, LARGE, state="succeeded", first=SMALL)
    add_jobs(home, SMALL)


def _queued(home: Home) -> None:
    add_jobs(home, LARGE)


def _delayed(home: Home) -> None:
    add_jobs(home, LARGE, priority=0, ahead=timedelta(hours=1), first=SMALL)
    add_jobs(home, SMALL)


_FILLED = {
    "1,000,000 finished": _finished,
    "1,000,000 queued": _queued,
    "1,000,000 delayed before them": _delayed,
}
