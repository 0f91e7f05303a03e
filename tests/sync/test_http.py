"""One request: paced, sent, its errors typed, and retried only where that can heal."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from convsync_cli.sync import http, wire
from convsync_cli.sync.api import USUAL, Auth, Get, Statuses
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    NetworkFault,
    RateLimited,
    Rejected,
    SyncError,
    Timeout,
    Unauthorized,
    Unavailable,
    Unknown,
)
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import ServerClock, Wire, open_wire
from tests.sync.workbench import NOON, HandClock, new_store

LABEL = "things/{id}"
TOKEN, ID, TEXT = "tok-CANARY-1", "id-CANARY-2", "text-CANARY-3"
REQUEST = Get(LABEL, f"/things/{ID}", {"email": "lead-CANARY-4@example.com"})
FAST = Rate(100_000, 1.0)
CANARIES = (TOKEN, ID, TEXT, "CANARY")

Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Line:
    """An account at a server whose answers are given one after the other, the last for ever."""

    store: Store
    clock: Any = field(default_factory=HandClock)
    budget_s: float = 3600.0
    rate: Rate = FAST
    base_url: str = "https://api.example.com"
    refusals: dict[str, str] = field(default_factory=dict)
    statuses: Statuses = USUAL
    probe: bool = False
    sleep: Callable[[float], Awaitable[None]] | None = None
    served: list[httpx.Request] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    server_clock: ServerClock = field(default_factory=ServerClock)
    _answers: list[Handler] = field(default_factory=list)

    def answers(self, *answers: "Answer | Exception") -> "Line":
        """Plan the answers to the next requests."""
        self._answers = [_handler(answer) for answer in answers]
        return self

    @property
    def account(self) -> Account:
        return Account("acme", Channel.SMS, "some", self.base_url, self.rate, None)

    @property
    def pause(self) -> tuple[PauseReason | None, timedelta | None]:
        """Why the account is paused, and for how long from noon."""
        state = self.store.accounts.state(self.account)
        return state.reason, state.paused_until - NOON if state.paused_until else None

    def get(self, *requests: Get) -> Any:
        """Send requests one after the other; the answer of the last."""
        return asyncio.run(self._get(requests or (REQUEST,), transport=True))

    def get_for_real(self) -> Any:
        """Send a request over a real connection."""
        return asyncio.run(self._get((REQUEST,), transport=False))

    def error(self, *requests: Get) -> SyncError:
        """The error that a request ends with."""
        with pytest.raises(SyncError) as caught:
            self.get(*requests)
        return caught.value

    def gets_at_once(self, requests: int, at_once: int) -> int:
        """Send requests side by side, ``at_once`` at most; returns how many were under way."""
        under_way = most = 0

        async def serve(request: httpx.Request) -> httpx.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            return httpx.Response(200, json={})

        async def act() -> None:
            wire = open_wire(self.account, Auth({}), {}, httpx.MockTransport(serve), USUAL, at_once)
            async with self._api(wire) as api:
                await asyncio.gather(*(api.ask(REQUEST) for _ in range(requests)))

        asyncio.run(act())
        return most

    async def _get(self, requests: tuple[Get, ...], *, transport: bool) -> Any:
        over = httpx.MockTransport(self._serve) if transport else None
        auth = Auth({"Authorization": f"Bearer {TOKEN}"})
        wire = open_wire(self.account, auth, self.refusals, over, self.statuses)
        async with self._api(wire) as api:
            for request in requests:
                answer = await api.ask(request)
            return answer

    @asynccontextmanager
    async def _api(self, wire: Wire) -> AsyncIterator[HttpApi]:
        commits = Commits(self.store, patient=lambda: True)
        self.server_clock = wire.server_clock
        try:
            yield HttpApi(
                wire,
                commits,
                self.clock,
                Deadline.after(self.clock, self.budget_s),
                self.meter,
                uniform=lambda least, most: most,
                probe=self.probe,
                sleep=self.sleep or self._sleep,
            )
        finally:
            await wire.clients.close()
            commits.close(5.0)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.passes(seconds)

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.served.append(request)
        self.arrived.append(self.clock.monotonic())
        return self._answers[min(len(self.served), len(self._answers)) - 1](request)


@dataclass(frozen=True)
class Answer:
    """What a server sends."""

    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def _handler(answer: Answer | Exception) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.content)
        )

    return handle


def said(status: int = 200, content: object = None, **headers: str) -> Answer:
    """A JSON answer."""
    return raw(json.dumps({"ok": True} if content is None else content).encode(), status, **headers)


def raw(content: bytes, status: int = 200, **headers: str) -> Answer:
    """An answer of bytes."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, content, told)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "db")
    yield store
    store.close()


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


