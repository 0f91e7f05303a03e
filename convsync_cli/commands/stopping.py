"""How a run ends before its work does: softly by a signal, at once by a second one, and by force
when something hangs."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from convsync_cli.console import release_terminal
from convsync_cli.endings import endings
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import Exit

T = TypeVar("T")

HARD_STOP_S = 1.6  # past the soft stop: what hangs then is not ours to wait for


@dataclass(slots=True)
class Stopping:
    """The ends of a run that may last until a deadline.

    ``exit_code`` is that of the signal that came, or 0.
    """

    deadline: Deadline
    exit_code: int = 0
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def around(self, run: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run something that stops softly once the event is set that it gets as last argument."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in endings()}
        for number in before:
            loop.add_signal_handler(number, self._signalled, number)
        _end_by_force(self.deadline.remaining + HARD_STOP_S, Exit.TRY_LATER)
        try:
            return await run(*arguments, self._stop)
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)  # which leaves Python's own, with a traceback
                signal.signal(number, handler)

    def _signalled(self, number: signal.Signals) -> None:
        code = 128 + number
        if self._stop.is_set() and number == signal.SIGINT:
            _end(code)
        self.exit_code = code
        self._stop.set()
        _end_by_force(HARD_STOP_S, code)


def _end_by_force(seconds: float, code: int) -> None:
    """End the process when ``seconds`` have passed, whatever it does.

    That loses nothing: it is what SIGKILL would do, and the next run frees the jobs.
    """
    timer = threading.Timer(seconds, _end, [code])
    timer.daemon = True
    timer.start()


def _end(code: int) -> None:
    release_terminal()
    os._exit(code)
