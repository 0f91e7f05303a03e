"""A bench for the worker: a clock moved by hand, a provider that does as told, a real database.

``bench.sms.says("hi")``, ``bench.mail.fails_with(Unavailable(...))``, ``bench.sms.hangs()``; then
``bench.ask(lead)`` and ``bench.work()``. Every page costs the fakes one request, which goes through
the real ``HttpApi`` to a server that ``bench.sms.server`` commands.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import httpx

from convsync_cli.sync import addresses
from convsync_cli.sync.api import Api, Auth, Get
from convsync_cli.sync.claiming import Pace
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.job import Claim, Job, JobFilter
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.model.placing import JobSpec, Kind, Priority, Terms
from convsync_cli.sync.model.progress import LeadSync
from convsync_cli.sync.ports import Store
from convsync_cli.sync.retry import Uniform
from convsync_cli.sync.runner import Report, Runner
from convsync_cli.sync.telemetry import Listener, Meter
from convsync_cli.sync.wire import open_wire
from convsync_cli.sync.work import Connect, Link, Progress, Work
from convsync_cli.sync.worker import Tally, Worker

T = TypeVar("T")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ONE_BY_ONE = Costs(per_lead=1, page=100, fill_messages=1)  # no walk is cheaper than that
IN_BULK = Costs(per_lead=2, page=100, fill_messages=100)  # but than this, for two leads
TICK_S = 0.001
CHANNELS = {"sms-fake": Channel.SMS, "mail-fake": Channel.EMAIL}


class HandClock:
    """A clock that a test moves; it ticks a little at each look, so that waits come to an end."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self.on_look: Callable[[], object] = lambda: None

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed += seconds

    def now(self) -> datetime:
        now = NOON + timedelta(seconds=self._elapsed)
        self._elapsed += TICK_S
        return now

    def monotonic(self) -> float:
        self.on_look()
        return self._elapsed