# The request


def test_the_json_of_the_answer_is_returned(line: Line) -> None:
    assert line.answers(said(content=[1, {"a": None}])).get() == [1, {"a": None}]


def test_the_credential_goes_into_a_header_only(line: Line) -> None:
    line.answers(said()).get()
    assert line.served[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(line.served[0].url)


@pytest.mark.parametrize(
    ("date", "ahead_s"),
    [
        ("Thu, 01 Jan 2026 12:05:00 GMT", 300),
        ("Thu, 01 Jan 2026 11:58:00 GMT", -120),
        ("Thursday, 01-Jan-26 12:05:00 GMT", 300),
        ("soon", None),
        ("", None),
    ],
)
def test_the_servers_clock_is_heard_also_in_a_refusal(
    line: Line, date: str, ahead_s: float | None
) -> None:
    for answer in (said(date=date), said(403, date=date)):
        with contextlib.suppress(SyncError):
            line.answers(answer).get()
        assert line.server_clock.ahead_s == pytest.approx(ahead_s, abs=1)


def test_a_requests_own_headers_are_sent(line: Line) -> None:
    line.answers(said()).get(Get(LABEL, "/x", {}, {"Version": "v3"}))
    assert line.served[0].headers["Version"] == "v3"


def test_a_plus_sign_and_an_ampersand_in_the_query_arrive_as_they_are(line: Line) -> None:
    line.answers(said()).get(Get(LABEL, "/x", {"number": "+12025550100", "q": "a&b=c"}))
    assert dict(line.served[0].url.params) == {"number": "+12025550100", "q": "a&b=c"}
    assert b"%2B" in line.served[0].url.query


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_json_is_read_as_utf_8_with_or_without_a_mark(line: Line, start: bytes) -> None:
    assert line.answers(raw(start + '"é👍"'.encode())).get() == "é👍"


def test_bytes_that_are_no_utf_8_become_replacement_characters(line: Line) -> None:
    assert line.answers(raw(b'"caf\xe9"')).get() == "caf\ufffd"


def test_a_compressed_answer_is_read(line: Line) -> None:
    packed = gzip.compress(b'{"a": 1}')
    assert line.answers(raw(packed, Content_Encoding="gzip")).get() == {"a": 1}


# What the status says


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Rejected),
        (302, Rejected),
        (304, Rejected),
        (307, Rejected),
        (308, Rejected),
        (400, Rejected),
        (401, Unauthorized),
        (402, Rejected),
        (403, Unauthorized),
        (404, Unknown),
        (405, Rejected),
        (408, Unavailable),
        (409, Rejected),
        (410, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (451, Rejected),
        (500, Unavailable),
        (501, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (520, Unavailable),
        (599, Unavailable),
    ],
)
def test_a_status_becomes_the_error_that_says_what_to_do(
    line: Line, status: int, error: type[SyncError]
) -> None:
    assert type(line.answers(said(status)).error()) is error


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b'{"a": 1', b"nothing", b"[" * 100_000, b"\x00"]
)
def test_an_answer_that_is_no_json_can_heal(line: Line, body: bytes) -> None:
    assert type(line.answers(raw(body)).error()) is Unavailable


def test_an_answer_that_cannot_be_decompressed_can_heal(line: Line) -> None:
    broken = raw(b"not gzip", Content_Encoding="gzip")
    assert type(line.answers(broken).error()) is Unavailable


def test_an_answer_that_is_too_large_is_rejected(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
    assert type(line.answers(said(content="x" * 1000)).error()) is Rejected


def test_an_answer_that_is_just_not_too_large_is_read(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
    assert line.answers(said(content="x" * 998)).get() == "x" * 998


def test_a_small_answer_that_unpacks_to_a_large_one_is_rejected(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
    bomb = gzip.compress(b'"' + b"x" * 100_000 + b'"')
    assert type(line.answers(raw(bomb, Content_Encoding="gzip")).error()) is Rejected


def test_what_the_provider_said_is_kept_for_its_file_to_recognise(line: Line) -> None:
    error = line.answers(said(404, {"record_not_found": True})).error()
    assert isinstance(error, Rejected)
    assert "record_not_found" in error.explanation


# Retry only what can heal


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.PoolTimeout("full"),
        httpx.RemoteProtocolError("cut off"),
        httpx.ProxyError("refused"),
    ],
)
def test_retry_only_what_can_heal_the_network_and_the_clock(line: Line, fault: Exception) -> None:
    line.answers(fault).error()
    assert len(line.served) == http.TRIES


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_a_fault_that_heals_is_not_seen(line: Line, fault: Exception) -> None:
    assert line.answers(fault, fault, said()).get() == {"ok": True}


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 504])
def test_retry_only_what_can_heal_an_answer_is_never_asked_for_again(
    line: Line, status: int
) -> None:
    line.answers(said(status)).error()
    assert len(line.served) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":'])
