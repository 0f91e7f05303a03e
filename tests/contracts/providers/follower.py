"""An archive that is kept up to date through a provider's change feed, by the job that does so.

``follower.follow()`` is one ``delta_sync``; with ``cut_after=2`` it is one whose time is up once
two pages are stored. What the world does in the middle is told with ``meanwhile``.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from convsync_cli.sandbox.rows import Expected, Person
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sync import addresses
from convsync_cli.sync.api import Api, Provider
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import BudgetSpent
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.jobs import delta_sync
from convsync_cli.sync.model.feed import Feed, FeedPage
from convsync_cli.sync.model.job import Claim, JobFilter
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Message, Page
from convsync_cli.sync.model.outcome import Outcome
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import open_wire
from convsync_cli.sync.work import Link, Progress, Work
from tests.contracts.providers.cases import WORKSPACE, Desk, at_once, meant, told
from tests.sync.workbench import new_store


class SetClock(SystemClock):
    """The system's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass(slots=True)
class Interrupted:
    """``Provider`` whose feed ends for want of time after some pages, and is watched meanwhile."""

    real: Provider
    cut_after: int | None
    meanwhile: Callable[[int], object]

    async def identity(self, api: Api) -> str | None:
        return await self.real.identity(api)

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        pages = 0
        async for page in self.real.changes(api, watermark, cursor, now):
            if pages == self.cut_after:
                raise BudgetSpent("the test ends it here")
            pages += 1
            yield page
            self.meanwhile(pages)

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        return self.real.pages(api, lead, cursor)


@dataclass(slots=True)
class Follower:
    """One account's archive in a database of its own."""

    desk: Desk
    store: Store
    clock: SetClock = field(default_factory=SetClock)
    discover: bool = False

    @property
    def workspace(self) -> Workspace:
        return self.desk.workspace

    @property
    def channels(self) -> dict[str, Any]:
        return {self.desk.case.name: self.desk.account.channel}

    @property
    def feed(self) -> Feed:
        """How far the feed has been read."""
        return self.store.feeds.feed(self.desk.account)

    def knows_everybody(self) -> "Follower":
        """Have everybody in the workspace as a lead, by address and id."""
        for person in self.workspace.people.values():
            self.meets(person)
        return self

    def meets(self, person: Person) -> str:
        """Have somebody as a lead."""
        id = self.desk.case.handle(person)
        contact = Contact(
            addresses=(
                *(addresses.email(each) for each in person.emails),
                *(addresses.phone(each, None) for each in person.phones),
            ),
            handles=(Handle(self.desk.case.name, id),) if id else (),
        )
        now = self.clock.now()
        return self.store.leads.learn(WORKSPACE, contact, self.channels, now).lead

    def follow(
        self, *, cut_after: int | None = None, meanwhile: Callable[[int], object] = lambda _: None
    ) -> Outcome | None:
        """Bring the archive up to date; None where the walk's time was up."""
        return asyncio.run(self._follow(cut_after, meanwhile))

    def finish(self) -> None:
        """Go on with a walk until it is at its end."""
        for _ in range(1000):
            self.follow()
            if self.feed.cursor is None:
                return
        raise AssertionError("the walk does not end")

    def cost(self, act: Callable[[], object]) -> int:
        """How many requests something costs."""
        before = len(self.desk.asked)
        act()
        return len(self.desk.asked) - before

    @property
    def left_to_jobs(self) -> set[str | None]:
        """The leads that wait for a job of their own."""
        wanted = JobFilter(kind=Kind.CONVERSATION_SYNC, state="pending")
        return {job.lead for job in self.store.queue.jobs(wanted, 1000)}

    def read_each(self, only: set[str | None] | None = None) -> None:
        """Fill the archive lead by lead instead, or read ``only`` some."""
        for lead in self.leads():
            if only is not None and lead.id not in only:
                continue
            for page in self.desk.read(lead):
                account, now = self.desk.account, self.clock.now()
                self.store.archive.save_messages(lead, account.channel, page.messages, now)

    def leads(self) -> list[Lead]:
        return self.store.leads.leads(WORKSPACE, "", 10_000)

    def messages(self) -> dict[tuple[str, ...], set[Message]]:
        """All that is stored, by the lead's addresses."""
        stored = self.store.archive.messages()
        names = {lead.id: tuple(sorted(a.raw for a in lead.addresses)) for lead in self.leads()}
        found: dict[tuple[str, ...], set[Message]] = {}
        for one in stored:
            found.setdefault(names[one.lead], set()).add(one.message)
        return found

    def told(self) -> Counter[tuple[object, ...]]:
        """All that is stored, as the truth tells it."""
        return Counter(told(one.message) for one in self.store.archive.messages())

    def truth(self) -> Counter[tuple[object, ...]]:
        """What ought to be stored."""
        return Counter(map(meant, self.expected()))

    def expected(self) -> list[Expected]:
        return list(self.desk.sandbox.world.expected(WORKSPACE, self.desk.case.name))

    def says(self, text: str, role: str | None = None) -> None:
        """Let a lead say something."""
        person = self.desk.person(role or self.desk.case.long)
        channel = self.desk.account.channel
        self.desk.sandbox.world.say(WORKSPACE, person.key, channel, "inbound", text)

    def newcomers_say(self, count: int) -> None:
        """Let people whom nobody knew before become leads, and each say something."""
        world, channel = self.desk.sandbox.world, self.desk.account.channel
        for number in range(count):
            person = world.meet(WORKSPACE)
            self.meets(person)
            world.say(WORKSPACE, person.key, channel, "inbound", f"newcomer {number}")

    def heard(self) -> set[str]:
        """The texts that are stored."""
        return {one.message.body for one in self.store.archive.messages()}

    async def _follow(
        self, cut_after: int | None, meanwhile: Callable[[int], object]
    ) -> Outcome | None:
        module = self.desk.case.module
        account = replace(self.desk.account, discover=self.discover)
        auth = module.auth(
            account.options, {self.desk.case.secret: self.desk.case.token(self.workspace)}
        )
        transport = httpx.AsyncHTTPTransport(verify=False)
        wire = open_wire(account, auth, module.REFUSALS, transport)
        commits = Commits(self.store, patient=lambda: True)

        def connect(deadline: Deadline, meter: Meter, *, probe: bool = False) -> HttpApi:
            first = lambda least, most: least  # noqa: E731  # no chance
            return HttpApi(
                wire,
                commits,
                self.clock,
                deadline,
                meter,
                first,
                probe,
                at_once,
            )

        provider = Interrupted(module.reader(account), cut_after, meanwhile)
        link = Link(account, provider, module.COSTS, connect)  # type: ignore[arg-type]  # of a provider, the feed
        work = Work(
            commits, self.clock, Deadline.after(self.clock, 60.0), Meter(), Progress(),
            (link,), self.channels,
        )  # fmt: skip
        now = self.clock.now()
        claim = Claim(
            1, "delta_sync", WORKSPACE, None, 1, 1, 3, now, now, now, subject=account.channel
        )
        try:
            return await delta_sync.perform(claim, work)
        except BudgetSpent:
            return None
        finally:
            await wire.clients.close()
            commits.close(5.0)


@contextmanager
def follower(desk: Desk, path: Path, holding: bytes | None = None) -> Iterator[Follower]:
    """A follower with an empty archive, or one that holds what another's held."""
    store = new_store(path, holding)
    yield Follower(desk, store)
    store.close()
