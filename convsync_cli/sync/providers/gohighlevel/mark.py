"""Up to where a location is known, and where a walk through its feed goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from convsync_cli.sync import instant

OVERLAP_MS = 10 * 60 * 1000  # rows appear late, and the date is all there is to page by
EXPORT_LAG_MS = 60 * 60 * 1000  # the export trails: a minute or more was seen
EXPORT_LAG = timedelta(milliseconds=EXPORT_LAG_MS)
SETTLED_EVERY = timedelta(hours=1)
RECONCILED_EVERY = timedelta(hours=20)
RECENT = timedelta(days=3)  # how far back the status of a message is looked at again
REMEMBERED = 2_000  # conversations in the overlap; of more the oldest are read in vain


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where a location is known.

    ``at`` is the date of the newest conversation, in milliseconds since the epoch; ``edge`` has the
    dates of those in the overlap before it, by id. ``reconciled`` is when the export of the last
    days was read, ``settled`` when that of the last hours was; ``news`` is when there was any.
    """

    at: int
    reconciled: str
    edge: Mapping[str, int] = field(default_factory=dict)
    settled: str | None = None
    news: str | None = None

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

    def export_due(self, now: datetime, *, news: bool) -> datetime | None:
        """From when on the export is to be read as well, if it is time for that.

        Once a night it is that of the last days. Once an hour it is that of the last hours, for
        messages that came late into a conversation and did not move it: while there is ``news``,
        and until the export has had the time to show all of it.
        """
        if not timedelta() <= now - instant.from_text(self.reconciled) < RECONCILED_EVERY:
            return now - RECENT
        settled = instant.from_text(self.settled or self.reconciled)
        if timedelta() <= now - settled < SETTLED_EVERY:
            return None
        told = now if news else instant.from_text(self.news) if self.news else None
        unsettled = told is not None and told > settled - EXPORT_LAG
        return min(settled, now) - EXPORT_LAG if unsettled else None

    def exported(self, now: datetime, since: str | None) -> "Mark":
        """The mark once the export was read from a moment on; None where it was not."""
        if since is None:
            return self
        at = instant.to_text(now)
        nightly = since <= instant.to_text(now - RECENT)
        return replace(self, settled=at, reconciled=at if nightly else self.reconciled)

    def until(self, now: datetime) -> "Mark":
        """The mark, or now where it lies in the future: such a one would hide all that comes."""
        return replace(self, at=min(self.at, instant.to_milliseconds(now)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes on: in which phase, and behind what.

    ``newest`` is the date of the newest conversation when the walk began; ``edge`` those that it
    has dealt with, by id; both as in ``Mark``. ``news`` is whether it found any, and ``since`` from
    when on it reads the export.
    """

    phase: str
    after: str | list[object] | None = None
    newest: int | None = None
    edge: Mapping[str, int] = field(default_factory=dict)
    news: bool = False
    since: str | None = None

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
