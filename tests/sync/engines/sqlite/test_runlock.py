"""Who runs: told by locks that the kernel drops when a process dies, seen with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convsync_cli.sync.engines.sqlite import open_store, runlock
from convsync_cli.sync.engines.sqlite.runlock import RunLock
from convsync_cli.sync.errors import DatabaseError, Locked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHILD = """
import sys
from convsync_cli.sync.engines.sqlite import runlock

held = []
for line in sys.stdin:
    match line.strip():
        case "run" | "parallel" as how:
            lock = runlock.acquire(sys.argv[1], how == "parallel")
            held.append(lock)
            print("no" if lock is None else f"sole={lock.sole} alone={lock.alone}", flush=True)
        case "share":
            held[-1].share()
            print("shared", flush=True)
        case "release":
            held.pop().release()
            print("released", flush=True)
"""


@dataclass
class Child:
    """Another process, that does what it is told."""

    process: "subprocess.Popen[str]"

    def tell(self, word: str) -> str:
        """Say a word and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def die(self) -> None:
        """End as by kill -9."""
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "convsync.db")


@pytest.fixture
def child(path: str) -> Iterator[Callable[[], Child]]:
    started: list[Child] = []

    def start() -> Child:
        command = [sys.executable, "-c", CHILD, path]
        pipe = subprocess.PIPE
        started.append(Child(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)))
        return started[-1]

    yield start
    for each in started:
        each.die()
        for stream in (each.process.stdin, each.process.stdout):
            assert stream is not None
            stream.close()


def run(path: str, *, parallel: bool = False) -> RunLock | None:
    return runlock.acquire(path, parallel)


def started(path: str, *, parallel: bool = False) -> RunLock:
    lock = run(path, parallel=parallel)
    assert lock is not None
    return lock


def test_the_first_run_is_sole_and_alone(path: str) -> None:
    lock = started(path)
    assert (lock.sole, lock.alone) == (True, True)
    lock.release()


def test_a_second_run_gets_no_place(path: str, child: Callable[[], Child]) -> None:
    assert child().tell("run") == "sole=True alone=True"
    assert run(path) is None


@pytest.mark.parametrize("shared", [True, False])
def test_a_run_that_was_killed_leaves_its_place(
    path: str, child: Callable[[], Child], shared: bool
) -> None:
    holder = child()
    holder.tell("run")
    if shared:
        holder.tell("share")
    holder.die()
    lock = started(path)
    assert (lock.sole, lock.alone) == (True, True)
    lock.release()


def test_a_run_that_ended_leaves_its_place(path: str, child: Callable[[], Child]) -> None:
    holder = child()
    holder.tell("run")
    assert holder.tell("release") == "released"
    started(path).release()


def test_a_refused_run_leaves_nothing_locked(path: str, child: Callable[[], Child]) -> None:
    holder = child()
    holder.tell("run")
    assert run(path) is None
    assert holder.tell("release") == "released"
    assert child().tell("run") == "sole=True alone=True"


def test_a_refused_run_leaves_no_file_open(path: str, child: Callable[[], Child]) -> None:
    child().tell("run")
    before = os.listdir("/dev/fd")
    assert run(path) is None
    with pytest.raises(Locked):
        run(path, parallel=True)
    assert os.listdir("/dev/fd") == before


def test_a_parallel_run_is_let_in_and_is_neither_sole_nor_alone(
    path: str, child: Callable[[], Child]
) -> None:
    holder = child()
    holder.tell("run")
    holder.tell("share")
    lock = started(path, parallel=True)
    assert (lock.sole, lock.alone) == (False, False)
    lock.release()


def test_parallel_runs_are_alone_only_when_no_other_lives(
    path: str, child: Callable[[], Child]
) -> None:
    first, second = child(), child()
    assert first.tell("parallel") == "sole=True alone=True"
    first.tell("share")
    assert second.tell("parallel") == "sole=False alone=False"
    first.die()
    assert child().tell("parallel") == "sole=True alone=False"


def test_a_run_beside_a_parallel_one_is_sole_and_not_alone(
    path: str, child: Callable[[], Child]
) -> None:
    """The one that started it all has ended; the parallel one still works."""
    first, second = child(), child()
    first.tell("run")
    first.tell("share")
    second.tell("parallel")
    first.tell("release")
    lock = started(path)
    assert (lock.sole, lock.alone) == (True, False)
    lock.release()


def test_who_is_alone_stays_alone_until_it_shares(path: str, child: Callable[[], Child]) -> None:
    """While orphans are freed nobody else may claim; the other run says so instead of hanging."""
    child().tell("run")
    with pytest.raises(Locked):
        run(path, parallel=True)


def test_a_run_that_hangs_while_it_is_alone_hangs_no_other(
    path: str, child: Callable[[], Child]
) -> None:
    stopped = child()
    stopped.tell("run")
    stopped.process.send_signal(signal.SIGSTOP)
    assert run(path) is None
    with pytest.raises(Locked) as caught:
        run(path, parallel=True)
    assert caught.value.hint


def test_sharing_twice_is_as_once(path: str, child: Callable[[], Child]) -> None:
    lock = started(path)
    for _ in range(2):
        lock.share()
        assert lock.alone is False
    assert child().tell("parallel") == "sole=False alone=False"
    lock.release()


def test_a_child_of_a_run_does_not_keep_its_place(path: str, child: Callable[[], Child]) -> None:
    """A hook's process may live on; it must not hold the lock of the run that started it."""
    lock = started(path)
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False
    )
    lock.release()
    assert child().tell("run") == "sole=True alone=True"
    sleeper.kill()
    sleeper.wait(30)
    assert sleeper.stdin is not None
    sleeper.stdin.close()


def test_two_databases_have_places_of_their_own(path: str, child: Callable[[], Child]) -> None:
    child().tell("run")
    started(f"{path}2").release()


def test_a_database_of_two_names_has_one_place(path: str, child: Callable[[], Child]) -> None:
    """The log that a link's name leads to is the same; who holds its run lock may fold it."""
    child().tell("run")
    os.symlink(path, f"{path}-link")
    assert run(f"{path}-link") is None


def test_a_store_gives_places_too(path: str, child: Callable[[], Child]) -> None:
    with closing(open_store(path, create=True)) as store:
        child().tell("run")
        assert store.lock_run(False) is None


def test_a_sole_run_lets_the_log_be_folded_as_it_goes(path: str) -> None:
    with closing(open_store(path, create=True)) as store:
        lock = store.lock_run(False)
        assert lock is not None
        for i in range(500):
            store.runs.start("x" * 20_000, i, 50, NOON)
        assert os.stat(f"{path}-wal").st_size < 6_000_000
        lock.release()


def test_a_sole_run_gives_a_restored_copy_its_log(path: str, tmp_path: Path) -> None:
    """Without one readers and writers would block each other, and backups have none."""
    copy = str(tmp_path / "copy.db")
    with closing(open_store(path, create=True)) as store:
        store.backup(copy)
    with closing(open_store(copy)) as restored:
        assert restored._connection.value("PRAGMA journal_mode") == "delete"
        assert restored.lock_run(parallel=False)
        assert restored._connection.value("PRAGMA journal_mode") == "wal"


def test_a_folder_in_which_nothing_can_be_made_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as caught:
        run(str(tmp_path / "nowhere" / "convsync.db"))
    assert "cannot open" in caught.value.message
    assert caught.value.hint
