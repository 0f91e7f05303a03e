"""A program of the operator's: told its text, ended with all its children, heard to its last line.

The programs are lines of shell; what they leave behind is looked for by what they hold open.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from convsync_cli.sync.program import Ended, run

T = TypeVar("T")
PATH = {"PATH": "/usr/bin:/bin"}
SLEEPS = "sleep 1000"


def shell(line: str, told: bytes = b"", environment: dict[str, str] = PATH) -> Ended:
    return asyncio.run(run(["/bin/sh", "-c", line], environment, told))


def free_of_writers(pipe: Path, act: Callable[[], Awaitable[T]]) -> T:
    """Do something, and wait until no process that it started holds ``pipe`` open any more."""

    async def doing() -> T:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            result = await act()
            os.set_blocking(reader, True)
            async with asyncio.timeout(20):
                while await asyncio.to_thread(os.read, reader, 1024):
                    pass
            return result
        finally:
            os.close(reader)

    return asyncio.run(doing())


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize(("line", "status"), [("exit 0", 0), ("exit 75", 75), ("kill -9 $$", -9)])
def test_it_is_told_how_it_ended(line: str, status: int) -> None:
    assert shell(line) == Ended(status, "")


def test_it_reads_what_it_is_told_however_long(tmp_path: Path) -> None:
    told = b"x" * 3_000_000 + b"\n"
    assert shell(f"cat > {tmp_path}/heard", told).status == 0
    assert (tmp_path / "heard").read_bytes() == told


def test_one_that_reads_nothing_ends_all_the_same() -> None:
    assert shell("exit 3", b"x" * 3_000_000) == Ended(3, "")


def test_it_inherits_its_environment_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_GHL_TOKEN", "secret")
    shell(f"env > {tmp_path}/seen", environment=PATH | {"TZ": "UTC"})
    seen = (tmp_path / "seen").read_text()
    assert "TZ=UTC" in seen
    assert "secret" not in seen


def test_it_has_a_group_of_its_own() -> None:
    assert shell(f'test "$(ps -o pgid= -p $$ | tr -d " ")" != {os.getpgid(0)}').status == 0


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("echo one >&2; echo two >&2", "two"),
        ("echo one >&2; echo >&2; echo '  ' >&2", "one"),
        ("printf 'no end' >&2", "no end"),
        ("echo not this", ""),
        (r"printf '\377\376broken' >&2", "\ufffd\ufffdbroken"),
        ("yes x | head -c 3000000 >&2; echo; echo the end >&2", "the end"),
    ],
)
def test_its_last_line_is_heard(line: str, last: str) -> None:
    assert shell(line).last_line == last


def test_one_line_without_end_costs_no_memory() -> None:
    assert 0 < len(shell("head -c 3000000 /dev/zero | tr '\\0' x >&2").last_line) <= 8192


def test_a_program_that_is_not_there_is_said_so() -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(run(["/nowhere/hook"], PATH, b""))


def test_children_that_outlive_it_are_ended(pipe: Path) -> None:
    line = f"{SLEEPS} > {pipe} & exit 4"
    ended = free_of_writers(pipe, lambda: run(["/bin/sh", "-c", line], PATH, b""))
    assert ended == Ended(4, "")


def test_a_child_that_left_the_group_is_not_waited_for(tmp_path: Path) -> None:
    """It holds stderr open; it is ended here by its own number."""
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); print(os.getpid(), file=open(sys.argv[1], 'w'), flush=True)\n"
        "    time.sleep(1000)\n"
        "while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read().endswith('\\n'):\n"
        "    time.sleep(0.01)\n"
        "sys.exit('it failed')\n"
    )
    told = str(tmp_path / "number")
    ended = asyncio.run(run([sys.executable, "-ISc", code, told], PATH, b""))
    os.kill(int(Path(told).read_text()), 9)
    assert ended == Ended(1, "it failed")


def test_a_caller_that_is_cancelled_ends_it_and_its_children(pipe: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")

    async def act() -> bool:
        line = f"exec > {pipe}; {SLEEPS} & echo begun > {tmp_path}/begun; {SLEEPS}"
        running = asyncio.create_task(run(["/bin/sh", "-c", line], PATH, b""))
        assert await asyncio.to_thread((tmp_path / "begun").read_text) == "begun\n"
        running.cancel()
        await asyncio.wait({running})
        return running.cancelled()

    assert free_of_writers(pipe, act)


@pytest.mark.parametrize("steps", range(8))
def test_a_caller_that_is_cancelled_while_it_starts_leaves_nothing(pipe: Path, steps: int) -> None:
    async def act() -> bool:
        line = f"exec > {pipe}; {SLEEPS} & {SLEEPS}"
        running = asyncio.create_task(run(["/bin/sh", "-c", line], PATH, b""))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running}, timeout=20)
        return running.cancelled()

    assert free_of_writers(pipe, act)


def test_the_loop_goes_on_while_it_runs(tmp_path: Path) -> None:
    """The program waits for a file that the loop makes."""

    async def both() -> Ended:
        async def make() -> None:
            (tmp_path / "made").touch()

        line = f"while ! test -e {tmp_path}/made; do sleep 0.01; done"
        ended, _ = await asyncio.gather(run(["/bin/sh", "-c", line], PATH, b""), make())
        return ended

    assert asyncio.run(both()).status == 0
