"""What the contract suite must know of a provider to hold it to its promises.

``Desk`` reads leads of a running sandbox through a provider, as a worker would: with the real HTTP
client and the real database of accounts, but without waiting for free slots.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import httpx

from convsync_cli.sandbox import instantly_shapes, twilio_shapes
from convsync_cli.sandbox.rows import Expected, Person
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Recorded, Sandbox
from convsync_cli.sandbox.smartlead import key_of
from convsync_cli.sandbox.smartlead_threads import lead_id
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sync import addresses, merge, providers
from convsync_cli.sync.api import Api, Provider, ProviderModule
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.commits import Commits
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import SyncError
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import FromEnv
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Channel, Message, Page
from convsync_cli.sync.model.pause import AccountState
from convsync_cli.sync.ports import Store
from convsync_cli.sync.telemetry import Meter
from convsync_cli.sync.wire import open_wire

T = TypeVar("T")

WORKSPACE = "acme"
TOKEN = FromEnv("UNUSED")


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What differs between change feeds, and why; where nothing is said, what issue 4 asks for.

    ``news`` is what a page of news of one lead costs, ``hourly`` what nothing costs at most once an
    hour. A message that comes late is found ``late_after``. Where the feed carries no ``bodies`` a
    conversation that cannot be read is left to a job of its own.
    """

    news: int = 1
    hourly: int = 2
    late_after: timedelta = timedelta()
    bodies: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """How the sandbox plays one provider, and whose conversations need several pages there.

    ``secret`` is the setting that holds the credential. One that ``has_ids`` not knows addresses,
    and nobody by them. Where lists of a lead are not ``paged``, a page is a whole list.
    """

    name: str
    url: Callable[[Sandbox], str]
    token: Callable[[Workspace], str]
    options: Callable[[ProviderModule, Workspace], Any]
    handle: Callable[[Person], str | None]
    long: str
    feed: str
    strangers: str
    questions: frozenset[str] = frozenset()  # the paths that are asked by POST and change nothing
    secret: str = "token"
    has_ids: bool = True
    paged: bool = True
    feeds: FeedFacts = FeedFacts()

    def page(self, number: int) -> dict[str, Any]:
        """The condition of a fault that hits a page of the feed of a lead."""
        return {"page": number} if self.paged else {"skip": number - 1}

    @property
    def module(self) -> ProviderModule:
        return providers.load(self.name)


