"""Whose conversations a credential opens: some follow their creator to another workspace.

What is read with such a credential would be mixed with another workspace's, so it is looked at once
a run before anything is stored, and an account that opens another workspace than before is paused.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from convsync_cli.sync.api import Api, Provider
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.errors import Unauthorized
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import RECHECK, PauseReason

LOOKED_AT_EVERY = timedelta(minutes=55)  # also where nothing is stored


@dataclass(slots=True)
class Guard:
    """Whether an account was looked at in this run; jobs that come meanwhile wait for it."""

    sure: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def make_sure(
    account: Account,
    provider: Provider,
    api: Api,
    commits: Commits,
    clock: Clock,
) -> bool:
    """See that a credential opens the workspace that is configured, or that it opened at first.

    Returns whether anything was asked, and so whether the credential has been seen to work.

    Raises:
        Unauthorized: it opens another; the account is paused.
        SyncError: it cannot be told.
    """
    seen = await provider.identity(api)
    if seen is None:
        return False
    accounts, now = commits.store.accounts, clock.now()
    meant = getattr(account.options, "workspace_id", None)
    known = meant or await commits.call(accounts.identify, account, seen, now)
    if known == seen:
        return True
    sentence = (
        f"the credential of {account.name} opens workspace {seen} now, not {known};"
        f' switch back, or write workspace_id = "{seen}" if that is intended'
    )
    reason = PauseReason.UNAUTHORIZED
    await commits.call(accounts.pause, account, reason, sentence, now + RECHECK, now)
    raise Unauthorized(sentence)
