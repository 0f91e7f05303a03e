"""Group commit: the store's calls run in one thread of their own, several to a transaction.

SQLite makes every commit wait for the disk. Calls that come while one commit waits share the next,
so that the disk is waited for once and not once each; a caller hears of its result only after the
commit that holds it.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import sleep
from typing import Any, TypeVar

from convsync_cli.sync.errors import DatabaseError, Locked
from convsync_cli.sync.ports import Store

T = TypeVar("T")

_MOST_AT_ONCE = 64
_BREATH_S = 0.001  # so that enqueuers get their turn
_BETWEEN_BREATHS = 4  # transactions, each of a few milliseconds


@dataclass(frozen=True, slots=True)
class _Call:
    act: Callable[[], Any]
    future: Future[Any]


class Commits:
    """A ``store`` whose calls are made from asyncio; ``patient`` says whether a locked database is
    waited for."""

    def __init__(self, store: Store, patient: Callable[[], bool]) -> None:
        self.store = store
        self._patient = patient
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="commits", daemon=True)
        self._thread.start()

    async def call(self, act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a call of the store and return its result once it is committed.

        Raises:
            DatabaseError, Locked: the commit failed; nothing of it is stored.
        """
        future: Future[T] = Future()
        self._calls.put(_Call(lambda: act(*args, **kwargs), future))
        return await asyncio.wrap_future(future)

    def close(self, timeout_s: float) -> None:
        """Let the calls that wait finish, for at most ``timeout_s`` seconds, and end the thread."""
        self._calls.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        done = 0
        while (first := self._calls.get()) is not None:
            batch = [first, *self._waiting()]
            results = self._commit(batch)
            for call, (result, error) in zip(batch, results, strict=True):
                _answer(call.future, result, error)
            done += 1
            if done % _BETWEEN_BREATHS == 0:
                sleep(_BREATH_S)

    def _waiting(self) -> list[_Call]:
        batch: list[_Call] = []
        while len(batch) < _MOST_AT_ONCE:
            try:
                call = self._calls.get_nowait()
            except Empty:
                break
            if call is None:
                self._calls.put(None)
                break
            batch.append(call)
        return batch

    def _commit(self, batch: list[_Call]) -> list[tuple[Any, BaseException | None]]:
        while True:
            try:
                with self.store.transaction():
                    if len(batch) == 1:  # it needs no savepoint: there is nobody else's work
                        return [(batch[0].act(), None)]
                    return [self._run(call) for call in batch]
            except Locked as error:
                if not self._patient():
                    return [(None, error)] * len(batch)
            except Exception as error:
                return [(None, error)] * len(batch)

    def _run(self, call: _Call) -> tuple[Any, BaseException | None]:
        """One call in a savepoint of its own, so that its failure undoes nobody else's work."""
        try:
            with self.store.transaction():
                return call.act(), None
        except (DatabaseError, Locked):
            raise  # the whole transaction is in doubt
        except Exception as error:
            return None, error


def _answer(future: Future[Any], result: Any, error: BaseException | None) -> None:
    if not future.set_running_or_notify_cancel():
        return  # who asked was cancelled; the work stands
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
