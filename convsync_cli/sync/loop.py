"""Run a coroutine to its end without ever waiting for a thread that hangs."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class _DaemonThreads(ThreadPoolExecutor):
    """Threads that end with the process.

    asyncio looks names up in its default executor. A resolver that hangs cannot be cancelled, and
    an ordinary pool is waited for when the loop and when the interpreter ends.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        threading.Thread(target=_settle, args=(future, fn, args, kwargs), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the threads to themselves."""


def _settle(future: Future[T], fn: Callable[..., T], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(fn(*args, **kwargs))
    except BaseException as error:
        future.set_exception(error)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like ``asyncio.run``, but a resolver that hangs holds nothing up."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_DaemonThreads())
        return runner.run(main)
