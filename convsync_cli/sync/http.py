"""One request to a provider: pace, send, type the error, and a short retry within the deadline.

House rules: tenacity retries network and timeout errors and nothing else. httpx's timeouts are per
phase, so a drip of one byte a second never ends one: the whole request has a time of its own. No
redirect is followed, because the credential would follow it. Answers are read up to a limit.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
    BudgetSpent,
    CredentialUnavailable,
    NetworkFault,
    Rejected,
    Timeout,
    Unavailable,
)
from convsync_cli.sync.refusals import Refusals, paused
from convsync_cli.sync.retry import Uniform
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
        """Whether to leave it at that: what took its whole time is given that again, or no more.

        Cut short by the run's end it would count for nothing, and hang anew in every run.
        """
        slow = state.outcome is not None and isinstance(state.outcome.exception(), Timeout)
        return (
            self.probe
            or state.attempt_number >= TRIES
            or not self.deadline.allows(self._ceiling(state) + (REQUEST_S if slow else 0.0))
        )

    def _wait(self, state: RetryCallState) -> float:
        return self.uniform(0.05, self._ceiling(state))

    def _ceiling(self, state: RetryCallState) -> float:
        return float(FIRST_WAIT_S * 2 ** (state.attempt_number - 1))

    async def _once(self, request: Get | Post) -> Any:
        # First a slot, then a turn: who waits for others' answers neither wastes a turn of the rate
        # limit nor is timed out for a request that was never sent.
        async with self.wire.slots:
            response, body = await self._answer(request)
        if response.is_success:
            return _decoded(body, request.label)
        raise await self._refusals.error(response, body, request.label)

    async def _answer(self, request: Get | Post) -> tuple[httpx.Response, bytes]:
        await self._pace()
        token = await self._token(None)
        response, body = await self._timed(request, token)
        if response.status_code == 401 and token is not None:
            token = await self._token(token)
            await self._pace()
            response, body = await self._timed(request, token)
        return response, body

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.wire, self.commits, self.clock)

    async def _token(self, refused: str | None) -> str | None:
        """The access token of the moment, another than the one refused, where there is one."""
        renewal = self.wire.renewal
        if renewal is None:
            return None
        try:
            return await renewal.token(refused, self.clock.now(), self._exchange, self.deadline)
        except CredentialUnavailable as error:
            raise await self._refusals.without_credential(error) from None

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
            raise await self._refusals.error(response, body, label)
        sentence = (
            f"the provider refused to renew the tokens of {account.name} (HTTP {status}): grant the"
            f" app access again, and put its new tokens into {grant.file}"
        )
        raise await self._refusals.stop_using(sentence)

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
        """Wait for the account's next turn; all processes share its rate limit."""
        account, accounts = self.wire.account, self.commits.store.accounts
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
        try:
            async with asyncio.timeout(min(REQUEST_S, left)):
                async with self.wire.clients.borrowed() as client:
                    streaming = client.stream(
                        "GET" if isinstance(request, Get) else "POST",
                        self._url(request),
                        headers={**request.headers, **bearer},
                        data=None if form is None else dict(form),
                        json=None if form is not None or isinstance(request, Get) else request.body,
                    )
                    async with streaming as response:
                        return response, await _read(response, label)
        except (TimeoutError, httpx.TimeoutException):
            if left <= REQUEST_S:
                raise BudgetSpent(f"time was up before {label} answered") from None
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
