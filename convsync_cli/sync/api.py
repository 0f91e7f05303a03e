"""What a provider's file is given, and what it must give; the contract suite in
``tests/contracts/providers`` holds every provider to it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Page


@dataclass(frozen=True, slots=True)
class Get:
    """A request: ``label`` is the endpoint's pattern, for telemetry and messages; ``path`` may hold
    ids, and the query anything."""

    label: str
    path: str
    query: Mapping[str, str | int]
    headers: Mapping[str, str] = field(default_factory=dict)


class Api(Protocol):
    """An account's HTTP interface, for the length of one job: paced, timed, errors typed."""

    async def get(self, request: Get) -> Any:
        """Send a GET and return the JSON of its answer.

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

    def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A lead's conversation page by page, from the beginning or from a page's cursor.

        No page at all means that the provider does not know the lead; the last page has no cursor.

        Raises:
            SyncError: reading went wrong; what was yielded before holds.
        """
