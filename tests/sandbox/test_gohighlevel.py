"""GoHighLevel answers as its fact sheet says of the live server."""

from typing import Any

import pytest

from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

from .client import Client


def conversation_of(acme: Workspace, role: str) -> str:
    contact = acme.people[f"acme-{CAST.index(role) + 1:05d}"].contact
    assert contact is not None
    return acme.conversations_of[contact][0].id


def every_message(ghl: Client, conversation: str, **query: object) -> list[Any]:
    rows: list[Any] = []
    more: dict[str, object] = {}
    while True:
        path = f"/conversations/{conversation}/messages"
        page = ghl.get(path, query | more).json["messages"]
        rows += page["messages"]
        if not page["nextPage"]:
            return rows
        more = {"lastMessageId": page["lastMessageId"]}


def test_search_gives_20_conversations_by_default_newest_first(
    ghl: Client, acme: Workspace
) -> None:
    content = ghl.get("/conversations/search", {"locationId": acme.location_id}).json
    dates = [row["lastMessageDate"] for row in content["conversations"]]
    assert len(dates) == 20
    assert dates == sorted(dates, reverse=True)
    assert content["total"] == len(acme.conversations)
    assert all(row["sort"] == [row["lastMessageDate"]] for row in content["conversations"])


def test_search_goes_on_after_a_date_until_every_conversation_was_seen(
    ghl: Client, acme: Workspace
) -> None:
    seen: set[str] = set()
    query: dict[str, object] = {"locationId": acme.location_id, "limit": 7}
    while rows := ghl.get("/conversations/search", query).json["conversations"]:
        seen |= {row["id"] for row in rows}
        query["startAfterDate"] = rows[-1]["sort"][0]
    assert seen == set(acme.conversations)


def test_search_narrows_to_one_contact(ghl: Client, acme: Workspace) -> None:
    contact = acme.people["acme-00007"].contact
    query = {"locationId": acme.location_id, "contactId": contact}
    rows = ghl.get("/conversations/search", query).json["conversations"]
    assert len(rows) == 2
    assert {row["contactId"] for row in rows} == {contact}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": 101}, "limit must not be greater than 100"),
        ({"lastMessageId": "msg1"}, "property lastMessageId should not exist"),
        ({"sortBy": "name"}, "sortBy must be one of the following values"),
    ],
)
def test_search_refuses_what_it_does_not_know(
    ghl: Client, acme: Workspace, query: dict[str, object], message: str
) -> None:
    answer = ghl.get("/conversations/search", {"locationId": acme.location_id} | query)
    assert answer.status == 422
    assert answer.json["message"][0].startswith(message)


def test_messages_are_nested_and_paged_from_the_newest_by_last_message_id(
    ghl: Client, acme: Workspace
) -> None:
    conversation = conversation_of(acme, "long sms")
    first = ghl.get(f"/conversations/{conversation}/messages").json
    assert len(first["messages"]["messages"]) == 20
    assert first["messages"]["nextPage"] is True
    rows = every_message(ghl, conversation, limit=100)
    stored = [entry.id for entry in reversed(acme.conversations[conversation].entries)]
    assert [row["id"] for row in rows] == stored
    assert len(rows) > 600


def test_messages_of_the_same_millisecond_are_neither_lost_nor_doubled_by_paging(
    ghl: Client, acme: Workspace
) -> None:
    rows = every_message(ghl, conversation_of(acme, "same instant"), limit=10)
    assert len(rows) == len({row["id"] for row in rows}) == 45


def test_messages_can_be_narrowed_to_kinds(ghl: Client, acme: Workspace) -> None:
    conversation = conversation_of(acme, "long sms")
    rows = every_message(ghl, conversation, limit=100, type="TYPE_SMS,TYPE_CALL")
    assert {row["messageType"] for row in rows} == {"TYPE_SMS", "TYPE_CALL"}


def test_message_lists_are_flat_where_the_switch_says_so() -> None:
    with Sandbox(World.seeded(1, 3), flat_messages=True) as sandbox:
        acme = sandbox.world.workspace("acme")
        token = {"Authorization": f"Bearer {acme.gohighlevel_token}", "Version": "v3"}
        path = f"/conversations/{conversation_of(acme, 'long sms')}/messages"
        content = Client(sandbox.gohighlevel_url, token).get(path).json
    assert len(content["messages"]) == 20


def test_a_row_without_a_date_has_no_date_field(ghl: Client, acme: Workspace) -> None:
    rows = every_message(ghl, conversation_of(acme, "undated"))
    assert any("dateAdded" not in row for row in rows)


def test_export_leaves_mail_out_unless_asked_and_ends_with_a_null_cursor(
    ghl: Client, acme: Workspace
) -> None:
    rows: list[Any] = []
    query: dict[str, object] = {"locationId": acme.location_id, "limit": 500}
    while True:
        content = ghl.get("/conversations/messages/export", query).json
        rows += content["messages"]
        if content["nextCursor"] is None:
            break
        query["cursor"] = content["nextCursor"]
    expected = {entry.id for entry in acme.entries.values() if entry.kind != "TYPE_EMAIL"}
    assert {row["id"] for row in rows} == expected
    assert content["total"] == len(rows) == len(expected)


@pytest.mark.parametrize("limit", [9, 501])
def test_export_takes_10_to_500_rows_a_page(ghl: Client, acme: Workspace, limit: int) -> None:
    query = {"locationId": acme.location_id, "limit": limit}
    assert ghl.get("/conversations/messages/export", query).status == 422


def test_export_starts_at_a_date(ghl: Client, acme: Workspace) -> None:
    since = "2026-01-10T00:00:00.000Z"
    query = {"locationId": acme.location_id, "startDate": since, "channel": "SMS", "limit": 500}
    rows = ghl.get("/conversations/messages/export", query).json["messages"]
    assert rows
    assert all(row.get("dateAdded", since) >= since for row in rows)