def test_retry_only_what_can_heal_bad_json_is_not_asked_for_again(line: Line, body: bytes) -> None:
    line.answers(raw(body)).error()
    assert len(line.served) == 1


def test_a_network_fault_that_lasts_is_one(line: Line) -> None:
    assert type(line.answers(httpx.ConnectError("refused")).error()) is NetworkFault


def test_a_timeout_that_lasts_is_one(line: Line) -> None:
    assert type(line.answers(httpx.ReadTimeout("slow")).error()) is Timeout


def test_the_waits_between_tries_grow(line: Line) -> None:
    line.answers(httpx.ConnectError("refused")).error()
    assert line.slept == [0.5, 1.0]


def test_a_probe_is_not_repeated(line: Line) -> None:
    line.probe = True
    line.answers(httpx.ConnectError("refused")).error()
    assert len(line.served) == 1


def test_a_request_that_cannot_be_made_is_rejected_at_once(line: Line) -> None:
    assert type(line.answers(httpx.UnsupportedProtocol("ftp")).error()) is Rejected
    assert len(line.served) == 1


# The deadline


def test_no_try_is_begun_that_the_deadline_does_not_allow(line: Line) -> None:
    line.budget_s = 1.0
    line.answers(httpx.ConnectError("refused")).error()
    assert line.slept == [0.5]


def test_a_slot_that_lies_beyond_the_deadline_is_not_waited_for(line: Line) -> None:
    line.rate, line.budget_s = Rate(1, 60), 10.0
    assert type(line.answers(said()).error(REQUEST, REQUEST)) is BudgetSpent
    assert line.slept == []


@pytest.mark.parametrize("budget_s", [5.0, wire.REQUEST_S])
def test_a_request_that_the_runs_end_cuts_off_costs_the_job_nothing(
    line: Line, budget_s: float
) -> None:
    line.budget_s = budget_s
    assert type(line.answers(httpx.ReadTimeout("slow")).error()) is BudgetSpent


def test_what_took_its_whole_time_is_not_tried_again_without_time_for_it(line: Line) -> None:
    line.budget_s = wire.REQUEST_S + 0.2
    assert type(line.answers(httpx.ReadTimeout("slow")).error()) is Timeout
    assert len(line.served) == 1


# Hanging servers, for real


