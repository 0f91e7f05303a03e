"""What a run does beside its jobs: forget old ones, and look after refused accounts."""

from datetime import timedelta

from convsync_cli.sync.clock import Clock, Deadline
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.errors import SyncError
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.work import Line

KEPT = {
    JobState.SUCCEEDED: timedelta(days=7),
    JobState.CANCELLED: timedelta(days=7),
    JobState.FAILED: timedelta(days=30),
}
BATCH = 500  # small, so that no enqueuer waits long
BATCHES = 20
SPARE_S = 1.0


async def prune(store: Store, commits: Commits, clock: Clock, deadline: Deadline) -> None:
    """Delete jobs and runs that are past their retention, in small batches, while time is left."""
    now = clock.now()
    for state, age in KEPT.items():
        for _ in range(BATCHES):
            if not deadline.allows(SPARE_S):
                return
            if await commits.call(store.queue.prune, state, now - age, BATCH) < BATCH:
                break
    await commits.call(store.runs.prune, now - KEPT[JobState.FAILED], BATCH)


async def recheck(
    lines: list[Line], store: Store, commits: Commits, clock: Clock, deadline: Deadline
) -> Meter:
    """Look whether refused credentials work again, with one cheap request each, when it is time.

    Returns what that cost. The jobs that waited for an account that works again are due at once.
    """
    meter = Meter()
    for line in lines:
        state = await commits.call(store.accounts.state, line.account)
        if state.wants_check(clock.now()):
            await _check(line, store, commits, clock, deadline, meter)
    return meter


async def _check(
    line: Line, store: Store, commits: Commits, clock: Clock, deadline: Deadline, meter: Meter
) -> None:
    try:
        await line.provider.check(line.connect(deadline, meter, probe=True))
    except SyncError:
        return  # a refusal has extended the pause; anything else proves nothing
    account, now = line.account, clock.now()
    await commits.call(store.accounts.resume, account.workspace, account.channel, now)
    await commits.call(store.queue.make_due, account.workspace, "paused", now)
