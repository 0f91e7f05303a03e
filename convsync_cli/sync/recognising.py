"""Which leads a page of a feed is about: somebody may be known, or become a lead, or be nobody's.

Where a feed tells an id and nothing else, the provider is asked who that is, unless it is a lead's.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import Covers, FeedPage, News
from convsync_cli.sync.model.lead import Contact, Lead, Learning
from convsync_cli.sync.model.progress import LeadSync, WalkEnd
from convsync_cli.sync.work import Work

Ask = Callable[[], Awaitable[Contact | None]]


@dataclass(frozen=True, slots=True)
class Recognised:
    """News of somebody who is a lead; ``sync`` is how the lead's channel stood before."""

    news: News
    lead: Lead
    sync: LeadSync | None

    @property
    def whole(self) -> bool:
        """Whether the conversation was read to its end before."""
        return self.sync is not None and self.sync.outcome is WalkEnd.SYNCED

    @property
    def unread(self) -> bool:
        """Whether a job is to read the lead: the walk does not tell all, or cannot know it all."""
        return self.news.unread or (self.news.late and not self.lead.addresses)


@dataclass(frozen=True, slots=True)
class Recognising:
    """Finds the leads of one account's workspace."""

    work: Work
    account: Account

    async def among(self, page: FeedPage) -> list[Recognised]:
        """Those of a page's people who are leads, or become ones.

        Raises:
            SyncError: the provider cannot be asked who somebody is.
        """
        unnamed = await self.work.call(self._unnamed, page)
        names = {contact: await _asked(ask, contact) for contact, ask in unnamed.items()}
        news = tuple(_with_name(each, names) for each in page.news)
        return await self.work.call(self._leads, news, page.covers)

    def _unnamed(self, page: FeedPage) -> dict[Contact, Ask]:
        """Who is nobody's lead by the id that is told, and may be one by address or become one."""
        return {
            news.contact: news.ask
            for news in page.news
            if news.ask
            and not self._known(news.contact)
            and (self.account.discover or self._known(Contact(addresses=news.found_by)))
        }

    def _leads(self, news: tuple[News, ...], covers: Covers) -> list[Recognised]:
        found = [(each, self._lead(each, covers)) for each in news]
        return [Recognised(each, lead, self._sync(lead)) for each, lead in found if lead]

    def _lead(self, news: News, covers: Covers) -> Lead | None:
        account, store, now = self.account, self.work.store, self.work.clock.now()
        names = news.contact.handles or news.contact.addresses
        lead = self._known(news.contact if names else Contact(addresses=news.found_by))
        if lead is not None:
            if lead.knows(news.contact):
                return lead
            learnt = store.leads.learn_about(lead, news.contact, self.work.channels, now)
            return None if learnt.answer is Learning.FORGOTTEN else lead
        if not (news.vouched and account.discover):
            return None
        learnt = store.leads.learn(account.workspace, news.contact, self.work.channels, now)
        if learnt.answer is Learning.FORGOTTEN:
            return None
        if covers is not Covers.NOBODY and not news.late:
            store.feeds.found(learnt.lead, account.channel)
        return store.leads.lead(learnt.lead)

    def _known(self, contact: Contact) -> Lead | None:
        return self.work.store.leads.recognise(self.account.workspace, contact)

    def _sync(self, lead: Lead) -> LeadSync | None:
        return self.work.store.archive.syncs(lead.id).get(self.account.channel)


async def _asked(ask: Ask, contact: Contact) -> Contact | None:
    """Who the provider says somebody is; where it cannot be told, what is known already."""
    try:
        return await ask()
    except Rejected:
        return contact


def _with_name(news: News, names: Mapping[Contact, Contact | None]) -> News:
    """News of who it is; an id that the provider does not know names nobody."""
    if news.ask is None or news.contact not in names:
        return news
    contact = names[news.contact]
    if contact is None:
        return replace(news, contact=Contact(), vouched=False)
    return replace(news, contact=contact)
