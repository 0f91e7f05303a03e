"""`demo`: the whole thing, for somebody who has nothing, leaving nothing."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.commands.operator import Operator, Result, Running, eventually, on_duty
from tests.commands.terminal import shown


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Operator]]:
    """Makes people without a configuration, a database or a key."""
    with ExitStack() as stack:

        def someone(name: str) -> Operator:
            folder = tmp_path_factory.mktemp(name)
            operator = stack.enter_context(on_duty(folder))
            operator.config.unlink()
            for place in ("tmp", "home"):
                (folder / place).mkdir()
            operator.environment = {
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": operator.environment["PYTHONPATH"],
                "TMPDIR": str(folder / "tmp"),
                "HOME": str(folder / "home"),
                "CONVSYNC_DATABASE": str(folder / "home" / "own.db"),
                "CONVSYNC_CONCURRENCY": "none",
            }
            return operator

        yield someone


@pytest.fixture(scope="module")
def visitor(abroad: Callable[[str], Operator]) -> Operator:
    """Somebody who looks around."""
    return abroad("visitor")


@pytest.fixture(scope="module", autouse=True)
def started(abroad: Callable[[str], Operator]) -> tuple[Operator, Running]:
    """A demo that runs to its end; begun early, since it keeps to the real rate limits."""
    operator = abroad("tourist")
    return operator, operator.starts("demo", "--leads", "20")


@pytest.fixture(scope="module")
def tour(started: tuple[Operator, Running]) -> Result:
    """How that demo ended."""
    return started[1].ends(60).ended(0)


def left(folder: Path) -> list[Path]:
    """What is in the places where a demo could leave something."""
    return [each for name in ("tmp", "home") for each in (folder / name).iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_half_way_it_leaves_nothing_behind_either(
    visitor: Operator, number: signal.Signals
) -> None:
    demo = visitor.starts("demo", "--leads", "1000")
    eventually(lambda: left(visitor.folder))
    demo.gets(number)
    result = demo.ends(15)  # its children too: they hold its stdout
    assert result.code in (-number, 128 + number)  # a shell calls both 128 + number
    assert "Traceback" not in result.err
    assert left(visitor.folder) == []


@pytest.mark.parametrize("told", [["--leads", "5"], ["--leads", "100000"], ["x"]])
def test_wrong_usage_is_2(visitor: Operator, told: list[str]) -> None:
    visitor.runs("demo", *told).ended(2)


def test_help_shows_an_example(visitor: Operator) -> None:
    assert "Example: convsync demo" in visitor.runs("demo", "--help").ended(0).out


def test_it_shows_each_command_before_it_runs_it(tour: Result) -> None:
    told = [line for line in tour.err.splitlines() if line.startswith("$ convsync ")]
    commands = [line.split()[2] for line in told]
    assert commands == ["init", "leads", "enqueue-all", "run", "status", "show", "export"]


def test_each_command_does_its_work(tour: Result) -> None:
    assert "drained after" in tour.out
    assert "0 failed" in tour.out
    assert "acme       sms      gohighlevel" in tour.out
    assert "sms: complete as of" in tour.out
    assert "messages written to messages.csv" in tour.out


def test_it_touches_neither_the_database_nor_the_settings_of_whoever_runs_it(
    tour: Result, started: tuple[Operator, Running]
) -> None:
    operator, _ = started
    assert not Path(operator.environment["CONVSYNC_DATABASE"]).exists()


def test_it_leaves_nothing_behind(tour: Result, started: tuple[Operator, Running]) -> None:
    assert "# One conversation" in tour.err
    assert left(started[0].folder) == []


def test_on_a_terminal_it_waits_for_nobody(visitor: Operator) -> None:
    pager = visitor.folder / "pager"
    pager.write_text(f"#!/bin/sh\ntouch {visitor.folder}/opened\nexec cat\n")
    pager.chmod(0o700)
    tour = shown(visitor, "demo", "--leads", "20", env={"PAGER": str(pager)})
    assert tour.code == 0
    assert "sms: complete as of" in tour.text
    assert not (visitor.folder / "opened").exists()
