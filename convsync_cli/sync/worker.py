"""The worker: claims jobs, performs them side by side, settles them, and stops in time.

House rules: the deadline is asked before each claim and enforced by cancellation. A job that is
stopped goes back free of charge. Nothing is written for a job whose lease was lost.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from convsync_cli.sync import upkeep
from convsync_cli.sync.attempt import RELEASED, SPENT, attempt
from convsync_cli.sync.claiming import Claiming, Free, Pace
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import where
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.job import Claim, Effort, Settlement
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.model.progress import Saved
from convsync_cli.sync.retry import Uniform
from convsync_cli.sync.telemetry import JobStopped, Listener, Meter
from convsync_cli.sync.work import Link, Progress, Work

POLL_S = 0.25
GRACE_S = 1.2  # to write down what was stopped

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What a run has done so far; the fields that settlements name are counted by their word."""

    claimed: int = 0
    done: int = 0
    retry: int = 0
    snooze: int = 0
    failed: int = 0
    released: int = 0
    lost: int = 0
    rescued: int = 0
    requests: int = 0
    messages: Saved = field(default_factory=Saved)

    def add(self, outcome: str) -> None:
        """Count a settlement by its word."""
        setattr(self, outcome, getattr(self, outcome) + 1)


@dataclass(slots=True)
class Worker:
    """One run over the store behind ``commits``.

    ``links`` has the connected accounts of every workspace, ``hooks`` its hook where it has one.
    """

    commits: Commits
    clock: Clock
    links: Mapping[str, tuple[Link, ...]]
    pace: Pace
    uniform: Uniform
    listeners: tuple[Listener, ...] = ()
    tally: Tally = field(default_factory=Tally)
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _of_hooks: set[asyncio.Task[None]] = field(default_factory=set)  # those of them
    _ending: bool = False
    _claiming: Claiming = field(init=False)

    def __post_init__(self) -> None:
        accounts = {name: [link.account for link in held] for name, held in self.links.items()}
        store, has_hooks = self.commits.store, bool(self.hooks)
        self._claiming = Claiming(store, self.clock, self.pace, accounts, has_hooks)

    async def work(self, run: int, deadline: Deadline, stop: asyncio.Event) -> str:
        """Work until nothing is due, the deadline has passed, or ``stop`` is set.

        Returns the reason: drained, budget or signal. Whatever it was, no job is left running.

        Raises:
            ConvsyncError: the database cannot be used.
        """
        checks = asyncio.create_task(self._recheck(deadline))
        try:
            return await self._loop(run, deadline, stop, checks)
        finally:
            self._ending = True
            await _cancelled({checks, *self._tasks})

    async def _recheck(self, deadline: Deadline) -> None:
        """Look after refused accounts beside the jobs, so that a check that hangs holds up none."""
        meter = Meter()
        links = [link for held in self.links.values() for link in held]
        try:
            await upkeep.recheck(links, self.commits, self.clock, deadline, meter)
        finally:
            self.tally.requests += meter.requests

    async def _loop(
        self, run: int, deadline: Deadline, stop: asyncio.Event, checks: asyncio.Task[None]
    ) -> str:
        while not stop.is_set():
            if deadline.passed:
                return "budget"
            self._of_hooks &= self._tasks
            programs = len(self._of_hooks)
            free = self._claiming.free(len(self._tasks) - programs, programs)
            if not free:
                await self._rest(min(POLL_S, deadline.remaining), stop)
                continue
            lanes, claims = await self.commits.call(
                self._claiming.claim, run, free, busy=bool(self._tasks)
            )
            if claims:
                self._begin(run, claims, deadline)
                continue
            wait: float | None = POLL_S
            if not self._tasks and checks.done():
                wait = await self.commits.call(self._claiming.opening, lanes, deadline)
            if wait is None:
                return "budget" if self._claiming.spent else "drained"
            await self._rest(min(wait, deadline.remaining), stop)
        return "signal"

    def _begin(self, run: int, claims: list[Claim], deadline: Deadline) -> None:
        for claim in claims:
            reached("job.claimed")
            self.tally.claimed += 1
            task = asyncio.create_task(self._perform(run, claim, deadline))
            self._tasks.add(task)
            if claim.kind == Kind.INBOUND_HOOK:
                self._of_hooks.add(task)

    async def _rest(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait for a job to end, the signal to come, or ``seconds`` to pass."""
        signal = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait(
            {signal, *self._tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        signal.cancel()
        for task in done & self._tasks:
            self._tasks.discard(task)
            task.result()  # raises where the database failed

    async def _perform(self, run: int, claim: Claim, deadline: Deadline) -> None:
        work = Work(
            commits=self.commits,
            clock=self.clock,
            deadline=deadline,
            meter=Meter(),
            progress=Progress(),
            links=self.links.get(claim.workspace, ()),
            channels={
                link.account.provider: link.account.channel
                for link in self.links.get(claim.workspace, ())
            },
            hook=self.hooks.get(claim.workspace),
        )
        try:
            settlement = await attempt(claim, work, self.pace.job_timeout_s, self.uniform)
            over = self._ending or deadline.passed
            free = Free() if over else self._claiming.left_by(claim)
            self._begin(run, await self._settle(run, claim, settlement, work, free), deadline)
        finally:
            self.tally.requests += work.meter.requests
            self.tally.messages += work.progress.saved

    async def _settle(
        self, run: int, claim: Claim, settlement: Settlement, work: Work, free: Free
    ) -> list[Claim]:
        """Settle a claim, and claim the next job where its slot is ``free``; returns that."""
        reached("job.settling")
        if (settlement.outcome, settlement.code) == (SPENT.outcome, SPENT.code):
            self._claiming.spent.add(claim.workspace)
        effort = work.meter.effort()
        settling = asyncio.ensure_future(
            self.commits.call(self._settle_and_claim, run, claim, settlement, effort, free)
        )
        try:
            held, following = await asyncio.shield(settling)
        except asyncio.CancelledError:  # the run ends; how this job ended is told all the same
            held, following = await settling
        outcome = settlement.outcome if held else "lost"
        self.tally.add(outcome)
        self._tell(
            JobStopped(
                claim.job,
                claim.workspace,
                claim.lead,
                outcome,
                settlement.code,
                effort,
                work.meter.asked,
            )
        )
        if self._ending:
            await self._give_back(run, following)
            return []
        return following

    def _settle_and_claim(
        self, run: int, claim: Claim, settlement: Settlement, effort: Effort, free: Free
    ) -> tuple[bool, list[Claim]]:
        """Both in one transaction, so that the disk is waited for once."""
        held = self.commits.store.queue.settle(run, claim, settlement, effort, self.clock.now())
        return held, self._claiming.claim(run, free, busy=True)[1] if free else []

    async def _give_back(self, run: int, claims: list[Claim]) -> None:
        now = self.clock.now()
        for claim in claims:
            await self.commits.call(
                self.commits.store.queue.settle, run, claim, RELEASED, Effort(), now
            )

    def _tell(self, event: JobStopped) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception as error:  # whoever watches is no reason to stop
                log.error("a listener failed: %s", where(error))


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel what runs; each job releases itself. What cannot in time is rescued later."""
    await asyncio.sleep(0)  # a task cancelled before its first step could release nothing
    for task in tasks:
        task.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=GRACE_S)
    for task in ended:
        _ = task.cancelled() or task.exception()  # an error has been raised by one already
