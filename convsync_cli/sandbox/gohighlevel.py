"""GoHighLevel as it answers live: nested message lists, strict parameters, millisecond cursors."""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from convsync_cli.sandbox import gohighlevel_checks as checks
from convsync_cli.sandbox import gohighlevel_shapes as shapes
from convsync_cli.sandbox.contact_search import Unsearchable, matcher
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.gohighlevel_checks import error
from convsync_cli.sandbox.limits import Verdict
from convsync_cli.sandbox.routing import Act, Refused, answered, routes
from convsync_cli.sandbox.rows import SMS_KINDS, Conversation, Entry, Person
from convsync_cli.sandbox.workspace import Workspace

__all__ = ["GoHighLevel", "error", "rate_headers", "widened"]

_SEARCH = """
    locationId contactId assignedTo followers mentions query sort startAfterDate id limit
    lastMessageType lastMessageAction lastMessageDirection status sortBy sortScoreProfile
    scoreProfile scoreProfileMin scoreProfileMax startDate endDate
"""
_EXPORT = """
    locationId limit cursor sortBy sortOrder conversationId contactId channel startDate endDate
"""
_SORTS = ("last_message_date", "last_manual_message_date", "score_profile", "overdue_at", "due_at")
_CHANNELS: Mapping[str, Callable[[str], bool]] = {
    "SMS": lambda kind: kind in SMS_KINDS,
    "Email": lambda kind: kind == "TYPE_EMAIL",
    "WhatsApp": lambda kind: kind == "TYPE_WHATSAPP",
    "Call": lambda kind: kind == "TYPE_CALL",
    "Instagram": lambda kind: kind == "TYPE_INSTAGRAM",
    "Facebook": lambda kind: kind == "TYPE_FACEBOOK",
}
_CONTACT_ID = re.compile(r"[A-Za-z0-9]{15,64}")


def rate_headers(verdict: Verdict) -> dict[str, str]:
    """The headers in which this API tells its limits."""
    allowance = verdict.allowance
    return {
        "X-RateLimit-Limit-Daily": str(allowance.daily),
        "X-RateLimit-Daily-Remaining": str(verdict.daily_left),
        "X-RateLimit-Interval-Milliseconds": str(int(allowance.seconds * 1000)),
        "X-RateLimit-Max": str(allowance.requests),
        "X-RateLimit-Remaining": str(verdict.left),
    }


