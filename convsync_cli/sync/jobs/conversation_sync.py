"""Read one lead's conversation to its end, each channel on its own.

A channel's failure does not stop the other. The job is done only when every channel that applies
was read to its end since it was asked for; the next try reads only what is left.
"""

from collections.abc import Iterable
from datetime import timedelta

from convsync_cli.sync.arrivals import announced
from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.errors import BudgetSpent, Forgotten, Rejected, SyncError
from convsync_cli.sync.failure import outcome_of
from convsync_cli.sync.loop import gathered
from convsync_cli.sync.model.job import Claim
from convsync_cli.sync.model.lead import Lead, Learning
from convsync_cli.sync.model.message import Channel, Page
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from convsync_cli.sync.model.progress import LeadSync, Saved, Walk, WalkEnd
from convsync_cli.sync.ports import Store
from convsync_cli.sync.work import Link, Work

# A walk that was interrupted longer ago begins anew: its cursor may mean nothing any more, and what
# it had read is old by then.
CURSOR_KEEPS = timedelta(hours=1)
CLOCK_SLACK = timedelta(seconds=5)


async def perform(claim: Claim, work: Work) -> Outcome:
    """Read every channel of the lead that was not read since the job was asked for.

    Raises:
        BudgetSpent: no time is left; what was read is stored.
    """
    outcomes: dict[Channel, Outcome] = {}
    while len(outcomes) < max(1, len(work.links)):
        lead, syncs = await work.call(_state, work.store, claim.lead or "")
        # What one channel tells of a person can open the other, so they are looked at again.
        left = [
            (link, syncs[link.account.channel])
            for link in work.links
            if link.account.channel in syncs.keys() - outcomes.keys()
            and not _read_since(syncs[link.account.channel], claim, work)
        ]
        if lead is None or not left:
            break
        answers = await gathered(_read(work, lead, *each, claim) for each in left)
        for (link, _), answer in zip(left, answers, strict=True):
            outcomes[link.account.channel] = answer
    return _worst(outcomes.values())


def _state(store: Store, lead: str) -> tuple[Lead | None, dict[Channel, LeadSync]]:
    return store.leads.lead(lead), store.archive.syncs(lead)


def _read_since(sync: LeadSync, claim: Claim, work: Work) -> bool:
    """Whether a channel was read since the job was asked for.

    A read in the future was written by a clock that has since been set back: it proves nothing.
    """
    latest = work.clock.now() + CLOCK_SLACK
    return sync.synced_at is not None and claim.requested_at <= sync.synced_at <= latest


async def _read(work: Work, lead: Lead, link: Link, sync: LeadSync, claim: Claim) -> Outcome:
    """Read one channel and write down how that ended."""
    try:
        await work.make_sure(link)
        await _walk(work, lead, link, _begin(work, sync, claim), sync)
    except BudgetSpent:
        raise
    except SyncError as error:
        await work.call(
            work.store.archive.finish,
            lead,
            link.account.channel,
            outcome=WalkEnd.FAILED,
            code=error.code,
        )
        return outcome_of(error, work.clock.now())
    return Done()


async def _walk(work: Work, lead: Lead, link: Link, walk: Walk, sync: LeadSync) -> None:
    """Take page after page, saving each with the cursor behind it."""
    found, resumed = False, walk.cursor is not None
    try:
        async for page in link.provider.pages(work.api(link), lead, walk.cursor):
            found = True
            walk = Walk(walk.started_at, page.cursor, walk.left_out + page.left_out)
            work.progress.add(await work.call(_save, work, lead, link, page, walk, sync))
            reached("page.saved")
    except Rejected:
        if found or not resumed:
            raise
        # The cursor of the earlier walk is refused by now: from the beginning, once.
        await _walk(work, lead, link, Walk(work.clock.now()), sync)
        return
    if not found:
        await work.call(
            work.store.archive.finish,
            lead,
            link.account.channel,
            outcome=WalkEnd.NOT_FOUND,
            synced_at=walk.started_at,
        )


def _begin(work: Work, sync: LeadSync, claim: Claim) -> Walk:
    """Go on with an interrupted walk, unless something that came since was asked for."""
    now = work.clock.now()
    started_at = sync.walk_started_at
    if sync.cursor is None or started_at is None or started_at < claim.requested_at:
        return Walk(now)
    fresh = timedelta() <= now - started_at <= CURSOR_KEEPS
    return Walk(started_at, sync.cursor, sync.left_out) if fresh else Walk(now)


def _save(work: Work, lead: Lead, link: Link, page: Page, walk: Walk, sync: LeadSync) -> Saved:
    """Store a page; the last one together with the news that the conversation was read.

    ``sync`` is how the channel stood when the job began.

    Raises:
        Forgotten: the lead was forgotten, or is who was.
    """
    store, channel, now = work.store, link.account.channel, work.clock.now()
    if page.contact is not None and not lead.knows(page.contact):
        learnt = store.leads.learn_about(lead, page.contact, work.channels, now)
        if learnt.answer is Learning.FORGOTTEN:
            raise Forgotten(
                f"{lead.id} was forgotten: nothing is stored;"
                f" `convsync leads forget {lead.id}` erases what there is"
            )
    synced_at = walk.started_at if page.cursor is None else None
    with announced(work, sync):
        return store.archive.save_page(lead, channel, page.messages, walk, now, synced_at)


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The job's outcome from its channels': what can heal is tried again before it is given up.

    Of two waits the shorter: the other channel is waited for again afterwards.
    """
    return max(outcomes, key=_urgency, default=Done())


def _urgency(outcome: Outcome) -> tuple[int, float]:
    order = (Done, Discard, Snooze, Retry)
    sooner = -outcome.until.timestamp() if isinstance(outcome, Snooze) else 0.0
    return order.index(type(outcome)), sooner
