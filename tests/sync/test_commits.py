"""Group commit: one disk for many callers, and each hears the truth about its own call."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from convsync_cli.sync.commits import Commits
from convsync_cli.sync.errors import DatabaseError, Locked
from convsync_cli.sync.model.placing import Priority, Terms
from convsync_cli.sync.ports import Store
from tests.sync.workbench import NOON, Bench

TERMS = Terms(Priority.MANUAL, 0.0, 3, NOON)


@dataclass
class Desk:
    """A database, its thread, and a door that holds the thread up until it is opened."""

    bench: Bench
    patience: Callable[[], bool] = lambda: True
    transactions: int = 0
    door: threading.Event = field(default_factory=threading.Event)

    @property
    def store(self) -> Store:
        return self.bench.store

    def together(self, *acts: Callable[[], Any]) -> list[Any]:
        """The results or errors of calls that wait while one before them is at work."""

        async def act() -> list[Any]:
            commits = Commits(cast(Store, _Counted(self)), self.patience)
            try:
                first = asyncio.create_task(commits.call(self.door.wait, 5.0))
                await asyncio.sleep(0)
                others = [asyncio.create_task(commits.call(each)) for each in acts]
                await asyncio.sleep(0)
                self.door.set()
                return (await asyncio.gather(first, *others, return_exceptions=True))[1:]
            finally:
                commits.close(5.0)

        return asyncio.run(act())

    def enqueue(self, lead: str) -> Callable[[], int]:
        """A call that writes: enqueues a lead and returns the number of its job."""
        return lambda: self.store.intake.enqueue([lead], TERMS)[0].job

    def jobs(self) -> int:
        """How many jobs are stored, as another process sees it."""
        with self.bench.another_process() as other:
            return other.queue.due(("acme",), self.bench.clock.now())


class _Counted:
    """The store, with its transactions counted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depth = 0

    def transaction(self) -> AbstractContextManager[None]:
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._desk.transactions += self._depth == 0
        self._depth += 1
        try:
            with self._desk.store.transaction():
                yield
        finally:
            self._depth -= 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Bench(tmp_path / "db"))


