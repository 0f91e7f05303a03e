"""A provider's API as a script: answers are written down, and a request nobody wrote down fails.

``Script().answers("/path", {...}, cursor="abc")`` answers the request for that path and that place
in its list. Whatever else stands in the query may be asked of ``requests`` afterwards.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from convsync_cli.sync.api import Get, Post, Provider
from convsync_cli.sync.errors import SyncError
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Message, Page

# By these one page, or one look-up, differs from another at the same path.
PLACES = (
    *("lastMessageId", "startAfterDate", "cursor", "page", "email", "number", "contactId"),
    *("To", "From", "DateSent>", "PageToken"),
    *("lead", "email_type", "min_timestamp_created", "starting_after"),
)


class Unplanned(Exception):
    """A request that the test did not foresee."""


@dataclass(slots=True)
class Script:
    """``Api`` over written answers."""

    requests: list[Get | Post] = field(default_factory=list)
    _answers: dict[tuple[str, frozenset[tuple[str, str]]], Any] = field(default_factory=dict)

    def answers(self, path: str, answer: object, **place: str) -> "Script":
        """Plan an answer, or an error to raise."""
        self._answers[path, frozenset(place.items())] = answer
        return self

    async def ask(self, request: Get | Post) -> Any:
        """Answer as planned."""
        self.requests.append(request)
        asked = {name: str(value) for name, value in request.query.items() if name in PLACES}
        key = request.path, frozenset(asked.items())
        if key not in self._answers:
            raise Unplanned(f"{request.path} {asked}")
        answer = self._answers[key]
        if isinstance(answer, SyncError):
            raise answer
        return answer

    @property
    def paths(self) -> list[str]:
        """The paths that were asked, in order."""
        return [request.path for request in self.requests]

    def asked(self, name: str) -> list[str | int | None]:
        """A query parameter of every request."""
        return [request.query.get(name) for request in self.requests]


def read(provider: Provider, script: Script, lead: Lead, cursor: str | None = None) -> list[Page]:
    """All pages of a lead; what the provider raises is raised."""
    return asyncio.run(_gathered(provider.pages(script, lead, cursor)))


def messages(provider: Provider, script: Script, lead: Lead) -> list[Message]:
    """All messages of a lead."""
    return [message for page in read(provider, script, lead) for message in page.messages]


def changes(
    provider: Provider, script: Script, watermark: str | None, cursor: str | None, now: datetime
) -> list[FeedPage]:
    """All pages of a walk through the change feed; what the provider raises is raised."""

    async def gathered() -> list[FeedPage]:
        return [page async for page in provider.changes(script, watermark, cursor, now)]

    return asyncio.run(gathered())


async def _gathered(pages: AsyncIterator[Page]) -> list[Page]:
    return [page async for page in pages]
