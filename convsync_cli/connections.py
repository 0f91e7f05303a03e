"""From the accounts of the configuration to links that can be asked.

A credential that cannot be had pauses its account and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from random import uniform
from typing import Any

from convsync_cli import credentials
from convsync_cli.sync import providers
from convsync_cli.sync.api import Api, Get, Post, Provider
from convsync_cli.sync.audit import Connect, MakeSure
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import (
    ConfigError,
    ConvsyncError,
    CredentialUnavailable,
    SyncError,
)
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.identity import make_sure
from convsync_cli.sync.loop import gathered, in_thread
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import held_by
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.ports import Store
from convsync_cli.sync.refusals import paused
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import Wire, open_wire
from convsync_cli.sync.work import Link


@dataclass(frozen=True, slots=True)
class Checkup:
    """How one cheap request to an account ended, and how far its server's clock is ahead of ours.

    ``error`` is None where the credential works; ``ahead_s`` None where no answer told the time.
    """

    account: Account
    error: ConvsyncError | None
    ahead_s: float | None = None


async def connect(
    accounts: Mapping[str, Sequence[Account]],
    clock: Clock,
    environ: Mapping[str, str],
    commits: Commits,
    deadline: Deadline,
) -> dict[str, tuple[Link, ...]]:
    """Connect every workspace's accounts, reading their credentials side by side."""
    connector = _Connector(commits, clock, environ, deadline)
    every = (connector.link(account) for held in accounts.values() for account in held)
    links = iter(await gathered(every))
    return {workspace: tuple(islice(links, len(held))) for workspace, held in accounts.items()}


async def check(
    accounts: Sequence[Account],
    store: Store,
    clock: Clock,
    environ: Mapping[str, str],
    deadline: Deadline,
) -> list[Checkup]:
    """Make one cheap request to each account, side by side, that shows whether it works."""
    with _connector(store, clock, environ, deadline) as connector:
        return await asyncio.gather(*(connector.check(account) for account in accounts))


@asynccontextmanager
async def asking(
    store: Store, clock: Clock, environ: Mapping[str, str], deadline: Deadline
) -> AsyncIterator[Connect]:
    """What connects accounts one by one outside a run, paced as in one."""
    with _connector(store, clock, environ, deadline) as connector:
        yield connector.ask


@contextmanager
def _connector(
    store: Store, clock: Clock, environ: Mapping[str, str], deadline: Deadline
) -> Iterator["_Connector"]:
    commits = Commits(store, patient=lambda: not deadline.passed)
    try:
        yield _Connector(commits, clock, environ, deadline)
    finally:
        commits.close(deadline.remaining)


@dataclass(frozen=True, slots=True)
class _Connector:
    """Where accounts are connected until a deadline, with credentials that ``environ`` may hold."""

    commits: Commits
    clock: Clock
    environ: Mapping[str, str]
    deadline: Deadline

    async def link(self, account: Account) -> Link:
        """Connect an account for a run; without its credential it is paused."""
        provider = providers.load(account.provider)
        reader, costs = provider.reader(account), provider.COSTS
        try:
            wire = await self._wire(account)
        except CredentialUnavailable as error:
            sentence = "; ".join(filter(None, (error.message, error.hint)))
            await self.commits.call(self._pause, account, sentence)
            return Link(account, reader, costs, _Unconnected(account, self.clock, sentence))
        await self.commits.call(self._regain, account)
        connected = _Connected(wire, self.commits, self.clock)
        return Link(account, reader, costs, connected, wire.close)

    async def check(self, account: Account) -> Checkup:
        """Make one cheap request to an account."""
        try:
            wire = await self._wire(account)
        except (CredentialUnavailable, ConfigError) as error:
            return Checkup(account, error)
        async with wire.clients:
            api = _Connected(wire, self.commits, self.clock)(self.deadline, Meter(), probe=True)
            reader = _reader(account)
            try:
                if not await make_sure(account, reader, api, self.commits, self.clock):
                    await reader.check(api)
            except (SyncError, CredentialUnavailable) as error:
                return Checkup(account, error, wire.server_clock.ahead_s)
            return Checkup(account, None, wire.server_clock.ahead_s)

    @asynccontextmanager
    async def ask(self, account: Account) -> AsyncIterator[tuple[Provider, Api, MakeSure]]:
        """Connect an account for a few questions."""
        wire = await self._wire(account)
        async with wire.clients:
            reader = _reader(account)
            api = _Connected(wire, self.commits, self.clock)(self.deadline, Meter())
            yield reader, api, partial(make_sure, account, reader, api, self.commits, self.clock)

    async def _wire(self, account: Account) -> Wire:
        """Connect an account with its credential, whose command may take its time in a thread."""
        secrets = await self._secrets(account)
        provider = providers.load(account.provider)
        return open_wire(
            account,
            provider.auth(account.options, secrets),
            provider.REFUSALS,
            statuses=provider.STATUSES,
            at_once=provider.AT_ONCE,
        )

    async def _secrets(self, account: Account) -> dict[str, str]:
        """The secrets that an account's settings refer to, by name.

        A command that hangs leaves half of the time that is left to the other accounts, and a run
        that is stopped meanwhile ends it.
        """
        held = dict(held_by(account.options))
        limit = min(credentials.COMMAND_TIMEOUT_S, self.deadline.remaining / 2)

        def read(given_up: Callable[[], bool]) -> dict[str, str]:
            return {
                name: credentials.read(each, self.environ, timeout=limit, given_up=given_up)
                for name, each in held.items()
            }

        return await in_thread(read, credentials.CLEAN_UP_S)

    def _pause(self, account: Account, sentence: str) -> None:
        accounts, now = self.commits.store.accounts, self.clock.now()
        accounts.pause(account, PauseReason.CREDENTIAL, sentence, None, now)

    def _regain(self, account: Account) -> None:
        """End the pause of an account whose credential can be had again."""
        store, now = self.commits.store, self.clock.now()
        if store.accounts.state(account).reason is PauseReason.CREDENTIAL:
            store.accounts.resume(account.workspace, account.channel, now)
            store.queue.make_due(account.workspace, now)


def _reader(account: Account) -> Provider:
    return providers.load(account.provider).reader(account)


@dataclass(frozen=True, slots=True)
class _Connected:
    """How an account is reached for one job."""

    wire: Wire
    commits: Commits
    clock: Clock

    def __call__(self, deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api:
        return HttpApi(self.wire, self.commits, self.clock, deadline, meter, uniform, probe)


@dataclass(frozen=True, slots=True)
class _Unconnected:
    """An account without its credential: asking it says so."""

    account: Account
    clock: Clock
    sentence: str

    def __call__(self, deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api:
        return self

    async def ask(self, request: Get | Post) -> Any:
        """Refuse."""
        raise paused(self.account, PauseReason.CREDENTIAL, self.sentence, None, self.clock.now())
