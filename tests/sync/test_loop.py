"""What runs side by side or in a thread has ended, or was given up, before anybody goes on."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from convsync_cli.sync import loop


def test_the_results_come_in_their_order() -> None:
    async def result(number: int) -> int:
        await asyncio.sleep(0.01 * (3 - number))
        return number

    async def act() -> list[int]:
        return await loop.gathered(result(number) for number in range(3))

    assert loop.run(act()) == [0, 1, 2]


@pytest.mark.parametrize("cancelled", [True, False])
def test_nobody_goes_on_while_others_clean_up(cancelled: bool) -> None:
    cleaned_up: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0.01)
        raise ValueError

    async def cleans_up() -> None:
        try:
            await asyncio.sleep(0.02 if not cancelled else 30)
        finally:
            await asyncio.sleep(0.02)
            cleaned_up.append("done")

    async def act() -> None:
        every = asyncio.create_task(loop.gathered([fails(), cleans_up()]))
        if cancelled:
            await asyncio.sleep(0.015)
            every.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else ValueError):
            await every

    loop.run(act())
    assert cleaned_up == ["done"]


def test_a_call_in_a_thread_is_told_that_it_was_given_up_and_may_clean_up() -> None:
    cleaned_up, begun = threading.Event(), threading.Event()

    def call(given_up: Callable[[], bool]) -> None:
        begun.set()
        while not given_up():
            pass
        cleaned_up.set()
        raise ValueError("which nobody waits for")

    async def act() -> None:
        calling = asyncio.create_task(loop.in_thread(call, 10.0))
        await asyncio.to_thread(begun.wait)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    loop.run(act())
    assert cleaned_up.is_set()


def test_a_call_that_hangs_is_not_waited_for() -> None:
    for_ever = threading.Event()

    async def act() -> None:
        calling = asyncio.create_task(loop.in_thread(lambda _: for_ever.wait(), 0.01))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    loop.run(act())
    for_ever.set()
