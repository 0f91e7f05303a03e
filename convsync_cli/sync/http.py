"""One request to a provider: pace, send, type the error, and a short retry within the deadline.

House rules: tenacity retries network and timeout errors and nothing else. httpx's timeouts are per
phase, so a drip of one byte a second never ends one: the whole request has a time of its own. No
redirect is followed, because the credential would follow it. Answers are read up to a limit.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from convsync_cli.sync import connecting
from convsync_cli.sync.api import Get, Post
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    CredentialUnavailable,
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
from convsync_cli.sync.retryafter import pause_asked, pause_unsaid
from convsync_cli.sync.shape import mapping
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import REQUEST_S, Wire

TRIES = 3
FIRST_WAIT_S = 0.5
LARGEST_ANSWER = 64 * 1024 * 1024
SHORT_WAIT_S = 0.25  # less than many a request is under way, in which a pause is not seen either


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
        token = await self._token(None)
        response, body = await self._timed(request, token)
        if response.status_code == 401 and token is not None:
            token = await self._token(token)
            await self._pace()
            response, body = await self._timed(request, token)
        if response.is_success:
            return _decoded(body, request.label)
        return await self._refuse(response, body, request.label)

    async def _token(self, refused: str | None) -> str | None:
        """The access token of the moment, another than the one refused, where there is one."""
        renewal, account = self.wire.renewal, self.wire.account
        if renewal is None:
            return None
        now = self.clock.now()
        try:
            return await renewal.token(refused, now, self._exchange, self.deadline)
        except CredentialUnavailable as error:
            reason, said = PauseReason.CREDENTIAL, f"{error.message}; {error.hint}"
            await self.commits.call(self.accounts.pause, account, reason, said, None, now)
            raise paused(account, reason, said, None, now) from None

    async def _exchange(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Post a form to the token endpoint."""
        assert self.wire.renewal is not None
        grant, account = self.wire.renewal.grant, self.wire.account
        label = grant.path.removeprefix("/")
        response, body = await self._timed(Post(label, grant.path, {}), None, form)
        status = response.status_code
        if response.is_success:
            return mapping(_decoded(body, label), label)
        if not 400 <= status < 500 or status in (408, 429):
            await self._refuse(response, body, label)
        sentence = (
            f"the provider refused to renew the tokens of {account.name} (HTTP {status}): grant the"
            f" app access again, and put its new tokens into {grant.file}"
        )
        raise await self._stop_using(sentence)

    async def _timed(
        self, request: Get | Post, token: str | None, form: Mapping[str, str] | None = None
    ) -> tuple[httpx.Response, bytes]:
        started = self.clock.monotonic()
        try:
            response, body = await self._send(request, token, form)
        finally:
            seconds = self.clock.monotonic() - started
            self.meter.add(self.wire.account.name, request.label, seconds)
        clock = self.wire.server_clock
        clock.date, clock.heard_at = response.headers.get("date", ""), self.clock.now()
        return response, body

    async def _pace(self) -> None:
        """Wait for the account's next free slot, shared by all processes."""
        account, accounts = self.wire.account, self.accounts
        patience = self.deadline.remaining
        answer = await self.commits.call(accounts.take, account, self.clock.now(), patience)
        if isinstance(answer, float):
            if answer >= patience:
                raise BudgetSpent("no time is left for the account's rate limit")
            if answer:
                await self.sleep(answer)
            if answer <= SHORT_WAIT_S:
                return
            answer = await self.commits.call(accounts.state, account)  # it may be paused by now
        now = self.clock.now()
        if answer.paused(now) and not self.probe:
            raise paused(account, answer.reason, answer.message, answer.paused_until, now)

    async def _send(
        self, request: Get | Post, token: str | None, form: Mapping[str, str] | None
    ) -> tuple[httpx.Response, bytes]:
        label, left = request.label, self.deadline.remaining
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        streaming = self.wire.client.stream(
            "GET" if isinstance(request, Get) else "POST",
            self._url(request),
            headers={**request.headers, **bearer},
            data=None if form is None else dict(form),
            json=None if form is not None or isinstance(request, Get) else request.body,
        )
        try:
            async with asyncio.timeout(min(REQUEST_S, left)), streaming as response:
                return response, await _read(response, label)
        except (TimeoutError, httpx.TimeoutException):
            if left <= REQUEST_S:
                raise BudgetSpent(f"the run ended while {label} was asked") from None
            raise Timeout(f"{label} did not answer within {REQUEST_S:g} s") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError) as error:
            raise NetworkFault(f"{label}: {connecting.reason(error)}") from None
        except httpx.DecodingError:
            raise Unavailable(f"{label} sent an answer that cannot be decompressed") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Rejected(f"{label} cannot be asked: {type(error).__name__}") from None

    def _url(self, request: Get | Post) -> str:
        """The whole address: httpx would take it apart for each part that it is given."""
        query = urlencode({**self.wire.query, **request.query})
        return f"{self.wire.account.base_url}{request.path}{query and '?'}{query}"

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
                raise Unknown(f"{label} answered 404: not found", said, status)
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
        return await self._stop_using(sentence)

    async def _stop_using(self, sentence: str) -> Unauthorized:
        now = self.clock.now()
        reason, account = PauseReason.UNAUTHORIZED, self.wire.account
        await self.commits.call(self.accounts.pause, account, reason, sentence, now + RECHECK, now)
        return Unauthorized(sentence)

    async def _rate_limited(self, response: httpx.Response, body: bytes, label: str) -> RateLimited:
        now = self.clock.now()
        last = await self.commits.call(self.accounts.state, self.wire.account)
        asked = pause_asked(response.headers, body, now, pause_unsaid(last, now))
        until = now + min(LONGEST, asked)
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
