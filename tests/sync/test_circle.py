"""Pages that lead in a circle are noticed, whatever its length, and a long list is none."""

import pytest

from convsync_cli.sync.circle import Circle, Circles
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


def test_a_page_of_which_all_was_there_before_is_one() -> None:
    circle = Circle("list")
    circle.watch(["a", "b"])
    circle.watch(["b", "c"])
    with pytest.raises(CursorLoop):
        circle.watch(["b"])


def test_a_page_that_leads_to_itself_is_one() -> None:
    with pytest.raises(CursorLoop):
        Circle("list").watch(["a"], leads_to_itself=True)


def test_lists_that_have_a_row_in_common_are_none() -> None:
    circles = Circles()
    circles.of("list", 1).watch(["a"])
    circles.of("list", 2).watch(["a"])
    with pytest.raises(CursorLoop):
        circles.of("list", 2).watch(["a"])


def test_rows_without_ids_are_no_proof() -> None:
    circle = Circle("list")
    for _ in range(10):
        circle.watch([None, None])


def test_nor_are_they_behind_a_page_that_had_some_of_them_too() -> None:
    circle = Circle("list")
    circle.watch(["a", None])
    circle.watch([None, None])
