"""What a signal does in a run, and after it."""

import asyncio
import signal

import pytest

from convsync_cli.commands import stopping
from convsync_cli.commands.stopping import Stopping
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.deadline import Deadline


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ended by force: that would be whoever tests it."""
    monkeypatch.setattr(stopping, "_end_by_force", lambda *_: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_in_a_run_it_stops_it_and_afterwards_it_does_what_it_did_before(
    number: signal.Signals,
) -> None:
    """Python's own way with ^C, which asyncio leaves behind, is a traceback."""

    def ours(*_: object) -> None:
        raise AssertionError("not in a run")

    async def run(stop: asyncio.Event) -> None:
        signal.raise_signal(number)
        await asyncio.wait_for(stop.wait(), 30)

    before = signal.signal(number, ours)
    try:
        ends = Stopping(Deadline.after(SystemClock(), 60))
        asyncio.run(ends.around(run))
        left = signal.getsignal(number)
    finally:
        signal.signal(number, before)
    assert (ends.exit_code, left) == (128 + number, ours)


def test_what_nohup_has_a_process_ignore_stops_no_run() -> None:
    async def run(stop: asyncio.Event) -> bool:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0.05)
        return stop.is_set()

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert not asyncio.run(Stopping(Deadline.after(SystemClock(), 60)).around(run))
    finally:
        signal.signal(signal.SIGHUP, before)
