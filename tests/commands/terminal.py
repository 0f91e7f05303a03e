"""A terminal of a given size, and what a command shows on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass

from tests.commands.operator import PROGRAM, Operator

_CODES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\x1b[=>]")
_COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d)(?:;\d+)*m")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command wrote to a terminal, and how it ended."""

    code: int
    written: str

    @property
    def lines(self) -> list[str]:
        """The lines as they are read, without codes."""
        return _CODES.sub("", self.written).replace("\r", "").split("\n")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def coloured(self) -> bool:
        return _COLOURS.search(self.written) is not None


def shown(
    operator: Operator,
    *arguments: str,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    sees: bytes = b"",
    types: bytes = b"",
) -> Shown:
    """Run a command at a terminal, with no pager unless ``env`` names one.

    The person at it ``types`` something when they see something.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=operator.folder,
        env={**operator.environment, "TERM": "xterm-256color", "PAGER": "", **(env or {})},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65_536):
            written += piece
            if types and sees in written:
                os.write(ours, types)
                types = b""
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    return Shown(process.wait(30), written.decode())
