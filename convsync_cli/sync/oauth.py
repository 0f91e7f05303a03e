"""An access token that expires: renewed before it does, by one process at a time.

What the server answers to a renewal is written to the file before it is used, and what another
process wrote is used instead of asking again. A renewal that has begun is not cut off with the
job that needed it, since its answer would be lost and the old pair is dead by then.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from convsync_cli.sync.api import Grant
from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import BudgetSpent, RateLimited, Unavailable
from convsync_cli.sync.tokenfile import Pair, TokenFile

EARLY = timedelta(minutes=10)  # before its end a token is renewed; longer than a run
RENEWAL_S = 5.0  # with less left of a run none is begun
LAST_WAIT_S = 1.0  # at the end of a run
LOOK_S = 0.05  # how often a process looks whether another is done

Exchange = Callable[[Mapping[str, str]], Awaitable[Mapping[str, Any]]]
"""Posts a form to the token endpoint, and returns its answer; errors are typed."""


class Renewal:
    """The access token of one account, in one process."""

    def __init__(self, grant: Grant) -> None:
        """Read the pair.

        Raises:
            CredentialUnavailable: there is none.
        """
        self.grant = grant
        self._file = TokenFile(grant.file)
        self._pair = self._file.read()
        self._unsaved: tuple[Pair, Pair] | None = None  # the old one, and the new one
        self._running: asyncio.Task[None] | None = None

    async def token(
        self, refused: str | None, now: datetime, exchange: Exchange, deadline: Deadline
    ) -> str:
        """The access token to send at ``now`` (UTC): another one than the server ``refused``.

        Raises:
            CredentialUnavailable: the file cannot be read or replaced.
            SyncError: the server did not renew it.
        """
        if not _lasts(self._pair, refused, now + EARLY):
            if self._running is None or self._running.done():
                renewing = self._renew(refused, now, exchange, deadline)
                self._running = asyncio.ensure_future(renewing)
                self._running.add_done_callback(_looked_at)
            await asyncio.shield(self._running)
        return self._pair.access

    async def settled(self) -> None:
        """Let a renewal that is under way come to its end, for a moment."""
        if self._running is not None:
            await asyncio.wait([self._running], timeout=LAST_WAIT_S)

    async def _renew(
        self, refused: str | None, now: datetime, exchange: Exchange, deadline: Deadline
    ) -> None:
        try:
            await self._renew_alone(refused, now, exchange, deadline)
        except (Unavailable, RateLimited, BudgetSpent):
            if not _lasts(self._pair, refused, now):
                raise

    async def _renew_alone(
        self, refused: str | None, now: datetime, exchange: Exchange, deadline: Deadline
    ) -> None:
        """Wait for the lock; then take what another process wrote, or ask for a new pair."""
        while deadline.allows(RENEWAL_S):
            with self._file.locked() as held:
                if held:
                    reached("oauth.locked")
                    self._pair = self._file.recovered()
                    if self._unsaved is not None and self._unsaved[0] == self._pair:
                        self._file.reserve()
                        self._save(*self._unsaved)
                    if not _lasts(self._pair, refused, now + EARLY):
                        await self._ask(now, exchange)
                    return
            await asyncio.sleep(LOOK_S)
        raise BudgetSpent("no time is left to renew the access token")

    async def _ask(self, now: datetime, exchange: Exchange) -> None:
        self._file.reserve()
        answer = await exchange({**self.grant.form, "refresh_token": self._pair.refresh})
        reached("oauth.answered")
        self._save(self._pair, _told(answer, self._pair, now))

    def _save(self, old: Pair, new: Pair) -> None:
        """Write a pair, and use it from then on; what cannot be written is tried again later."""
        self._unsaved = old, new
        self._file.replace(old, new)
        self._unsaved = None
        self._pair = new
        reached("oauth.replaced")


def _lasts(pair: Pair, refused: str | None, until: datetime) -> bool:
    """Whether a token is another than the one refused, and does not end before ``until``."""
    if not pair.access or pair.access == refused:
        return False
    return pair.ends_at is not None and until < pair.ends_at


def _told(answer: Mapping[str, Any], old: Pair, now: datetime) -> Pair:
    """The pair in an answer; a server that does not replace the refresh token leaves it out."""
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise Unavailable("the token endpoint answered without an access token")
    try:
        seconds = min(max(float(answer.get("expires_in") or 0), 0.0), 366 * 86_400.0)
    except (TypeError, ValueError):
        seconds = 0.0
    # One that says no end is renewed when it is refused, and not before each request.
    ends_at = now + timedelta(seconds=seconds or 366 * 86_400.0)
    return Pair(refresh if isinstance(refresh, str) and refresh else old.refresh, access, ends_at)


def _looked_at(task: asyncio.Task[None]) -> None:
    """Take the error of a renewal for which nobody waits any more."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
