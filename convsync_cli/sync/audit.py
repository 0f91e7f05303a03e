"""What is stored, compared with what the provider counts: complete, short, or unproven."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum

from convsync_cli.sync.api import Api, Provider
from convsync_cli.sync.errors import CredentialUnavailable, SyncError
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.ports import Store

MakeSure = Callable[[], Awaitable[object]]  # that the credential opens the workspace that is meant
Connect = Callable[[Account], AbstractAsyncContextManager[tuple[Provider, Api, MakeSure]]]


class Verdict(StrEnum):
    """What the comparison says."""

    COMPLETE = "complete"
    SHORT = "short"
    UNPROVEN = "cannot_be_proven"
    UNASKED = "not_asked"  # the provider did not answer, which proves nothing either


@dataclass(frozen=True, slots=True)
class Counted:
    """What is stored of one account, or of one lead there, and what the provider counts.

    ``unread`` is how many leads nobody has read on this channel; ``total`` is None where the
    provider tells none; ``problem`` is why it could not be asked.
    """

    account: Account
    local: int
    unread: int
    total: int | None = None
    problem: str | None = None
    lead: str | None = None

    @property
    def short(self) -> int:
        """How many messages are missing here; what was deleted there is not looked at."""
        return max(0, (self.total or 0) - self.local)

    @property
    def verdict(self) -> Verdict:
        """What the numbers prove.

        An account that makes no leads of strangers leaves their messages where they are: then only
        enough is proof, too few is none.
        """
        if self.problem is not None:
            return Verdict.UNASKED
        if self.total is None or (self.short and self.lead is None and not self.account.discover):
            return Verdict.UNPROVEN
        return Verdict.SHORT if self.short else Verdict.COMPLETE


async def audit(
    store: Store, connect: Connect, accounts: Sequence[Account], lead: Lead | None
) -> list[Counted]:
    """Count each account here and there, side by side.

    Of one ``lead`` only, where one is given, on the channels on which it can be followed.
    """
    followed = None if lead is None else store.archive.syncs(lead.id)
    here = [
        _count(store, account, lead)
        for account in accounts
        if followed is None or account.channel in followed
    ]
    return list(await asyncio.gather(*(_ask(connect, counted, lead) for counted in here)))


def _count(store: Store, account: Account, lead: Lead | None) -> Counted:
    local = store.archive.count(account.workspace, account.provider, lead.id if lead else None)
    if lead is None:
        return Counted(account, local, store.archive.unread(account.workspace, account.channel))
    sync = store.archive.syncs(lead.id).get(account.channel)
    unread = int(sync is not None and sync.synced_at is None)
    return Counted(account, local, unread, lead=lead.id)


async def _ask(connect: Connect, here: Counted, lead: Lead | None) -> Counted:
    account, total, problem = here.account, None, None
    try:
        async with connect(account) as (provider, api, make_sure):
            total = await provider.total(api, lead)
            if total is not None:  # else nothing is claimed
                await make_sure()
    except SyncError as error:
        problem = str(error)
    except CredentialUnavailable as error:
        problem = error.message
    return Counted(account, here.local, here.unread, total, problem, here.lead)
