"""Processes that need not load every module again, which is most of what a short command costs.

``ended(arguments, ...)`` is ``subprocess.run`` of ``python -m convsync_cli``. The process is forked
from one that has imported all modules and called nothing of them: it is a process like any other
(its number, memory, locks and signals are its own), gets exactly the environment named, and runs
``convsync_cli.__main__``. What is read from the environment at the start of Python or at an import
(``AT_START``) has been read by then: such a process has to be started, not forked. That each
command finds its imports by itself is seen where it is started: at the head of a pipe and on a
terminal (``test_conventions.py``).
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import convsync_cli

LONGEST = 100_000  # bytes of an order
AT_START = ("PYTHON", "LANG", "LC_", "CONVSYNC_CRASH_AT", "TORTURE_")
STANDARD = (0, 1, 2)

_one_at_a_time = threading.Lock()


def can_fork(arguments: Sequence[str], changes: Mapping[str, str | None]) -> bool:
    """Whether a command needs nothing that is settled at the start or by an import."""
    return sum(map(len, arguments)) < LONGEST // 2 and not any(
        name.startswith(AT_START) for name in changes
    )


def ended(
    arguments: Sequence[str], stdin: bytes, cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end; ``env`` is its whole environment, ``timeout`` in seconds.

    Raises:
        subprocess.TimeoutExpired: it had to be killed.
    """
    reply, theirs = socket.socketpair()
    given, out, err = os.pipe(), os.pipe(), os.pipe()
    order = {"arguments": [*arguments], "cwd": str(cwd), "env": dict(env)}
    parting = [theirs.fileno(), given[0], out[1], err[1]]
    with _one_at_a_time:
        socket.send_fds(_server(), [json.dumps(order).encode()], parting)
    theirs.close()
    for each in parting[1:]:
        os.close(each)
    with reply, reply.makefile("r") as answers, ThreadPoolExecutor(3) as pool:
        pid = int(answers.readline())
        pool.submit(_write, given[1], stdin)
        told = [pool.submit(_read, end[0]) for end in (out, err)]
        reply.settimeout(timeout)
        try:
            code = int(answers.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired([*arguments], timeout) from None
        return subprocess.CompletedProcess([*arguments], code, *(each.result() for each in told))


def _write(pipe: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:
        file.write(data)


def _read(pipe: int) -> bytes:
    with os.fdopen(pipe, "rb") as file:
        return file.read()


@cache
def _server() -> socket.socket:
    """A process that forks at our word, until we close the socket or end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env={"PYTHONPATH": str(Path(convsync_cli.__file__).parents[1])},  # what the tests import
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


# The other side


def _import_everything() -> None:
    """Import our modules, and with them the libraries."""
    for module in pkgutil.walk_packages(convsync_cli.__path__, "convsync_cli."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    for lazily in ("sqlite_utils", "rich.table", "rich.progress", "rich.markup", "ssl", "email"):
        importlib.import_module(lazily)
    gc.collect()
    gc.freeze()


def _next_order(orders: socket.socket) -> dict[str, object] | None:
    """Fork for every order; returns it in the fork, and None where there will be no more."""
    replies: dict[int, socket.socket] = {}

    def told(*_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with replies.pop(ended[0]) as reply, contextlib.suppress(OSError):
                    reply.sendall(b"%d\n" % os.waitstatus_to_exitcode(ended[1]))

    signal.signal(signal.SIGCHLD, told)
    while True:
        message, (*ends,), _, _ = socket.recv_fds(orders, LONGEST, 1 + len(STANDARD))
        if not message:
            return None
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            for reply in replies.values():
                reply.close()
            return {**json.loads(message), "ends": ends[1:]}
        replies[pid] = socket.socket(fileno=ends[0])
        replies[pid].sendall(b"%d\n" % pid)
        for end in ends[1:]:
            os.close(end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _become(arguments: list[str], cwd: str, env: dict[str, str], ends: list[int]) -> None:
    """Turn this fork into what a fresh process would be, but for the imports."""
    for end, number in zip(ends, STANDARD, strict=True):
        os.dup2(end, number)
    os.closerange(len(STANDARD), 1024)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    random.seed()
    for name, number in zip(("stdin", "stdout", "stderr"), STANDARD, strict=True):
        was = getattr(sys, name)
        fresh = open(number, was.mode, encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, fresh)
        setattr(sys, f"__{name}__", fresh)
    assert isinstance(sys.stderr, io.TextIOWrapper)
    sys.stderr.reconfigure(line_buffering=True)
    sys.path[0] = cwd
    sys.argv = ["convsync_cli", *arguments]


def _main() -> None:
    orders = socket.socket(fileno=int(sys.argv[1]))
    _import_everything()
    order = _next_order(orders)
    if order is None:
        return
    orders.detach()
    _become(**order)  # type: ignore[arg-type]
    runpy.run_module("convsync_cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
