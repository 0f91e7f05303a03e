"""Read what changed in one workspace and channel since the watermark: the provider's own feed.

A page's messages and the cursor behind it are stored together, and the watermark moves only with
the last page: what was not read to its end is read again. The first walk reads all there is, and
so does one after many leads came that nobody has read, where that is cheaper than one by one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from convsync_cli.sync import filling
from convsync_cli.sync.arrivals import announced
from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.errors import BudgetSpent, Rejected, SyncError, Unavailable
from convsync_cli.sync.failure import outcome_of
from convsync_cli.sync.firstwalks import under_way
from convsync_cli.sync.identity import LOOKED_AT_EVERY
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import Feed, FeedPage, Thread
from convsync_cli.sync.model.job import Claim
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.model.outcome import Discard, Done, Outcome
from convsync_cli.sync.model.placing import JobSpec, Kind, Priority, Terms
from convsync_cli.sync.model.progress import Saved
from convsync_cli.sync.recognising import Recognised, Recognising
from convsync_cli.sync.work import Link, Work

CURSOR_KEEPS = timedelta(hours=6)  # by then what the walk had read first is old
AT_ONCE = 8  # threads of one page, as many as an account has connections


async def perform(claim: Claim, work: Work) -> Outcome:
    """Bring one channel of a workspace up to date.

    Raises:
        BudgetSpent: no time is left; what was read is stored.
    """
    link = next((each for each in work.links if each.account.channel == claim.subject), None)
    if link is None:
        return Discard("no_account", "the workspace has no account for this channel any more")
    sync = _DeltaSync(work, link, claim.max_attempts)
    try:
        if await work.call(sync.wants_looking_at):
            await work.make_sure(link)
        first = await work.call(sync.is_first)
        if first and await work.call(sync.has_to_wait):
            return Done()  # it is queued again once it can begin
        await sync.walk(await work.call(sync.begin))
        if first:
            await work.call(sync.wake_the_others)
        await sync.catch_up()
    except BudgetSpent:
        raise
    except SyncError as error:
        await work.call(work.store.feeds.fail, link.account, error.code)
        return outcome_of(error, work.clock.now())
    return Done()


@dataclass(frozen=True, slots=True)
class _DeltaSync:
    """One attempt to read the feed of one account."""

    work: Work
    link: Link
    max_attempts: int

    def wants_looking_at(self) -> bool:
        """Whether it is long ago that somebody saw whose conversations the credential opens."""
        looked_at = self.work.store.accounts.state(self.link.account).checked_at
        now = self.work.clock.now()
        return looked_at is None or not timedelta() <= now - looked_at < LOOKED_AT_EVERY

    def begin(self) -> Feed:
        """Go on with an interrupted walk, or begin a new one from the watermark or from nothing."""
        feeds, account, now = self.work.store.feeds, self.link.account, self.work.clock.now()
        feed = feeds.feed(account)
        started_at = feed.walk_started_at
        if feed.cursor and started_at and timedelta() <= now - started_at <= CURSOR_KEEPS:
            return feed
        return self.begin_anew()

    def begin_anew(self) -> Feed:
        """Begin a walk from the watermark, or from nothing where that is cheaper."""
        feeds, account, now = self.work.store.feeds, self.link.account, self.work.clock.now()
        watermark = None if self.is_whole_cheaper() else feeds.feed(account).watermark
        if watermark is None:
            feeds.save_walk(account, now, None, 0)  # so that other channels know of it
        return Feed(watermark, None, now)

    def is_first(self) -> bool:
        """Whether no walk has come to its end yet."""
        return self.work.store.feeds.feed(self.link.account).watermark is None

    def has_to_wait(self) -> bool:
        """Whether another channel's first walk is to end before this one's begins."""
        every = [link.account for link in self.work.links]
        before = every[: every.index(self.link.account)]
        return under_way(self.work.store, before, self.work.clock.now())

    def is_whole_cheaper(self) -> bool:
        """Whether reading everything costs less than the leads that nobody has read, one by one."""
        feeds, account, costs = self.work.store.feeds, self.link.account, self.link.costs
        if not feeds.untried(account, 1):
            return False
        return filling.is_cheaper(costs, feeds.load(account, costs.page))

    async def walk(self, feed: Feed, chances: int = 2) -> None:
        """Take page after page to the end of the feed.

        Where the place it goes on from is refused, the walk begins at the last page that is stored,
        and where that is refused too, once more anew.
        """
        started_at = feed.walk_started_at or self.work.clock.now()
        walk = feed
        api, provider = self.work.api(self.link), self.link.provider
        try:
            async for page in provider.changes(api, feed.watermark, feed.cursor, started_at):
                left_out = walk.left_out + page.left_out
                walk = replace(walk, cursor=page.cursor, left_out=left_out)
                if page.news:
                    await self.work.make_sure(self.link)
                leads = await Recognising(self.work, self.link.account).among(page)
                unread = await self._read_threads(leads)
                self.work.progress.add(await self.work.call(self._save, page, leads, unread, walk))
                reached("page.saved")
        except Rejected:
            if not chances or (walk is feed and feed.cursor is None):
                raise
            again = walk if walk is not feed else await self.work.call(self.begin_anew)
            await self.walk(again, chances - 1)

    async def _read_threads(self, leads: list[Recognised]) -> list[str]:
        """Read the conversations of which the feed only said that they changed, some at a time.

        Returns the leads whose conversation cannot be read while most others can: each is left to a
        job of its own, so that one bad conversation does not hold up the feed.
        """
        slots = asyncio.Semaphore(AT_ONCE)

        async def read(each: Recognised, thread: Thread) -> None:
            async with slots:
                await self._read_thread(each, thread)

        threads = [(each, each.news.thread) for each in leads if each.news.thread]
        answers = await asyncio.gather(*(read(*each) for each in threads), return_exceptions=True)
        down = [answer for answer in answers if isinstance(answer, Unavailable)]
        for answer in answers:
            alone = isinstance(answer, Unavailable) and 2 * len(down) <= len(answers)
            if answer is not None and not alone and not isinstance(answer, Rejected):
                raise answer
        return [each.lead.id for (each, _), bad in zip(threads, answers, strict=True) if bad]

    async def _read_thread(self, one: Recognised, thread: Thread) -> None:
        """Read one conversation back to what is known of it."""
        api, provider = self.work.api(self.link), self.link.provider
        async for page in provider.pages(api, one.lead, thread.cursor):
            saved = await self.work.call(self._store, one, page.messages)
            self.work.progress.saved += saved  # in one step: other threads count there as well
            sent = [message.sent_at for message in page.messages if message.sent_at is not None]
            # The last one by place, since one by date may stand among newer ones.
            if one.whole and sent and sent[-1] < thread.since:
                return

    def _store(self, one: Recognised, messages: Sequence[Message]) -> Saved:
        archive, channel = self.work.store.archive, self.link.account.channel
        with announced(self.work, one.sync):
            return archive.save_messages(one.lead, channel, messages, self.work.clock.now())

    def _save(
        self, page: FeedPage, leads: list[Recognised], unread: list[str], walk: Feed
    ) -> Saved:
        """Store a page of the feed with the cursor behind it, or with the end of the walk."""
        store, account, now = self.work.store, self.link.account, self.work.clock.now()
        started_at, saved = walk.walk_started_at or now, Saved()
        for each in leads:
            if messages := each.news.read(each.lead):
                saved += self._store(each, messages)
        unread = [*unread, *(each.lead.id for each in leads if each.unread)]
        store.intake.enqueue(unread, self._terms())
        if page.cursor is not None:
            store.feeds.save_walk(account, started_at, page.cursor, walk.left_out)
        else:
            store.feeds.finish(account, started_at, page.watermark or "", page.covers)
        return saved

    async def catch_up(self) -> None:
        """See to the leads that came since the first walk and that nobody has read.

        While the first walk of another channel goes on, it may make leads with every page: they
        wait for its end, since all at once they may be cheaper.
        """
        now = self.work.clock.now()
        if await self.work.call(under_way, self.work.store, self._others(), now):
            return
        if await self.work.call(self.is_whole_cheaper):
            await self.walk(Feed(None, None, self.work.clock.now()))
        await self.work.call(self._ask_for_unread)

    def _ask_for_unread(self) -> None:
        account = self.link.account
        self.work.store.intake.enqueue_unread(account.workspace, account.channel, self._terms())

    def wake_the_others(self) -> None:
        """Queue the channels that waited for this one's first walk, or have leads of its making."""
        feeds = self.work.store.feeds
        specs = [
            JobSpec(Kind.DELTA_SYNC, each.workspace, each.channel)
            for each in self._others()
            if feeds.feed(each).watermark is None or feeds.untried(each, 1)
        ]
        self.work.store.intake.enqueue_jobs(specs, self._terms())

    def _others(self) -> list[Account]:
        return [link.account for link in self.work.links if link is not self.link]

    def _terms(self) -> Terms:
        return Terms(Priority.BULK, 0.0, self.max_attempts, self.work.clock.now())
