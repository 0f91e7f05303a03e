"""A run never outlives its budget, whatever the servers do, and what it could not finish is free.

The evenings run beside each other, since all that they do is to wait.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.torture import invariants
from tests.torture.bad_servers import black_hole, silent_server
from tests.torture.harness import Ended, Harness, eventually, installed

BUDGET_S = 2.0
GRACE_S = 2.0
LONG = ("acme-00001", "sms")  # six pages
REACHED = 3  # the page that cannot be read


@dataclass(frozen=True, slots=True)
class Evening:
    """What goes wrong: a fault at the third page, or a server or a resolver that is no use."""

    fault: str | None = None
    server: Callable[[], AbstractContextManager[str | None]] = nullcontext
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Morning:
    """What was found after it: how the run ended, its job, and what the next run asked for.

    ``start_s`` is what a process needs to begin and end here and now: a busy machine's share.
    """

    ended: Ended
    start_s: float
    job: tuple[str, int]
    attempts: list[tuple[str, str | None]]
    asked: list[str]
    left: list[str]
    wrong: list[str]


EVENINGS = {
    "hangs": Evening("hang"),
    "drips": Evening("drip"),
    "accepts and says nothing": Evening(server=silent_server),
    "takes no connection": Evening(server=black_hole),
    "has a name that nobody resolves": Evening(env={"TORTURE_DNS": "hang"}),
}


@pytest.fixture(scope="module")
def mornings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Morning]]]:
    """What was found after each of the evenings."""
    with ThreadPoolExecutor(len(EVENINGS) + 1) as pool:
        yield {
            name: pool.submit(_live_through, tmp_path_factory.mktemp("evening"), evening)
            for name, evening in (EVENINGS | {"resets": Evening("reset")}).items()
        }


@pytest.mark.parametrize("server", EVENINGS)
def test_a_run_ends_in_time_whatever_the_server_does(
    mornings: dict[str, Future[Morning]], server: str
) -> None:
    found = mornings[server].result()
    print(f"server {server}: {found.ended.seconds:.2f} s of {BUDGET_S:g}")

    assert found.ended.well().json["reason"] == "budget"
    assert found.ended.seconds <= BUDGET_S + GRACE_S + found.start_s
    assert found.job == ("pending", 0)
    assert {outcome for outcome, _ in found.attempts} == {"released"}
    assert LONG[0] not in found.ended.err
    _goes_on(found)


def test_a_server_that_resets_costs_an_attempt_and_no_page(
    mornings: dict[str, Future[Morning]],
) -> None:
    found = mornings["resets"].result()

    assert found.ended.well().seconds <= BUDGET_S + GRACE_S + found.start_s
    assert found.job[0] == "pending"
    assert found.attempts in ([("retry", "network")], [("released", None)])
    _goes_on(found)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_within_two_seconds(harness: Harness, number: signal.Signals) -> None:
    harness.suffers("hang")
    harness.runs("enqueue-all").well()
    run = harness.starts("run", "--max-seconds", "50", "--json")
    eventually(lambda: len(harness.sandbox.requests) >= 4)

    signalled = time.monotonic()
    run.gets(number)
    ended = run.ends(5)

    assert time.monotonic() - signalled <= GRACE_S
    assert ended.code == 128 + number
    assert ended.json["reason"] == "signal"
    assert set(harness.asks("SELECT state, attempts FROM jobs")) == {("pending", 0)}


def _live_through(folder: Path, evening: Evening) -> Morning:
    with installed(folder, ["acme"]) as harness, ExitStack() as stack:
        export = harness.world.gohighlevel_csv("acme")
        harness.runs("leads", "import", "-", "-w", "acme", stdin=export).well(0, 3)
        harness.runs("enqueue", harness.leads("acme")[LONG]).well()
        harness.suffers(evening.fault or "hang", path="*/messages", page=REACHED, seconds=1.0)
        real = harness.sandbox.gohighlevel_url
        if evening.fault is None:  # an evening before it has brought in two pages
            harness.runs("run", "--max-seconds", "1.5", "--json").well()
        elsewhere = stack.enter_context(evening.server())
        if evening.env:
            elsewhere = real.replace("127.0.0.1", "localhost")
        harness.configures(real, elsewhere or real)
        start_s = harness.runs("--version").well().seconds
        ended = harness.runs(
            "run", "--max-seconds", str(BUDGET_S), "--json", env=evening.env, within=30
        )
        ((state, attempts),) = harness.asks("SELECT state, attempts FROM jobs")
        tries = harness.asks("SELECT outcome, error_code FROM attempts")

        harness.sandbox.faults.clear()
        harness.configures(elsewhere or real, real)
        harness.tampers("UPDATE jobs SET run_at = created_at")  # a backoff has passed
        harness.sandbox.requests.clear()
        harness.runs("run", "--max-seconds", "20", "--json").well()
        asked = [
            dict(each.query).get("lastMessageId", "from the beginning")
            for each in harness.sandbox.requests
            if each.path.endswith("/messages")
        ]
        stored = {id for (id,) in harness.asks("SELECT external_id FROM messages")}
        missing = [
            str(message.external_ids)
            for message in harness.world.expected("acme", "sms")
            if message.lead_key == LONG[0] and not stored.intersection(message.external_ids)
        ]
        wrong = [*invariants.damage(harness), *invariants.unfinished(harness)]
        return Morning(ended, start_s, (state, attempts), tries, asked, missing, wrong)


def _goes_on(found: Morning) -> None:
    """Whether the next run went on from the page that was reached, to the end."""
    assert found.left == found.wrong == []
    assert "from the beginning" not in found.asked
    assert len(found.asked) >= 3
