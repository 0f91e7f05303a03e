"""`convsync enqueue-all`: every lead of a workspace, once, and again when all are queued."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure, at_most, convsync_seconds, seconds
from benchmarks.stores import Home, connect
from convsync_cli.sync.instant import to_text

_INSERT = """
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at)
SELECT 'conversation_sync', workspace, id, 'conversation_sync:' || id, 'pending', 10, :now, 3,
       :now, :now
FROM leads WHERE true ON CONFLICT DO NOTHING
"""


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """Beyond the start, against the bare `INSERT … SELECT`."""
    yield from _of(folder / "100000", 100_000, rounds=3)
    if large:
        yield from _of(folder / "1000000", 1_000_000, rounds=1)


def _of(folder: Path, leads: int, rounds: int) -> Iterator[Figure]:
    full = Home.made(folder, leads=leads)
    empty = Home.made(folder / "empty")
    convsync_seconds(empty, "enqueue-all")
    start = median(convsync_seconds(empty, "enqueue-all") for _ in range(5))
    runs = [(*_ours(full, start), *_bare(full)) for _ in range(rounds)]
    first, again, bare_first, bare_again = (median(column) for column in zip(*runs, strict=True))
    name = f"enqueue-all, {leads:,} leads"
    yield Figure(f"{name} / INSERT … SELECT", first, bare_first, "s", at_most(2))
    yield Figure(f"{name}, all queued / the same again", again, bare_again, "s", at_most(2))


def _ours(full: Home, start: float) -> tuple[float, float]:
    home = full.copied("ours.db")
    first = convsync_seconds(home, "enqueue-all") - start
    again = convsync_seconds(home, "enqueue-all") - start
    home.removed()
    return first, again


def _bare(full: Home) -> tuple[float, float]:
    home = full.copied("bare.db")

    def insert() -> None:
        with closing(connect(home.database)) as connection, connection:
            connection.execute(_INSERT, {"now": to_text(datetime.now(UTC))})

    first, again = seconds(insert), seconds(insert)
    home.removed()
    return first, again
