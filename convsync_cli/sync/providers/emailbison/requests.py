"""Asking EmailBison: requests, errors that come with status 200, and where the next page is.

``links.next`` loses the filters: every address is built here. Pages are asked for by cursor; a host
that answers with numbered pages instead is followed by number.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from convsync_cli.sync.api import Api, Get
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import Unknown
from convsync_cli.sync.shape import Json, an_error, mapping, objects, part, rows, text

FIRST_PAGE: Mapping[str, str] = {"pagination_type": "cursor"}
ALL_FOLDERS = {"folder": "all"}  # without it only the inbox comes back

_NO_RECORD = "record_not_found"


async def walk(
    api: Api, request: Get, paging: Mapping[str, str]
) -> AsyncIterator[tuple[list[Json], Mapping[str, str] | None]]:
    """The pages of a list of the whole workspace, each with the paging of the next one.

    Raises:
        CursorLoop: the pages lead in a circle.
    """
    circle = Circle(request.label)
    following_page: Mapping[str, str] | None = paging
    while following_page is not None:
        asked = following_page
        answer = await ask(api, replace(request, query={**request.query, **asked}))
        found = rows(answer.get("data"), request.label)
        page = objects(found)
        following_page = following(answer, asked) if found else None
        if following_page is not None:
            circle.watch(text(row.get("id")) for row in page)
        yield page, following_page


async def ask(api: Api, request: Get) -> Json:
    """Ask, and find the errors that come with status 200."""
    answer = mapping(await api.ask(request), request.label)
    data = part(answer, "data")
    if data.get("success") is False:
        if data.get("record_not_found"):
            raise Unknown(f"{request.label} answered: no such record", _NO_RECORD)
        raise an_error(request.label, text(data.get("message")))
    return answer


def of_a_record(error: Unknown) -> bool:
    """Whether a 404 is about the record; another host or a missing route answers 404 as well."""
    return _NO_RECORD in error.explanation or '"success"' in error.explanation


def following(answer: Json, paging: Mapping[str, str]) -> Mapping[str, str] | None:
    """The paging parameters of the next page, or None at the end.

    A host that does not know cursors answers with numbered pages; then they are followed.
    """
    meta = part(answer, "meta")
    link = dict(parse_qsl(urlsplit(text(part(answer, "links").get("next")) or "").query))
    cursor = text(meta.get("next_cursor")) or link.get("cursor")
    if cursor:
        return {"pagination_type": "cursor", "cursor": cursor}
    current, last = number(meta.get("current_page")), number(meta.get("last_page"))
    if current is not None and last is not None:
        return {"page": str(current + 1)} if current < last else None
    return {"page": link["page"]} if "page" in link else None


def number(value: object) -> int | None:
    """A whole number, told as one or as text."""
    told = text(value)
    return int(told) if told and told.isdecimal() else None
