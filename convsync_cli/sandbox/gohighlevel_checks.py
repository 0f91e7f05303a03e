"""What GoHighLevel refuses, and how it says so."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.routing import Refused
from convsync_cli.sandbox.workspace import Workspace

VERSIONS = frozenset({"2021-04-15", "2021-07-28", "v3"})

_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}

Row = TypeVar("Row")


def error(status: int, message: str | list[str]) -> Response:
    """An error as this API words it."""
    reason = "Unprocessable Entity" if status == 422 else _REASONS.get(status, "Error")
    content = {"statusCode": status, "message": message, "error": reason, "traceId": "trace-0"}
    return Response(status, content)


def check_version(request: Request) -> None:
    """Refuse a request without a known ``Version``; the API does so with a 401."""
    version = request.headers.get("version")
    if version is None:
        raise Refused(error(401, "version header was not found."))
    if version not in VERSIONS:
        raise Refused(error(401, "version header is invalid"))


def check_names(request: Request, known: str) -> None:
    """Refuse query parameters that are not among the ``known`` ones."""
    strange = sorted({name for name, _ in request.query} - set(known.split()))
    if strange:
        raise Refused(error(422, [f"property {name} should not exist" for name in strange]))


def check_location(workspace: Workspace, location: str) -> None:
    """Refuse a missing location, and one that is not the token's."""
    if not location:
        raise Refused(error(422, ["locationId should not be empty", "locationId must be a string"]))
    if location != workspace.location_id:
        raise Refused(error(403, "The token does not have access to this location."))


def number(request: Request, name: str, default: int, least: int, most: int | None = None) -> int:
    """A whole number of the query, within its bounds."""
    text = request.get(name, str(default))
    if not text.isdigit():
        raise Refused(error(422, [f"{name} must be a number"]))
    if int(text) < least:
        raise Refused(error(422, [f"{name} must not be less than {least}"]))
    if most is not None and int(text) > most:
        raise Refused(error(422, [f"{name} must not be greater than {most}"]))
    return int(text)


def one_of(request: Request, name: str, default: str, known: Iterable[str]) -> str:
    """A word of the query that has to be one of the known."""
    value = request.get(name, default)
    if value not in known:
        raise Refused(
            error(422, [f"{name} must be one of the following values: {', '.join(sorted(known))}"])
        )
    return value


def found(rows: Mapping[str, Row], ident: str, what: str) -> Row:
    """The row of an id, or a 404 that says what is missing."""
    if ident not in rows:
        raise Refused(error(404, f"{what} with id {ident} not found"))
    return rows[ident]


def json_object(body: bytes) -> dict[str, object]:
    """The JSON object in a body."""
    try:
        value = json.loads(body or b"{}")
    except ValueError as broken:
        raise Refused(error(400, "Unexpected token in JSON")) from broken
    if not isinstance(value, dict):
        raise Refused(error(400, "The body must be a JSON object"))
    return value


def moment(request: Request, name: str, default: datetime) -> datetime:
    """A time of the query; a date alone is its midnight in UTC."""
    if not request.get(name):
        return default
    try:
        moment = datetime.fromisoformat(request.get(name))
    except ValueError as broken:
        raise Refused(error(422, [f"{name} must be a valid ISO 8601 date string"])) from broken
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
