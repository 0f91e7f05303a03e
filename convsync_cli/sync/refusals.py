"""What an answer other than a success means: the error that says what to do, and what it pauses."""

from dataclasses import dataclass
from datetime import datetime

import httpx

from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.errors import (
    AccountPaused,
    CredentialUnavailable,
    RateLimited,
    Rejected,
    SyncError,
    Unauthorized,
    Unavailable,
    Unknown,
)
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import LONGEST, RECHECK, STANDING, AccountState, PauseReason
from convsync_cli.sync.retryafter import pause_asked, pause_unsaid
from convsync_cli.sync.wire import Wire


def paused(
    account: Account,
    reason: PauseReason | None,
    message: str | None,
    until: datetime | None,
    now: datetime,
) -> AccountPaused:
    """The error of asking a paused account: it says how long it makes sense to wait."""
    if reason is not PauseReason.RATE_LIMITED or until is None:
        until = now + STANDING
    return AccountPaused(f"{account.name} is paused: {message}", until, str(reason))


@dataclass(frozen=True, slots=True)
class Refusals:
    """The refusals that come over a wire: each becomes an error, and some pause the account."""

    wire: Wire
    commits: Commits
    clock: Clock

    async def error(self, response: httpx.Response, body: bytes, label: str) -> SyncError:
        """The error that a status other than a success is."""
        status, meanings = response.status_code, self.wire.statuses
        said = body[:4096].decode("utf-8", "replace")
        match status:
            case _ if status in meanings.too_fast and not await self._slowed_down(status):
                return await self._rate_limited(response, body, label)
            case _ if status in (401, 403) or status in meanings.refused:
                return await self._unauthorized(status, said)
            case 429:
                return await self._rate_limited(response, body, label)
            case 404:
                return Unknown(f"{label} answered 404: not found", said, status)
            case _ if status == 408 or status >= 500:
                return Unavailable(f"{label} answered {status}")
            case _ if 300 <= status < 400:
                sentence = f"{label} answered {status}: redirects are not followed"
                return Rejected(sentence, said, status)
            case _:
                return Rejected(f"{label} answered {status}", said, status)

    async def stop_using(self, sentence: str) -> Unauthorized:
        """Pause the account until a look shows that its credential works again."""
        until = self.clock.now() + RECHECK
        await self._pause(PauseReason.UNAUTHORIZED, sentence, until)
        return Unauthorized(sentence)

    async def without_credential(self, error: CredentialUnavailable) -> AccountPaused:
        """Pause the account until its credential can be had again."""
        reason, sentence = PauseReason.CREDENTIAL, f"{error.message}; {error.hint}"
        await self._pause(reason, sentence, None)
        return paused(self.wire.account, reason, sentence, None, self.clock.now())

    async def _unauthorized(self, status: int, said: str) -> Unauthorized:
        name = self.wire.account.name
        sentence = f"the provider refused the credential of {name} (HTTP {status})"
        for fragment, meaning in self.wire.refusals.items():
            if fragment in said.lower():
                sentence += f": {meaning}"
                break
        return await self.stop_using(sentence)

    async def _rate_limited(self, response: httpx.Response, body: bytes, label: str) -> RateLimited:
        now, last = self.clock.now(), await self._state()
        asked = pause_asked(response.headers, body, now, pause_unsaid(last, now))
        until = now + min(LONGEST, asked)
        sentence = f"{label} {_answered(response.status_code)}"
        await self._pause(PauseReason.RATE_LIMITED, sentence, until)
        return RateLimited(sentence, until)

    async def _slowed_down(self, status: int) -> bool:
        """Whether it gives this answer although it was just left alone for a while."""
        now, state = self.clock.now(), await self._state()
        if state.reason is not PauseReason.RATE_LIMITED:
            return state.reason is PauseReason.UNAUTHORIZED
        warned = (state.message or "").endswith(_answered(status)) and state.paused_until
        return bool(warned and warned <= now < warned + RECHECK)

    async def _state(self) -> AccountState:
        return await self.commits.call(self.commits.store.accounts.state, self.wire.account)

    async def _pause(self, reason: PauseReason, sentence: str, until: datetime | None) -> None:
        pause, now = self.commits.store.accounts.pause, self.clock.now()
        await self.commits.call(pause, self.wire.account, reason, sentence, until, now)


def _answered(status: int) -> str:
    return f"answered {status}"
