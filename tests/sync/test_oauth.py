"""An access token that ends: renewed in time, once, and written before it is used."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from convsync_cli.sandbox.oauth import CLIENT_ID, CLIENT_SECRET
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from convsync_cli.sync.api import Get
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    CredentialUnavailable,
    SyncError,
    Unauthorized,
    Unavailable,
)
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import FromEnv, OAuth
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.ports import Store
from convsync_cli.sync.providers import gohighlevel
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import open_wire
from tests.sync.workbench import NOON, HandClock, at_once, new_store

URL = "https://services.example.com"
SECRETS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
Handler = Callable[[httpx.Request], Any]


@dataclass
class App:
    """An account of an app at a server: a sandbox's token endpoint, and an API beside it."""

    store: Store
    path: Path
    world: World
    clock: HandClock = field(default_factory=HandClock)
    budget_s: float = 600.0
    served: list[httpx.Request] = field(default_factory=list)
    renewing: Handler | None = None
    asked: Handler | None = None

    def __post_init__(self) -> None:
        self.endpoint = Sandbox(self.world).oauth
        self.has(self.endpoint.grant("acme"), ends_in=timedelta(days=1))

    def has(self, pair: dict[str, Any], ends_in: timedelta | None = None) -> None:
        """Put a pair into the file."""
        end = {} if ends_in is None else {"expires_at": to_text(NOON + ends_in)}
        self.path.write_text(json.dumps(pair | end))
        self.path.chmod(0o600)

    def near_its_end(self, **left: float) -> None:
        """Let the access token end soon."""
        self.has(self.pair, timedelta(**left))

    @property
    def pair(self) -> dict[str, Any]:
        told = json.loads(self.path.read_text())
        assert isinstance(told, dict)
        return told

    @property
    def tokens(self) -> list[str]:
        """What each request to the API carried."""
        return [r.headers["authorization"] for r in self.served if r.url.path != "/oauth/token"]

    @property
    def account(self) -> Account:
        oauth = OAuth(FromEnv("A"), FromEnv("B"), self.path)
        options = gohighlevel.Settings("locAAAA0000000000001", oauth=oauth)
        return Account("acme", Channel.SMS, "gohighlevel", URL, Rate(100_000, 1.0), options)

    @property
    def pause(self) -> tuple[PauseReason | None, str]:
        state = self.store.accounts.state(self.account)
        return state.reason, state.message or ""

    def asks(self, times: int = 1, at_once: bool = False) -> None:
        """Ask the API something."""

        async def act(api: HttpApi) -> None:
            asking = [api.ask(Get("things", "/things", {})) for _ in range(times)]
            if at_once:
                await asyncio.gather(*asking)
            else:
                for each in asking:
                    await each

        self.does(act)

    def error(self) -> SyncError:
        with pytest.raises(SyncError) as caught:
            self.asks()
        return caught.value

    def does(self, act: Callable[[HttpApi], Any]) -> None:
        async def around() -> None:
            auth = gohighlevel.auth(self.account.options, SECRETS)
            wire = open_wire(self.account, auth, {}, httpx.MockTransport(self._serve))
            commits = Commits(self.store, lambda: True)
            try:
                await act(
                    HttpApi(
                        wire,
                        commits,
                        self.clock,
                        Deadline.after(self.clock, self.budget_s),
                        Meter(),
                        lambda least, most: least,
                        sleep=at_once,
                    )
                )
            finally:
                await wire.close()
                commits.close(5.0)

        asyncio.run(around())

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        self.served.append(request)
        handler = self.renewing if request.url.path == "/oauth/token" else self.asked
        if handler is not None:
            answer = handler(request)
            answer = await answer if asyncio.iscoroutine(answer) else answer
            if answer is not None:
                assert isinstance(answer, httpx.Response)
                return answer
        if request.url.path == "/oauth/token":
            return self.renewed(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        known = self.endpoint.workspace_of(token) == "acme"
        return httpx.Response(200 if known else 401, json={"message": "Invalid JWT"})

    def renewed(self, request: httpx.Request) -> httpx.Response:
        """The sandbox's own answer."""
        from convsync_cli.sandbox.exchange import Request

        answer = self.endpoint.answer(Request("POST", "/oauth/token", body=request.content))
        return httpx.Response(answer.status, content=answer.payload())


@pytest.fixture(scope="module")
def world() -> World:
    return World.seeded(1, 1, ["acme"])


@pytest.fixture
def app(tmp_path: Path, world: World) -> Iterator[App]:
    store = new_store(tmp_path / "db")
    yield App(store, tmp_path / "tokens.json", world)
    store.close()


def answers(status: int, **content: object) -> Handler:
    return lambda request: httpx.Response(status, json=content)


# In time


def test_a_token_that_lasts_is_used_and_not_renewed(app: App) -> None:
    app.asks(3)
    assert app.tokens == [f"Bearer {app.pair['access_token']}"] * 3
    assert app.endpoint.renewals == 0


def test_a_token_near_its_end_is_renewed_before_it_is_used(app: App) -> None:
    old = app.pair
    app.near_its_end(minutes=9)
    app.asks(2)
    assert app.endpoint.renewals == 1
    assert app.tokens == [f"Bearer {app.pair['access_token']}"] * 2
    assert app.pair["refresh_token"] != old["refresh_token"]
    assert app.pair["expires_at"].startswith("2026-01-02T11:59")
    assert app.path.stat().st_mode & 0o777 == 0o600


def test_a_first_pair_of_which_nobody_knows_the_end_is_renewed_at_once(app: App) -> None:
    app.has({"refresh_token": app.pair["refresh_token"]})
    app.asks()
    assert (app.endpoint.renewals, len(app.tokens)) == (1, 1)


def test_requests_side_by_side_renew_once(app: App) -> None:
    app.near_its_end(minutes=1)
    app.asks(8, at_once=True)
    assert (app.endpoint.renewals, len(set(app.tokens))) == (1, 1)


def test_the_new_pair_is_on_the_disk_when_it_is_used_first(app: App) -> None:
    seen = []

    def look(request: httpx.Request) -> None:
        seen.append(request.headers["authorization"] == f"Bearer {app.pair['access_token']}")

    app.asked = look
    app.near_its_end(minutes=1)
    app.asks()
    assert seen == [True]


def test_what_another_process_wrote_is_used_instead_of_asking(app: App) -> None:
    app.near_its_end(minutes=1)

    async def act(api: HttpApi) -> None:
        app.has(app.endpoint.grant("acme"), timedelta(days=1))  # the winner, since we read it
        await api.ask(Get("things", "/things", {}))

    app.does(act)
    assert app.endpoint.renewals == 0
    assert app.tokens == [f"Bearer {app.pair['access_token']}"]


# A 401


def test_a_401_renews_once_and_asks_again(app: App) -> None:
    app.endpoint.end("acme")
    app.asks()
    assert (app.endpoint.renewals, len(app.tokens)) == (1, 2)
    assert app.pause[0] is None


def test_eight_401s_side_by_side_renew_once(app: App) -> None:
    app.endpoint.end("acme")
    app.asks(8, at_once=True)
    assert app.endpoint.renewals == 1


def test_a_401_with_the_new_token_too_is_the_accounts_trouble(app: App) -> None:
    app.asked = answers(401, message="The token is not authorized for this scope.")
    assert isinstance(app.error(), Unauthorized)
    assert (app.endpoint.renewals, len(app.tokens)) == (1, 2)
    assert app.pause[0] is PauseReason.UNAUTHORIZED


# What goes wrong


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refused_renewal_pauses_the_account_and_says_what_to_do(app: App, status: int) -> None:
    app.renewing = answers(status, error="invalid_grant")
    app.near_its_end(minutes=-1)
    assert isinstance(app.error(), Unauthorized)
    reason, message = app.pause
    assert reason is PauseReason.UNAUTHORIZED
    assert f"grant the app access again, and put its new tokens into {app.path}" in message
    secrets = (*SECRETS.values(), app.pair["access_token"], app.pair["refresh_token"])
    assert not any(secret in message for secret in secrets)


def test_a_new_pair_from_the_operator_ends_that(app: App) -> None:
    app.endpoint.revoke("acme")
    assert isinstance(app.error(), Unauthorized)
    app.has(app.endpoint.grant("acme"), timedelta(days=1))
    app.store.accounts.resume("acme", "sms", app.clock.now())
    app.asks()
    assert app.pause[0] is None


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_endpoint_that_cannot_now_does_not_stop_a_token_that_lasts(
    app: App, status: int
) -> None:
    app.renewing = answers(status)
    app.near_its_end(minutes=5)
    app.asks()
    assert len(app.tokens) == 1


def test_an_endpoint_that_cannot_now_is_unavailable_once_the_token_has_ended(app: App) -> None:
    app.renewing = answers(503)
    app.near_its_end(minutes=-5)
    assert isinstance(app.error(), Unavailable)
    assert app.tokens == []


@pytest.mark.parametrize("content", [{}, {"access_token": ""}, {"access_token": 5}])
def test_an_answer_without_a_token_changes_nothing(app: App, content: dict[str, object]) -> None:
    app.renewing = answers(200, **content)
    app.near_its_end(minutes=-5)
    before = app.pair
    assert isinstance(app.error(), Unavailable)
    assert app.pair == before


def test_without_time_for_a_renewal_none_is_begun(app: App) -> None:
    app.near_its_end(minutes=-5)
    app.budget_s = 3.0
    assert isinstance(app.error(), BudgetSpent)
    assert app.endpoint.renewals == 0


def test_a_renewal_is_not_cut_off_with_the_job_that_needed_it(app: App) -> None:
    app.near_its_end(minutes=-5)
    old = app.pair

    async def act(api: HttpApi) -> None:
        arrived, may_answer = asyncio.Event(), asyncio.Event()

        async def slowly(request: httpx.Request) -> httpx.Response:
            arrived.set()
            await may_answer.wait()
            return app.renewed(request)

        app.renewing = slowly
        job = asyncio.ensure_future(api.ask(Get("things", "/things", {})))
        await arrived.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        may_answer.set()

    app.does(act)
    assert app.endpoint.renewals == 1
    assert app.pair["refresh_token"] != old["refresh_token"]


def test_a_pair_that_could_not_be_written_is_kept_and_written_later(app: App) -> None:
    app.near_its_end(minutes=-5)
    room = app.path.with_name("tokens.json.new")

    def takes_the_room(request: httpx.Request) -> httpx.Response:
        room.unlink()
        room.mkdir()  # as if the disk had failed between the question and its answer
        return app.renewed(request)

    async def act(api: HttpApi) -> None:
        app.renewing = takes_the_room
        with pytest.raises(AccountPaused):
            await api.ask(Get("things", "/things", {}))
        assert app.tokens == []
        room.rmdir()
        app.store.accounts.resume("acme", "sms", app.clock.now())
        await api.ask(Get("things", "/things", {}))

    app.does(act)
    assert app.endpoint.renewals == 1
    assert app.tokens == [f"Bearer {app.pair['access_token']}"]


def test_a_file_that_goes_away_pauses_the_account(app: App) -> None:
    app.near_its_end(minutes=-5)

    async def act(api: HttpApi) -> None:
        app.path.unlink()
        with pytest.raises(AccountPaused):
            await api.ask(Get("things", "/things", {}))

    app.does(act)
    reason, message = app.pause
    assert reason is PauseReason.CREDENTIAL
    assert str(app.path) in message


def test_an_account_without_its_file_cannot_be_connected(app: App) -> None:
    app.path.unlink()
    with pytest.raises(CredentialUnavailable):
        app.asks()


def test_the_form_has_what_the_endpoint_documents(app: App) -> None:
    app.near_its_end(minutes=-5)
    before = app.pair["refresh_token"]
    app.asks()
    request = app.served[0]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    form = dict(httpx.QueryParams(request.content.decode()))
    assert form == SECRETS | {
        "grant_type": "refresh_token",
        "user_type": "Location",
        "refresh_token": before,
    }


def test_nothing_shows_a_token(app: App) -> None:
    shown: list[str] = []

    async def act(api: HttpApi) -> None:
        auth = gohighlevel.auth(app.account.options, SECRETS)
        shown.append(f"{auth!r} {api!r} {api.wire!r}")

    app.does(act)
    secrets = (CLIENT_SECRET, app.pair["access_token"], app.pair["refresh_token"])
    assert not any(secret in shown[0] for secret in secrets)
