"""The first lines of `status`: is everything all right, and if not, what to do?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.console import ago
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.rhythm import at_work, late

_NAMES = {"sms": "SMS"}


@dataclass(frozen=True, slots=True)
class Channel:
    """How one channel of one workspace stands; ``state`` is that of its account where paused."""

    workspace: str
    channel: str
    provider: str
    ages: ChannelAges
    state: AccountState | None

    @property
    def account(self) -> str:
        """How its account is called."""
        return f"{self.workspace}/{self.channel}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The facts for one line, and what a person should do, most urgent first."""

    facts: str
    remedies: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether no person is needed."""
        return not self.remedies

    @property
    def mark(self) -> str:
        """The first words of the line."""
        return "All right: " if self.well else "Needs attention: "


def judge(
    depth: QueueDepth,
    runs: Sequence[PastRun],
    channels: Sequence[Channel],
    strays: Mapping[str, int],
    now: datetime,
) -> Verdict:
    """Say in one line how everything is, and what would fix what is not all right.

    ``runs`` are the last ones, the newest first; ``strays`` the pending jobs of workspaces that are
    not configured.
    """
    last = next(iter(runs), None)
    paused = [each for each in channels if each.state]
    facts = [_ran(last, now), _due(depth)]
    facts += filter(None, [_behind(channels)])
    if never := sum(each.ages.never_synced for each in channels):
        facts.append(f"{never} never read")
    if failed := depth.by_state[JobState.FAILED]:
        facts.append(f"{failed} failed")
    if paused:
        facts.append(f"{len(paused)} account{'s' if len(paused) > 1 else ''} paused")
    remedies = (
        *_of_runs(runs, now),
        *map(_of_pause, paused),
        *_of_jobs(depth, channels),
        *(_of_stray(workspace, jobs) for workspace, jobs in strays.items()),
    )
    return Verdict(", ".join(facts), tuple(filter(None, remedies)))


def _ran(last: PastRun | None, now: datetime) -> str:
    if last is None:
        return "no run yet"
    age = ago(max(0.0, seconds_between(last.started_at, now)))
    if at_work(last, now):
        return f"a run started {age} ago and is still active"
    return f"last run {age} ago" + ("" if last.ended_at else " was killed")


def _due(depth: QueueDepth) -> str:
    if depth.oldest_due_s is None or not depth.due:
        return f"{depth.due} due"
    return f"{depth.due} due for up to {ago(depth.oldest_due_s)}"


def _behind(channels: Sequence[Channel]) -> str | None:
    """How old the median lead of each channel is known, in the workspace where it is oldest."""
    parts = []
    for name in dict.fromkeys(each.channel for each in channels):
        same = [each.ages for each in channels if each.channel == name]
        known = [ages.p50_s for ages in same if ages.p50_s is not None]
        if known:
            parts.append(f"{_NAMES.get(name, name)} {ago(max(known))}")
    return f"{' and '.join(parts)} behind" if parts else None


def _of_runs(runs: Sequence[PastRun], now: datetime) -> Iterator[str]:
    if not runs:
        yield "nothing has run yet: `convsync cron print` prints the lines for cron"
        return
    starts = [each.started_at for each in runs]
    if not at_work(runs[0], now) and late(starts, now):
        yield "cron does not start runs: `convsync cron check` finds out why"


def _of_pause(channel: Channel) -> str:
    state = channel.state
    assert state is not None  # only paused ones are asked about
    resume = f"`convsync accounts resume {channel.account}`"
    match state.reason:
        case PauseReason.RATE_LIMITED if state.paused_until:
            return ""  # ends by itself
        case PauseReason.OPERATOR:
            return f"{channel.account} was paused by hand: {resume} ends the pause"
        case _:
            return f"{channel.account} is paused: {state.message}. Fix it, then {resume}"


def _of_jobs(depth: QueueDepth, channels: Sequence[Channel]) -> Iterator[str]:
    if failed := depth.by_state[JobState.FAILED]:
        yield f"{failed} failed: `convsync jobs list --state failed` says why"
    never = [each for each in channels if each.ages.never_synced and not each.state]
    live = depth.by_state[JobState.PENDING] + depth.by_state[JobState.RUNNING]
    if never and not live:
        yield "some leads were never read and are not queued: `convsync enqueue-all` queues them"


def _of_stray(workspace: str, jobs: int) -> str:
    wait = "1 job waits" if jobs == 1 else f"{jobs} jobs wait"
    cancel = f"`convsync jobs cancel --all --workspace {workspace}`"
    return f"{wait} for {workspace}, which is not configured: add it again, or {cancel}"
