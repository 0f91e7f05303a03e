"""Every request that a sync really sends is one that the vendors' documents allow.

Skipped where the documents are not beside this repository. What live servers take and the documents
do not tell is named in ``UNDECLARED``, after the README beside the documents.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import UNTIL, World
from convsync_cli.sync import addresses
from convsync_cli.sync.http import HttpApi
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.lead import Handle, Lead
from tests.contracts.providers.cases import CASES, Case
from tests.contracts.providers.conftest import MOST_ROWS
from tests.sync.workbench import HandClock, api_over

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "providers" / "openapi"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the vendors' OpenAPI documents are not beside this repository"
)

DOCUMENTS = {
    "gohighlevel": ("gohighlevel-conversations.json", "gohighlevel-contacts.json"),
    "emailbison": ("emailbison.json",),
    "twilio": ("twilio-messages.json",),
    "instantly": ("instantly-v2.json",),
}
UNDECLARED: dict[str, set[str]] = {
    "emailbison": {
        "pagination_type",
        "cursor",
        "page",
        "scheduled_date_local[criteria]",  # published with dots, sent with brackets
        "scheduled_date_local[value]",
    },
}


@dataclass(frozen=True)
class Sent:
    """A request as it went out."""

    provider: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """What a document says of a method at a path."""

    path: str
    parameters: tuple[dict[str, Any], ...]

    def names(self, place: str, *, required: bool = False) -> set[str]:
        """The parameters of a place (query, header), or those that must be there."""
        return {
            each["name"]
            for each in self.parameters
            if each["in"] == place and (each.get("required") or not required)
        }

    def schema(self, name: str) -> dict[str, Any]:
        """What a value must be like."""
        found = next(each for each in self.parameters if each["name"] == name)
        schema: dict[str, Any] = found.get("schema", {})
        return schema


@cache
def operations(provider: str) -> dict[tuple[str, str], Operation]:
    """What a provider offers."""
    offered = {}
    for file in DOCUMENTS[provider]:
        for path, item in json.loads((FOLDER / file).read_text())["paths"].items():
            common = tuple(item.get("parameters", ()))
            for method in ("get", "post"):
                if method in item:
                    told = Operation(path, (*common, *item[method].get("parameters", ())))
                    offered[method.upper(), path] = told
    return offered


def operation(sent: Sent) -> Operation | None:
    """The operation that a request asks for: the one with the most words in common."""
    matching = [
        told
        for (method, path), told in operations(sent.provider).items()
        if method == sent.method and fits(path.split("/"), sent.path.split("/"))
    ]
    return min(matching, key=lambda told: told.path.count("{"), default=None)


def fits(pattern: list[str], path: list[str]) -> bool:
    return len(pattern) == len(path) and all(
        word == asked or (word.startswith("{") and asked)
        for word, asked in zip(pattern, path, strict=True)
    )


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    """Every request of a sync of the whole cast, by id and by address, and of both checks."""
    found: list[Sent] = []
    world = World.seeded(1, len(CAST))
    with Sandbox(world, enforce_limits=False, most_rows=MOST_ROWS) as sandbox:
        asyncio.run(_sync(sandbox, found))
    return found


async def _sync(sandbox: Sandbox, found: list[Sent]) -> None:
    acme = sandbox.world.workspace("acme")
    for case in (CASES[name] for name in DOCUMENTS):
        module, settings = case.module, case.options(case.module, acme)
        url = case.url(sandbox)
        account = Account("acme", module.CHANNEL, case.name, url, module.RATE, settings)
        recorder = _Recorder(case.name, found)
        auth = module.auth(settings, {case.secret: case.token(acme)})
        async with api_over(account, auth, recorder, HandClock()) as api:
            reader = module.reader(account)
            await reader.check(api)
            watermark = None
            for now in (UNTIL, UNTIL + timedelta(days=1)):
                async for page in reader.changes(api, watermark, None, now):
                    watermark = page.watermark
            for person in acme.people.values():
                await _read(reader, api, person, case)
            await _follow(reader, api)


async def _read(reader: Any, api: HttpApi, person: Person, case: Case) -> None:
    """Read a lead as it is known by its addresses, by an id as well, and by that alone."""
    told = (
        *(addresses.email(each) for each in person.emails),
        *(addresses.phone(each, None) for each in person.phones),
    )
    known = (Handle(case.name, case.handle(person) or "404404"),)
    for lead in (
        Lead("L1", "acme", addresses=told),
        Lead("L1", "acme", addresses=told, handles=known),
        Lead("L1", "acme", handles=known),
    ):
        async for _ in reader.pages(api, lead, None):
            pass


async def _follow(reader: Any, api: HttpApi) -> None:
    """Read the feed from its beginning, from its middle and from its end."""
    watermark, now = None, datetime(2026, 1, 16, tzinfo=UTC)
    for hours in (0, 3):
        async for page in reader.changes(api, watermark, None, now + timedelta(hours=hours)):
            watermark = page.watermark


class _Recorder(httpx.AsyncHTTPTransport):
    """A connection that notes what goes over it."""

    def __init__(self, provider: str, found: list[Sent]) -> None:
        super().__init__(verify=False)
        self._provider = provider
        self._found = found

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._found.append(
            Sent(
                self._provider,
                request.method,
                request.url.path,
                tuple(request.url.params.multi_items()),
                dict(request.headers),
            )
        )
        return await super().handle_async_request(request)


def test_the_sync_asks_everything_that_it_can_ask(sent: list[Sent]) -> None:
    """Else the tests below would have nothing to say."""
    asked = {told.path for each in sent if (told := operation(each))}
    assert asked == {
        "/conversations/search",
        "/conversations/{conversationId}/messages",
        "/contacts/search/duplicate",
        "/contacts/search",
        "/contacts/{contactId}",
        "/conversations/messages/export",
        "/api/users",
        "/api/leads/{lead_id}",
        "/api/leads/{lead_id}/replies",
        "/api/leads/{lead_id}/sent-emails",
        "/api/replies",
        "/api/scheduled-emails",
        "/2010-04-01/Accounts/{AccountSid}/Messages.json",
        "/api/v2/emails",
        "/api/v2/leads/{id}",
    }


def test_every_path_and_method_is_documented(sent: list[Sent]) -> None:
    assert {(each.method, each.path) for each in sent if operation(each) is None} == set()


def test_every_query_parameter_is_documented(sent: list[Sent]) -> None:
    strange = {
        (told.path, name)
        for each in sent
        if (told := operation(each))
        for name, _ in each.query
        if name not in told.names("query") | UNDECLARED.get(each.provider, set())
    }
    assert strange == set()


def test_every_required_query_parameter_is_sent(sent: list[Sent]) -> None:
    missing = {
        (told.path, name)
        for each in sent
        if (told := operation(each))
        for name in told.names("query", required=True) - {name for name, _ in each.query}
    }
    assert missing == set()


def test_every_required_header_is_sent(sent: list[Sent]) -> None:
    missing = {
        (told.path, name)
        for each in sent
        if (told := operation(each))
        for name in told.names("header", required=True)
        if not each.headers.get(name.lower())
    }
    assert missing == set()


def test_every_value_is_one_of_those_documented(sent: list[Sent]) -> None:
    strange = set()
    for each in sent:
        told = operation(each)
        assert told is not None
        values = [*each.query, *((n, each.headers[n.lower()]) for n in told.names("header"))]
        for name, value in values:
            if name in UNDECLARED.get(each.provider, set()):
                continue
            allowed = told.schema(name).get("enum")
            if allowed and value not in allowed:
                strange.add((told.path, name, value))
    assert strange == set()


def test_every_number_is_a_number(sent: list[Sent]) -> None:
    strange = {
        (told.path, name, value)
        for each in sent
        if (told := operation(each))
        for name, value in each.query
        if name not in UNDECLARED.get(each.provider, set())
        and told.schema(name).get("type") in ("number", "integer")
        and not value.isdigit()
    }
    assert strange == set()


def test_no_parameter_is_sent_twice(sent: list[Sent]) -> None:
    assert [each for each in sent if len(dict(each.query)) != len(each.query)] == []


def test_every_request_carries_the_credential_in_its_header_and_nowhere_else(
    sent: list[Sent],
) -> None:
    for each in sent:
        token = each.headers["authorization"].split(" ")[1]
        assert token
        assert token not in f"{each.path} {each.query}"
