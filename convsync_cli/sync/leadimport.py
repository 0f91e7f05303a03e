"""Bringing leads in from a file: its rows become leads, batch by batch."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from convsync_cli.sync.clock import Clock
from convsync_cli.sync.filelines import BadLine
from convsync_cli.sync.leadfile import Row
from convsync_cli.sync.model.lead import Learning, Learnt
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.ports import Store

BATCH = 500  # rows to a transaction


@dataclass(slots=True)
class Tally:
    """What an import has done so far; see ``Learnt``."""

    answers: Counter[Learning] = field(default_factory=Counter)
    conflicts: int = 0
    unusable: int = 0
    rejected: list[BadLine] = field(default_factory=list)

    def add(self, learnt: Learnt) -> None:
        """Count what became of a row."""
        self.answers[learnt.answer] += 1
        self.conflicts += learnt.conflicts
        self.unusable += learnt.unusable


def bring_in(
    store: Store,
    clock: Clock,
    workspace: str,
    channels: Mapping[str, Channel],
    rows: Iterator[Row | BadLine],
) -> Tally:
    """Store the people of all rows; ``channels`` tells which channel each provider serves."""
    tally = Tally()
    while batch := list(islice(rows, BATCH)):
        with store.transaction():
            for row in batch:
                if isinstance(row, BadLine):
                    tally.rejected.append(row)
                else:
                    learnt = store.leads.learn(workspace, row.contact, channels, clock.now())
                    tally.add(learnt)
    return tally
