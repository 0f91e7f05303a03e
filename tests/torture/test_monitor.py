"""A monitor that is no use costs a run neither its budget nor the two seconds of a signal."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from tests.torture.bad_servers import black_hole, silent_server
from tests.torture.harness import Harness, eventually

BUDGET_S = 2.0
GRACE_S = 2.0
NOWHERE = "https://monitor.example"  # its name is not resolved: TORTURE_DNS

Server = Callable[[], AbstractContextManager[str | None]]
USELESS = [
    pytest.param(silent_server, {}, id="says nothing"),
    pytest.param(black_hole, {}, id="takes no connection"),
    pytest.param(nullcontext, {"TORTURE_DNS": "hang"}, id="has a name that nobody resolves"),
]


def watched(harness: Harness) -> None:
    """Have every run told to the address in $PING."""
    text = Path(harness.config).read_text()
    Path(harness.config).write_text(f'{text}\n[monitoring]\nping_url = {{ env = "PING" }}\n')


@pytest.mark.parametrize(("server", "env"), USELESS)
@pytest.mark.parametrize("jobs", [True, False], ids=["busy", "idle"])
def test_a_run_ends_within_its_budget(
    harness: Harness, server: Server, env: Mapping[str, str], jobs: bool
) -> None:
    watched(harness)
    harness.suffers("hang")
    if jobs:
        harness.runs("enqueue-all").well()
    with server() as url:
        told = {**env, "PING": f"{url or NOWHERE}/5ec2e7c0"}
        ended = harness.runs("run", "--max-seconds", str(BUDGET_S), "--json", env=told, within=30)
    assert ended.well().seconds <= BUDGET_S + GRACE_S
    assert "the monitor was not notified" in ended.err
    assert "5ec2e7c0" not in ended.err
    assert set(harness.states()) <= {"pending"}


@pytest.mark.parametrize(("server", "env"), USELESS)
def test_a_signal_ends_it_within_two_seconds(
    harness: Harness, server: Server, env: Mapping[str, str]
) -> None:
    watched(harness)
    harness.suffers("hang")
    harness.runs("enqueue-all").well()
    with server() as url:
        told = {**env, "PING": f"{url or NOWHERE}/5ec2e7c0"}
        run = harness.starts("run", "--max-seconds", "50", "--json", env=told)
        eventually(lambda: len(harness.sandbox.requests) >= 4)
        signalled = time.monotonic()
        run.gets(signal.SIGTERM)
        ended = run.ends(5)
    assert time.monotonic() - signalled <= GRACE_S
    assert ended.code == 143
    assert ended.json["reason"] == "signal"
