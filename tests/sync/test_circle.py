"""Pages that lead in a circle are noticed, whatever its length, and a long list is none."""

import pytest

from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import CursorLoop


def page(number: int) -> list[str]:
    return [f"{number}-{row}" for row in range(3)]


@pytest.mark.parametrize("way_in", [0, 1, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 40])
def test_a_circle_is_noticed(way_in: int, length: int) -> None:
    circle = Circle("list")
    with pytest.raises(CursorLoop):
        for step in range(way_in + 10 * length):
            circle.watch(page(step if step < way_in else way_in + (step - way_in) % length))


def test_a_list_without_end_is_none() -> None:
    circle = Circle("list")
    for number in range(1_000):
        circle.watch(page(number))


def test_empty_pages_that_lead_to_empty_pages_are_one() -> None:
    circle = Circle("list")
    with pytest.raises(CursorLoop):
        for _ in range(10):
            circle.watch([])


def test_rows_without_ids_are_no_proof() -> None:
    circle = Circle("list")
    for _ in range(10):
        circle.watch([None, None])
