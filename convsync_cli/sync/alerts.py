"""What a run has to say to a person: that something starts to need one, not that it still does.

Cron mails every line, and starts a run every minute. What goes on is `status --check`'s to remind
of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.pause import NEED_A_PERSON, AccountState

QUIET = timedelta(hours=1)  # jobs that failed within it are the same trouble


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong at a moment: accounts that need a person, and whether jobs fail."""

    accounts: frozenset[tuple[str, str, str]] = frozenset()
    jobs_fail: bool = False


def trouble(paused: Sequence[AccountState], runs: Sequence[PastRun]) -> Trouble:
    """What is wrong according to the accounts and the runs within ``QUIET``."""
    return Trouble(
        frozenset(_key(state) for state in paused),
        any(run.counts.get("failed") for run in runs),
    )


def alerts(known: Trouble, paused: Sequence[AccountState], failed: int) -> list[str]:
    """Sentences about what a run met that was not known before it; jobs ``failed`` in it."""
    told = [
        f"{state.workspace}/{state.channel} is not read: {state.message}; fix it, then"
        f" `convsync accounts resume {state.workspace}/{state.channel}`"
        for state in paused
        if state.reason in NEED_A_PERSON and _key(state) not in known.accounts
    ]
    if failed and not known.jobs_fail:
        jobs = "1 job" if failed == 1 else f"{failed} jobs"
        told.append(f"{jobs} failed for good: see `convsync jobs list --state failed`")
    return told


def _key(state: AccountState) -> tuple[str, str, str]:
    return state.workspace, state.channel, str(state.reason)
