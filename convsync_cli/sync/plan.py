"""What bringing everything up to date costs, lead by lead or by the change feeds: arithmetic.

Accounts work side by side, so the one that needs longest says when all is done. Minutes are what
the rate limits allow to a run without pause and a provider that answers at once: at least so long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from convsync_cli.sync import filling
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.load import Load
from convsync_cli.sync.ports import Store


@dataclass(frozen=True, slots=True)
class Way:
    """One way to bring an account up to date: how many requests, and seconds at its rate limit."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What an account needs; ``fills`` is whether its feed would be read from the beginning."""

    account: Account
    load: Load
    full: Way
    changed: Way
    fills: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """A way for all accounts together; without one of them nothing is to be done."""

    requests: int
    seconds: float
    bottleneck: str | None

    def finish(self, now: datetime) -> datetime:
        """When all is done, if it begins ``now``."""
        return now + timedelta(seconds=self.seconds)


def plans(
    store: Store, accounts: Sequence[Account], costs: Mapping[str, Costs]
) -> list[AccountPlan]:
    """The plan of each account, from what is stored; ``costs`` are those of each provider."""
    return [
        plan(
            account,
            costs[account.provider],
            store.feeds.load(account, costs[account.provider].page),
            walked=store.feeds.feed(account).watermark is not None,
        )
        for account in accounts
    ]


def plan(account: Account, costs: Costs, load: Load, *, walked: bool) -> AccountPlan:
    """What one account needs; ``walked`` is whether its feed was read to its end before."""
    full = load.leads * costs.per_lead + load.unread * costs.look_up + load.further_pages
    fills = not walked or filling.is_cheaper(costs, load)
    changed = filling.requests(costs, load) if fills else 1 + filling.one_by_one(costs, load)
    rate = account.rate
    return AccountPlan(account, load, _way(full, rate), _way(changed, rate), fills)


def whole(ways: Mapping[str, Way]) -> Whole:
    """All accounts side by side, by their names."""
    needed = {name: way for name, way in ways.items() if way.requests}
    longest = max(needed, key=lambda name: needed[name].seconds, default=None)
    seconds = needed[longest].seconds if longest else 0.0
    return Whole(sum(way.requests for way in ways.values()), seconds, longest)


def _way(requests: int, rate: Rate) -> Way:
    return Way(requests, max(0, requests - rate.burst) * rate.spacing)
