"""Queuing whole workspaces: all their leads, or a read of what changed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from convsync_cli.sync.model.placing import JobSpec, Kind, Terms
from convsync_cli.sync.model.swept import Swept
from convsync_cli.sync.ports import Store


def enqueue_all(
    store: Store,
    workspaces: Mapping[str, Sequence[str]],
    before: datetime | None,
    limit: int | None,
    terms: Callable[[], Terms],
) -> Swept:
    """Queue every lead of ``workspaces`` that can be followed on one of their channels.

    With ``before`` (UTC) only those not synced since; at most ``limit`` of them.
    """
    total = Swept("")
    for workspace, channels in workspaces.items():
        swept: Swept | None = Swept("")
        while swept is not None and (limit is None or total.queued < limit):
            most = None if limit is None else limit - total.queued
            swept = store.intake.sweep(workspace, channels, before, swept.last, most, terms())
            total = total + swept if swept is not None else total
    return total


def enqueue_changed(store: Store, workspaces: Mapping[str, Sequence[str]], terms: Terms) -> Swept:
    """Queue the reading of what changed, for every channel of ``workspaces``."""
    specs = [
        JobSpec(Kind.DELTA_SYNC, workspace, channel)
        for workspace, channels in workspaces.items()
        for channel in channels
    ]
    queued = store.intake.enqueue_jobs(specs, terms)
    return Swept("", len(specs), queued=queued, already_queued=len(specs) - queued)
