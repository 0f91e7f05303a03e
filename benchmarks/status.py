"""`convsync status` with a million jobs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from benchmarks.measure import Figure, alternate, beyond, convsync_seconds
from benchmarks.start_up import make_small, smallest_seconds
from benchmarks.stores import Home, add_jobs

ROUNDS = 11


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """A million jobs in every state against an empty database, and the smallest Typer app."""
    leads = 1_000_000 if large else 100_000
    full = Home.made(folder / "full", leads=leads)
    add_jobs(full, 400_000, state="succeeded")
    add_jobs(full, 300_000, first=400_000)
    add_jobs(full, 300_000, first=700_000, priority=0, ahead=timedelta(hours=1))
    empty = Home.made(folder / "empty")
    small = make_small(folder)
    convsync_seconds(empty, "status")
    ours, nothing, smallest = alternate(
        ROUNDS,
        lambda: convsync_seconds(full, "status"),
        lambda: convsync_seconds(empty, "status"),
        lambda: smallest_seconds(full, small),
    )
    name = f"status, 1,000,000 jobs, {leads:,} leads"
    yield Figure(f"{name} / no jobs", ours * 1e3, nothing * 1e3, "ms", beyond(50, "ms"))
    yield Figure(f"{name} / smallest app", ours * 1e3, smallest * 1e3, "ms")