@dataclass(slots=True)
class Server:
    """The other end of an account's connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    busy: int = 0
    hanging: bool = False
    latency_s: float = 0.0

    def answers(self, status: int, **headers: str) -> None:
        """Answer like this from now on."""
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def hangs(self) -> None:
        """Never answer from now on."""
        self.hanging = True

    async def serve(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.busy += 1
        try:
            if self.hanging:
                await asyncio.Event().wait()
            await asyncio.sleep(self.latency_s)
        finally:
            self.busy -= 1
        return httpx.Response(self.status, json={}, headers=self.headers)


@dataclass(slots=True)
class Conversation:
    """What a provider tells of a lead, page by page, and what goes wrong on the way."""

    provider: str
    channel: Channel
    steps: list[object] = field(default_factory=list)

    def says(
        self, *texts: str, contact: Contact | None = None, left_out: int = 0
    ) -> "Conversation":
        """Tell one more page of inbound messages."""
        messages = tuple(self._message(text) for text in texts)
        self.steps.append(Page(messages, contact=contact, left_out=left_out))
        return self

    def fails_with(self, error: BaseException, times: int | None = None) -> "Conversation":
        """Fail here, so often or always."""
        self.steps.append(_Failure(error, times))
        return self

    def hangs(self, meanwhile: Callable[[], object] = lambda: None) -> "Conversation":
        """Never go on from here; ``meanwhile`` happens as it begins to hang."""
        self.steps.append(_Hang(meanwhile))
        return self

    def then(self, happens: Callable[[], object]) -> "Conversation":
        """Let something else happen here, in the middle of the reading."""
        self.steps.append(happens)
        return self

    def _message(self, text: str) -> Message:
        return Message(
            self.channel, self.provider, f"{self.provider}-{text}", Direction.INBOUND, NOON, text
        )


@dataclass(slots=True)
class _Failure:
    error: BaseException
    times: int | None

    def strike(self) -> None:
        if self.times == 0:
            return
        if self.times is not None:
            self.times -= 1
        raise self.error


@dataclass(frozen=True, slots=True)
class _Hang:
    meanwhile: Callable[[], object]


class Teller:
    """``Provider`` of one account, for any lead, or differently ``about`` one."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.server = Server()
        self.reads: list[tuple[str, str | None]] = []
        self.reading = self.most_at_once = 0
        self.refused_cursors: set[str] = set()
        self.check_error: BaseException | None = None
        self.opens: str | None = None
        self.feed: list[FeedPage | BaseException] = []
        self.walks: list[tuple[str | None, str | None]] = []
        self._usual = self._new()
        self._about: dict[str, Conversation] = {}
        self._knows_nobody = False

    def _new(self) -> Conversation:
        return Conversation(self.account.provider, self.account.channel)

    def about(self, lead: str) -> Conversation:
        """What is told of this lead only."""
        return self._about.setdefault(lead, self._new())

    def says(self, *texts: str, contact: Contact | None = None, left_out: int = 0) -> Conversation:
        return self._usual.says(*texts, contact=contact, left_out=left_out)

    def fails_with(self, error: BaseException, times: int | None = None) -> Conversation:
        return self._usual.fails_with(error, times)

    def hangs(self, meanwhile: Callable[[], object] = lambda: None) -> Conversation:
        return self._usual.hangs(meanwhile)

    def then(self, happens: Callable[[], object]) -> Conversation:
        return self._usual.then(happens)

    def knows_nobody(self) -> None:
        """Know no lead."""
        self._knows_nobody = True

    def forgets(self) -> None:
        """Tell nothing of what it was told to."""
        self._usual = self._new()

    def refuses(self, cursor: str) -> None:
        """Refuse to go on from a cursor."""
        self.refused_cursors.add(cursor)

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """Tell none."""
        return None

    async def check(self, api: Api) -> None:
        if self.check_error:
            raise self.check_error
        await api.ask(Get("check", "/check", {}))

    async def identity(self, api: Api) -> str | None:
        """The workspace that ``opens`` says; asking costs a request where it says one."""
        if self.opens is not None:
            await api.ask(Get("identity", "/identity", {}))
        return self.opens

    async def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        self.reads.append((lead.id, cursor))
        if cursor in self.refused_cursors:
            raise Rejected("the cursor has expired")
        self.reading += 1
        self.most_at_once = max(self.most_at_once, self.reading)
        try:
            if self._knows_nobody:
                return
            steps = self._about.get(lead.id, self._usual).steps
            last = max((n for n, step in enumerate(steps) if isinstance(step, Page)), default=-1)
            after = any(isinstance(step, _Failure | _Hang) for step in steps[last + 1 :])
            for number in range(int(cursor or 0), len(steps)):
                ends = number == last and not after
                if page := await self._take(api, steps[number], None if ends else str(number + 1)):
                    yield page
            if not steps:
                yield Page()
        finally:
            self.reading -= 1

    async def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """The pages of ``feed``, numbered by their cursors; the mark behind them is ``mark``."""
        self.walks.append((watermark, cursor))
        if cursor in self.refused_cursors:
            raise Rejected("the cursor has expired")
        for number in range(int(cursor or 0), len(self.feed)):
            step = self.feed[number]
            if isinstance(step, BaseException):
                raise step
            await api.ask(Get("changes", "/changes", {}))
            last = number == len(self.feed) - 1
            after = None if last else str(number + 1)
            yield replace(step, cursor=after, watermark="mark" if last else None)

    async def _take(self, api: Api, step: object, cursor: str | None) -> Page | None:
        match step:
            case Page():
                await api.ask(Get("pages", "/pages", {}))
                return Page(step.messages, cursor, step.left_out, step.contact)
            case _Failure():
                step.strike()
            case _Hang():
                step.meanwhile()
                await asyncio.Event().wait()
            case happens:
                assert callable(happens)
                happens()
        return None