@pytest.fixture
def real(store: Store) -> Iterator[tuple[Line, Sandbox]]:
    with Sandbox(World.seeded(1, 1), enforce_limits=False) as sandbox:
        yield Line(store, clock=SystemClock(), base_url=sandbox.emailbison_url), sandbox


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
def test_a_run_never_outlives_its_budget_whatever_the_server_does(
    real: tuple[Line, Sandbox], kind: FaultKind
) -> None:
    line, sandbox = real
    sandbox.faults.add(Fault(kind, seconds=0.02, times=None))
    line.budget_s = 0.2
    with pytest.raises(BudgetSpent, match=r"^time was up before .* answered$"):  # in checks too
        line.get_for_real()


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
def test_a_request_ends_in_time_though_its_phases_never_time_out(
    real: tuple[Line, Sandbox], kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, sandbox = real
    sandbox.faults.add(Fault(kind, seconds=0.02, times=None))
    monkeypatch.setattr(http, "REQUEST_S", 0.1)
    line.sleep = _at_once
    with pytest.raises(Timeout):
        line.get_for_real()
    assert len(sandbox.requests) == http.TRIES


def test_a_connection_that_is_reset_is_tried_again(real: tuple[Line, Sandbox]) -> None:
    line, sandbox = real
    sandbox.faults.add(Fault(FaultKind.RESET, times=None))
    line.sleep = _at_once
    with pytest.raises(NetworkFault):
        line.get_for_real()
    assert len(sandbox.requests) == http.TRIES


def test_a_server_that_is_not_there_is_a_network_fault(store: Store) -> None:
    with Sandbox(World.seeded(1, 1)) as sandbox:
        url = sandbox.emailbison_url
    line = Line(store, clock=SystemClock(), base_url=url, sleep=_at_once)
    with pytest.raises(NetworkFault):
        line.get_for_real()


async def _at_once(seconds: float) -> None:
    """Wait for nothing."""


# A 429


@pytest.mark.parametrize(
    ("headers", "body", "pause"),
    [
        ({"Retry_After": "7"}, {}, 7.0),
        ({"Retry_After": "0"}, {}, 1.0),
        ({"Retry_After": "1.5"}, {}, 1.5),
        ({"Retry_After": "Thu, 01 Jan 2026 12:00:30 GMT"}, {}, 30.0),
        (
            {
                "Retry_After": "Thu, 01 Jan 2026 12:00:30 GMT",
                "Date": "Thu, 01 Jan 2026 12:00:20 GMT",
            },
            {},
            10.0,
        ),
        ({"Retry_After": "Thu, 01 Jan 2026 11:00:00 GMT"}, {}, 1.0),
        ({}, {"error": "rate_limited", "retry_after": 8}, 8.0),
        ({}, {"error": {"retry_after": 9}}, 9.0),
        ({"Retry_After": "3"}, {"retry_after": 8}, 3.0),
        ({"X_RateLimit_Interval_Milliseconds": "10000"}, {}, 10.0),
        ({}, {}, 60.0),
        ({"Retry_After": "soon"}, {}, 60.0),
        ({"Retry_After": "-5"}, {}, 60.0),
        ({"Retry_After": "nan"}, {}, 60.0),
        ({"Retry_After": "9" * 30}, {}, 60.0),
        ({"X_RateLimit_Daily_Remaining": "0", "Retry_After": "3"}, {}, 12 * 3600.0),
        ({"Retry_After": "999999"}, {}, 25 * 3600.0),
    ],
)
def test_a_429_says_how_long_to_wait(
    line: Line, headers: dict[str, str], body: object, pause: float
) -> None:
    error = line.answers(said(429, body, **headers)).error()
    assert isinstance(error, RateLimited)
    assert error.until - NOON == pytest.approx(timedelta(seconds=pause), abs=timedelta(seconds=0.1))


def test_a_429_pauses_the_account_as_long_as_it_says(line: Line) -> None:
    error = line.answers(said(429, Retry_After="7")).error()
    assert isinstance(error, RateLimited)
    assert line.store.accounts.state(line.account).paused_until == error.until


def test_a_429_pauses_no_other_account(line: Line) -> None:
    line.answers(said(429)).error()
    assert [state.channel for state in line.store.accounts.states()] == ["sms"]


def test_a_later_429_never_shortens_a_pause(line: Line) -> None:
    line.probe = True  # lets a request through, as one that was under way
    line.answers(said(429, Retry_After="600"), said(429, Retry_After="1")).error()
    line.error()
    assert line.pause[1] == pytest.approx(timedelta(seconds=600), abs=timedelta(seconds=1))


def waits(line: Line, *after: float) -> list[float]:
    """How long each 429 pauses the account; it is asked again so long after each pause ended."""
    found = []
    for seconds in after:
        began = line.clock.now()
        error = line.error()
        assert isinstance(error, RateLimited)
        found.append(round((error.until - began) / timedelta(seconds=1)))
        line.clock.passes(found[-1] + seconds)
    return found


def test_a_pause_that_nobody_told_doubles_as_long_as_it_is_too_short(line: Line) -> None:
    line.answers(said(429))
    assert waits(line, *[1] * 8) == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_it_begins_anew_once_the_account_could_be_used_for_as_long(line: Line) -> None:
    line.answers(said(429))
    assert waits(line, 1, 125, 1) == [60, 120, 60]


def test_refusals_side_by_side_double_it_once(line: Line) -> None:
    line.answers(said(429)).error()
    line.clock.passes(61)
    line.probe = True  # lets a request through, as one that was under way
    line.error()
    line.error()
    assert line.pause[1] == pytest.approx(timedelta(seconds=181), abs=timedelta(seconds=1))


def test_a_pause_that_was_told_is_kept_to_however_often(line: Line) -> None:
    line.answers(said(429, Retry_After="7"))
    assert waits(line, 1, 1, 1) == [7, 7, 7]


# A refused credential


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_stops_its_account(line: Line, status: int) -> None:
    line.answers(said(status)).error()
    assert line.pause[0] is PauseReason.UNAUTHORIZED


def test_a_refused_credential_is_looked_at_again_in_a_quarter_of_an_hour(line: Line) -> None:
    line.answers(said(401)).error()
    assert line.pause[1] == pytest.approx(timedelta(minutes=15), abs=timedelta(seconds=1))


def test_a_refusal_is_explained_where_the_provider_says_why(line: Line) -> None:
    line.refusals = {"scope": "it lacks a scope", "jwt": "it is revoked"}
    error = line.answers(said(401, {"message": "Invalid JWT"})).error()
    assert "it is revoked" in str(error)


# What statuses mean at one provider only

SLOW = Statuses(refused=frozenset({402}), too_fast=frozenset({403}))


def test_a_provider_may_refuse_its_account_by_another_status(line: Line) -> None:
    line.statuses = SLOW
    assert type(line.answers(said(402)).error()) is Unauthorized
    assert line.pause[0] is PauseReason.UNAUTHORIZED


def test_a_refusal_that_may_mean_too_fast_is_waited_out_once(line: Line) -> None:
    line.statuses = SLOW
    assert type(line.answers(said(403), said()).error()) is RateLimited
    reason, pause = line.pause
    assert reason is PauseReason.RATE_LIMITED
    assert pause == pytest.approx(timedelta(seconds=60), abs=timedelta(seconds=1))
    line.clock.passes(61)
    assert line.get() == {"ok": True}


def test_the_same_refusal_after_the_wait_stops_the_account(line: Line) -> None:
    line.statuses = SLOW
    line.answers(said(403)).error()
    line.clock.passes(61)
    assert type(line.error()) is Unauthorized
    assert line.pause[0] is PauseReason.UNAUTHORIZED


def test_a_stopped_account_is_not_freed_by_a_refusal_that_may_mean_too_fast(line: Line) -> None:
    line.statuses, line.probe = SLOW, True
    line.answers(said(401), said(403)).error()
    line.clock.passes(901)
    assert type(line.error()) is Unauthorized


def test_refusals_side_by_side_are_one_warning(line: Line) -> None:
    line.statuses, line.probe = SLOW, True  # lets a request through, as one that was under way
    line.answers(said(403)).error()
    assert type(line.error()) is RateLimited


def test_a_refusal_long_after_the_last_one_is_waited_out_again(line: Line) -> None:
    line.statuses = SLOW
    line.answers(said(403)).error()
    line.clock.passes(3600)
    assert type(line.error()) is RateLimited


def test_a_429_is_no_warning_of_a_refusal(line: Line) -> None:
    line.statuses = SLOW
    line.answers(said(429), said(403)).error()
    line.clock.passes(61)
    assert type(line.error()) is RateLimited


# A paused account


@pytest.mark.parametrize("reason", list(PauseReason))
def test_a_paused_account_sends_nothing(line: Line, reason: PauseReason) -> None:
    line.store.accounts.pause(line.account, reason, "", NOON + timedelta(minutes=5), NOON)
    assert type(line.answers(said()).error()) is AccountPaused
    assert line.served == []


@pytest.mark.parametrize("reason", list(PauseReason))
def test_a_probe_goes_through(line: Line, reason: PauseReason) -> None:
    line.store.accounts.pause(line.account, reason, "", NOON + timedelta(minutes=5), NOON)
    line.probe = True
    assert line.answers(said()).get() == {"ok": True}


def test_a_rate_limit_is_waited_for_as_long_as_it_lasts(line: Line) -> None:
    until = NOON + timedelta(minutes=5)
    line.store.accounts.pause(line.account, PauseReason.RATE_LIMITED, "", until, NOON)
    error = line.answers(said()).error()
    assert isinstance(error, AccountPaused)
    assert error.until == until


def test_a_rate_limit_ends_by_itself(line: Line) -> None:
    until = NOON + timedelta(minutes=5)
    line.store.accounts.pause(line.account, PauseReason.RATE_LIMITED, "", until, NOON)
    line.clock.passes(301)
    assert line.answers(said()).get() == {"ok": True}


def test_a_request_that_waits_for_its_slot_is_not_sent_if_the_account_is_paused_meanwhile(
    line: Line,
) -> None:
    async def pausing(seconds: float) -> None:
        line.store.accounts.pause(
            line.account, PauseReason.RATE_LIMITED, "", NOON + timedelta(hours=1), NOON
        )

    line.rate, line.sleep = Rate(1, 60), pausing
    assert type(line.answers(said()).error(REQUEST, REQUEST)) is AccountPaused
    assert len(line.served) == 1


def test_a_pause_during_a_wait_too_short_to_look_again_is_seen_by_the_next_request(
    line: Line,
) -> None:
    async def pausing(seconds: float) -> None:
        line.slept.append(seconds)
        line.store.accounts.pause(
            line.account, PauseReason.RATE_LIMITED, "", NOON + timedelta(hours=1), NOON
        )

    line.rate, line.sleep = Rate(10, 1), pausing
    assert type(line.answers(said()).error(REQUEST, REQUEST, REQUEST)) is AccountPaused
    assert (len(line.served), max(line.slept) < 0.2) == (2, True)


# The rate limit


def test_no_provider_limit_is_ever_exceeded_by_requests_in_a_row(line: Line) -> None:
    line.rate = Rate(90, 10)
    line.answers(said()).get(*[REQUEST] * 300)
    sent = line.arrived
    assert max(sum(at <= other < at + 10 for other in sent) for at in sent) <= 90


def test_the_next_free_slot_is_waited_for(line: Line) -> None:
    line.rate = Rate(1, 60)
    line.answers(said()).get(REQUEST, REQUEST)
    assert line.slept == [pytest.approx(61.23, abs=0.1)]


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_requests_are_under_way_than_the_provider_takes(line: Line, at_once: int) -> None:
    assert line.gets_at_once(6, at_once) == at_once


# What it cost


def test_every_request_is_counted_under_its_pattern(line: Line) -> None:
    line.answers(said()).get(REQUEST, REQUEST)
    assert (line.meter.requests, line.meter.slowest) == (2, LABEL)


def test_tries_that_failed_are_counted_too(line: Line) -> None:
    line.answers(httpx.ConnectError("refused")).error()
    assert line.meter.requests == http.TRIES


def test_a_request_that_is_not_sent_is_not_counted(line: Line) -> None:
    line.store.accounts.pause(line.account, PauseReason.OPERATOR, "", None, NOON)
    line.answers(said()).error()
    assert line.meter.requests == 0


# What errors hold

ANSWERS: dict[str, Answer | Exception] = {
    **{
        str(status): said(status, {"message": f"{TEXT} {TOKEN} {ID}"})
        for status in (302, 400, 401, 403, 404, 408, 422, 429, 500, 503)
    },
    "location": raw(b"", 302, Location=f"https://x.example/{ID}?{TOKEN}"),
    "html": raw(f"<html>{TEXT} {TOKEN}</html>".encode()),
    "json": raw(json.dumps(TEXT).encode()[:-1]),
    "connect": httpx.ConnectError(f"{TOKEN} {ID}"),
    "read": httpx.ReadTimeout(f"{TEXT}"),
    "protocol": httpx.RemoteProtocolError(f"{TEXT}"),
    "unsupported": httpx.UnsupportedProtocol(f"{TEXT} {TOKEN}"),
    "decoding": httpx.DecodingError(f"{TEXT}"),
    "value": ValueError(f"{TEXT} {TOKEN}"),
}


@pytest.mark.parametrize("name", list(ANSWERS))
def test_no_personal_data_in_errors(line: Line, name: str) -> None:
    line.refusals = {"message": "it was refused"}
    error = line.answers(ANSWERS[name]).error()
    assert [
        canary for canary in CANARIES if canary in f"{error} {error.message} {error.hint}"
    ] == []


@pytest.mark.parametrize("name", list(ANSWERS))
def test_no_error_drags_along_the_one_that_caused_it(line: Line, name: str) -> None:
    error = line.answers(ANSWERS[name]).error()
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("name", list(ANSWERS))
def test_no_personal_data_in_the_logs(
    line: Line, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    line.answers(ANSWERS[name]).error()
    assert [canary for canary in CANARIES if canary in caplog.text] == []


@pytest.mark.parametrize("status", [401, 429])
def test_no_personal_data_in_the_reason_of_a_pause(line: Line, status: int) -> None:
    line.answers(ANSWERS[str(status)]).error()
    message = line.store.accounts.state(line.account).message
    assert message
    assert "CANARY" not in message


def test_every_error_names_the_endpoint_by_its_pattern(line: Line) -> None:
    assert LABEL in str(line.answers(said(500)).error())


def test_noon_is_the_beginning_of_the_test(line: Line) -> None:
    assert line.clock.now() == datetime(2026, 1, 1, 12, tzinfo=UTC)
