"""The first walks through a workspace's feeds go one after the other.

A walk makes leads of whom its provider knows, and one that begins later reads them with all others.
Were two under way at once, each would leave its leads to be read one by one on the other's channel.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.progress import WalkEnd
from convsync_cli.sync.ports import Store

WAITED_FOR = timedelta(hours=6)


def under_way(store: Store, accounts: Iterable[Account], now: datetime) -> bool:
    """Whether the first walk of one of some accounts makes leads now.

    One that failed, that is paused until somebody acts, or that began long ago may never end.
    """
    return any(_is_under_way(store, each, now) for each in accounts if each.discover)


def _is_under_way(store: Store, account: Account, now: datetime) -> bool:
    walk, state = store.feeds.feed(account), store.accounts.state(account)
    return (
        walk.watermark is None
        and walk.walk_started_at is not None
        and timedelta() <= now - walk.walk_started_at <= WAITED_FOR
        and walk.outcome != WalkEnd.FAILED
        and not (state.paused(now) and state.reason is not PauseReason.RATE_LIMITED)
    )