class Bench:
    """A database, a clock, and a workspace ``acme`` with two accounts; more on request."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.store = new_store(path)
        self.sms = Teller(account("acme", "sms-fake"))
        self.mail = Teller(account("acme", "mail-fake"))
        self.tellers = [self.sms, self.mail]
        self.stop = asyncio.Event()
        self.pace = Pace(concurrency=4, job_timeout_s=30.0)
        self.listeners: list[Listener] = []
        self.stop_after_s: float | None = None
        self.uniform: Uniform = uniform
        self.connected = 0
        self.hooks: dict[str, Hook] = {}
        self.costs = ONE_BY_ONE
        self._leads = 0

    def asks_for_changes(self, channel: Channel = Channel.SMS) -> int:
        """Enqueue the reading of what changed; the job."""
        terms = Terms(Priority.LISTED, 0.0, 3, self.clock.now())
        self.store.intake.enqueue_jobs([JobSpec(Kind.DELTA_SYNC, "acme", channel)], terms)
        return self.store.queue.jobs(JobFilter(kind=Kind.DELTA_SYNC), 1)[0].id

    def teller(self, workspace: str, provider: str) -> Teller:
        """One more account."""
        teller = Teller(account(workspace, provider))
        self.tellers.append(teller)
        return teller

    # People and their jobs

    def lead(self, workspace: str = "acme", *, phone: bool = True, mail: bool = True) -> str:
        """Add a lead that can be followed by SMS, and with a mail address by email too."""
        self._leads += 1
        told = Contact(
            addresses=(
                *([addresses.phone(f"+1202555{self._leads:04d}", None)] if phone else ()),
                *([addresses.email(f"lead{self._leads}@example.com")] if mail else ()),
            )
        )
        return self.store.leads.learn(workspace, told, CHANNELS, self.clock.now()).lead

    def ask(self, *leads: str, max_attempts: int = 3, priority: Priority = Priority.MANUAL) -> int:
        """Enqueue leads; the job of the last."""
        terms = Terms(priority, 0.0, max_attempts, self.clock.now())
        return self.store.intake.enqueue(leads, terms)[-1].job

    def asked_lead(self, workspace: str = "acme") -> str:
        """A new lead with a job."""
        lead = self.lead(workspace)
        self.ask(lead)
        return lead

    def known(self, lead: str) -> Lead:
        """A lead as the store has it."""
        known = self.store.leads.lead(lead)
        assert known is not None
        return known

    def job(self, lead: str) -> Job:
        """The newest job of a lead."""
        return self.store.queue.jobs(JobFilter(lead=lead), 1)[0]

    def states(self, leads: Sequence[str]) -> list[str]:
        """The states of the leads' jobs."""
        return [self.job(lead).state for lead in leads]

    def texts(self, lead: str) -> list[str]:
        """What is stored of a lead."""
        return sorted(stored.message.body for stored in self.store.archive.conversation(lead))

    def sync(self, lead: str, channel: Channel) -> LeadSync:
        """How a channel of a lead stands."""
        return self.store.archive.syncs(lead)[channel]

    def pause(
        self, teller: Teller, reason: PauseReason = PauseReason.OPERATOR, seconds: float = 3600
    ) -> None:
        """Pause an account."""
        now = self.clock.now()
        until = now + timedelta(seconds=seconds)
        self.store.accounts.pause(teller.account, reason, "paused by the test", until, now)

    def state(self, teller: Teller) -> AccountState:
        """What all processes know of an account."""
        return self.store.accounts.state(teller.account)

    # Work

    def work(self, budget_s: float = 3600.0) -> tuple[str, Tally]:
        """Let a worker work; the reason of its end, and what it counted."""

        async def act(commits: Commits) -> tuple[str, Tally]:
            if self.stop_after_s is not None:
                asyncio.get_running_loop().call_later(self.stop_after_s, self.stop.set)
            deadline = Deadline.after(self.clock, budget_s)
            run = await commits.call(self.store.runs.start, "host", 1, budget_s, self.clock.now())
            worker = Worker(
                commits,
                self.clock,
                self.links(commits),
                self.pace,
                self.uniform,
                tuple(self.listeners),
                hooks=self.hooks,
            )
            return await worker.work(run, deadline, self.stop), worker.tally

        return self.with_commits(act)

    def run(self, budget_s: float = 3600.0) -> Report:
        """One whole run."""

        async def connect(commits: Commits, deadline: Deadline) -> dict[str, tuple[Link, ...]]:
            self.connected += 1
            return self.links(commits)

        async def act() -> Report:
            lock = self.store.lock_run(False)
            assert lock is not None
            runner = Runner(
                self.store,
                self.clock,
                tuple({teller.account.workspace for teller in self.tellers}),
                connect,
                self.pace,
                uniform,
                tuple(self.listeners),
                self.hooks,
            )
            try:
                return await runner.run(lock, Deadline.after(self.clock, budget_s), self.stop)
            finally:
                lock.release()

        return asyncio.run(act())

    def with_commits(self, act: Callable[[Commits], Awaitable[T]]) -> T:
        """Run something that needs the thread of the database."""

        async def around() -> T:
            commits = Commits(self.store, patient=patience_without_end)
            try:
                return await act(commits)
            finally:
                commits.close(5.0)

        return asyncio.run(around())

    def links(self, commits: Commits) -> dict[str, tuple[Link, ...]]:
        """All accounts, connected."""
        found: dict[str, tuple[Link, ...]] = {}
        for teller in self.tellers:
            link = Link(teller.account, teller, self.costs, self._connection(teller, commits))
            found[teller.account.workspace] = (*found.get(teller.account.workspace, ()), link)
        return found

    def claim(self) -> Claim:
        """Take the next due job."""
        now = self.clock.now()
        everywhere = tuple({teller.account.workspace for teller in self.tellers})
        claim = self.store.queue.claim(1, everywhere, now, now + timedelta(seconds=90))
        assert claim is not None
        return claim

    def task(self, commits: Commits, budget_s: float = 3600.0) -> Work:
        """What one attempt may use."""
        return Work(
            commits=commits,
            clock=self.clock,
            deadline=Deadline.after(self.clock, budget_s),
            meter=Meter(),
            progress=Progress(),
            links=self.links(commits)["acme"],
            channels=CHANNELS,
            hook=self.hooks.get("acme"),
        )

    @contextmanager
    def another_process(self) -> Iterator[Store]:
        """The same database, as another process has it."""
        store = open_store(str(self.path))
        yield store
        store.close()

    def _connection(self, teller: Teller, commits: Commits) -> Connect:
        wire = open_wire(teller.account, Auth(), {}, httpx.MockTransport(teller.server.serve))

        def connect(deadline: Deadline, meter: Meter, *, probe: bool = False) -> HttpApi:
            return HttpApi(
                wire,
                commits,
                self.clock,
                deadline,
                meter,
                uniform,
                probe=probe,
                sleep=at_once,
            )

        return connect


