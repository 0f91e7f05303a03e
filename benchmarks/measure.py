"""Figures: what ours and the bare counterpart took, their ratio, and the goal."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks.stores import Home

Act = Callable[[], float]
"""Does something once and returns what it measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is aimed at, in words and as a test of ours and bare."""

    words: str
    met: Callable[[float, float], bool]


def at_most(times: float) -> Goal:
    """Ours is at most so many times bare."""
    return Goal(f"≤ {times:g} x", lambda ours, bare: ours <= times * bare)


def at_least(times: float) -> Goal:
    """Ours is at least so many times bare."""
    return Goal(f"≥ {times:g} x", lambda ours, bare: ours >= times * bare)


def below(limit: float, unit: str) -> Goal:
    """Ours is at most ``limit``, whatever bare is."""
    return Goal(f"≤ {limit:g} {unit}", lambda ours, _: ours <= limit)


def beyond(limit: float, unit: str) -> Goal:
    """Ours is at most ``limit`` more than bare."""
    return Goal(f"≤ bare + {limit:g} {unit}", lambda ours, bare: ours - bare <= limit)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the results; without a goal it is there to explain another."""

    name: str
    ours: float
    bare: float
    unit: str
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal is met; nothing depends on it."""
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.ours, self.bare) else "MISSED"

    def line(self) -> str:
        """Name, ours, bare, ratio, goal."""
        ratio = f"{self.ours / self.bare:.2f} x" if self.bare else "-"
        goal = self.goal.words if self.goal else "-"
        return (
            f"{self.name:<58} {self.ours:>10,.5g} {self.bare:>10,.5g} {self.unit:<6}"
            f" {ratio:>8}  {goal:<16} {self.verdict}"
        ).rstrip()


HEADER = f"{'figure':<58} {'ours':>10} {'bare':>10} {'unit':<6} {'ratio':>8}  goal"


def alternate(rounds: int, *acts: Act) -> list[float]:
    """Each act's median, taken in turn A B A B, so that a slow minute hits all of them."""
    measured: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for act, results in zip(acts, measured, strict=True):
            results.append(act())
    return [median(results) for results in measured]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def seconds(act: Callable[[], object]) -> float:
    """How long an act takes."""
    started = perf_counter()
    act()
    return perf_counter() - started


def process_seconds(code: str, *arguments: str, home: Home, given: bytes = b"") -> float:
    """How long a whole ``python -c`` takes, with ``given`` on its stdin."""
    started = perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=given,
        env=environment(home),
        capture_output=True,
        check=False,
    )
    taken = perf_counter() - started
    if ended.returncode:
        raise RuntimeError(ended.stderr.decode())
    return taken


CONVSYNC = "from convsync_cli.__main__ import entry; entry()"  # what the installed script does


def convsync_seconds(home: Home, *arguments: str, given: bytes = b"") -> float:
    """How long a whole ``convsync`` takes."""
    return process_seconds(CONVSYNC, *arguments, home=home, given=given)


def environment(home: Home) -> dict[str, str]:
    """The environment of a child: compiled modules are kept, and found again."""
    own = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return own | {"CONVSYNC_CONFIG": str(home.config), "CONVSYNC_DATABASE": str(home.database)}
