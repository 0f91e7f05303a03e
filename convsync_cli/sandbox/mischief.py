"""What a fault makes of a request and of its answer; what the wire is to do is only told."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from enum import Enum, auto
from typing import cast

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.faults import CURSORS, Fault, FaultKind, Tell

MALFORMED_ROW = {
    "id": {"unexpected": True},
    "messageType": 7,
    "dateAdded": [],
    "date_received": {},
    "body": 5,
    "contactId": None,
}
"""A row of which nothing is as it should be."""


class Manner(Enum):
    """How an answer goes out."""

    WHOLE = auto()
    HANG = auto()
    DRIP = auto()
    RESET = auto()


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer on its way: after ``delay`` seconds; ``pause`` is between two bytes of a drip."""

    response: Response
    manner: Manner = Manner.WHOLE
    delay: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Culprit:
    """What a fault needs of a provider: its words, and how it reads a request wrongly."""

    unauthorized: Response
    error: Callable[[int, str], Response]
    widened: Callable[[Request], Request]
    elsewhere: str


def deliver(
    faults: tuple[Fault, ...],
    request: Request,
    answer: Callable[[Request], Response],
    culprit: Culprit,
) -> Delivery:
    """Answer a request with everything that is to go wrong about it."""
    delay = sum(fault.seconds for fault in faults if fault.kind is FaultKind.LATENCY)
    other = next((fault for fault in faults if fault.kind is not FaultKind.LATENCY), None)
    if other is None:
        return Delivery(answer(request), delay=delay)
    response = _instead(other, request, culprit) or _spoilt(other, request, answer, culprit)
    return Delivery(response, _MANNERS.get(other.kind, Manner.WHOLE), delay, other.seconds)


def _instead(fault: Fault, request: Request, culprit: Culprit) -> Response | None:
    """The answers that need no good one."""
    match fault.kind:
        case FaultKind.STATUS:
            return culprit.error(fault.status or 500, "Something went wrong")
        case FaultKind.UNAUTHORIZED:
            return culprit.unauthorized
        case FaultKind.RATE_LIMITED:
            return _rate_limited(fault, culprit)
        case FaultKind.HTML:
            page = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
            return Response(fault.status or 200, body=page, media_type="text/html")
        case FaultKind.EMPTY:
            return Response(fault.status or 200, body=b"")
        case FaultKind.REDIRECT:
            target = fault.location or culprit.elsewhere + request.path
            return Response(fault.status or 302, body=b"").header("Location", target)
        case _:
            return None


def _spoilt(
    fault: Fault, request: Request, answer: Callable[[Request], Response], culprit: Culprit
) -> Response:
    match fault.kind:
        case FaultKind.CURSOR_LOOP:
            return _looping(answer(request.without(*CURSORS)))
        case FaultKind.FOREIGN_ROWS:
            return answer(culprit.widened(request))
        case FaultKind.MALFORMED_ROW:
            return _with_malformed_row(answer(request))
        case FaultKind.TRUNCATED:
            whole = answer(request)
            payload = whole.payload()
            return replace(whole, body=payload[: len(payload) // 2])
        case _:
            return answer(request)


def _rate_limited(fault: Fault, culprit: Culprit) -> Response:
    response = culprit.error(429, "Too Many Requests")
    seconds = math.ceil(fault.seconds)
    match fault.tell:
        case Tell.SECONDS:
            return response.header("Retry-After", seconds)
        case Tell.DATE:
            return response.header("Retry-After", formatdate(time.time() + seconds, usegmt=True))
        case Tell.BODY:
            return replace(response, content={"error": "rate_limited", "retry_after": seconds})
        case Tell.DAILY:
            limit = response.header("X-RateLimit-Limit-Daily", 200_000)
            return limit.header("X-RateLimit-Daily-Remaining", 0)
        case Tell.NOTHING:
            return response


def rows_of(content: object) -> list[object] | None:
    """The list of rows in a provider's answer, None where it has none."""
    if not isinstance(content, dict):
        return None
    messages = content.get("messages")
    if isinstance(messages, dict):
        messages = messages.get("messages")
    names = ("conversations", "contacts", "data", "history")
    lists = (messages, *(content.get(name) for name in names))
    return next((cast(list[object], one) for one in lists if isinstance(one, list)), None)


def _with_malformed_row(response: Response) -> Response:
    rows = rows_of(response.content)
    if rows is not None:
        rows.insert(len(rows) // 2, dict(MALFORMED_ROW))
    return response


def _looping(response: Response) -> Response:
    """The first page, which says that there is more, behind the cursor that leads to it again."""
    content = response.content
    if not isinstance(content, dict):
        return response
    page = content["messages"] if isinstance(content.get("messages"), dict) else content
    if "nextPage" in page:
        page["nextPage"] = True
    if "nextCursor" in content:
        content["nextCursor"] = content["nextCursor"] or "bG9vcA=="
    meta = content.get("meta")
    if isinstance(meta, dict) and "next_cursor" in meta:
        meta["next_cursor"] = meta["next_cursor"] or "bG9vcA"
    if isinstance(meta, dict) and "last_page" in meta:
        meta["last_page"] = max(2, meta["last_page"])
    return response


_MANNERS = {
    FaultKind.HANG: Manner.HANG,
    FaultKind.DRIP: Manner.DRIP,
    FaultKind.RESET: Manner.RESET,
}
