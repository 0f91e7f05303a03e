"""What is asked of EmailBison, errors that come with status 200, and where the next page is.

``links.next`` loses the filters: every address is built here. Pages are asked for by cursor; a host
that answers with numbered pages instead is followed by number.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qsl, quote, urlsplit

from convsync_cli.sync.api import Api, Get
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.errors import Unknown
from convsync_cli.sync.model.lead import Contact
from convsync_cli.sync.providers.emailbison.rows import person
from convsync_cli.sync.shape import (
    Json,
    an_error,
    mapping,
    objects,
    other_lead,
    part,
    rows,
    text,
    without_id,
)

FIRST_PAGE: Mapping[str, str] = {"pagination_type": "cursor"}

_ALL_FOLDERS = {"folder": "all"}  # without it only the inbox comes back
_LISTS: Mapping[str, Mapping[str, str]] = {"replies": _ALL_FOLDERS, "sent-emails": {}}

USER = Get("api/users", "/api/users", {})
REPLIES = Get("api/replies", "/api/replies", _ALL_FOLDERS)
CAMPAIGNS = Get("api/campaigns", "/api/campaigns", {})

_NO_RECORD = "record_not_found"


def replies_to(campaign: str) -> Get:
    """The replies to a campaign."""
    path = f"/api/campaigns/{quote(campaign, safe='')}/replies"
    return Get("api/campaigns/{id}/replies", path, _ALL_FOLDERS)


def sends(since: date | None) -> Get:
    """Campaign mails that were sent, from a day on or all."""
    query = {"status": "sent"}
    if since is not None:
        query["scheduled_date_local[criteria]"] = ">="
        query["scheduled_date_local[value]"] = since.isoformat()
    return Get("api/scheduled-emails", "/api/scheduled-emails", query)


def mails_of(lead: str, which: str) -> Get:
    """The ``replies`` or the ``sent-emails`` of a lead."""
    path = f"/api/leads/{quote(lead, safe='')}/{which}"
    return Get(f"api/leads/{{id}}/{which}", path, _LISTS[which])


async def lead_by_id(api: Api, id: str) -> Contact | None:
    """A lead as EmailBison knows it; None where it knows none of that id.

    Raises:
        Rejected: it is another lead.
    """
    label = "api/leads/{id}"
    found = await _lead(api, label, quote(id, safe=""))
    if found is not None and found.handles[0].external_id != id:
        raise other_lead(label)
    return found


async def lead_by_email(api: Api, email: str) -> Contact | None:
    """A lead as EmailBison knows it; None where it knows none with that address.

    Raises:
        Rejected: it is another lead.
    """
    label = "api/leads/{email}"
    found = await _lead(api, label, quote(email, safe="@"))
    if found is not None and any(address.value != email for address in found.addresses):
        raise other_lead(label)
    return found


async def _lead(api: Api, label: str, key: str) -> Contact | None:
    try:
        answer = await ask(api, Get(label, f"/api/leads/{key}", {}))
    except Unknown as error:
        if not of_a_record(error):
            raise
        return None
    row = mapping(answer.get("data"), label)
    id = text(row.get("id"))
    if id is None:
        raise without_id(label)
    return person(row, id)


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
