"""asyncio as it is needed here: no thread that hangs is waited for, and no clean-up is cut off."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
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


async def gathered(every: Iterable[Awaitable[T]]) -> list[T]:
    """The results of what runs side by side, once all have ended.

    ``asyncio.gather`` hands on the first error or cancellation at once, while others clean up.

    Raises:
        BaseException: the first of what they raised, in their order.
    """
    answers = await asyncio.gather(*every, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def in_thread(call: Callable[[Callable[[], bool]], T], patience_s: float) -> T:
    """Run a call in a thread. It is given a function that tells whether it was given up.

    That is so once its caller is cancelled; then it has ``patience_s`` to clean up.
    """
    given_up = threading.Event()
    calling = asyncio.ensure_future(asyncio.to_thread(call, given_up.is_set))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        given_up.set()
        ended, _ = await asyncio.wait({calling}, timeout=patience_s)
        for each in ended:
            each.exception()  # that it was given up is no news
        raise
