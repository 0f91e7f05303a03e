"""Instantly (v2) as it answers live: one list of mail, opaque cursors, no unknown name refused."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile

from convsync_cli.sandbox import instantly_shapes as shapes
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.instantly_shapes import BY_HAND, CAMPAIGN, RECEIVED, Mail
from convsync_cli.sandbox.routing import Refused, answered, routes
from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.simulator import Simulator, by_token
from convsync_cli.sandbox.workspace import Workspace

LARGEST_PAGE = 100

_FILTERS = (
    "lead", "search", "email_type", "min_timestamp_created", "max_timestamp_created", "eaccount"
)  # fmt: skip
_KINDS = {"received": RECEIVED, "sent": CAMPAIGN, "manual": BY_HAND}
_REASONS = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 429: "Too Many Requests",
}  # fmt: skip

Test = Callable[[Mail], bool]


def error(status: int, message: str) -> Response:
    """An error as this API words it."""
    reason = _REASONS.get(status, "Error")
    return Response(status, {"statusCode": status, "error": reason, "message": message})


def simulator(most_rows: int) -> Simulator:
    """This provider as a row of the server's table; a page has at most ``most_rows``."""
    return Simulator(
        "instantly",
        by_token(shapes.token),
        Instantly(most_rows).answer,
        error,
        error(401, "Invalid API key"),
        lambda verdict: error(429, "Rate limit exceeded"),
        widened,
    )


def widened(workspace: Workspace, request: Request) -> Request:
    """The request as a server reads it that ignores its filters."""
    del workspace
    return request.without(*_FILTERS)


