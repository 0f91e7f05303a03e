"""From the accounts of the configuration to links that can be asked.

A credential that cannot be had pauses its account and nothing else.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import uniform
from typing import Any

from convsync_cli import credentials
from convsync_cli.sync.api import USUAL, Api, Get, Post, Provider, Statuses
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
from convsync_cli.sync.http import HttpApi, paused
from convsync_cli.sync.identity import make_sure
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import held_by
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import Wire, open_wire
from convsync_cli.sync.work import Link


async def connect(
    accounts: Mapping[str, Sequence[Account]],
    store: Store,
    clock: Clock,
    environ: Mapping[str, str],
    commits: Commits,
    deadline: Deadline,
) -> dict[str, tuple[Link, ...]]:
    """Connect every workspace's accounts, reading their credentials side by side."""
    every = [account for held in accounts.values() for account in held]
    links = await asyncio.gather(
        *(_link(account, store, clock, environ, commits, deadline) for account in every)
    )
    return {
        workspace: tuple(link for link in links if link.account in held)
        for workspace, held in accounts.items()
    }


@dataclass(frozen=True, slots=True)
class Checkup:
    """How one cheap request to an account ended, and how far its server's clock is ahead of ours.

    ``error`` is None where the credential works; ``ahead_s`` None where no answer told the time.
    """

    account: Account
    error: ConvsyncError | None
    ahead_s: float | None = None


async def check(
    accounts: Sequence[Account],
    store: Store,
    clock: Clock,
    environ: Mapping[str, str],
    deadline: Deadline,
) -> list[Checkup]:
    """Make one cheap request to each account, side by side, that shows whether it works."""
    commits = Commits(store, patient=lambda: not deadline.passed)
    try:
        checks = (_check(each, store, clock, environ, commits, deadline) for each in accounts)
        return await asyncio.gather(*checks)
    finally:
        commits.close(deadline.remaining)


async def _check(
    account: Account,
    store: Store,
    clock: Clock,
    environ: Mapping[str, str],
    commits: Commits,
    deadline: Deadline,
) -> Checkup:
    try:
        wire = await _wire(account, environ, deadline)
    except (CredentialUnavailable, ConfigError) as error:
        return Checkup(account, error)
    async with wire.client:
        api = _Connected(wire, store, commits, clock)(deadline, Meter(), probe=True)
        reader = _reader(account)
        try:
            if not await make_sure(account, reader, api, store.accounts, commits, clock):
                await reader.check(api)
        except (SyncError, CredentialUnavailable) as error:
            return Checkup(account, error, wire.server_clock.ahead_s)
        return Checkup(account, None, wire.server_clock.ahead_s)


@asynccontextmanager
async def asking(
    store: Store, clock: Clock, environ: Mapping[str, str], deadline: Deadline
) -> AsyncIterator[Connect]:
    """What connects accounts one by one outside a run, paced as in one."""
    commits = Commits(store, patient=lambda: not deadline.passed)

    @asynccontextmanager
    async def ask(account: Account) -> AsyncIterator[tuple[Provider, Api, MakeSure]]:
        wire = await _wire(account, environ, deadline)
        async with wire.client:
            reader = _reader(account)
            api = _Connected(wire, store, commits, clock)(deadline, Meter())
            sure = partial(make_sure, account, reader, api, store.accounts, commits, clock)
            yield reader, api, sure

    try:
        yield ask
    finally:
        commits.close(deadline.remaining)


async def _link(
    account: Account,
    store: Store,
    clock: Clock,
    environ: Mapping[str, str],
    commits: Commits,
    deadline: Deadline,
) -> Link:
    reader, costs = _reader(account), _module(account).COSTS
    try:
        wire = await _wire(account, environ, deadline)
    except CredentialUnavailable as error:
        reason = PauseReason.CREDENTIAL
        sentence = "; ".join(filter(None, (error.message, error.hint)))
        await commits.call(store.accounts.pause, account, reason, sentence, None, clock.now())
        return Link(account, reader, costs, _Unconnected(account, clock, sentence))
    await commits.call(_regained, store, account, clock)
    return Link(account, reader, costs, _Connected(wire, store, commits, clock), wire.close)


async def _wire(account: Account, environ: Mapping[str, str], deadline: Deadline) -> Wire:
    """Connect an account with its credential, whose command may take its time in a thread."""
    secrets = await asyncio.to_thread(_secrets, account.options, environ, deadline.remaining)
    provider = _module(account)
    auth = provider.auth(account.options, secrets)
    statuses: Statuses = getattr(provider, "STATUSES", USUAL)
    return open_wire(account, auth, provider.REFUSALS, statuses=statuses)


def _reader(account: Account) -> Provider:
    reader: Provider = _module(account).reader(account)
    return reader


def _module(account: Account) -> Any:
    return importlib.import_module(f"convsync_cli.sync.providers.{account.provider}")


def _secrets(options: Any, environ: Mapping[str, str], left_s: float) -> dict[str, str]:
    """The secrets that a provider's settings refer to, by name."""
    limit = min(credentials.COMMAND_TIMEOUT_S, left_s)
    return {
        name: credentials.read(credential, environ, timeout=limit)
        for name, credential in held_by(options)
    }


def _regained(store: Store, account: Account, clock: Clock) -> None:
    """End the pause of an account whose credential can be had again."""
    if store.accounts.state(account).reason is PauseReason.CREDENTIAL:
        store.accounts.resume(account.workspace, account.channel, clock.now())
        store.queue.make_due(account.workspace, clock.now())


@dataclass(frozen=True, slots=True)
class _Connected:
    """How an account is reached for one job."""

    wire: Wire
    store: Store
    commits: Commits
    clock: Clock

    def __call__(self, deadline: Deadline, meter: Meter, *, probe: bool = False) -> Api:
        return HttpApi(
            self.wire,
            self.store.accounts,
            self.commits,
            self.clock,
            deadline,
            meter,
            uniform,
            probe,
        )


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
