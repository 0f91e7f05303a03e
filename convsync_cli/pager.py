"""Long texts on a terminal, page by page."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from convsync_cli.console import is_terminal

_DEFAULT = "less -FRX"  # leave if it fits the screen, keep colours, leave the text on the screen


@contextmanager
def paged() -> Iterator[IO[str]]:
    """A stream for a text: through ``$PAGER`` where people look at stdout, else stdout itself.

    Who leaves the pager early ends the text early; that is no error. An empty ``$PAGER``, ``cat``
    and one that cannot be started mean none.
    """
    pager = _started(os.environ) if is_terminal() else None
    if pager is None or pager.stdin is None:
        yield sys.stdout
        return
    # Ctrl-C is the pager's: if we ended at it, the shell would take the terminal from under it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with contextlib.suppress(BrokenPipeError):
            yield pager.stdin
    finally:
        with contextlib.suppress(BrokenPipeError):
            pager.stdin.close()
        pager.wait()
        signal.signal(signal.SIGINT, before)


def _started(environ: Mapping[str, str]) -> "subprocess.Popen[str] | None":
    try:
        command = shlex.split(environ.get("PAGER", _DEFAULT))
    except ValueError:
        return None
    if not command or command == ["cat"]:
        return None
    sys.stdout.flush()
    utf8 = {"LESSCHARSET": "utf-8"} if sys.stdout.encoding == "utf-8" else {}
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            env={"LESS": "FRX", **utf8, **environ},
            encoding=sys.stdout.encoding,
            errors="replace",
        )
    except OSError:
        return None
