"""One request to a provider: pace, send, type the error, and a short retry within the deadline.

House rules: tenacity retries network and timeout errors and nothing else. httpx's timeouts are per
phase, so a drip of one byte a second never ends one: the whole request has a time of its own. No
redirect is followed, because the credential would follow it. Answers are read up to a limit.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from convsync_cli.sync.api import USUAL, Auth, Get, Post, Statuses
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    NetworkFault,
    RateLimited,
    Rejected,
    Timeout,
    Unauthorized,
    Unavailable,
    Unknown,
)
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import LONGEST, RECHECK, STANDING, PauseReason
from convsync_cli.sync.ports import Accounts
from convsync_cli.sync.retry import Uniform
from convsync_cli.sync.retryafter import pause_asked
from convsync_cli.sync.telemetry import Meter

REQUEST_S = 30.0  # some searches are slow; see the providers' own advice
TRIES = 3
FIRST_WAIT_S = 0.5
LARGEST_ANSWER = 64 * 1024 * 1024

_POOL = httpx.Limits(max_connections=8, max_keepalive_connections=8)


@dataclass(frozen=True, slots=True)
class Wire:
    """An account's connection: its client, which carries the credential, its words of refusal.

    ``refusals`` maps a fragment of an answer that refuses the account to a sentence for the
    operator.
    """

    account: Account
    client: httpx.AsyncClient
    refusals: Mapping[str, str]
    statuses: Statuses = USUAL


def open_wire(
    account: Account,
    auth: Auth,
    refusals: Mapping[str, str],
    transport: httpx.AsyncBaseTransport | None = None,
    statuses: Statuses = USUAL,
) -> Wire:
    """Connect an account, with a client of its own: a shared pool collapses under load."""
    client = httpx.AsyncClient(
        base_url=account.base_url,
        headers=dict(auth.headers),
        params=dict(auth.query),
        timeout=httpx.Timeout(REQUEST_S),
        limits=_POOL,
        follow_redirects=False,
        verify=_tls() if account.base_url.startswith("https:") else False,
        transport=transport,
    )
    return Wire(account, client, refusals, statuses)


@cache
def _tls() -> ssl.SSLContext:
    """One context for all: making it reads every root certificate, 34 ms each time."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class HttpApi:
    """``Api`` over a wire, within a deadline; what it costs is counted by a meter."""

    wire: Wire
    accounts: Accounts
    commits: Commits
    clock: Clock
    deadline: Deadline
    meter: Meter
    uniform: Uniform
    probe: bool = False  # looks whether a paused account can be used again
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self, request: Get | Post) -> Any:
        """Ask, and return the JSON of the answer; see ``Api.ask``."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(NetworkFault),
            stop=self._stop,
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )
        return await retrying(self._once, request)

    def _stop(self, state: RetryCallState) -> bool:
        return (
            self.probe
            or state.attempt_number >= TRIES
            or not self.deadline.allows(self._ceiling(state))
        )

    def _wait(self, state: RetryCallState) -> float:
        return self.uniform(0.05, self._ceiling(state))

    def _ceiling(self, state: RetryCallState) -> float:
        return float(FIRST_WAIT_S * 2 ** (state.attempt_number - 1))

    async def _once(self, request: Get | Post) -> Any:
        await self._pace()
        started = self.clock.monotonic()
        try:
            response, body = await self._send(request)
        finally:
            self.meter.add(request.label, self.clock.monotonic() - started)
        if response.is_success:
            return _decoded(body, request.label)
        return await self._refuse(response, body, request.label)

    async def _pace(self) -> None:
        """Wait for the account's next free slot, shared by all processes."""
        account, accounts = self.wire.account, self.accounts
        patience = self.deadline.remaining
        answer = await self.commits.call(accounts.take, account, self.clock.now(), patience)
        if isinstance(answer, float):
            if answer >= patience:
                raise BudgetSpent("no time is left for the account's rate limit")
            if answer == 0:
                return
            await self.sleep(answer)
            answer = await self.commits.call(accounts.state, account)  # it may be paused by now
        now = self.clock.now()
        if answer.paused(now) and not self.probe:
            raise paused(account, answer.reason, answer.message, answer.paused_until, now)

    async def _send(self, request: Get | Post) -> tuple[httpx.Response, bytes]:
        label, left = request.label, self.deadline.remaining
        streaming = self.wire.client.stream(
            "GET" if isinstance(request, Get) else "POST",
            request.path,
            params=dict(request.query),
            headers=dict(request.headers),
            json=None if isinstance(request, Get) else request.body,
        )
        try:
            async with asyncio.timeout(min(REQUEST_S, left)), streaming as response:
                return response, await _read(response, label)
        except (TimeoutError, httpx.TimeoutException):
            if left <= REQUEST_S:
                raise BudgetSpent(f"the run ended while {label} was asked") from None
            raise Timeout(f"{label} did not answer within {REQUEST_S:g} s") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError) as error:
            raise NetworkFault(f"{label}: {type(error).__name__}") from None
        except httpx.DecodingError:
            raise Unavailable(f"{label} sent an answer that cannot be decompressed") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Rejected(f"{label} cannot be asked: {type(error).__name__}") from None

    async def _refuse(self, response: httpx.Response, body: bytes, label: str) -> Any:
        """Turn a status other than 200 into the error that says what to do about it."""
        status, meanings = response.status_code, self.wire.statuses
        said = body[:4096].decode("utf-8", "replace")
        match status:
            case _ if status in meanings.too_fast and not await self._slowed_down(status):
                raise await self._rate_limited(response, body, label)
            case _ if status in (401, 403) or status in meanings.refused:
                raise await self._unauthorized(status, said)
            case 429:
                raise await self._rate_limited(response, body, label)
            case 404:
                raise Unknown(f"{label} answered 404: there is no such thing", said, status)
            case _ if status == 408 or status >= 500:
                raise Unavailable(f"{label} answered {status}")
            case _ if 300 <= status < 400:
                raise Rejected(
                    f"{label} answered {status}: redirects are not followed", said, status
                )
            case _:
                raise Rejected(f"{label} answered {status}", said, status)

    async def _slowed_down(self, status: int) -> bool:
        """Whether it gives this answer although it was just left alone for a while."""
        now = self.clock.now()
        state = await self.commits.call(self.accounts.state, self.wire.account)
        if state.reason is not PauseReason.RATE_LIMITED:
            return state.reason is PauseReason.UNAUTHORIZED
        warned = (state.message or "").endswith(_answered(status)) and state.paused_until
        return bool(warned and warned <= now < warned + RECHECK)

    async def _unauthorized(self, status: int, said: str) -> Unauthorized:
        account = self.wire.account
        sentence = f"the provider refused the credential of {account.name} (HTTP {status})"
        for fragment, meaning in self.wire.refusals.items():
            if fragment in said.lower():
                sentence += f": {meaning}"
                break
        now = self.clock.now()
        await self.commits.call(
            self.accounts.pause, account, PauseReason.UNAUTHORIZED, sentence, now + RECHECK, now
        )
        return Unauthorized(sentence)

    async def _rate_limited(self, response: httpx.Response, body: bytes, label: str) -> RateLimited:
        now = self.clock.now()
        until = now + min(LONGEST, pause_asked(response.headers, body, now))
        sentence = f"{label} {_answered(response.status_code)}"
        await self.commits.call(
            self.accounts.pause,
            self.wire.account,
            PauseReason.RATE_LIMITED,
            sentence,
            until,
            now,
        )
        return RateLimited(sentence, until)


def _answered(status: int) -> str:
    return f"answered {status}"


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


async def _read(response: httpx.Response, label: str) -> bytes:
    chunks = bytearray()
    async for chunk in response.aiter_bytes():
        chunks += chunk
        if len(chunks) > LARGEST_ANSWER:
            raise Rejected(f"{label} sent more than {LARGEST_ANSWER // 2**20} MB")
    return bytes(chunks)


def _decoded(body: bytes, label: str) -> Any:
    """The JSON of an answer. What is no JSON at all (half an answer, a proxy's page) can heal."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise Unavailable(f"{label} sent something that is not JSON") from None