def test_an_export_cursor_expires() -> None:
    with Sandbox(World.seeded(1, 3), cursor_seconds=-1.0) as sandbox:
        acme = sandbox.world.workspace("acme")
        token = {"Authorization": f"Bearer {acme.gohighlevel_token}", "Version": "v3"}
        ghl = Client(sandbox.gohighlevel_url, token)
        query = {"locationId": acme.location_id, "limit": 10}
        cursor = ghl.get("/conversations/messages/export", query).json["nextCursor"]
        answer = ghl.get("/conversations/messages/export", query | {"cursor": cursor})
    assert answer.status == 400
    assert "point in time" in answer.json["message"]


def test_single_messages_and_mails_come_wrapped(ghl: Client, acme: Workspace) -> None:
    entry = next(entry for entry in acme.entries.values() if entry.mails)
    message = ghl.get(f"/conversations/messages/{entry.id}").json["message"]
    assert message["meta"]["email"]["messageIds"] == list(entry.mails)
    mail = ghl.get(f"/conversations/messages/email/{entry.mails[0]}").json["emailMessage"]
    assert mail["conversationId"] == entry.conversation
    assert ghl.get(f"/conversations/messages/email/{entry.id}").status == 404


def test_contacts_are_found_by_many_emails_at_once(ghl: Client, acme: Workspace) -> None:
    people = list(acme.contacts.values())[:5]
    emails = [{"field": "email", "operator": "eq", "value": p.emails[0]} for p in people]
    body = {
        "locationId": acme.location_id,
        "pageLimit": 500,
        "filters": [{"group": "OR", "filters": emails}],
    }
    found = ghl.post("/contacts/search", body).json["contacts"]
    assert {row["id"] for row in found} == {person.contact for person in people}


def test_contact_search_goes_on_after_a_row(ghl: Client, acme: Workspace) -> None:
    body: dict[str, object] = {"locationId": acme.location_id, "pageLimit": 10}
    seen: list[str] = []
    while rows := ghl.post("/contacts/search", body).json["contacts"]:
        seen += [row["id"] for row in rows]
        body["searchAfter"] = rows[-1]["searchAfter"]
    assert sorted(seen) == sorted(acme.contacts)


def test_contact_search_wants_a_location_and_a_page_limit(ghl: Client) -> None:
    answer = ghl.post("/contacts/search", {})
    assert answer.status == 422
    assert len(answer.json["message"]) == 2


def test_contact_search_refuses_an_additional_number(ghl: Client, acme: Workspace) -> None:
    person = next(person for person in acme.contacts.values() if len(person.phones) > 1)
    phone = {"field": "phone", "operator": "eq", "value": person.phones[1]}
    body = {"locationId": acme.location_id, "pageLimit": 5, "filters": [phone]}
    assert ghl.post("/contacts/search", body).status == 400


def test_a_duplicate_is_found_by_email_first_then_by_number(ghl: Client, acme: Workspace) -> None:
    one, two = list(acme.contacts.values())[:2]
    path, location = "/contacts/search/duplicate", {"locationId": acme.location_id}
    by_both = location | {"email": one.emails[0], "number": two.phones[0]}
    assert ghl.get(path, by_both).json["contact"]["id"] == one.contact
    by_number = location | {"email": "nobody@example.com", "number": two.phones[0]}
    assert ghl.get(path, by_number).json["contact"]["id"] == two.contact
    assert ghl.get(path, location | {"email": "nobody@example.com"}).json["contact"] is None


def test_a_contact_by_id_does_not_tell_additional_numbers(ghl: Client, acme: Workspace) -> None:
    person = next(person for person in acme.contacts.values() if len(person.phones) > 1)
    contact = ghl.get(f"/contacts/{person.contact}").json["contact"]
    assert contact["phone"] == person.phones[0]
    assert person.phones[1] not in str(contact)
    assert ghl.get("/contacts/short").status == 400
    assert ghl.get("/contacts/ctcAAAA9999999999999").status == 404


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Version": "2021-04-15"}, "Invalid JWT"),
        ({"Version": "2021-04-15", "Authorization": "Bearer wrong"}, "Invalid JWT"),
        ({"Authorization": "Bearer right"}, "version header was not found."),
        ({"Authorization": "Bearer right", "Version": "2020-01-01"}, "version header is invalid"),
    ],
)
def test_a_token_and_a_version_are_required(
    ghl: Client, acme: Workspace, headers: dict[str, str], message: str
) -> None:
    told = {k: v.replace("right", acme.gohighlevel_token) for k, v in headers.items()}
    answer = ghl.get("/conversations/search", {"locationId": acme.location_id}, told)
    assert (answer.status, answer.json["message"]) == (401, message)


def test_a_token_is_good_for_its_own_location_only(ghl: Client, sandbox: Sandbox) -> None:
    other = sandbox.world.workspace("globex").location_id
    answer = ghl.get("/conversations/search", {"locationId": other})
    assert answer.status == 403
    assert answer.json["message"] == "The token does not have access to this location."
    foreign = next(iter(sandbox.world.workspace("globex").conversations))
    assert ghl.get(f"/conversations/{foreign}/messages").status == 404


def test_a_missing_scope_is_refused(ghl: Client, acme: Workspace) -> None:
    acme.scopes = frozenset({"conversations.readonly"})
    location = {"locationId": acme.location_id}
    assert ghl.get("/conversations/search", location).status == 200
    answer = ghl.get("/conversations/messages/export", location)
    assert answer.status == 401
    assert answer.json["message"] == "The token is not authorized for this scope."
