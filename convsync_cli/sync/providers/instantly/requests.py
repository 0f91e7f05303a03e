"""What is asked of Instantly: the one list of all mail, and a lead by its id."""

from collections.abc import Mapping

from convsync_cli.sync.api import Api, Get
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import Unknown
from convsync_cli.sync.shape import Json, an_error, mapping, objects, other_lead, rows, text

LIST = "api/v2/emails"
LARGEST_PAGE = 100

Query = Mapping[str, str | int]


async def mail(api: Api, query: Query) -> tuple[list[object], str | None]:
    """The rows of a page of mail, and the cursor behind it.

    None at the end: without a row, or where the cursor is the one that was asked with.
    """
    answer = await _ask(api, Get(LIST, f"/{LIST}", query))
    found, after = rows(answer.get("items"), LIST), text(answer.get("next_starting_after"))
    return found, after if found and after != query.get("starting_after") else None


def watch(circle: Circle, found: list[object]) -> None:
    """Look whether a page leads in a circle, also the last one: it may be the first once more."""
    if found:
        circle.watch(text(row.get("id")) for row in objects(found))


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
        raise other_lead(label)
    return row


async def _ask(api: Api, request: Get) -> Json:
    """Ask, and find the errors that come with status 200."""
    answer = mapping(await api.ask(request), request.label)
    if answer.get("error"):
        raise an_error(request.label, text(answer["error"]))
    return answer
