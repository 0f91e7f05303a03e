"""Which workspaces can be worked for at a moment: pure arithmetic over the accounts' shared states.

A workspace all of whose accounts are paused or have enough requests waiting is skipped, so that
it holds no slot that another could use.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.limits import Bucket
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import AccountState, PauseReason

PATIENT_SLOTS = 4  # so many waiting requests keep a rate limit busy; more would only hold slots


@dataclass(frozen=True, slots=True)
class Lanes:
    """The workspaces that are open, and in how many seconds each of the others opens by itself."""

    open: tuple[str, ...]
    opens_in: dict[str, float]

    def without(self, closed: Collection[str]) -> "Lanes":
        """The lanes, but for some workspaces."""
        return Lanes(
            tuple(name for name in self.open if name not in closed),
            {name: wait for name, wait in self.opens_in.items() if name not in closed},
        )


def look(
    accounts: Mapping[str, Sequence[Account]], states: Sequence[AccountState], now: datetime
) -> Lanes:
    """Sort the workspaces by whether they can be worked for at ``now``."""
    by_name = {(state.workspace, state.channel): state for state in states}
    waits = {
        workspace: [_wait(each, by_name.get((workspace, each.channel)), now) for each in held]
        for workspace, held in accounts.items()
    }
    known = {
        workspace: min((wait for wait in each if wait is not None), default=None)
        for workspace, each in waits.items()
    }
    return Lanes(
        open=tuple(workspace for workspace, wait in known.items() if wait == 0),
        opens_in={workspace: wait for workspace, wait in known.items() if wait},
    )


def _wait(account: Account, state: AccountState | None, now: datetime) -> float | None:
    """Seconds until an account can be used; None where that is up to somebody else."""
    if state is None:
        return 0.0
    if state.paused(now):
        if state.reason is not PauseReason.RATE_LIMITED or state.paused_until is None:
            return None
        return max(0.001, seconds_between(now, state.paused_until))
    backlog = Bucket(account.rate, state.next_at).backlog(now.timestamp())
    return max(0.0, backlog - PATIENT_SLOTS * account.rate.spacing)
