"""The token buckets and pauses that all processes share."""

from datetime import datetime

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.limits import Bucket
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import AccountState, PauseReason

_SELECT = """
SELECT workspace, channel, provider, next_at, paused_until, reason, message, checked_at
FROM accounts
"""


class SqliteAccounts:
    """``Accounts`` over the table ``accounts``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def state(self, account: Account) -> AccountState:
        """What is known of an account."""
        rows = self._db.rows(
            f"{_SELECT} WHERE workspace = ? AND channel = ?", (account.workspace, account.channel)
        )
        fresh = AccountState(account.workspace, account.channel, account.provider)
        return _state(rows[0]) if rows else fresh

    def states(self) -> list[AccountState]:
        """What is known of every account."""
        return [_state(row) for row in self._db.rows(f"{_SELECT} ORDER BY workspace, channel")]

    def held_up(self, now: datetime) -> list[AccountState]:
        """What is known of those that may not be free; see ``Accounts.held_up``."""
        where = "WHERE reason IS NOT NULL OR next_at > ?"
        return [_state(row) for row in self._db.rows(f"{_SELECT} {where}", (now.timestamp(),))]

    def take(self, account: Account, now: datetime, patience_s: float) -> AccountState | float:
        """Reserve a request; see ``Accounts.take``."""
        with self._db.transaction():
            state = self.state(account)
            if state.paused(now):
                return state
            bucket, wait = Bucket(account.rate, state.next_at).take(now.timestamp())
            if wait >= patience_s:
                return wait
            self._db.execute(
                "INSERT INTO accounts (workspace, channel, provider, next_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET"
                " provider = excluded.provider, next_at = excluded.next_at",
                (account.workspace, account.channel, account.provider, bucket.next_at),
            )
        return wait

    def identify(self, account: Account, seen: str, now: datetime) -> str:
        """The workspace that an account's credential opened at first; see ``Accounts``."""
        with self._db.transaction():
            return str(
                self._db.value(
                    "INSERT INTO accounts (workspace, channel, provider, identity, checked_at)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " identity = iif(provider = excluded.provider,"
                    "                coalesce(identity, excluded.identity), excluded.identity),"
                    " provider = excluded.provider, checked_at = excluded.checked_at"
                    " RETURNING identity",
                    (account.workspace, account.channel, account.provider, seen, to_text(now)),
                )
            )

    def pause(
        self,
        account: Account,
        reason: PauseReason,
        message: str,
        until: datetime | None,
        now: datetime,
    ) -> None:
        """Stop using an account; see ``Accounts.pause``."""
        with self._db.transaction():
            if _holds_longer(self.state(account), reason, until, now):
                return
            self._db.execute(
                "INSERT INTO accounts (workspace, channel, provider, paused_until, reason, message,"
                " checked_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " provider = excluded.provider, paused_until = excluded.paused_until,"
                " reason = excluded.reason, message = excluded.message,"
                " checked_at = excluded.checked_at",
                (
                    account.workspace,
                    account.channel,
                    account.provider,
                    until and to_text(until),
                    reason,
                    message,
                    to_text(now),
                ),
            )

    def resume(self, workspace: str, channel: str, now: datetime) -> None:
        """Use an account again."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE accounts SET paused_until = NULL, reason = NULL, message = NULL,"
                " checked_at = ? WHERE workspace = ? AND channel = ?",
                (to_text(now), workspace, channel),
            )


def _holds_longer(
    held: AccountState, reason: PauseReason, until: datetime | None, now: datetime
) -> bool:
    """Whether a pause that holds outlasts a rate limit's: it is of another kind, or ends later."""
    if reason is not PauseReason.RATE_LIMITED or not held.paused(now):
        return False
    if held.reason is not PauseReason.RATE_LIMITED or held.paused_until is None:
        return True
    return until is not None and held.paused_until >= until


def _state(row: tuple[str, str, str, float, str, str, str, str]) -> AccountState:
    workspace, channel, provider, next_at, paused_until, reason, message, checked_at = row
    return AccountState(
        workspace,
        channel,
        provider,
        next_at,
        paused_until=from_text(paused_until) if paused_until else None,
        reason=PauseReason(reason) if reason else None,
        message=message,
        checked_at=from_text(checked_at) if checked_at else None,
    )
