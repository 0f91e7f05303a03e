"""A runner whose jobs take no time: it settles and claims without pause."""

import asyncio
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event

from benchmarks.stores import WORKSPACE
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.model.job import Claim, Effort, JobState, Settlement
from convsync_cli.sync.ports import Store

LEASE = timedelta(seconds=90)
DONE = Settlement("done", JobState.SUCCEEDED)


def run_without_pause(database: str, in_flight: int, started: Event, stop: Event) -> None:
    """Work as ``convsync run`` does with so many jobs in flight; with 1, in a plain loop.

    Every job goes back to the queue, so that it never runs dry.
    """
    store = open_store(database)
    lock = store.lock_run(False)
    started.set()
    if in_flight == 1:
        while not stop.is_set():
            again(store, take(store))
    else:
        asyncio.run(_side_by_side(store, in_flight, stop))
    store.close()
    if lock is not None:
        lock.release()


async def _side_by_side(store: Store, in_flight: int, stop: Event) -> None:
    commits = Commits(store, patient=lambda: True)

    async def work() -> None:
        while not stop.is_set():
            claim = await commits.call(take, store)
            await commits.call(again, store, claim)

    await asyncio.gather(*(work() for _ in range(in_flight)))
    commits.close(1.0)


def take(store: Store) -> Claim:
    """Claim the next job."""
    now = datetime.now(UTC)
    claim = store.queue.claim(1, [WORKSPACE], now, now + LEASE)
    if claim is None:
        raise RuntimeError("the queue has run dry")
    return claim


def done(store: Store, claim: Claim) -> bool:
    """Settle a claim as succeeded."""
    return store.queue.settle(1, claim, DONE, Effort(2, 90, "messages"), datetime.now(UTC))


def again(store: Store, claim: Claim) -> bool:
    """Settle a claim as to be done again."""
    now = datetime.now(UTC)
    settlement = Settlement("snooze", JobState.PENDING, now, free=True)
    return store.queue.settle(1, claim, settlement, Effort(), now)
