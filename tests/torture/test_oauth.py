"""A pair of tokens that real processes renew: at once, killed on the way, on a full disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, OAuth
from tests.torture.disks import small_disk
from tests.torture.harness import Ended, Harness

RESUME = ("accounts", "resume", "acme/sms")  # one request, and so one token
LONG_AGO = "2026-01-01T00:00:00.000Z"
REFUSED = 12
PROCESSES = 8


@dataclass(frozen=True, slots=True)
class App:
    """The account acme/sms as an app's, in an installation."""

    harness: Harness
    path: Path

    @property
    def endpoint(self) -> OAuth:
        return self.harness.sandbox.oauth

    def is_granted(self, **more: object) -> None:
        """Put a pair whose access token has ended into the file."""
        self.path.write_text(json.dumps(self.endpoint.grant("acme") | {"expires_at": LONG_AGO}))
        self.path.chmod(0o600)

    @property
    def pair(self) -> dict[str, Any]:
        told = json.loads(self.path.read_text())
        assert isinstance(told, dict)
        return told

    def resumes(self, crash_at: str = "") -> Ended:
        return self.harness.runs(*RESUME, env={"CONVSYNC_CRASH_AT": crash_at})

    def tells_nothing(self, *ended: Ended) -> bool:
        """Whether no process said a token or a secret."""
        said = "".join(each.out + each.err for each in ended)
        return not any(canary in said for canary in ("acc-acme", "ref-acme", CLIENT_SECRET))


def granted(harness: Harness, path: Path) -> App:
    workspace = harness.world.workspace("acme")
    table = (
        f'oauth = {{ client_id = {{ env = "APP_ID" }}, client_secret = {{ env = "APP_SECRET" }},'
        f' token_file = "{path}" }}'
    )
    harness.configures('token = { env = "ACME_GHL_TOKEN" }', table)
    harness.environment |= {"APP_ID": CLIENT_ID, "APP_SECRET": CLIENT_SECRET}
    assert workspace.name == "acme"
    app = App(harness, path)
    app.is_granted()
    return app


@pytest.fixture
def app(harness: Harness, tmp_path: Path) -> Iterator[App]:
    yield granted(harness, tmp_path / "acme-tokens.json")


def test_processes_that_need_a_token_at_once_renew_it_once(app: App) -> None:
    started = [app.harness.starts(*RESUME) for _ in range(PROCESSES)]
    ended = [each.ends() for each in started]
    assert [each.code for each in ended] == [0] * PROCESSES, ended
    assert app.endpoint.renewals == 1
    assert app.endpoint.workspace_of(app.pair["access_token"]) == "acme"
    assert app.tells_nothing(*ended)


@pytest.mark.parametrize("point", ["oauth.locked", "oauth.written", "oauth.replaced"])
def test_a_process_that_is_killed_on_the_way_costs_no_pair(app: App, point: str) -> None:
    assert app.resumes(crash_at=point).killed
    assert app.resumes().well().code == 0
    assert app.endpoint.renewals == 1
    assert app.endpoint.workspace_of(app.pair["access_token"]) == "acme"


def test_a_killed_process_whose_pair_nobody_has_is_told_and_mended(app: App) -> None:
    assert app.resumes(crash_at="oauth.answered").killed
    ended = app.resumes().well(REFUSED)
    assert "grant the app access again" in ended.err
    assert str(app.path) in ended.err
    assert app.tells_nothing(ended)
    app.is_granted()
    app.resumes().well()


def test_racers_that_are_killed_leave_a_pair_to_the_others(app: App) -> None:
    points = ("oauth.written", "", "oauth.locked", "", "oauth.replaced", "")
    started = [app.harness.starts(*RESUME, env={"CONVSYNC_CRASH_AT": at}) for at in points]
    ended = [each.ends() for each in started]
    assert all(each.code == 0 or each.killed for each in ended), ended
    assert app.endpoint.renewals == 1
    app.resumes().well()


def test_a_full_disk_costs_no_pair(harness: Harness, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256) as disk:
        app = granted(harness, disk.path / "tokens.json")
        disk.fills_up(0)
        ended = app.resumes()
        assert app.endpoint.renewals == 0
        assert ended.code not in (0, 1)
        assert "No space left" in ended.err
        assert str(app.path) in ended.err
        disk.has_room()
        app.resumes().well()
        assert app.endpoint.renewals == 1


def test_a_run_renews_and_reads(app: App) -> None:
    app.harness.takes_in_leads("acme")
    app.harness.runs("enqueue-all", "--workspace", "acme").well()
    app.harness.drains()
    assert app.endpoint.renewals == 1
    (count,) = app.harness.asks("SELECT count(*) FROM messages WHERE channel = 'sms'")[0]
    assert count > 100


def test_a_run_whose_renewal_is_refused_pauses_that_account_alone(app: App) -> None:
    app.endpoint.revoke("acme")
    app.harness.takes_in_leads()
    app.harness.runs("enqueue-all").well()
    ended = app.harness.runs("run", "--max-seconds", "10", "--json").well()
    listed = app.harness.runs("accounts", "list", "--json").json["accounts"]
    states = {each["account"]: each["state"] for each in listed}
    assert states.pop("acme/sms") == "paused: unauthorized"
    assert set(states.values()) == {"ok"}
    told = next(each["message"] for each in listed if each["account"] == "acme/sms")
    assert "grant the app access again" in told
    assert app.tells_nothing(ended)
