"""What a run does besides its jobs: delete old ones, and check refused accounts."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import ConvsyncError, SyncError, Unauthorized, where
from convsync_cli.sync.identity import make_sure
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.model.pause import RECHECK, PauseReason
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.work import Link

log = logging.getLogger(__name__)

KEPT = {
    JobState.SUCCEEDED: timedelta(days=7),
    JobState.CANCELLED: timedelta(days=7),
    JobState.FAILED: timedelta(days=30),
}
BATCH = 500  # small, so that no enqueuer waits long
BATCHES = 20
SPARE_S = 1.0


async def prune(commits: Commits, clock: Clock, deadline: Deadline) -> None:
    """Delete jobs and runs that are past their retention, in small batches, while time is left."""
    store, now = commits.store, clock.now()
    for state, age in KEPT.items():
        for _ in range(BATCHES):
            if not deadline.allows(SPARE_S):
                return
            if await commits.call(store.queue.prune, state, now - age, BATCH) < BATCH:
                break
    await commits.call(store.runs.prune, now - KEPT[JobState.FAILED], BATCH)


async def recheck(
    links: Sequence[Link], commits: Commits, clock: Clock, deadline: Deadline, meter: Meter
) -> None:
    """Look whether refused credentials work again, with one cheap request each, when it is time.

    The jobs that waited for an account that works again are due at once.
    """
    checks = (_check(link, commits, clock, deadline, meter) for link in links)
    for result in await asyncio.gather(*checks, return_exceptions=True):
        if isinstance(result, ConvsyncError):
            raise result
        if isinstance(result, Exception):  # a bug in one provider's check is no other's trouble
            log.error("checking an account: %s", where(result))


async def _check(
    link: Link, commits: Commits, clock: Clock, deadline: Deadline, meter: Meter
) -> None:
    account, store = link.account, commits.store
    accounts = store.accounts
    state = await commits.call(accounts.state, account)
    if not state.wants_check(clock.now()):
        return
    try:
        api = link.connect(deadline, meter, probe=True)
        if not await make_sure(account, link.provider, api, commits, clock):
            await link.provider.check(api)
    except Unauthorized:
        return  # which has extended the pause
    except SyncError:  # proves nothing; asked again soon, but not by every run
        now = clock.now()
        said = state.message or ""
        await commits.call(
            accounts.pause, account, PauseReason.UNAUTHORIZED, said, now + RECHECK / 3, now
        )
        return
    await commits.call(accounts.resume, account.workspace, account.channel, clock.now())
    await commits.call(store.queue.make_due, account.workspace, clock.now())
