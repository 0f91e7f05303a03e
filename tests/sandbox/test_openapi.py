"""Answers have the shapes of the vendors' documents, but for what is known to differ live."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sandbox import instantly_shapes, twilio_shapes
from convsync_cli.sandbox.workspace import Workspace

from .client import Client

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "providers" / "openapi"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the vendors' OpenAPI documents are not beside this repository"
)

# Fields that the documents require and live rows lack: activity rows have no direction, some rows
# no date, and contacts no phone.
ABSENT_LIVE = {"dateAdded", "direction", "phone"}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def differences(
    value: Any, schema: dict[str, Any], document: dict[str, Any], nullable: bool, at: str = "$"
) -> Iterator[str]:
    """Where a value is not as the schema says; unknown fields are allowed."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    told = schema.get("type") or []
    kinds = told if isinstance(told, list) else [told]
    if value is None:
        if kinds and not (nullable or schema.get("nullable") or "null" in kinds):
            yield f"{at} is null"
        return
    known = tuple(type for kind in kinds for type in _TYPES.get(kind, ()))
    if known and not isinstance(value, known):
        yield f"{at} is {type(value).__name__}, not {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}, none of the known"
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value) - ABSENT_LIVE
        yield from (f"{at}.{name} is missing" for name in sorted(missing))
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from differences(value[name], inner, document, nullable, f"{at}.{name}")
    if isinstance(value, list):
        for number, one in enumerate(value):
            inner = schema.get("items", {})
            yield from differences(one, inner, document, nullable, f"{at}[{number}]")


def check(value: Any, file: str, path: str, nullable: bool = False) -> None:
    document = json.loads((FOLDER / file).read_text())
    answer = document["paths"][path]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    assert list(differences(value, schema, document, nullable)) == []


CONVERSATIONS = "gohighlevel-conversations.json"


def test_conversation_search(ghl: Client, acme: Workspace) -> None:
    content = ghl.get("/conversations/search", {"locationId": acme.location_id, "limit": 100}).json
    check(content, CONVERSATIONS, "/conversations/search")


def test_message_lists_but_for_their_nesting(ghl: Client, acme: Workspace) -> None:
    for conversation in acme.conversations:
        content = ghl.get(f"/conversations/{conversation}/messages", {"limit": 100}).json
        for row in content["messages"]["messages"]:
            # "completed" is a call's status, seen live and not in the document.
            if row["messageType"] == "TYPE_CALL":
                row["status"] = "connected"
        check(content["messages"], CONVERSATIONS, "/conversations/{conversationId}/messages")


def test_export_but_for_its_null_cursor(ghl: Client, acme: Workspace) -> None:
    query = {"locationId": acme.location_id, "channel": "SMS", "limit": 500}
    content = ghl.get("/conversations/messages/export", query).json
    check(content, CONVERSATIONS, "/conversations/messages/export", nullable=True)


def test_single_conversations_messages_and_mails(ghl: Client, acme: Workspace) -> None:
    entry = next(entry for entry in acme.entries.values() if entry.mails)
    one = ghl.get(f"/conversations/{entry.conversation}").json
    check(one, CONVERSATIONS, "/conversations/{conversationId}")
    message = ghl.get(f"/conversations/messages/{entry.id}").json["message"]
    check(message, CONVERSATIONS, "/conversations/messages/{id}")
    mail = ghl.get(f"/conversations/messages/email/{entry.mails[0]}").json["emailMessage"]
    check(mail, CONVERSATIONS, "/conversations/messages/email/{id}")


def test_contacts(ghl: Client, acme: Workspace) -> None:
    for contact in acme.contacts:
        content = ghl.get(f"/contacts/{contact}").json
        check(content, "gohighlevel-contacts.json", "/contacts/{contactId}")


@pytest.mark.parametrize(
    ("path", "published"),
    [
        ("/api/users", "/api/users"),
        ("/api/campaigns", "/api/campaigns"),
        ("/api/sender-emails", "/api/sender-emails"),
        ("/api/leads", "/api/leads"),
        ("/api/leads/902", "/api/leads/{lead_id}"),
        ("/api/leads/902/replies", "/api/leads/{lead_id}/replies"),
        ("/api/leads/902/sent-emails", "/api/leads/{lead_id}/sent-emails"),
        ("/api/leads/902/scheduled-emails", "/api/leads/{lead_id}/scheduled-emails"),
        ("/api/replies", "/api/replies"),
        ("/api/replies/4001", "/api/replies/{id}"),
        ("/api/replies/4001/conversation-thread", "/api/replies/{reply_id}/conversation-thread"),
        ("/api/campaigns/12/replies", "/api/campaigns/{campaign_id}/replies"),
        ("/api/campaigns/12/scheduled-emails", "/api/campaigns/{campaign_id}/scheduled-emails"),
        ("/api/scheduled-emails", "/api/scheduled-emails"),
        ("/api/sender-emails/25/replies", "/api/sender-emails/{senderEmailId}/replies"),
    ],
)
def test_emailbison_but_for_its_nulls(bison: Client, path: str, published: str) -> None:
    answer = bison.get(path, {"folder": "all"})
    assert answer.status == 200
    check(answer.json, "emailbison.json", published, nullable=True)


TWILIO_ROOT = "/2010-04-01/Accounts/{AccountSid}"


def test_twilio_messages_and_media(twilio: Client, acme: Workspace) -> None:
    root = twilio_shapes.root(acme)
    listed = twilio.get(f"{root}/Messages.json", {"PageSize": 1000}).json
    check(listed, "twilio-messages.json", f"{TWILIO_ROOT}/Messages.json")
    for row in listed["messages"]:
        assert re.fullmatch("(SM|MM)[0-9a-f]{32}", row["sid"])
    picture = next(row for row in listed["messages"] if row["num_media"] != "0")
    one = twilio.get(f"{root}/Messages/{picture['sid']}.json").json
    check(one, "twilio-messages.json", f"{TWILIO_ROOT}/Messages/{{Sid}}.json")
    media = twilio.get(f"{root}/Messages/{picture['sid']}/Media.json").json
    assert len(media["media_list"]) == 1


@pytest.mark.parametrize(
    ("path", "published"),
    [
        ("/api/v2/emails", "/api/v2/emails"),
        ("/api/v2/workspaces/current", "/api/v2/workspaces/current"),
        ("/api/v2/emails/unread/count", "/api/v2/emails/unread/count"),
    ],
)
def test_instantly(instantly: Client, path: str, published: str) -> None:
    content = instantly.get(path, {"limit": 100}).json
    for row in content.get("items", ()):
        if isinstance(row["body"], str):  # as older rows have it
            row["body"] = {"text": row["body"]}
    check(content, "instantly-v2.json", published)


def test_an_instantly_lead(instantly: Client, acme: Workspace) -> None:
    for person in acme.bison_leads.values():
        row = instantly.get(f"/api/v2/leads/{instantly_shapes.lead_id(person)}").json
        check(row, "instantly-v2.json", "/api/v2/leads/{id}")
