"""Smartlead as it answers live: a key in the address, and an envelope per endpoint."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from convsync_cli.sandbox import smartlead_shapes as shapes
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.routing import Refused, answered, routes
from convsync_cli.sandbox.smartlead_threads import Thread, lead_id, threads
from convsync_cli.sandbox.workspace import Workspace

BASE = "/api/v1"
INBOX_PAGE = 20
LEADS_PAGE = 100
BULK_SUFFIX = "bbfbdsFGHlBr76ruhjvh6fhHL"  # part of the documented path

_STATUSES = ("STARTED", "INPROGRESS", "COMPLETED", "PAUSED", "STOPPED")
_INBOX_BODY = ("offset", "limit", "filters", "sortBy")
_FILTERS = ("replyTimeBetween", "emailStatus", "campaignId", "search")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def error(status: int, message: str) -> Response:
    """An error as this API words it."""
    return Response(status, {"message": message})


def key_of(workspace: Workspace) -> str:
    """The API key of a workspace's account."""
    secret = workspace.gohighlevel_token.removeprefix("pit-")[::-1]
    return f"{secret[:8]}-{secret[8:]}_{workspace.letters.lower()}"


@dataclass(frozen=True, slots=True)
class Smartlead:
    """Answers requests."""

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer a request that carries the key of this workspace."""
        path = request.path.removesuffix("/").removeprefix(BASE)
        missing = error(404, "Cannot find what you are looking for")
        return answered(_ROUTES, path, workspace, request) or missing


def widened(workspace: Workspace, request: Request) -> Request:
    """The request as a server reads it that ignores whom it is about: somebody else's comes."""
    wide = request.without("email")
    match = re.fullmatch(rf"({BASE}/(?:campaigns/(\d+)/)?leads/)(\d+)(/.+)", request.path)
    if match is None:
        return wide
    start, campaign, asked, end = match.groups()
    with workspace.lock:
        others = [
            lead
            for (of, lead), thread in threads(workspace).items()
            if str(lead) != asked and campaign in (None, str(of)) and thread.items
        ]
    return replace(wide, path=f"{start}{others[0]}{end}") if others else wide


def _campaigns(workspace: Workspace, request: Request) -> Response:
    """``/campaigns/``: a bare list."""
    return Response(200, [shapes.campaign(row) for row in workspace.campaigns])


def _lead_by_email(workspace: Workspace, request: Request) -> Response:
    """``/leads/?email=``: one lead, or an empty object."""
    wanted = request.get("email").lower()
    for person in workspace.people.values():
        if person.bison is not None and wanted in ("", person.emails[0].lower()):
            return Response(200, shapes.lead_found(person, _of(workspace, lead_id(person))))
    return Response(200, {})


def _lead(workspace: Workspace, request: Request, ident: str) -> Response:
    """``/leads/{id}``: a list of one."""
    person = _known(workspace, ident)[0].person
    told = shapes.lead(person)
    return Response(200, {"ok": True, "message": "Lead fetched", "data": [told]})


def _lead_campaigns(workspace: Workspace, request: Request, ident: str) -> Response:
    """``/leads/{id}/campaigns``: a bare list."""
    return Response(200, [shapes.campaign(one.campaign) for one in _known(workspace, ident)])


def _campaign_leads(workspace: Workspace, request: Request, ident: str) -> Response:
    """``/campaigns/{id}/leads``: by offset, at most a hundred."""
    offset = _number(request.get("offset", "0"), "offset", 0, 10**9)
    limit = _number(request.get("limit", "100"), "limit", 1, LEADS_PAGE)
    status, since = request.get("status"), request.get("last_sent_time_gt")
    if status and status not in _STATUSES:
        raise Refused(error(400, '"status" must be one of ' + ", ".join(_STATUSES)))
    after = _moment(since, "last_sent_time_gt") if since else None
    rows = [
        thread
        for (campaign, _), thread in sorted(threads(workspace).items(), key=_by_map)
        if str(campaign) == ident
        and (after is None or (thread.last_sent or _EARLIEST) > after)
        and status in ("", "INPROGRESS" if thread.items else "STARTED")
    ]
    if not any(str(row.id) == ident for row in workspace.campaigns):
        raise Refused(error(404, "Campaign not found"))
    told = [shapes.listed_lead(thread) for thread in rows[offset : offset + limit]]
    return Response(
        200, {"total_leads": str(len(rows)), "data": told, "offset": offset, "limit": limit}
    )


