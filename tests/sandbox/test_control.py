"""The sandbox in a process of its own: ready file, control API, clean end."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "convsync_cli.sandbox", "--seed", "1", "--leads", "5"]


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    running = subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    end = threading.Timer(20, running.kill)
    end.start()
    document = ""
    while not document.endswith("\n}\n"):
        line = running.stdout.readline()
        assert line, "the sandbox ended before it was ready"
        document += line
    yield running, json.loads(document)
    end.cancel()
    running.kill()
    running.wait()
    running.stdout.close()


@pytest.fixture
def control(process: tuple[subprocess.Popen[str], dict[str, Any]]) -> Client:
    return Client(process[1]["control_url"])


@pytest.fixture
def ready(process: tuple[subprocess.Popen[str], dict[str, Any]]) -> dict[str, Any]:
    return process[1]


def test_it_tells_where_it_is_and_what_it_holds(control: Client, ready: dict[str, Any]) -> None:
    world = control.get("/world").json
    assert world["gohighlevel_url"] == ready["gohighlevel_url"]
    assert world["workspaces"]["acme"]["leads"] >= 5
    acme = ready["workspaces"]["acme"]
    token = {"Authorization": f"Bearer {acme['emailbison_token']}"}
    answer = Client(ready["emailbison_url"], token).get("/api/users")
    assert answer.json["data"]["team"]["id"] == acme["team_id"]


def test_it_tells_the_truth_and_what_was_said_since(control: Client) -> None:
    message = {"workspace": "acme", "lead": "acme-00001", "channel": "sms"}
    said = control.post("/say", message | {"direction": "inbound", "text": "hi"}).json
    query = {"workspace": "acme", "channel": "sms"}
    assert said in control.get("/expected", query).json
    assert len(control.post("/new-messages", {"count": 10}).json) == 10
    met = control.post("/new-leads", {"workspace": "acme"}).json
    assert met in control.get("/leads", {"workspace": "acme"}).json


def test_it_hands_out_exports(control: Client) -> None:
    for provider, start in (
        ("gohighlevel", b"\xef\xbb\xbfContact Id"),
        ("emailbison", b"id,email"),
    ):
        answer = control.get("/csv", {"workspace": "acme", "provider": provider})
        assert answer.headers["content-type"] == "text/csv"
        assert answer.body.startswith(start)


def test_it_takes_faults_and_counts_requests(control: Client, ready: dict[str, Any]) -> None:
    control.send("DELETE", "/requests", None, None)
    control.post("/faults", [{"kind": "status", "status": 503, "workspace": "acme"}])
    assert control.get("/faults").json[0]["status"] == 503
    token = {"Authorization": f"Bearer {ready['workspaces']['acme']['emailbison_token']}"}
    bison = Client(ready["emailbison_url"], token)
    assert [bison.get("/api/users").status for _ in range(2)] == [503, 200]
    assert control.send("DELETE", "/faults", None, None).status == 200
    assert [row["status"] for row in control.get("/requests").json] == [503, 200]
    assert len(control.get("/requests", {"after": 1}).json) == 1
    usage = {(row["provider"], row["workspace"]): row for row in control.get("/limits").json}
    assert usage[("emailbison", "acme")]["worst"] >= 2


def test_its_limits_can_be_changed(control: Client, ready: dict[str, Any]) -> None:
    control.send("DELETE", "/limits", None, None)
    control.post("/limits", {"provider": "emailbison", "requests": 1, "seconds": 600})
    token = {"Authorization": f"Bearer {ready['workspaces']['globex']['emailbison_token']}"}
    bison = Client(ready["emailbison_url"], token)
    assert [bison.get("/api/users").status for _ in range(2)] == [200, 429]
    control.post("/limits", {"enforced": False})
    assert bison.get("/api/users").status == 200


@pytest.mark.parametrize("fault", [{"kind": "sulk"}, {"kind": "hang", "colour": "red"}])
def test_it_refuses_what_it_does_not_understand(control: Client, fault: dict[str, str]) -> None:
    assert control.post("/faults", fault).status == 400
    assert control.get("/nothing").status == 404


def test_it_writes_its_ready_file_and_ends_on_sigterm(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    running = subprocess.Popen([*COMMAND, "--ready-file", str(ready), "--no-limits"], cwd=ROOT)
    end = threading.Timer(20, running.kill)
    end.start()
    while not ready.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"it ended with {running.wait(0.02)} before it was ready")
    told = json.loads(ready.read_text())
    assert told["pid"] == running.pid
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 0
    end.cancel()
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
