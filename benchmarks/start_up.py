"""Start-up: `convsync enqueue LEAD`, from the start of the process to its end."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from benchmarks.measure import Figure, alternate, at_most, convsync_seconds, process_seconds
from benchmarks.stores import Home, connect

ROUNDS = 31
_SMALLEST = "from benchmarks.smallest import app; app()"


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """`enqueue LEAD` against the smallest Typer app, and both against Python that does nothing."""
    home = Home.made(folder / "home", leads=1_000)
    small = make_small(folder)
    number = count(1)
    convsync_seconds(home, "enqueue", "lead999@example.com")  # compiles what is not compiled yet
    smallest_seconds(home, small)
    ours, smallest, nothing = alternate(
        ROUNDS,
        lambda: convsync_seconds(home, "enqueue", f"lead{next(number)}@example.com"),
        lambda: smallest_seconds(home, small),
        lambda: process_seconds("pass", home=home),
    )
    yield Figure(
        "enqueue LEAD / smallest Typer app", ours * 1e3, smallest * 1e3, "ms", at_most(1.25)
    )
    yield Figure("enqueue LEAD / python -c pass", ours * 1e3, nothing * 1e3, "ms")
    yield Figure("smallest Typer app / python -c pass", smallest * 1e3, nothing * 1e3, "ms")


def make_small(folder: Path) -> Path:
    """The database of the smallest app."""
    small = folder / "small.db"
    with closing(connect(small)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE asked (lead TEXT)")
    return small


def smallest_seconds(home: Home, small: Path) -> float:
    """How long the smallest app takes."""
    return process_seconds(_SMALLEST, str(small), "lead@example.com", home=home)
