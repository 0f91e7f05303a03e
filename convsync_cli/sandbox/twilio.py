"""Twilio as it answers live: one list, filters to the letter and by the day, pages by a token."""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from convsync_cli.sandbox import twilio_shapes as shapes
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.limits import Verdict
from convsync_cli.sandbox.routing import Refused, answered, routes
from convsync_cli.sandbox.simulator import Simulator
from convsync_cli.sandbox.twilio_shapes import Text
from convsync_cli.sandbox.workspace import Workspace

LARGEST_PAGE = 1000

_FILTERS = ("To", "From", "DateSent", "DateSent>", "DateSent<")
_CODES = {401: 20003, 404: 20404, 429: 20429}


def error(status: int, message: str) -> Response:
    """An error as this API words it."""
    code = _CODES.get(status, 20001)
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Response(status, {"code": code, "message": message, "more_info": more, "status": status})


def simulator(most_rows: int) -> Simulator:
    """This provider as a row of the server's table; a page has at most ``most_rows``."""
    return Simulator(
        "twilio",
        knows,
        Twilio(most_rows).answer,
        error,
        error(401, "Authenticate"),
        lambda verdict: told(error(429, "Too Many Requests"), verdict),
        widened,
        told,
    )


def told(response: Response, verdict: Verdict) -> Response:
    """How many requests it is busy with; it does not tell when to come back."""
    busy = verdict.allowance.requests - verdict.left
    return response.header("Twilio-Concurrent-Requests", busy)


def knows(workspace: Workspace, request: Request) -> bool:
    """Whether a request carries a user and a password of the workspace's account."""
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    try:
        pair = base64.b64decode(told, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return False
    user, _, password = pair.partition(":")
    return bool(password) and shapes.credentials(workspace).get(user) == password


def widened(workspace: Workspace, request: Request) -> Request:
    """The request as a server reads it that ignores its filters."""
    del workspace
    return request.without(*_FILTERS)


@dataclass(frozen=True, slots=True)
class Twilio:
    """Answers requests with pages of at most ``most_rows``."""

    most_rows: int = LARGEST_PAGE

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer a request that carries a credential of this workspace."""
        _, _, path = request.path.partition(shapes.root(workspace))
        missing = f"The requested resource {request.path} was not found"
        return answered(_ROUTES, path, workspace, request, self) or error(404, missing)

    def messages(self, workspace: Workspace, request: Request) -> Response:
        """``/Messages.json``: newest first, without a total."""
        wanted, number = _size(request), _number(request, "Page", 0)
        asked = tuple((name, value) for name, value in request.query if name in _FILTERS)
        rows = workspace.cached(("twilio", asked), lambda: _chosen(workspace, request))
        start = _behind(rows, request.get("PageToken"))
        stop = start + min(wanted, self.most_rows)
        page = rows[start:stop]
        here = f"{shapes.root(workspace)}/Messages.json?"
        again = (*asked, ("PageSize", wanted))
        content: shapes.Json = {
            "messages": [shapes.text(workspace, row) for row in page],
            "page": number,
            "page_size": wanted,
            "start": start,
            "end": max(start, stop - 1),
            "uri": here + urlencode(request.query),
            "first_page_uri": here + urlencode((*again, ("Page", 0))),
            "next_page_uri": None,
            "previous_page_uri": None,
        }
        if stop < len(rows):
            behind = (("Page", number + 1), ("PageToken", f"PA{page[-1].sid}"))
            content["next_page_uri"] = here + urlencode((*again, *behind))
        return Response(200, content)

    def message(self, workspace: Workspace, request: Request, sid: str) -> Response:
        """``/Messages/{sid}.json``."""
        return Response(200, shapes.text(workspace, _found(workspace, sid)))

    def media(self, workspace: Workspace, request: Request, sid: str) -> Response:
        """``/Messages/{sid}/Media.json``."""
        listed = shapes.media(workspace, _found(workspace, sid))
        return Response(200, {"media_list": listed, "next_page_uri": None, "page": 0})


def _size(request: Request) -> int:
    size = _number(request, "PageSize", 50)
    if not 1 <= size <= LARGEST_PAGE:
        raise Refused(error(400, "Page size must be between 1 and 1000"))
    return size


def _number(request: Request, name: str, default: int) -> int:
    told = request.get(name, str(default))
    if not told.isdigit():
        raise Refused(error(400, f"{name} is not a number"))
    return int(told)


def _chosen(workspace: Workspace, request: Request) -> list[Text]:
    rows = workspace.cached(("twilio",), lambda: shapes.texts(workspace))
    to, sender = request.get("To"), request.get("From")
    days = {name: _day(request, name) for name in _FILTERS[2:]}
    return [
        row
        for row in rows
        if to in ("", row.recipient) and sender in ("", row.sender) and _is_within(row, days)
    ]


def _day(request: Request, name: str) -> str:
    told = request.get(name)
    if told and not re.match(r"\d{4}-\d\d-\d\d", told):
        raise Refused(error(400, f"{name} is not a date"))
    return told[:10]


def _is_within(row: Text, days: dict[str, str]) -> bool:
    """Whether it was sent on such a day; what was not sent yet never was."""
    if not any(days.values()):
        return True
    day = f"{row.sent:%Y-%m-%d}" if row.sent else ""
    on, since, until = days["DateSent"], days["DateSent>"], days["DateSent<"]
    return bool(day) and on in ("", day) and day >= since and (not until or day <= until)


def _behind(rows: list[Text], token: str) -> int:
    """Where the page begins that a token names: behind a row, wherever that stands by now."""
    if not token:
        return 0
    for number, row in enumerate(rows):
        if f"PA{row.sid}" == token:
            return number + 1
    raise Refused(error(400, "PageToken is not valid"))


def _found(workspace: Workspace, sid: str) -> Text:
    for row in shapes.texts(workspace):
        if row.sid == sid:
            return row
    raise Refused(error(404, f"The requested resource {sid} was not found"))


_ROUTES = routes(
    ("GET", r"/Messages\.json", Twilio.messages),
    ("GET", r"/Messages/([^/]+)\.json", Twilio.message),
    ("GET", r"/Messages/([^/]+)/Media\.json", Twilio.media),
)