def _history(workspace: Workspace, request: Request, campaign: str, lead: str) -> Response:
    """``/campaigns/{id}/leads/{id}/message-history``: a whole thread at once."""
    thread = threads(workspace).get((int(campaign), int(lead)))
    if thread is None:
        raise Refused(error(404, "Lead not found in this campaign"))
    return Response(200, shapes.history(thread))


def _histories(workspace: Workspace, request: Request, campaign: str) -> Response:
    """``/campaigns/{id}/message-history-for-leads/…``: threads by lead; no mail, no thread."""
    wanted = _body(request).get("lead_ids")
    if not isinstance(wanted, list):
        raise Refused(error(400, '"lead_ids" must be an array'))
    told = {
        str(lead): shapes.history(thread)
        for lead in wanted
        if (thread := threads(workspace).get((int(campaign), int(lead)))) and thread.items
    }
    return Response(200, told)


def _inbox(workspace: Workspace, request: Request) -> Response:
    """``/master-inbox/inbox-replies``: conversations with a reply, at most twenty."""
    body = _body(request)
    filters = body.get("filters", {})
    if not isinstance(filters, dict):
        raise Refused(error(400, '"filters" must be of type object'))
    _allow(body, _INBOX_BODY)
    _allow(filters, _FILTERS)
    offset = _number(body.get("offset", 0), "offset", 0, 10**9)
    limit = _number(body.get("limit", INBOX_PAGE), "limit", 1, INBOX_PAGE)
    chosen = list(_replied(workspace, filters))
    chosen.sort(key=lambda thread: thread.last_reply or _EARLIEST, reverse=True)
    whole = request.get("fetch_message_history") == "true"
    rows = [shapes.inbox_row(one, whole=whole) for one in chosen[offset : offset + limit]]
    return Response(200, {"ok": True, "data": rows, "offset": offset, "limit": limit})


def _replied(workspace: Workspace, filters: Mapping[str, object]) -> Iterator[Thread]:
    between = filters.get("replyTimeBetween")
    if between is not None and not (isinstance(between, list) and len(between) == 2):
        raise Refused(error(400, '"replyTimeBetween" must contain 2 items'))
    first, last = (
        [_moment(str(each), "replyTimeBetween") for each in between] if between else (None, None)
    )
    for thread in threads(workspace).values():
        at = thread.last_reply
        if at is not None and (first is None or last is None or first <= at <= last):
            yield thread


def _known(workspace: Workspace, ident: str) -> list[Thread]:
    found = _of(workspace, int(ident))
    if not found:
        raise Refused(error(404, "Lead not found"))
    return found


def _of(workspace: Workspace, lead: int) -> list[Thread]:
    return [thread for (_, whose), thread in threads(workspace).items() if whose == lead]


def _by_map(pair: tuple[tuple[int, int], Thread]) -> int:
    return pair[1].map_id


def _body(request: Request) -> Mapping[str, object]:
    try:
        told = json.loads(request.body or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Refused(error(400, "Invalid JSON"))
    return told


def _allow(told: Mapping[str, object], names: tuple[str, ...]) -> None:
    for name in told:
        if name not in names:
            raise Refused(error(400, f'"{name}" is not allowed'))


def _number(value: object, name: str, least: int, most: int) -> int:
    number = int(str(value)) if str(value).isdigit() else -1
    if not least <= number <= most:
        raise Refused(error(400, f'"{name}" must be between {least} and {most}'))
    return number


def _moment(value: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise Refused(error(400, f'"{name}" must be a valid ISO 8601 date')) from None


_ROUTES = routes(
    ("GET", r"/campaigns", _campaigns),
    ("GET", r"/leads", _lead_by_email),
    ("GET", r"/leads/(\d+)", _lead),
    ("GET", r"/leads/(\d+)/campaigns", _lead_campaigns),
    ("GET", r"/campaigns/(\d+)/leads", _campaign_leads),
    ("GET", r"/campaigns/(\d+)/leads/(\d+)/message-history", _history),
    ("POST", rf"/campaigns/(\d+)/message-history-for-leads/{BULK_SUFFIX}", _histories),
    ("POST", r"/master-inbox/inbox-replies", _inbox),
)
