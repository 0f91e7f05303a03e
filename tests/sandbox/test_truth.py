"""Whoever reads everything through the API finds exactly what is expected."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from convsync_cli.sandbox.rows import SMS_KINDS, Person
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace

from .client import Client


def conversations(ghl: Client, acme: Workspace, contact: str) -> list[str]:
    query = {"locationId": acme.location_id, "contactId": contact}
    return [row["id"] for row in ghl.get("/conversations/search", query).json["conversations"]]


def messages(ghl: Client, conversation: str) -> Iterator[Any]:
    query: dict[str, object] = {"limit": 100}
    while True:
        page = ghl.get(f"/conversations/{conversation}/messages", query).json["messages"]
        yield from page["messages"]
        if not page["nextPage"]:
            return
        query["lastMessageId"] = page["lastMessageId"]


def rows(bison: Client, path: str) -> Iterator[Any]:
    page, last = 1, 1
    while page <= last:
        content = bison.get(path, {"folder": "all", "page": page}).json
        yield from content["data"]
        page, last = page + 1, content["meta"]["last_page"]


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def test_every_sms_is_found_with_its_text_time_and_direction(
    sandbox: Sandbox, ghl: Client, acme: Workspace
) -> None:
    found = {
        (person.key, row["id"], row["direction"], moment(row.get("dateAdded")), row.get("body", ""))
        for person in acme.people.values()
        if person.contact
        for conversation in conversations(ghl, acme, person.contact)
        for row in messages(ghl, conversation)
        if row["messageType"] in SMS_KINDS
    }
    expected = sandbox.world.expected("acme", "sms")
    assert found == {
        (one.lead_key, one.external_ids[0], one.direction, one.sent_at, one.text)
        for one in expected
    }


def mails(bison: Client, person: Person) -> Iterator[tuple[str, str, str, datetime | None]]:
    for row in rows(bison, f"/api/leads/{person.bison}/replies"):
        direction = "outbound" if row["folder"] == "Sent" else "inbound"
        told = moment(row["date_received"])
        yield f"reply:{row['id']}", row["raw_message_id"], direction, told
    for row in rows(bison, f"/api/leads/{person.bison}/sent-emails"):
        yield f"sent:{row['id']}", row["raw_message_id"], "outbound", moment(row["sent_at"])


def test_every_mail_is_found_and_joined_by_message_id_and_direction(
    sandbox: Sandbox, bison: Client, acme: Workspace
) -> None:
    found: dict[object, set[str]] = {}
    for person in acme.bison_leads.values():
        for ident, message_id, direction, at in mails(bison, person):
            found.setdefault((person.key, message_id, direction, at), set()).add(ident)
    assert found == {
        (one.lead_key, one.message_id, one.direction, one.sent_at): set(one.external_ids)
        for one in sandbox.world.expected("acme", "email")
    }


def test_the_inbox_of_the_workspace_holds_the_same_mail_beside_the_noise(
    sandbox: Sandbox, bison: Client
) -> None:
    ids = {f"reply:{row['id']}" for row in rows(bison, "/api/replies") if row["type"]}
    named = {name for one in sandbox.world.expected("acme", "email") for name in one.external_ids}
    assert {name for name in named if name.startswith("reply:")} < ids
