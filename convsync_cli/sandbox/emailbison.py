"""EmailBison as it answers live: 15 rows a page, the inbox by default, links without filters."""

import base64
import binascii
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, eq, ge, gt, le, lt
from typing import Protocol, TypeVar

from convsync_cli.sandbox import emailbison_shapes as shapes
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.routing import Refused, answered, routes
from convsync_cli.sandbox.rows import Person, Reply, Send
from convsync_cli.sandbox.workspace import Workspace

PER_PAGE = 15
CURSORS = ("cursor", "page")

_FOLDERS = {"inbox": "Inbox", "sent": "Sent", "spam": "Spam", "bounced": "Bounced", "all": ""}
_REPLY_STATUS = ("interested", "automated_reply", "not_automated_reply")
_SEND_STATUS = ("scheduled", "sent", "failed", "paused", "stopped", "bounced", "unsubscribed")
_CRITERIA = {"<": lt, "<=": le, "=": eq, ">=": ge, ">": gt}


class Numbered(Protocol):
    """A row with an id."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


def error(status: int, message: str) -> Response:
    """An error as this API words it."""
    return Response(status, {"message": message})


def invalid(field: str, message: str) -> Response:
    """A parameter that does not pass."""
    return Response(422, {"message": message, "errors": {field: [message]}})


def not_found() -> Response:
    """The row is unknown, or of another workspace."""
    told = {"success": False, "message": "Record not found.", "record_not_found": True}
    return Response(404, {"data": told})


@dataclass(frozen=True, slots=True)
class EmailBison:
    """Answers requests; page mode ends at ``deepest_page``."""

    deepest_page: int = 1000

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer a request that carries the token of this workspace."""
        path = request.path.removesuffix("/")
        missing = f"The route {request.path.removeprefix('/')} could not be found."
        return answered(_ROUTES, path, workspace, request, self) or error(404, missing)

    def user(self, workspace: Workspace, request: Request) -> Response:
        """``/api/users``: whose token this is, and of which workspace."""
        return Response(200, {"data": shapes.user(workspace)})

    def leads(self, workspace: Workspace, request: Request) -> Response:
        """``/api/leads``."""
        tests = [
            _lead_search(request),
            *(_lead_day(request, name) for name in ("created_at", "updated_at")),
        ]
        chosen = [
            _NumberedLead(ident, person)
            for ident, person in workspace.bison_leads.items()
            if all(test(person) for test in tests)
        ]
        return self._page(request, chosen, lambda row: shapes.lead(workspace, row.person))

    def lead(self, workspace: Workspace, request: Request, who: str) -> Response:
        """``/api/leads/{id or email}``."""
        return Response(200, {"data": shapes.lead(workspace, _lead(workspace, who))})

    def lead_replies(self, workspace: Workspace, request: Request, who: str) -> Response:
        """``/api/leads/{id or email}/replies``: also our own, though they name no lead."""
        rows = workspace.replies_of.get(_lead(workspace, who).key, [])
        return self._page(request, _replies(rows, request), shapes.reply)

    def lead_sent(self, workspace: Workspace, request: Request, who: str) -> Response:
        """``/api/leads/{id or email}/sent-emails``."""
        rows = workspace.sends_of.get(_lead(workspace, who).key, [])
        return self._page(request, _by_id(row for row in rows if row.status == "sent"), shapes.send)

    def lead_scheduled(self, workspace: Workspace, request: Request, who: str) -> Response:
        """``/api/leads/{id or email}/scheduled-emails``: planned, sent and failed."""
        rows = workspace.sends_of.get(_lead(workspace, who).key, [])
        return self._page(request, _by_id(rows), shapes.send)

    def replies(self, workspace: Workspace, request: Request) -> Response:
        """``/api/replies``: the whole inbox, warm-up and all."""
        rows = _cached_replies(workspace, request, "all", lambda row: True)
        return self._page(request, rows, shapes.reply)

    def reply(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/replies/{id}``."""
        return Response(200, {"data": shapes.reply(_by_number(workspace.replies, ident))})

    def thread(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/replies/{id}/conversation-thread``: live it names no other mail."""
        row = shapes.reply(_by_number(workspace.replies, ident))
        content = {"current_reply": row, "older_messages": [], "newer_messages": []}
        return Response(200, {"data": content})

    def campaigns(self, workspace: Workspace, request: Request) -> Response:
        """``/api/campaigns``."""
        status = request.get("status")
        rows = [row for row in workspace.campaigns if status in ("", row.status)]
        return self._page(request, rows, shapes.campaign)

    def campaign_replies(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/campaigns/{id}/replies``."""
        campaign = _by_number(workspace.campaigns, ident)
        rows = _cached_replies(
            workspace, request, campaign.id, lambda row: row.campaign_id == campaign.id
        )
        return self._page(request, rows, shapes.reply)

    def campaign_scheduled(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/campaigns/{id}/scheduled-emails``."""
        campaign = _by_number(workspace.campaigns, ident)
        rows = [row for row in _sends(workspace, request) if row.campaign == campaign]
        return self._page(request, rows, lambda row: shapes.listed_send(workspace, row))

    def mailboxes(self, workspace: Workspace, request: Request) -> Response:
        """``/api/sender-emails``."""
        search = request.get("search").lower()
        rows = [row for row in workspace.mailboxes if search in row.address]
        return self._page(request, rows, shapes.mailbox)

    def mailbox_replies(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/sender-emails/{id}/replies``."""
        mailbox = _by_number(workspace.mailboxes, ident)
        rows = _cached_replies(
            workspace, request, mailbox.address, lambda row: row.mailbox == mailbox
        )
        return self._page(request, rows, shapes.reply)

    def scheduled(self, workspace: Workspace, request: Request) -> Response:
        """``/api/scheduled-emails``: all campaign emails of the workspace."""
        rows = workspace.cached(
            ("sends", request.without(*CURSORS).query), lambda: _sends(workspace, request)
        )
        return self._page(request, rows, lambda row: shapes.listed_send(workspace, row))

    def one_scheduled(self, workspace: Workspace, request: Request, ident: str) -> Response:
        """``/api/scheduled-emails/{id}``."""
        row = _by_number(_by_id(workspace.sends), ident)
        return Response(200, {"data": shapes.listed_send(workspace, row)})

    def _page(
        self, request: Request, ascending: Sequence[Row], shape: Callable[[Row], shapes.Json]
    ) -> Response:
        """Fifteen rows, greatest id first; ``per_page`` is ignored."""
        if request.get("pagination_type") == "cursor":
            return _cursor_page(request, ascending, shape)
        page = _page_number(request)
        if page > self.deepest_page:
            raise Refused(
                invalid("page", "Page too deep, please use pagination_type=cursor instead.")
            )
        return _numbered_page(request, ascending, shape, page)


def widened(workspace: Workspace, request: Request) -> Request:
    """The request as a server reads it that ignores its filter: rows of others come too."""
    wide = request.without("lead_id", "lead_ids", "campaign_id", "campaign_ids", "sender_email_id")
    for pattern, path in (
        (r"/api/(leads|campaigns|sender-emails)/[^/]+/replies", "/api/replies"),
        (r"/api/(leads|campaigns)/[^/]+/(sent|scheduled)-emails", "/api/scheduled-emails"),
    ):
        if re.fullmatch(pattern, request.path):
            return replace(wide, path=path)
    return wide


@dataclass(frozen=True, slots=True)
class _NumberedLead:
    id: int
    person: Person


def _numbered_page(
    request: Request, ascending: Sequence[Row], shape: Callable[[Row], shapes.Json], page: int
) -> Response:
    total = len(ascending)
    last = max(1, -(-total // PER_PAGE))
    stop = total - (page - 1) * PER_PAGE
    rows = ascending[max(0, stop - PER_PAGE) : max(0, stop)][::-1]
    first_row = (page - 1) * PER_PAGE + 1
    meta: shapes.Json = {
        "current_page": page,
        "from": first_row if rows else None,
        "last_page": last,
        "links": [],
        "path": _origin(request) + request.path,
        "per_page": PER_PAGE,
        "to": first_row + len(rows) - 1 if rows else None,
        "total": total,
    }
    links = {
        "first": _link(request, page=1),
        "last": _link(request, page=last),
        "prev": _link(request, page=page - 1) if page > 1 else None,
        "next": _link(request, page=page + 1) if page < last else None,
    }
    return Response(200, {"data": [shape(row) for row in rows], "links": links, "meta": meta})


def _cursor_page(
    request: Request, ascending: Sequence[Row], shape: Callable[[Row], shapes.Json]
) -> Response:
    cursor = request.get("cursor")
    stop = (
        bisect_left(ascending, _pointed(cursor), key=attrgetter("id")) if cursor else len(ascending)
    )
    start = max(0, stop - PER_PAGE)
    rows = ascending[start:stop][::-1]
    after = _pointer(rows[-1].id) if start > 0 else None
    meta = {
        "path": _origin(request) + request.path,
        "per_page": PER_PAGE,
        "next_cursor": after,
        "prev_cursor": cursor or None,
    }
    onward = None if after is None else _link(request, cursor=after)
    links = {"first": None, "last": None, "prev": None, "next": onward}
    return Response(200, {"data": [shape(row) for row in rows], "links": links, "meta": meta})


def _pointer(ident: int) -> str:
    told = json.dumps({"id": ident, "_pointsToNextItems": True}, separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _pointed(cursor: str) -> int:
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return int(told["id"])
    except (ValueError, binascii.Error, KeyError, TypeError) as broken:
        raise Refused(invalid("cursor", "The cursor is invalid.")) from broken


def _origin(request: Request) -> str:
    return f"http://{request.headers.get('host', 'localhost')}"


def _link(request: Request, **place: object) -> str:
    """A link as live: it has the place only, the filters are lost."""
    return f"{_origin(request)}{request.path}?" + "&".join(f"{k}={v}" for k, v in place.items())


def _page_number(request: Request) -> int:
    text = request.get("page", "1")
    return int(text) if text.isdigit() and int(text) > 0 else 1


def _by_id(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=attrgetter("id"))


def _by_number(rows: Sequence[Row], ident: str) -> Row:
    for row in rows:
        if str(row.id) == ident:
            return row
    raise Refused(not_found())


def _lead(workspace: Workspace, who: str) -> Person:
    known = workspace.bison_leads.get(int(who)) if who.isdigit() else None
    person = known or workspace.bison_emails.get(who.lower())
    if person is None:
        raise Refused(not_found())
    return person


def _cached_replies(
    workspace: Workspace, request: Request, whose: Hashable, belongs: Callable[[Reply], bool]
) -> list[Reply]:
    key = ("replies", whose, request.without(*CURSORS).query)
    return workspace.cached(
        key, lambda: _replies([row for row in workspace.replies if belongs(row)], request)
    )


def _replies(rows: Sequence[Reply], request: Request) -> list[Reply]:
    """The rows that pass the filters; a folder nobody asked for is the inbox only."""
    folder, status = request.get("folder") or "inbox", request.get("status")
    if folder.lower() not in _FOLDERS:
        raise Refused(invalid("folder", "The selected folder is invalid."))
    if status and status not in _REPLY_STATUS:
        raise Refused(invalid("status", "The selected status is invalid."))
    tests = [_folder_test(_FOLDERS[folder.lower()]), _status_test(status)]
    tests += [_id_test(request, name) for name in ("campaign_id", "lead_id", "sender_email_id")]
    if request.get("read") in ("1", "0", "true", "false"):
        tests.append(lambda row: row.read == (request.get("read") in ("1", "true")))
    if words := request.get("search").lower():
        tests.append(
            lambda row: words in f"{row.subject} {row.from_address} {row.to_address}".lower()
        )
    return [row for row in rows if all(test(row) for test in tests)]


def _folder_test(folder: str) -> Callable[[Reply], bool]:
    return lambda row: folder in ("", row.folder)


def _status_test(status: str) -> Callable[[Reply], bool]:
    tests: dict[str, Callable[[Reply], bool]] = {
        "interested": lambda row: row.interested,
        "automated_reply": lambda row: row.automated,
        "not_automated_reply": lambda row: not row.automated,
    }
    return tests.get(status, lambda row: True)


def _id_test(request: Request, name: str) -> Callable[[Reply], bool]:
    wanted = request.get(name)
    told: dict[str, Callable[[Reply], int | None]] = {
        "campaign_id": lambda row: row.campaign_id,
        "lead_id": lambda row: row.lead_id,
        "sender_email_id": lambda row: row.mailbox.id,
    }
    return lambda row: wanted in ("", str(told[name](row)))


def _sends(workspace: Workspace, request: Request) -> list[Send]:
    status, day = request.get("status"), request.get("scheduled_date_local[value]")
    if status and status not in _SEND_STATUS:
        raise Refused(invalid("status", "The selected status is invalid."))
    criteria = request.get("scheduled_date_local[criteria]", "=")
    if criteria not in _CRITERIA:
        raise Refused(invalid("scheduled_date_local.criteria", "The selected criteria is invalid."))
    compare = _CRITERIA[criteria]
    leads, campaigns = request.all("lead_ids"), request.all("campaign_ids")
    mailboxes = request.all("sender_email_ids")
    return _by_id(
        row
        for row in workspace.sends
        if status in ("", row.status)
        and (not day or compare(shapes.local_day(row), day))
        and (not leads or str(row.lead_id) in leads)
        and (not campaigns or str(row.campaign.id) in campaigns)
        and (not mailboxes or str(row.mailbox.id) in mailboxes)
    )


def _lead_search(request: Request) -> Callable[[Person], bool]:
    words = request.get("search").lower()
    return lambda person: words in f"{person.name} {person.emails[0]} {person.company}".lower()


def _lead_day(request: Request, name: str) -> Callable[[Person], bool]:
    day = request.get(f"filters[{name}][value]")
    compare = _CRITERIA.get(request.get(f"filters[{name}][criteria]"), eq)
    return lambda person: not day or bool(compare(f"{person.created:%Y-%m-%d}", day))


_ROUTES = routes(
    ("GET", r"/api/users", EmailBison.user),
    ("GET", r"/api/leads", EmailBison.leads),
    ("GET", r"/api/leads/([^/]+)", EmailBison.lead),
    ("GET", r"/api/leads/([^/]+)/replies", EmailBison.lead_replies),
    ("GET", r"/api/leads/([^/]+)/sent-emails", EmailBison.lead_sent),
    ("GET", r"/api/leads/([^/]+)/scheduled-emails", EmailBison.lead_scheduled),
    ("GET", r"/api/replies", EmailBison.replies),
    ("GET", r"/api/replies/(\d+)", EmailBison.reply),
    ("GET", r"/api/replies/(\d+)/conversation-thread", EmailBison.thread),
    ("GET", r"/api/campaigns", EmailBison.campaigns),
    ("GET", r"/api/campaigns/(\d+)/replies", EmailBison.campaign_replies),
    ("GET", r"/api/campaigns/(\d+)/scheduled-emails", EmailBison.campaign_scheduled),
    ("GET", r"/api/sender-emails", EmailBison.mailboxes),
    ("GET", r"/api/sender-emails/(\d+)/replies", EmailBison.mailbox_replies),
    ("GET", r"/api/scheduled-emails", EmailBison.scheduled),
    ("GET", r"/api/scheduled-emails/(\d+)", EmailBison.one_scheduled),
)
