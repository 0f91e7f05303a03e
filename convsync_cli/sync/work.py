"""What a job may use while it runs: the store, the clock, and its workspace's accounts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from convsync_cli.sync.api import Api, Provider
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.identity import Guard, make_sure
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.progress import Saved
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter

T = TypeVar("T")


class Connect(Protocol):
    """How to reach an account for one job; a ``probe`` goes through even if it is paused."""

    def __call__(self, deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api: ...


async def _nothing() -> None:
    """What there is to close about an account that was never connected."""


@dataclass(frozen=True, slots=True)
class Link:
    """An account that is connected: who reads it and at what cost, how to reach it for one job, how
    to close it."""

    account: Account
    provider: Provider
    costs: Costs
    connect: Connect
    close: Callable[[], Awaitable[None]] = _nothing
    guard: Guard = field(default_factory=Guard)


@dataclass(slots=True)
class Progress:
    """What one attempt has brought in, while it runs."""

    pages: int = 0
    saved: Saved = field(default_factory=Saved)

    def add(self, saved: Saved) -> None:
        """Count a stored page."""
        self.pages += 1
        self.saved = self.saved + saved


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at a job: what it may use, and where it counts what it cost and brought."""

    commits: Commits
    clock: Clock
    deadline: Deadline
    meter: Meter
    progress: Progress
    links: tuple[Link, ...]
    channels: Mapping[str, Channel]
    hook: Hook | None = None

    @property
    def store(self) -> Store:
        """What the acts are of that are called."""
        return self.commits.store

    def api(self, link: Link) -> Api:
        """A link's HTTP interface for this attempt."""
        return link.connect(self.deadline, self.meter)

    async def make_sure(self, link: Link) -> None:
        """See, once a run and before anything is stored, whose conversations a link opens.

        Raises:
            SyncError: another workspace's, or it cannot be told; see ``identity.make_sure``.
        """
        async with link.guard.lock:
            if not link.guard.sure:
                await make_sure(
                    link.account, link.provider, self.api(link), self.commits, self.clock
                )
                link.guard.sure = True

    async def call(self, act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a call of the store; it is committed when this returns."""
        return await self.commits.call(act, *args, **kwargs)
