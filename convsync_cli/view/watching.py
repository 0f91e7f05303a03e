"""`status --watch`: the same page, drawn over itself until Ctrl-C."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from select import select
from shutil import get_terminal_size

from convsync_cli.console import is_terminal, write

LOOK_S = 2.0

_ENTER = (
    "\x1b[?1049h\x1b[?25l"  # another screen, so that what was on this one comes back; no cursor
)
_LEAVE = "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"


class _Page(io.StringIO):
    """What would be on the terminal, which is asked about instead."""

    encoding = property(lambda self: getattr(sys.__stdout__, "encoding", None))

    def isatty(self) -> bool:
        return True


def watch(page: Callable[[], None], line: Callable[[], None], look_s: float = LOOK_S) -> int:
    """Print what ``page`` prints again and again, in place; ended by Ctrl-C, which is no failure.

    Where nothing can be drawn over (a pipe, a dumb terminal), what ``line`` prints, each time.
    """
    with _listening() as signals:
        if not is_terminal():
            while not signals.ended:
                line()
                sys.stdout.flush()
                signals.wait(look_s)
            return 0
        with _other_screen():
            while not signals.ended:
                _draw(_printed(page))
                signals.wait(look_s)
    page()
    return 0


def _printed(page: Callable[[], None]) -> list[str]:
    with redirect_stdout(_Page()) as printed:
        page()
    return printed.getvalue().splitlines()


def _draw(lines: list[str]) -> None:
    """Put a page over the last one, in one piece and without clearing first: nothing flickers."""
    height = max(2, get_terminal_size().lines)
    shown = lines if len(lines) <= height else [*lines[: height - 1], "…"]
    body = "\r\n".join(line + _REST_OF_LINE for line in shown)
    write(f"{_NO_WRAP}{_HOME}{body}{_REST_OF_SCREEN}{_WRAP}", end="")
    sys.stdout.flush()


@contextmanager
def _other_screen() -> Iterator[None]:
    write(_ENTER, end="")
    try:
        yield
    finally:
        write(_LEAVE, end="")
        sys.stdout.flush()


@dataclass(slots=True)
class _Signals:
    """What the signals have said; a pipe wakes whoever waits, which an Event could deadlock."""

    ended: bool = False
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def end(self, *_: object) -> None:
        self.ended = True
        self.wake()

    def wake(self, *_: object) -> None:
        os.write(self.pipe[1], b".")

    def wait(self, seconds: float) -> None:
        if select([self.pipe[0]], [], [], seconds)[0]:
            os.read(self.pipe[0], 512)


@contextmanager
def _listening() -> Iterator[_Signals]:
    """Ctrl-C ends the watch; a new size of the window, or the way back from Ctrl-Z, draws again."""
    signals = _Signals()
    handlers = {
        signal.SIGINT: signals.end,
        signal.SIGWINCH: signals.wake,
        signal.SIGCONT: signals.wake,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