CASES = {
    case.name: case
    for case in (
        Case(
            name="gohighlevel",
            url=lambda sandbox: sandbox.gohighlevel_url,
            token=lambda workspace: workspace.gohighlevel_token,
            options=lambda module, workspace: module.Settings(workspace.location_id, TOKEN),
            handle=lambda person: person.contact,
            long="long sms",
            feed="*/messages",
            strangers="mail only",
            questions=frozenset({"/contacts/search"}),
            # The feed tells conversations by their newest message: each that changed is read by a
            # request, and one that a late message did not move is found by the hourly export.
            feeds=FeedFacts(news=2, late_after=timedelta(minutes=65), bodies=False),
        ),
        Case(
            name="emailbison",
            url=lambda sandbox: sandbox.emailbison_url,
            token=lambda workspace: workspace.emailbison_token,
            options=lambda module, workspace: module.Settings(TOKEN),
            handle=lambda person: None if person.bison is None else str(person.bison),
            long="long mail",
            feed="*/replies",
            strangers="sms only",
            # Whose workspace the token opens is asked once a run before anything is stored, and
            # once an hour; campaign mails are a list of their own, read once an hour.
            feeds=FeedFacts(news=2, hourly=3),
        ),
        Case(
            name="smartlead",
            url=lambda sandbox: sandbox.urls["smartlead"],
            token=key_of,
            options=lambda module, workspace: module.Settings(TOKEN),
            handle=lambda person: None if person.bison is None else str(lead_id(person)),
            long="long mail",
            feed="*/message-history",
            strangers="sms only",
            secret="api_key",
            paged=False,
            # Once an hour what we wrote: the inbox, the campaigns, and each of two active ones.
            feeds=FeedFacts(hourly=4),
        ),
        Case(
            name="twilio",
            url=lambda sandbox: sandbox.urls["twilio"],
            token=lambda workspace: twilio_shapes.credentials(workspace)[
                twilio_shapes.account_sid(workspace)
            ],
            options=lambda module, workspace: module.Settings(
                twilio_shapes.account_sid(workspace), TOKEN
            ),
            handle=lambda person: None,
            long="long sms",
            feed="*/Messages.json",
            strangers="mail only",
            secret="auth_token",
            has_ids=False,
        ),
        Case(
            name="instantly",
            url=lambda sandbox: sandbox.urls["instantly"],
            token=instantly_shapes.token,
            options=lambda module, workspace: module.Settings(TOKEN),
            handle=lambda person: (
                None if person.bison is None else instantly_shapes.lead_id(person)
            ),
            long="long mail",
            feed="*/emails",
            strangers="sms only",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Walk:
    """What reading a lead gave, and the error that ended it."""

    pages: tuple[Page, ...]
    error: SyncError | None

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(message for page in self.pages for message in page.messages)

    @property
    def ids(self) -> set[str | None]:
        return {message.external_id for message in self.messages}


@dataclass(slots=True)
class Desk:
    """One provider's account in the workspace ``acme``, with every lead of the cast at hand."""

    case: Case
    sandbox: Sandbox
    store: Store
    token: str = ""
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def workspace(self) -> Workspace:
        return self.sandbox.world.workspace(WORKSPACE)

    @property
    def account(self) -> Account:
        module = self.case.module
        return Account(
            workspace=WORKSPACE,
            channel=Channel(module.CHANNEL),
            provider=self.case.name,
            base_url=self.case.url(self.sandbox),
            rate=Rate(100_000, 1.0),
            options=self.case.options(module, self.workspace),
        )

    @property
    def state(self) -> AccountState:
        return self.store.accounts.state(self.account)

    @property
    def asked(self) -> list[Recorded]:
        """The requests that arrived anywhere."""
        return self.sandbox.requests

    @property
    def elsewhere(self) -> list[Recorded]:
        """The requests that arrived at an origin that is not the provider's."""
        return [one for one in self.asked if one.provider != self.case.name]

    def with_token(self, token: str) -> "Desk":
        """The same with another credential."""
        return replace(self, token=token)

    def person(self, role: str) -> Person:
        """Who plays a role."""
        return self.workspace.people[f"{WORKSPACE}-{CAST.index(role) + 1:05d}"]

    def lead(self, role: str, *, handle: bool = True) -> Lead:
        """Who plays a role, as a lead with all its addresses, or also with its id."""
        person = self.person(role)
        id = self.case.handle(person)
        return Lead(
            id="L0000000000000000ab",
            workspace=WORKSPACE,
            addresses=(
                *(addresses.email(each) for each in person.emails),
                *(addresses.phone(each, None) for each in person.phones),
            ),
            handles=(Handle(self.case.name, id),) if handle and id else (),
        )

    def truth(self, role: str) -> list[Expected]:
        """What a perfect read of a lead holds."""
        key = self.person(role).key
        every = self.sandbox.world.expected(WORKSPACE, self.case.name)
        return [one for one in every if one.lead_key == key]

    def walk(self, lead: Lead, cursor: str | None = None) -> Walk:
        """Read a lead until the last page or an error."""

        async def act(provider: Provider, api: Api) -> Walk:
            pages: list[Page] = []
            try:
                async for page in provider.pages(api, lead, cursor):
                    pages.append(page)  # noqa: PERF401  # what came before an error is kept
            except SyncError as error:
                return Walk(tuple(pages), error)
            return Walk(tuple(pages), None)

        return self._with_api(act)

    def read(self, lead: Lead, cursor: str | None = None) -> tuple[Page, ...]:
        """Read a lead to its end."""
        walk = self.walk(lead, cursor)
        if walk.error is not None:
            raise walk.error
        return walk.pages

    def total(self, lead: Lead | None) -> int | None:
        """How many messages the provider counts."""
        return self._with_api(lambda provider, api: provider.total(api, lead))

    def check(self) -> None:
        """Look whether the credential works."""
        self._with_api(lambda provider, api: provider.check(api))

    def _with_api(self, act: Callable[[Provider, Api], Awaitable[T]]) -> T:
        return asyncio.run(self._acting(act))

    async def _acting(self, act: Callable[[Provider, Api], Awaitable[T]]) -> T:
        module = self.case.module
        secrets = {self.case.secret: self.token or self.case.token(self.workspace)}
        auth = module.auth(self.account.options, secrets)
        plain = httpx.AsyncHTTPTransport(verify=False)  # loopback: spares reading certificates
        wire = open_wire(self.account, auth, module.REFUSALS, plain, module.STATUSES)
        commits = Commits(self.store, patient=lambda: True)
        api = HttpApi(
            wire,
            commits,
            self.clock,
            Deadline.after(self.clock, 60.0),
            Meter(),
            uniform=lambda least, most: least,
            sleep=at_once,
        )
        try:
            return await act(module.reader(self.account), api)
        finally:
            await wire.clients.close()
            commits.close(5.0)


async def at_once(seconds: float) -> None:
    """Wait for nothing."""


def stored(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages as an empty archive stores them: each once."""
    return merge.plan((), messages).new


def told(message: Message) -> tuple[object, ...]:
    """A stored message, by all that the truth knows of one."""
    return (
        message.channel,
        message.direction,
        message.sent_at,
        " ".join(message.body.split()),
        message.subject,
        message.message_id,
    )


def meant(one: Expected) -> tuple[object, ...]:
    """An expected message, as ``told``."""
    return (
        one.channel,
        one.direction,
        one.sent_at,
        " ".join(one.text.split()),
        one.subject,
        one.message_id,
    )
