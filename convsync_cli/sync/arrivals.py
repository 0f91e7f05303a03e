"""New inbound messages become jobs of the workspace's hook.

A job is queued in the transaction that stores its message: a kill loses neither, and a message is
new only once, however often it is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from convsync_cli.sync.model.placing import JobSpec, Kind, Priority, Terms
from convsync_cli.sync.model.progress import LeadSync
from convsync_cli.sync.work import Work


@contextmanager
def announced(work: Work, sync: LeadSync | None) -> Iterator[None]:
    """Queue a hook's job for each new inbound message that is stored inside.

    ``sync`` is how the conversation's channel stood before. Costs nothing where the workspace has
    no hook.
    """
    if work.hook is None:
        yield
        return
    store, now = work.store, work.clock.now()
    with store.transaction():
        newest = store.archive.newest()
        yield
        specs = [
            JobSpec(Kind.INBOUND_HOOK, each.workspace, str(each.id), each.lead)
            for each in store.archive.arrivals(newest)
            if each.is_news(sync)
        ]
        if specs:
            terms = Terms(Priority.HOOK, 0.0, work.hook.max_attempts, now)
            store.intake.enqueue_jobs(specs, terms)
