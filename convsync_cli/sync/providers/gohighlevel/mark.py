"""Up to where a location is known, and where a walk through its feed goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from convsync_cli.sync import instant

OVERLAP_MS = 10 * 60 * 1000  # rows appear late, and the date is all there is to page by
EXPORT_LAG_MS = 60 * 60 * 1000  # the export trails: a minute or more was seen
RECONCILED_EVERY = timedelta(hours=20)
REMEMBERED = 2_000  # conversations in the overlap; of more the oldest are read in vain


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where a location is known.

    ``at`` is the date of the newest conversation, in milliseconds since the epoch; ``edge`` has the
    dates of those in the overlap before it, by id. ``reconciled`` is when the export of the last
    days was read.
    """

    at: int
    reconciled: str
    edge: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, watermark: str) -> "Mark":
        """The mark that a watermark is."""
        return cls(**json.loads(watermark))

    def write(self) -> str:
        """The mark as a watermark."""
        near = {id: date for id, date in self.edge.items() if date > self.floor}
        newest = sorted(near.items(), key=lambda each: each[1])[-REMEMBERED:]
        return json.dumps(asdict(replace(self, edge=dict(newest))))

    @property
    def floor(self) -> int:
        """What is older than this was there when the mark was made."""
        return self.at - OVERLAP_MS

    def wants_reconciling(self, now: datetime) -> bool:
        """Whether it is time to read the export of the last days."""
        last = instant.from_text(self.reconciled)
        return not timedelta() <= now - last < RECONCILED_EVERY


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes on: in which phase, and behind what.

    ``newest`` is the date of the newest conversation when the walk began; ``edge`` those that it
    has dealt with, by id; both as in ``Mark``.
    """

    phase: str
    after: str | list[object] | None = None
    newest: int | None = None
    edge: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place that a page's cursor names."""
        return cls(**json.loads(cursor))

    def write(self) -> str:
        """The place as a cursor."""
        return json.dumps(asdict(self))

    def at(self, phase: str) -> "Place":
        """The beginning of another phase."""
        return replace(self, phase=phase, after=None)