@dataclass(frozen=True, slots=True)
class GoHighLevel:
    """Answers requests; ``flat_messages`` gives message lists the shape of the specification.

    An export cursor expires ``cursor_seconds`` after it was given out.
    """

    flat_messages: bool = False
    cursor_seconds: float = 120.0

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer a request that carries the token of this workspace."""
        missing = f"Cannot {request.method} {request.path}"
        return answered(_ROUTES, request.path, workspace, request, self) or error(404, missing)

    def search(self, workspace: Workspace, request: Request) -> Response:
        """``GET /conversations/search``."""
        checks.check_names(request, _SEARCH)
        checks.check_location(workspace, request.get("locationId"))
        limit = checks.number(request, "limit", 20, 1, 100)
        ascending = checks.one_of(request, "sort", "desc", ("asc", "desc")) == "asc"
        sort_by = checks.one_of(request, "sortBy", "last_message_date", _SORTS)
        asked = request.without("startAfterDate", "limit").query
        matching = workspace.cached(
            ("search", asked), lambda: _searched(workspace, request, sort_by, ascending)
        )
        rows = _after(matching, request, sort_by, ascending)[:limit]
        content = {
            "conversations": [shapes.conversation(workspace, one, sort_by) for one in rows],
            "total": len(matching),
            "traceId": "trace-0",
        }
        return Response(200, content)

    def conversation(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /conversations/{id}``."""
        one = checks.found(workspace.conversations, ident, "Conversation")
        return Response(200, shapes.one_conversation(workspace, one))

    def messages(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /conversations/{id}/messages``: newest first, older pages by ``lastMessageId``."""
        checks.check_names(request, "limit lastMessageId type")
        one = checks.found(workspace.conversations, ident, "Conversation")
        limit = min(checks.number(request, "limit", 20, 1), 100)
        kinds = _kinds(request)
        entries = one.entries[: _position(one.entries, request.get("lastMessageId"))]
        wanted = [entry for entry in reversed(entries) if not kinds or entry.kind in kinds]
        page = {
            "lastMessageId": wanted[:limit][-1].id if wanted else "",
            "nextPage": len(wanted) > limit,
            "messages": [shapes.message(workspace, one.person, entry) for entry in wanted[:limit]],
        }
        return Response(
            200, page if self.flat_messages else {"messages": page, "traceId": "trace-0"}
        )

    def export(self, workspace: Workspace, request: Request) -> Response:
        """``GET /conversations/messages/export``: the whole location, by an expiring cursor."""
        checks.check_names(request, _EXPORT)
        checks.check_location(workspace, request.get("locationId"))
        limit = checks.number(request, "limit", 100, 10, 500)
        same = tuple(sorted(pair for pair in request.query if pair[0] not in ("cursor", "limit")))
        rows = workspace.cached(("export", same), lambda: _exported(workspace, request))
        start = self._resume(request.get("cursor"), rows, same) if request.get("cursor") else 0
        page = rows[start : start + limit]
        more = start + limit < len(rows)
        people = workspace.conversations
        content = {
            "messages": [
                shapes.message(workspace, people[row.conversation].person, row) for row in page
            ],
            "nextCursor": _cursor(page[-1], same) if more else None,
            "total": len(rows),
            "traceId": "trace-0",
        }
        return Response(200, content)

    def message(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /conversations/messages/{id}``, wrapped as live."""
        entry = checks.found(workspace.entries, ident, "Message")
        person = workspace.conversations[entry.conversation].person
        content = shapes.message(workspace, person, entry)
        return Response(200, content if self.flat_messages else {"message": content})

    def email(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /conversations/messages/email/{id}``, by an id of ``meta.email.messageIds``."""
        entry = checks.found(workspace.mails, ident, "Email message")
        content = shapes.email(
            workspace, workspace.conversations[entry.conversation].person, entry, ident
        )
        return Response(200, content if self.flat_messages else {"emailMessage": content})

    def contacts(self, workspace: Workspace, request: Request) -> Response:
        """``POST /contacts/search``."""
        body = checks.json_object(request.body)
        limit = body.get("pageLimit")
        faults = [
            f"{name} should not be empty"
            for name in ("locationId", "pageLimit")
            if not body.get(name)
        ]
        if isinstance(limit, int) and limit > 500:
            faults.append("pageLimit must not be greater than 500")
        if faults or not isinstance(limit, int):
            raise Refused(error(422, faults or ["pageLimit must be an integer number"]))
        checks.check_location(workspace, str(body["locationId"]))
        try:
            wanted = matcher(body)
            known = [person for person in workspace.contacts.values() if wanted(person)]
        except Unsearchable as fault:
            raise Refused(error(400, str(fault))) from fault
        known.sort(key=lambda person: (person.created, person.contact), reverse=True)
        page = known[_contacts_start(body, known, limit) :][:limit]
        content = {
            "contacts": [shapes.searched_contact(workspace, person) for person in page],
            "total": len(known),
            "traceId": "trace-0",
        }
        return Response(200, content)

    def duplicate(self, workspace: Workspace, request: Request) -> Response:
        """``GET /contacts/search/duplicate``: by email first, then by number."""
        checks.check_names(request, "locationId email number")
        checks.check_location(workspace, request.get("locationId"))
        email, number = request.get("email").lower(), request.get("number")
        by_email = (p for p in workspace.contacts.values() if email and email in p.emails)
        by_number = (p for p in workspace.contacts.values() if number and number in p.phones)
        person = next(by_email, None) or next(by_number, None)
        return Response(
            200, {"contact": None if person is None else shapes.contact(workspace, person)}
        )

    def contact(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``GET /contacts/{id}``."""
        if not _CONTACT_ID.fullmatch(ident):
            raise Refused(error(400, f"Contact with id {ident} is not valid"))
        return Response(
            200,
            {
                "contact": shapes.contact(
                    workspace, checks.found(workspace.contacts, ident, "Contact")
                )
            },
        )

    def _resume(self, cursor: str, rows: Sequence[Entry], same: object) -> int:
        try:
            told = json.loads(base64.b64decode(cursor, validate=True))
            opened, after, for_what = float(told["pit"]), str(told["after"]), told["for"]
        except (ValueError, binascii.Error, KeyError, TypeError) as broken:
            raise Refused(error(400, "Invalid cursor")) from broken
        if time.monotonic() - opened > self.cursor_seconds:
            raise Refused(error(400, "No search context found: the point in time has expired"))
        if for_what != repr(same):
            raise Refused(error(400, "The cursor belongs to other parameters"))
        return next((n + 1 for n, row in enumerate(rows) if row.id == after), len(rows))


def widened(workspace: Workspace, request: Request) -> Request:
    """The request as a server reads it that ignores its filter: rows of others come too."""
    match = re.fullmatch(r"/conversations/([^/]+)/messages", request.path)
    if match:
        others = [one.id for one in workspace.conversations.values() if one.id != match.group(1)]
        path = f"/conversations/{others[0]}/messages" if others else request.path
        return replace(request.without("lastMessageId"), path=path)
    return request.without(
        "contactId", "conversationId", "channel", "email", "number", "query", "id"
    )


def _searched(
    workspace: Workspace, request: Request, sort_by: str, ascending: bool
) -> list[Conversation]:
    contact = request.get("contactId")
    known = (
        workspace.conversations_of.get(contact, ()) if contact else workspace.conversations.values()
    )
    wanted = _conversation_filter(request)
    return sorted(
        (one for one in known if wanted(one)),
        key=lambda one: (shapes.sort_value(one, sort_by), one.id),
        reverse=not ascending,
    )


def _after(
    rows: Sequence[Conversation], request: Request, sort_by: str, ascending: bool
) -> Sequence[Conversation]:
    """The rows beyond the cursor, a bare time: rows that share its millisecond are passed over."""
    seen = request.get("startAfterDate").strip("[]")
    if not seen:
        return rows
    if not seen.removeprefix("-").isdigit():
        raise Refused(error(422, ["startAfterDate must be a number"]))
    values = (shapes.sort_value(one, sort_by) for one in rows)
    beyond = (v > int(seen) if ascending else v < int(seen) for v in values)
    return rows[next((n for n, is_beyond in enumerate(beyond) if is_beyond), len(rows)) :]


def _conversation_filter(request: Request) -> Callable[[Conversation], bool]:
    tests: list[Callable[[Conversation], bool]] = []
    status = checks.one_of(
        request, "status", "all", ("all", "read", "unread", "starred", "recents")
    )
    if status in ("read", "unread"):
        tests.append(lambda one: (one.unread > 0) == (status == "unread"))
    if status == "starred":
        tests.append(lambda one: one.starred)
    if idents := request.get("id"):
        tests.append(lambda one: one.id in idents.split(","))
    if kind := request.get("lastMessageType"):
        tests.append(lambda one: bool(one.entries) and one.entries[-1].kind == kind)
    if direction := request.get("lastMessageDirection"):
        tests.append(lambda one: bool(one.entries) and one.entries[-1].direction == direction)
    if words := request.get("query").lower():
        tests.append(lambda one: words in _searchable(one.person))
    if request.get("startDate") or request.get("endDate"):
        least = checks.number(request, "startDate", 0, 0)
        most = checks.number(request, "endDate", 10**15, 0)
        tests.append(lambda one: least <= shapes.milliseconds(one.created) <= most)
    return lambda one: all(test(one) for test in tests)


def _searchable(person: Person) -> str:
    return " ".join((person.name, *person.emails, *person.phones)).lower()


def _kinds(request: Request) -> frozenset[str]:
    kinds = frozenset(kind for kind in request.get("type").split(",") if kind)
    strange = [kind for kind in kinds if not kind.startswith("TYPE_")]
    if strange:
        raise Refused(error(422, ["each value in type must be a valid enum value"]))
    return kinds


def _position(entries: Sequence[Entry], before: str) -> int:
    if not before:
        return len(entries)
    for number, entry in enumerate(entries):
        if entry.id == before:
            return number
    raise Refused(error(400, f"Message with id {before} not found"))


def _exported(workspace: Workspace, request: Request) -> list[Entry]:
    checks.one_of(request, "sortBy", "createdAt", ("createdAt", "updatedAt"))
    ascending = checks.one_of(request, "sortOrder", "desc", ("asc", "desc")) == "asc"
    channel = request.get("channel")
    if channel and channel not in _CHANNELS:
        raise Refused(
            error(422, [f"channel must be one of the following values: {', '.join(_CHANNELS)}"])
        )
    wanted = _CHANNELS[channel] if channel else lambda kind: kind != "TYPE_EMAIL"
    contact, conversation = request.get("contactId"), request.get("conversationId")
    least = checks.moment(request, "startDate", datetime.min.replace(tzinfo=UTC))
    most = checks.moment(request, "endDate", datetime.max.replace(tzinfo=UTC))
    rows = [
        row
        for row in workspace.entries.values()
        if wanted(row.kind)
        and contact in ("", row.contact)
        and conversation in ("", row.conversation)
        and least <= row.at <= most
    ]
    rows.sort(key=lambda row: (row.at, row.id), reverse=not ascending)
    return rows


def _cursor(last: Entry, same: object) -> str:
    told = {"pit": time.monotonic(), "after": last.id, "for": repr(same)}
    return base64.b64encode(json.dumps(told).encode()).decode()


def _contacts_start(body: Mapping[str, object], known: Sequence[Person], limit: int) -> int:
    after = body.get("searchAfter")
    if isinstance(after, list):
        return next(
            (n + 1 for n, p in enumerate(known) if shapes.search_after(p) == after), len(known)
        )
    page = body.get("page", 1)
    if not isinstance(page, int) or page < 1:
        raise Refused(error(422, ["page must be a positive number"]))
    if page * limit > 10_000:
        raise Refused(error(400, "Use searchAfter to read beyond 10000 records"))
    return (page - 1) * limit


def _guarded(scope: str, act: Act) -> Act:
    """An act for requests of a known version, by a token that has this scope."""

    def checked(
        self: GoHighLevel, workspace: Workspace, request: Request, *groups: str
    ) -> Response:
        checks.check_version(request)
        if scope not in workspace.scopes:
            raise Refused(error(401, "The token is not authorized for this scope."))
        return act(self, workspace, request, *groups)

    return checked


_CONTACTS = "contacts.readonly"
_CONVERSATIONS = "conversations.readonly"
_MESSAGES = "conversations/message.readonly"
_ROUTES = routes(
    ("GET", r"/conversations/search/?", _guarded(_CONVERSATIONS, GoHighLevel.search)),
    ("GET", r"/conversations/messages/export", _guarded(_MESSAGES, GoHighLevel.export)),
    ("GET", r"/conversations/messages/email/([^/]+)", _guarded(_MESSAGES, GoHighLevel.email)),
    ("GET", r"/conversations/messages/([^/]+)", _guarded(_MESSAGES, GoHighLevel.message)),
    ("GET", r"/conversations/([^/]+)/messages", _guarded(_MESSAGES, GoHighLevel.messages)),
    ("GET", r"/conversations/([^/]+)", _guarded(_CONVERSATIONS, GoHighLevel.conversation)),
    ("POST", r"/contacts/search/?", _guarded(_CONTACTS, GoHighLevel.contacts)),
    ("GET", r"/contacts/search/duplicate/?", _guarded(_CONTACTS, GoHighLevel.duplicate)),
    ("GET", r"/contacts/([^/]+)", _guarded(_CONTACTS, GoHighLevel.contact)),
)