def failing(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


# What callers hear


def test_a_caller_gets_its_own_result(desk: Desk) -> None:
    assert desk.together(lambda: 1, lambda: "two", lambda: None) == [1, "two", None]


def test_arguments_are_handed_on() -> None:
    async def act() -> str:
        commits = Commits(cast(Store, _Anything()), lambda: True)
        try:
            return await commits.call(lambda a, b: f"{a}{b}", 1, b=2)
        finally:
            commits.close(5.0)

    assert asyncio.run(act()) == "12"


class _Anything:
    """A store whose transactions hold nothing."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield


def test_a_caller_hears_of_its_result_only_after_the_commit(desk: Desk) -> None:
    [job] = desk.together(desk.enqueue(desk.bench.lead()))
    assert (job, desk.jobs()) == (1, 1)


def test_calls_that_wait_share_a_transaction(desk: Desk) -> None:
    desk.together(*(desk.enqueue(desk.bench.lead()) for _ in range(20)))
    assert desk.transactions <= 2


def test_one_call_that_fails_harms_no_other(desk: Desk) -> None:
    leads = [desk.bench.lead(), desk.bench.lead()]
    answers = desk.together(
        desk.enqueue(leads[0]), failing(ValueError("oops")), desk.enqueue(leads[1])
    )
    assert [type(each) for each in answers] == [int, ValueError, int]
    assert desk.jobs() == 2


def test_what_a_failed_call_wrote_is_undone(desk: Desk) -> None:
    lead = desk.bench.lead()

    def half() -> None:
        desk.enqueue(lead)()
        raise ValueError("oops")

    desk.together(half, lambda: None)
    assert desk.jobs() == 0


@pytest.mark.parametrize("error", [DatabaseError("the disk is full"), sqlite3.OperationalError()])
def test_a_commit_that_fails_answers_every_caller_with_the_error(
    desk: Desk, error: Exception
) -> None:
    bad = _FailingCommit(desk, error)

    async def act() -> list[Any]:
        commits = Commits(cast(Store, bad), lambda: True)
        calls = [desk.enqueue(desk.bench.lead()) for _ in range(3)]
        try:
            return await asyncio.gather(*map(commits.call, calls), return_exceptions=True)
        finally:
            commits.close(5.0)

    assert [type(each) for each in asyncio.run(act())] == [type(error)] * 3
    assert desk.jobs() == 0


class _FailingCommit(_Counted):
    """A store whose outermost transactions cannot be committed."""

    def __init__(self, desk: Desk, error: Exception) -> None:
        super().__init__(desk)
        self._error = error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        outermost = self._depth == 0
        with super()._transaction():
            yield
            if outermost:
                raise self._error


def test_a_database_that_fails_inside_a_call_leaves_nothing_of_the_others(desk: Desk) -> None:
    answers = desk.together(
        desk.enqueue(desk.bench.lead()), failing(DatabaseError("the disk is full"))
    )
    assert [type(each) for each in answers] == [DatabaseError, DatabaseError]
    assert desk.jobs() == 0


def test_after_a_failed_commit_the_next_one_works(desk: Desk) -> None:
    desk.together(failing(DatabaseError("the disk is full")))
    assert desk.together(desk.enqueue(desk.bench.lead())) == [1]


# A database that another process holds


@contextmanager
def held(desk: Desk) -> Iterator[sqlite3.Connection]:
    """Another process is writing."""
    connection = sqlite3.connect(desk.bench.path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.close()


def test_a_locked_database_is_waited_for(desk: Desk) -> None:
    lead = desk.bench.lead()
    with held(desk) as other:
        asked: list[bool] = []

        def patient() -> bool:
            asked.append(True)
            if len(asked) == 2:
                other.execute("COMMIT")
            return True

        desk.patience = patient
        assert desk.together(desk.enqueue(lead)) == [1]
    assert len(asked) == 2


def test_a_locked_database_is_not_waited_for_beyond_patience(desk: Desk) -> None:
    desk.patience = lambda: False
    lead = desk.bench.lead()
    with held(desk):
        answers = desk.together(desk.enqueue(lead), desk.enqueue(lead))
    assert [type(each) for each in answers] == [Locked, Locked]


# Callers that give up, and the end


def test_the_work_of_a_caller_that_was_cancelled_stands(desk: Desk) -> None:
    lead = desk.bench.lead()

    async def act() -> None:
        commits = Commits(desk.store, lambda: True)
        first = asyncio.create_task(commits.call(desk.door.wait, 5.0))
        cancelled = asyncio.create_task(commits.call(desk.enqueue(lead)))
        await asyncio.sleep(0)
        cancelled.cancel()
        desk.door.set()
        await first
        await commits.call(lambda: None)
        commits.close(5.0)

    asyncio.run(act())
    assert desk.jobs() == 1


def test_calls_that_wait_are_finished_before_the_end(desk: Desk) -> None:
    leads = [desk.bench.lead() for _ in range(100)]

    async def act() -> None:
        commits = Commits(desk.store, lambda: True)
        first = asyncio.create_task(commits.call(desk.door.wait, 5.0))
        others = [asyncio.create_task(commits.call(desk.enqueue(lead))) for lead in leads]
        await asyncio.sleep(0)
        desk.door.set()
        await asyncio.to_thread(commits.close, 5.0)
        await asyncio.gather(first, *others)

    asyncio.run(act())
    assert desk.jobs() == 100


def test_a_call_that_never_ends_does_not_hold_up_the_end(desk: Desk) -> None:
    async def act() -> None:
        commits = Commits(desk.store, lambda: True)
        stuck = asyncio.create_task(commits.call(desk.door.wait, 5.0))
        await asyncio.sleep(0)
        commits.close(0.01)
        stuck.cancel()

    asyncio.run(act())
    desk.door.set()
