"""Why a lead is or is not current, what will happen next, and the one command that would help.

Rules over values: ``commands/explain.py`` gathers the facts and prints the answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from convsync_cli.sync.instant import from_text
from convsync_cli.sync.model.job import LIVE, Job, JobState
from convsync_cli.sync.model.pause import NEED_A_PERSON, AccountState, PauseReason
from convsync_cli.sync.model.progress import LeadSync, WalkEnd
from convsync_cli.sync.plainwords import CODES


@dataclass(frozen=True, slots=True)
class Reach:
    """A channel as one lead sees it.

    ``provider`` is None where the workspace has no account for it, ``sync`` where the lead has no
    address for it; it applies where both are there. ``state`` is that of a paused account.
    ``feed_at`` is up to when the workspace's change feed was read.
    """

    channel: str
    provider: str | None
    sync: LeadSync | None
    state: AccountState | None = None
    feed_at: datetime | None = None

    @property
    def obstacle(self) -> str | None:
        """Why the channel does not apply, as a code; None where it does."""
        if self.provider is None:
            return "not_configured"
        return "no_address" if self.sync is None else None

    @property
    def current_as_of(self) -> datetime | None:
        """Up to when all that was said on the channel is known; None where it was never read.

        A change feed adds to a conversation that was read once; without that it proves nothing.
        """
        if self.sync is None or self.sync.synced_at is None:
            return None
        return max(filter(None, (self.sync.synced_at, self.feed_at)))


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known about one lead's sync; ``job`` is the live one or else the last.

    ``run_is_late`` is what ``rhythm.late`` says.
    """

    lead: str
    workspace: str
    reaches: tuple[Reach, ...]
    job: Job | None
    run_is_late: bool
    window_s: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next, when (UTC, None: not by itself), and the command that helps, if any."""

    what: str
    when: datetime | None = None
    command: str | None = None


def summary(facts: Facts) -> tuple[bool | None, str]:
    """Whether the lead is current (None where it cannot be), and since when or why not."""
    applying = [each for each in facts.reaches if each.obstacle is None]
    if not applying:
        return None, "cannot be followed: no channel applies"
    for each in applying:
        if each.current_as_of is None:
            return False, f"not current: {each.channel} was never read to its end"
    for each in applying:
        if each.sync and each.sync.outcome == WalkEnd.FAILED:
            why = CODES.get(each.sync.error_code or "", "it did not work")
            return False, f"not current: the last read of {each.channel} failed: {why}"
    if facts.job and facts.job.state in LIVE:
        return False, "queued, and not yet read since"
    return True, "current as of the last read"


def window_until(facts: Facts) -> datetime | None:
    """Until when asking again is answered with the job that succeeded, or None."""
    if facts.job is None or facts.job.state != JobState.SUCCEEDED:
        return None
    asked = from_text(facts.job.requested_at)
    window = timedelta(seconds=facts.window_s)
    return asked + window if abs(facts.now - asked) < window else None


def next_step(facts: Facts) -> Step:
    """What will happen, and what a person can do about it. The first rule that fits answers."""
    return (
        _unreachable(facts) or _paused(facts) or _live(facts) or _failed(facts) or _at_rest(facts)
    )


def _unreachable(facts: Facts) -> Step | None:
    obstacles = {each.obstacle for each in facts.reaches}
    if None in obstacles:
        return None
    if obstacles <= {"not_configured"}:
        what = f"nothing: the workspace {facts.workspace} has no account"
        return Step(what, command="convsync doctor")
    what = "nothing: the lead has neither a usable email or phone nor an id at a provider"
    return Step(what, command=f"convsync leads add --workspace {facts.workspace} --help")


def _paused(facts: Facts) -> Step | None:
    """A pause that only a person ends, on a channel that is not up to date."""
    for each in facts.reaches:
        waits = each.obstacle is None and each.state is not None
        if not waits or each.state is None or each.state.reason is PauseReason.RATE_LIMITED:
            continue
        account = f"{facts.workspace}/{each.channel}"
        if each.state.reason in NEED_A_PERSON:
            what = f"{each.channel} is not read until the credential of {account} is fixed"
        else:
            what = f"{each.channel} is not read: {account} was paused by hand"
        return Step(what, each.state.paused_until, f"convsync accounts resume {account}")
    return None


def _live(facts: Facts) -> Step | None:
    job = facts.job
    if job is None or job.state not in LIVE:
        return None
    if job.state == JobState.RUNNING:
        if job.lease_until and from_text(job.lease_until) < facts.now:
            what = "the process that worked on it has died; the next run takes it over"
            return Step(what, facts.now, _run_unless_cron_does(facts))
        return Step("it is being read now", facts.now)
    due = from_text(job.run_at)
    if due <= facts.now:
        return Step("the next run takes it", facts.now, _run_unless_cron_does(facts))
    why = CODES.get(job.error_code or "", "it is not due yet")
    waits = job.error_code == "rate_limited"  # asking sooner would only be refused
    command = None if waits else f"convsync enqueue {facts.lead}"
    return Step(f"it is tried again when due ({why})", due, command)


def _failed(facts: Facts) -> Step | None:
    if facts.job is None or facts.job.state != JobState.FAILED:
        return None
    return Step(
        "nothing: its job has failed and is not tried again by itself",
        command=f"convsync jobs retry {facts.job.id}",
    )


def _at_rest(facts: Facts) -> Step:
    current, _ = summary(facts)
    if current and window_until(facts):
        return Step("nothing, until it is queued again")
    what = "nothing: it is not queued"
    return Step(what, command=f"convsync enqueue {facts.lead}")


def _run_unless_cron_does(facts: Facts) -> str | None:
    return "convsync run --max-seconds 50" if facts.run_is_late else None
