"""One run from its first act to its last: rescue, work, prune, and a row that says how it went."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from convsync_cli.sync import upkeep
from convsync_cli.sync.claiming import Pace
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.ports import RunLock, Store
from convsync_cli.sync.retry import Uniform
from convsync_cli.sync.telemetry import Listener
from convsync_cli.sync.work import Link
from convsync_cli.sync.worker import Tally, Worker

Links = Mapping[str, tuple[Link, ...]]
Connect = Callable[[Commits, Deadline], Awaitable[Links]]

CLOSE_S = 0.3


@dataclass(frozen=True, slots=True)
class Report:
    """How a run went; ``run`` is None where another one was active."""

    run: int | None
    reason: str
    elapsed_s: float = 0.0
    tally: Tally = field(default_factory=Tally)
    due_left: int = 0

    def counts(self) -> dict[str, Any]:
        """The numbers, under the names that scripts rely on."""
        tally = self.tally
        return {
            "elapsed_s": round(self.elapsed_s, 3),
            "claimed": tally.claimed,
            "succeeded": tally.done,
            "retried": tally.retry,
            "snoozed": tally.snooze,
            "failed": tally.failed,
            "released": tally.released,
            "rescued": tally.rescued,
            "requests": tally.requests,
            "messages": {
                "new": tally.messages.new,
                "changed": tally.messages.changed,
                "unchanged": tally.messages.unchanged,
            },
            "due_left": self.due_left,
        }


@dataclass(frozen=True, slots=True)
class Runner:
    """All that a run needs. ``connect`` joins the accounts, when there is something to do.

    ``user`` starts it, at a terminal where it is ``attended``: `cron check` asks who did.
    """

    store: Store
    clock: Clock
    workspaces: Sequence[str]
    connect: Connect
    pace: Pace
    uniform: Uniform
    listeners: tuple[Listener, ...] = ()
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    user: str = ""
    attended: bool = False

    async def run(self, lock: RunLock, deadline: Deadline, stop: asyncio.Event) -> Report:
        """Work until nothing is due, the deadline has passed, or ``stop`` is set.

        Raises:
            ConvsyncError: the database cannot be used.
        """
        started = self.clock.monotonic()
        commits = Commits(self.store, patient=lambda: not deadline.passed)
        try:
            run, tally = await self._open(commits, lock, deadline)
            reason = await self._work(commits, run, deadline, stop, tally)
            due = await commits.call(self.store.queue.due, self.workspaces, self.clock.now())
            report = Report(run, reason, self.clock.monotonic() - started, tally, due)
            counts = {**report.counts(), "healed": tally.messages.healed}
            await commits.call(self.store.runs.finish, run, reason, counts, self.clock.now())
        finally:
            commits.close(CLOSE_S)
        if lock.sole:
            self.store.checkpoint()
        return report

    async def _open(self, commits: Commits, lock: RunLock, deadline: Deadline) -> tuple[int, Tally]:
        """The first acts: write down that the run began, and free what dead ones left."""
        now = self.clock.now()
        run = await commits.call(
            self.store.runs.start,
            socket.gethostname(),
            os.getpid(),
            deadline.remaining,
            now,
            user=self.user,
            attended=self.attended,
        )
        rescued = await commits.call(
            self.store.queue.rescue, now, self.pace.lease_s, orphaned=lock.alone
        )
        lock.share()
        return run, Tally(rescued=rescued)

    async def _work(
        self, commits: Commits, run: int, deadline: Deadline, stop: asyncio.Event, tally: Tally
    ) -> str:
        if not await commits.call(self._anything_to_do):
            await upkeep.prune(commits, self.clock, deadline)
            return "drained"
        links = await _unless(stop, self.connect(commits, deadline))
        if links is None:
            return "signal"
        worker = Worker(
            commits,
            self.clock,
            links,
            self.pace,
            self.uniform,
            self.listeners,
            tally,
            self.hooks,
        )
        try:
            reason = await worker.work(run, deadline, stop)
        finally:
            await _close(links)
        if not stop.is_set():
            await upkeep.prune(commits, self.clock, deadline)
        return reason

    def _anything_to_do(self) -> bool:
        now = self.clock.now()
        return self.store.queue.due(self.workspaces, now) > 0 or any(
            state.wants_check(now) or state.reason is PauseReason.CREDENTIAL
            for state in self.store.accounts.states()
        )


async def _unless(stop: asyncio.Event, connecting: Awaitable[Links]) -> Links | None:
    """The accounts once they are connected, or None where ``stop`` is set before."""
    task, stopped = asyncio.ensure_future(connecting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        for each in (stopped, task):
            each.cancel()
    await asyncio.wait({task})
    return None


async def _close(links: Links) -> None:
    """Close the connections, as far as that takes no time."""
    closing = (link.close() for held in links.values() for link in held)
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await asyncio.gather(*closing, return_exceptions=True)
