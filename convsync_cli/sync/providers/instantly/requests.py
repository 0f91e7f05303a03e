"""What is asked of Instantly: the one list of all mail, and a lead by its id.

Errors that come with status 200 are found here, and a list that leads in a circle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from convsync_cli.sync.api import Api, Get
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.shape import Json, mapping, rows, text

LIST = "api/v2/emails"
LARGEST_PAGE = 100

Query = Mapping[str, str | int]


@dataclass(slots=True)
class Trail:
    """What a list has shown so far, so that one that leads in a circle is noticed."""

    cursors: set[str] = field(default_factory=set)
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    circle: Circle = field(default_factory=lambda: Circle(LIST))

    def follow(self, found: list[object], after: str | None) -> str | None:
        """The cursor behind a page, None at the end: without a row, or where it repeats itself."""
        ids = frozenset(
            id for row in found if isinstance(row, Mapping) and (id := text(row.get("id")))
        )
        if ids and ids <= self.first | self.last:
            raise CursorLoop(f"{LIST} leads in a circle; its end cannot be reached")
        self.first, self.last = self.first or ids, ids
        if after is None or not found or after in self.cursors:
            return None
        self.circle.watch(sorted(ids))
        self.cursors.add(after)
        return after


async def mail(api: Api, query: Query) -> tuple[list[object], str | None]:
    """The rows of a page of mail, and the cursor behind it."""
    answer = await _ask(api, Get(LIST, f"/{LIST}", query))
    return rows(answer.get("items"), LIST), text(answer.get("next_starting_after"))


async def lead_by_id(api: Api, id: str) -> Json | None:
    """A lead's own row; None where Instantly knows none.

    Raises:
        Rejected: it is another lead.
    """
    label = "api/v2/leads/{id}"
    try:
        row = await _ask(api, Get(label, f"/api/v2/leads/{id}", {}))
    except Unknown as error:
        if '"statusCode"' not in error.explanation:  # another host, or a route that is missing
            raise
        return None
    if text(row.get("id")) != id:
        raise Rejected(f"{label} answered with another lead than asked for")
    return row


async def _ask(api: Api, request: Get) -> Json:
    """Ask, and find the errors that come with status 200."""
    answer = mapping(await api.ask(request), request.label)
    if answer.get("error"):
        raise Rejected(f"{request.label} answered with an error", text(answer["error"]) or "")
    return answer
