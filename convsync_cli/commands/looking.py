"""Waiting for what another process does: look, sleep a little, and look again."""

import time
from collections.abc import Callable
from typing import TypeVar

from convsync_cli.sync.clock import Clock
from convsync_cli.sync.deadline import Deadline

T = TypeVar("T")

LOOK_S = 0.25


def until(look: Callable[[], T | None], clock: Clock, seconds: float) -> T | None:
    """What ``look`` finds, as soon as it finds something within ``seconds``; else None."""
    deadline = Deadline.after(clock, seconds)
    while (found := look()) is None and not deadline.passed:
        time.sleep(min(LOOK_S, deadline.remaining))
    return found