def account(workspace: str, provider: str) -> Account:
    """An account whose rate limit is out of the way."""
    rate = Rate(100_000, 1.0)
    return Account(workspace, CHANNELS[provider], provider, "https://api.example.com", rate, None)


@asynccontextmanager
async def api_over(
    account: Account,
    auth: Auth,
    transport: httpx.AsyncBaseTransport,
    clock: HandClock,
) -> AsyncIterator[HttpApi]:
    """An account's real HTTP interface over a transport, beside an empty database."""
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder, "db"))
        commits = Commits(store, patience_without_end)
        wire = open_wire(account, auth, {}, transport)
        deadline = Deadline.after(clock, 1e9)
        yield HttpApi(wire, commits, clock, deadline, Meter(), uniform, sleep=at_once)
        await wire.clients.close()
        commits.close(5.0)
        store.close()


def patience_without_end() -> bool:
    """Wait for a locked database as long as it takes."""
    return True


def uniform(least: float, most: float) -> float:
    """No chance."""
    return most


async def at_once(seconds: float) -> None:
    """Wait for nothing."""


def new_store(path: Path, holding: bytes | None = None) -> Store:
    """A database with its tables, which are made once and copied from then on; or a copy."""
    path.write_bytes(empty_database() if holding is None else holding)
    path.chmod(0o600)
    return open_store(str(path), patience_ms=50)


@cache
def empty_database() -> bytes:
    """A database with its tables and nothing in them: a copy costs less than the migrations."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "empty.db")
        store = open_store(str(path), create=True)
        store.checkpoint()
        store.close()
        return path.read_bytes()