@dataclass(frozen=True, slots=True)
class Instantly:
    """Answers requests with pages of at most ``most_rows``."""

    most_rows: int = LARGEST_PAGE

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer a request that carries the key of this workspace."""
        missing = f"Route {request.method}:{request.path} not found"
        return answered(_ROUTES, request.path, workspace, request, self) or error(404, missing)

    def emails(self, workspace: Workspace, request: Request) -> Response:
        """``GET /api/v2/emails``: newest first unless asked otherwise."""
        limit = min(_limit(request.get("limit", "10")), self.most_rows)
        order = request.get("sort_order", "desc")
        if order not in ("asc", "desc"):
            raise Refused(
                error(400, "querystring/sort_order must be equal to one of the allowed values")
            )
        asked = tuple(pair for pair in request.query if pair[0] in _FILTERS)
        rows = workspace.cached(
            ("instantly", asked, order), lambda: _chosen(workspace, request, order)
        )
        rest = _behind(rows, request.get("starting_after"), order)
        content: shapes.Json = {"items": [shapes.mail(workspace, row) for row in rest[:limit]]}
        if len(rest) > limit:
            content["next_starting_after"] = _cursor(rest[limit - 1])
        return Response(200, content)

    def email(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /api/v2/emails/{id}``."""
        for row in shapes.mails(workspace):
            if row.id == ident:
                return Response(200, shapes.mail(workspace, row))
        raise Refused(error(404, "Email not found"))

    def unread(self, workspace: Workspace, request: Request) -> Response:
        """``GET /api/v2/emails/unread/count``."""
        return Response(200, {"count": sum(not row.read for row in workspace.replies)})

    def lead(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /api/v2/leads/{id}``."""
        for person in workspace.bison_leads.values():
            if shapes.lead_id(person) == ident:
                return Response(200, shapes.lead(workspace, person))
        raise Refused(error(404, "Lead not found"))

    def leads(self, workspace: Workspace, request: Request) -> Response:
        """``POST /api/v2/leads/list``: by id, ascending."""
        body = _object(request.body)
        limit = _limit(str(body.get("limit", 10)))
        rows = sorted(workspace.bison_leads.values(), key=shapes.lead_id)
        chosen = [person for person in rows if _is_asked(person, body)]
        after = str(body.get("starting_after") or "")
        rest = list(dropwhile(lambda person: shapes.lead_id(person) <= after, chosen))
        content: shapes.Json = {"items": [shapes.lead(workspace, one) for one in rest[:limit]]}
        if len(rest) > limit:
            content["next_starting_after"] = shapes.lead_id(rest[limit - 1])
        return Response(200, content)

    def campaigns(self, workspace: Workspace, request: Request) -> Response:
        """``GET /api/v2/campaigns``."""
        items = [{"id": f"campaign-{one.id}", "name": one.name} for one in workspace.campaigns]
        return Response(200, {"items": items})

    def workspace(self, workspace: Workspace, request: Request) -> Response:
        """``GET /api/v2/workspaces/current``."""
        made = shapes.iso(datetime(2025, 1, 1, tzinfo=UTC))
        content = {"id": shapes.organization(workspace), "name": workspace.name, "owner": "owner"}
        return Response(200, content | {"timestamp_created": made, "timestamp_updated": made})


def _limit(told: str) -> int:
    if not told.isdigit() or not 1 <= int(told) <= LARGEST_PAGE:
        raise Refused(error(400, "querystring/limit must be between 1 and 100"))
    return int(told)


def _chosen(workspace: Workspace, request: Request, order: str) -> list[Mail]:
    rows = workspace.cached(("instantly",), lambda: shapes.mails(workspace))
    tests = [*_who(request), *_when(request), *_what(request)]
    found = [row for row in rows if all(test(row) for test in tests)]
    return found if order == "asc" else found[::-1]


def _who(request: Request) -> list[Test]:
    asked = [told for name in ("lead", "search") if (told := request.get(name).lower())]
    tests: list[Test] = [lambda row: all(_concerns(row, address) for address in asked)]
    if boxes := [box for box in request.get("eaccount").split(",") if box]:
        tests.append(lambda row: row.mailbox in boxes)
    return tests


def _concerns(row: Mail, address: str) -> bool:
    """Whether it is mail of the lead that is known there by this address."""
    return row.person is not None and row.person.emails[0].lower() == address


def _when(request: Request) -> list[Test]:
    tests: list[Test] = []
    if least := _moment(request, "min_timestamp_created"):
        tests.append(lambda row: row.created >= least)
    if most := _moment(request, "max_timestamp_created"):
        tests.append(lambda row: row.created <= most)
    return tests


def _what(request: Request) -> list[Test]:
    """What is planned is in every list but the filtered ones."""
    if not (asked := request.get("email_type")):
        return []
    if asked not in _KINDS:
        raise Refused(
            error(400, "querystring/email_type must be equal to one of the allowed values")
        )
    return [lambda row: row.kind == _KINDS[asked]]


def _moment(request: Request, name: str) -> datetime | None:
    if not request.get(name):
        return None
    try:
        moment = datetime.fromisoformat(request.get(name))
    except ValueError as broken:
        raise Refused(error(400, f"querystring/{name} must match format date-time")) from broken
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cursor(row: Mail) -> str:
    return base64.urlsafe_b64encode(f"{row.created.isoformat()} {row.id}".encode()).decode()


def _behind(rows: Sequence[Mail], cursor: str, order: str) -> Sequence[Mail]:
    """The rows behind a place, which need not be taken by a row any more."""
    if not cursor:
        return rows
    try:
        moment, ident = base64.urlsafe_b64decode(cursor).decode().split(" ")
        place = (datetime.fromisoformat(moment), ident)
    except (ValueError, binascii.Error) as broken:
        raise Refused(error(400, "querystring/starting_after is not valid")) from broken
    if order == "asc":
        return [row for row in rows if row.place > place]
    return [row for row in rows if row.place < place]


def _object(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body or b"{}")
    except ValueError as broken:
        raise Refused(error(400, "Body is not valid JSON")) from broken
    return told if isinstance(told, dict) else {}


def _is_asked(person: Person, body: dict[str, object]) -> bool:
    contacts, ids, words = body.get("contacts"), body.get("ids"), str(body.get("search") or "")
    return (
        (not isinstance(contacts, list) or person.emails[0] in contacts)
        and (not isinstance(ids, list) or shapes.lead_id(person) in ids)
        and words.lower() in f"{person.name} {person.emails[0]}".lower()
    )


_ROUTES = routes(
    ("GET", r"/api/v2/emails", Instantly.emails),
    ("GET", r"/api/v2/emails/unread/count", Instantly.unread),
    ("GET", r"/api/v2/emails/([^/]+)", Instantly.email),
    ("GET", r"/api/v2/leads/([^/]+)", Instantly.lead),
    ("POST", r"/api/v2/leads/list", Instantly.leads),
    ("GET", r"/api/v2/campaigns", Instantly.campaigns),
    ("GET", r"/api/v2/workspaces/current", Instantly.workspace),
)
