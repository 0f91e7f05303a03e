"""An operator's program, run to its end without a shell, in a process group of its own.

House rule: nothing of it is left behind. Whether it ended by itself, took too long or the run is
over: its whole group is killed.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

REAP_S = 0.5  # what was killed is gone at once, unless the kernel holds on to it
_CHUNK = 64 * 1024
_KEPT = 8 * 1024  # bytes at the end of what it says, more than a line of any use
_READS = 64


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit status, or minus the signal that killed it; its last line."""

    status: int
    last_line: str


async def run(command: Sequence[str], environment: Mapping[str, str], told: bytes) -> Ended:
    """Run a program with ``told`` on its stdin and nothing but ``environment`` to inherit.

    A caller that is cancelled, or whose time is up, ends the program with it.

    Raises:
        OSError: it cannot be started.
    """
    # A file, not a pipe: a program that reads nothing holds up nobody, however long the text.
    with TemporaryFile() as stdin, _Tail() as tail:
        stdin.write(told)
        stdin.seek(0)
        process = await _started(
            asyncio.create_subprocess_exec(
                *command,
                stdin=stdin,
                stdout=DEVNULL,
                stderr=tail.writer,
                env=dict(environment),
                start_new_session=True,
            )
        )
        tail.listen()
        try:
            status = await process.wait()
        finally:
            await _kill(process)
        return Ended(status, tail.last_line())


async def _started(start: Coroutine[Any, Any, Process]) -> Process:
    """Wait for a start to its end, also where the caller is cancelled: then the program is ended.

    A start that is cut off in the middle can wait for ever for a program of which asyncio has not
    taken note yet, and its children would be left behind.
    """
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):  # it could not be started
            await _kill(await starting)
        raise


async def _kill(process: Process) -> None:
    """Kill the group, of which children may live on after the program itself has ended."""
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses a group of the dead
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(REAP_S):
            await process.wait()


class _Tail:
    """The end of what a program writes to a pipe, read as it comes.

    Its end is never waited for: a child that has left the group may hold the pipe open for ever.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._loop = asyncio.get_running_loop()
        self._said = b""

    def __enter__(self) -> "_Tail":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.remove_reader(self._reader)
        os.close(self._reader)
        if self.writer >= 0:
            os.close(self.writer)

    def listen(self) -> None:
        """Leave the writing end to the program, and read from now on."""
        os.close(self.writer)
        self.writer = -1
        self._loop.add_reader(self._reader, self._read)

    def last_line(self) -> str:
        """The last line that is not blank, empty where there is none."""
        for _ in range(_READS):  # bounded: who has left the group may go on writing
            if not self._read():
                break
        lines = self._said.decode("utf-8", "replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "")

    def _read(self) -> bool:
        """Take what is there; whether there was anything."""
        try:
            chunk = os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._loop.remove_reader(self._reader)
        self._said = (self._said + chunk)[-_KEPT:]
        return bool(chunk)
