"""What to do about an error of a provider; the one place that decides."""

from datetime import datetime

from convsync_cli.sync.errors import (
    AccountPaused,
    RateLimited,
    Rejected,
    SyncError,
    Unauthorized,
)
from convsync_cli.sync.model.outcome import Discard, Outcome, Retry, Snooze
from convsync_cli.sync.model.pause import STANDING


def outcome_of(error: SyncError, now: datetime) -> Outcome:
    """The outcome of a job that an error ended at ``now`` (UTC)."""
    match error:
        case RateLimited(until=until) | AccountPaused(until=until):
            return Snooze(until, error.code, str(error))
        case Unauthorized():
            return Snooze(now + STANDING, "paused", str(error))
        case Rejected():
            return Discard(error.code, str(error))
        case _:
            return Retry(error.code, str(error))
