"""What a provider's folder is given, and what it must give; the contract suite in
``tests/contracts/providers`` holds every provider to it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Page


@dataclass(frozen=True, slots=True)
class Get:
    """A request: ``label`` is the endpoint's pattern, for telemetry and messages; ``path`` may hold
    ids, and the query anything."""

    label: str
    path: str
    query: Mapping[str, str | int]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Post:
    """A question that is asked by POST, with a JSON ``body``: it changes nothing, so that it may be
    repeated; see ``Get``."""

    label: str
    path: str
    body: Mapping[str, Any]
    query: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """A bearer token that ends, and how the next one is had.

    ``file`` holds the pair of access and refresh token; ``form`` is posted to ``path`` together
    with the refresh token, and the answer holds the next pair.
    """

    file: Path
    path: str
    form: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Auth:
    """What every request of an account carries: its credential, in headers or in the query.

    With a ``grant`` each carries the access token of the moment as well.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Statuses:
    """What HTTP statuses mean at one provider beside what they mean everywhere.

    ``refused`` are further ones, beside 401 and 403, that refuse the account. ``too_fast`` are such
    that may mean "too fast": the account is left alone for a while, and only the same answer again
    means what it usually does.
    """

    refused: frozenset[int] = frozenset()
    too_fast: frozenset[int] = frozenset()


USUAL = Statuses()
MOST_AT_ONCE = 8  # requests of an account; a rate limit needs fewer, unless answers take seconds


class UnusableSetting(Exception):
    """What a provider's ``Settings`` says of a key that it cannot use: see ``Table.refused``."""

    def __init__(self, key: str, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem
        self.hint = hint


class Api(Protocol):
    """An account's HTTP interface, for the length of one job: paced, timed, errors typed."""

    async def ask(self, request: Get | Post) -> Any:
        """Ask, and return the JSON of the answer.

        Raises:
            SyncError: see ``errors``.
        """


class Provider(Protocol):
    """One account at an API that holds conversations."""

    async def check(self, api: Api) -> None:
        """Make the cheapest request that shows whether the credential works.

        Raises:
            SyncError: it does not, or it cannot be told.
        """

    async def identity(self, api: Api) -> str | None:
        """Which workspace the credential sees, where that can change under it; else None.

        Raises:
            SyncError: it cannot be told.
        """

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        """How many messages the provider counts for a lead, or for the whole account.

        None where it gives no number that can be compared with what is stored.

        Raises:
            SyncError: it cannot be told.
        """

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's conversation page by page, from the beginning or from a page's cursor.

        No page at all means that the provider does not know the lead; the last page has no cursor.

        Raises:
            SyncError: reading went wrong; what was yielded before holds.
        """

    def changes(
        self, api: Api, watermark: str | None, cursor: str | None, now: datetime
    ) -> AsyncIterator[FeedPage]:
        """What changed in the whole account since a watermark; without one, all there is.

        The walk starts again or continues at a page's cursor. Where nothing changed it costs one
        request. The last page has no cursor, and always a watermark; what other feeds of the
        provider are read less often is written there.

        Raises:
            Rejected: also where the cursor is refused by now.
            SyncError: reading went wrong; what was yielded before holds.
        """


@runtime_checkable
class ProviderModule(Protocol):
    """What ``sync/providers/<name>/__init__.py`` has: the module itself is the value.

    ``load`` imports it by its name; ``USUAL`` and ``MOST_AT_ONCE`` are what most say of the last
    two.
    """

    CHANNEL: Channel
    BASE_URL: str | None  # None: everybody has a host of their own
    RATE: Rate
    DISCOVER: bool  # whether people that it vouches for become leads
    EITHER: tuple[tuple[str, ...], ...]  # keys of the settings of which exactly one is to be set
    COSTS: Costs
    REFUSALS: Mapping[str, str]  # what to do about a refusal, by a fragment of the answer
    STATUSES: Statuses
    AT_ONCE: int  # requests under way

    @property
    def Settings(self) -> type[Any]:
        """The keys of its table beside those that all share, as a dataclass.

        A field of type ``Credential`` is a credential; ``UnusableSetting`` says what does not fit
        together.
        """

    def auth(self, options: Any, secrets: Mapping[str, str]) -> Auth:
        """What every request carries; the secrets are those that the settings refer to."""

    def reader(self, account: Account) -> Provider:
        """Who reads an account."""
