"""EmailBison answers as its fact sheet says of the live server."""

from typing import Any

import pytest

from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

from .client import Client


def lead(acme: Workspace, role: str) -> Person:
    return acme.people[f"acme-{CAST.index(role) + 1:05d}"]


def every_row(bison: Client, path: str, **query: object) -> list[Any]:
    rows: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        content = bison.get(path, query | {"pagination_type": "cursor"} | more).json
        rows += content["data"]
        cursor = content["meta"]["next_cursor"]
    return rows


def test_the_token_tells_its_workspace(bison: Client, acme: Workspace) -> None:
    team = bison.get("/api/users").json["data"]["team"]
    assert (team["id"], team["name"]) == (acme.team_id, "acme")


def test_a_lead_is_found_by_id_and_by_email_in_any_case(bison: Client, acme: Workspace) -> None:
    person = lead(acme, "long mail")
    for who in (str(person.bison), person.emails[0], person.emails[0].upper()):
        assert bison.get(f"/api/leads/{who}").json["data"]["id"] == person.bison


@pytest.mark.parametrize("path", ["/api/leads/nobody@example.com/replies", "/api/leads/1"])
def test_an_unknown_lead_is_a_record_not_found(bison: Client, path: str) -> None:
    answer = bison.get(path)
    assert answer.status == 404
    assert answer.json["data"]["record_not_found"] is True


def test_custom_variables_are_an_empty_list_or_names_and_values(
    bison: Client, acme: Workspace
) -> None:
    told = [bison.get(f"/api/leads/{ident}").json["data"] for ident in acme.bison_leads]
    variables = [row["custom_variables"] for row in told]
    assert [] in variables
    assert any(one and one[0]["name"] == "phone" for one in variables)


def test_pages_have_15_rows_whatever_is_asked_newest_first(bison: Client, acme: Workspace) -> None:
    path = f"/api/leads/{lead(acme, 'long mail').bison}/replies"
    content = bison.get(path, {"folder": "all", "per_page": 100}).json
    ids = [row["id"] for row in content["data"]]
    assert len(ids) == content["meta"]["per_page"] == 15
    assert ids == sorted(ids, reverse=True)
    assert content["meta"]["last_page"] == 4
    last = bison.get(path, {"folder": "all", "page": 4}).json
    assert last["links"]["next"] is None
    assert bison.get(path, {"folder": "all", "page": 5}).json["data"] == []


def test_pages_and_cursors_give_the_same_rows(bison: Client, acme: Workspace) -> None:
    path = f"/api/leads/{lead(acme, 'long mail').bison}/replies"
    paged = [
        row["id"]
        for page in range(1, 5)
        for row in bison.get(path, {"folder": "all", "page": page}).json["data"]
    ]
    assert [row["id"] for row in every_row(bison, path, folder="all")] == paged


def test_links_lose_the_filters(bison: Client) -> None:
    query = {"folder": "all", "pagination_type": "cursor"}
    content = bison.get("/api/replies", query).json
    assert content["links"]["next"].startswith(bison.url)
    assert "folder" not in content["links"]["next"]
    assert "folder" not in bison.get("/api/replies", {"folder": "all"}).json["links"]["next"]


def test_the_cursor_feed_gives_every_reply_once_by_falling_id(
    bison: Client, acme: Workspace
) -> None:
    ids = [row["id"] for row in every_row(bison, "/api/replies", folder="all")]
    assert ids == sorted((reply.id for reply in acme.replies), reverse=True)


def test_a_broken_cursor_is_refused(bison: Client) -> None:
    query = {"pagination_type": "cursor", "cursor": "???"}
    assert bison.get("/api/replies", query).status == 422


def test_pages_beyond_the_deepest_ask_for_cursor_mode() -> None:
    with Sandbox(World.seeded(1, 40), deepest_page=2) as sandbox:
        token = sandbox.world.workspace("acme").emailbison_token
        bison = Client(sandbox.emailbison_url, {"Authorization": f"Bearer {token}"})
        assert bison.get("/api/replies", {"page": 2}).status == 200
        answer = bison.get("/api/replies", {"page": 3})
    assert answer.status == 422
    assert "cursor" in answer.json["message"]


def test_only_the_inbox_comes_back_unless_a_folder_is_named(bison: Client) -> None:
    folders = {row["folder"] for row in every_row(bison, "/api/replies")}
    assert folders == {"Inbox"}
    folders = {row["folder"] for row in every_row(bison, "/api/replies", folder="all")}
    assert folders == {"Inbox", "Sent", "Spam", "Bounced"}


@pytest.mark.parametrize("query", [{"folder": "outbox"}, {"status": "happy"}])
def test_unknown_values_of_a_filter_are_refused(bison: Client, query: dict[str, str]) -> None:
    answer = bison.get("/api/replies", query)
    assert answer.status == 422
    assert set(answer.json["errors"]) == set(query)


def test_replies_of_a_lead_bring_mail_by_hand_that_names_no_lead(
    bison: Client, acme: Workspace
) -> None:
    person = lead(acme, "long mail")
    rows = bison.get(f"/api/leads/{person.bison}/replies", {"folder": "sent"}).json["data"]
    unnamed = [row for row in rows if row["lead_id"] is None]
    assert unnamed
    assert {row["primary_to_email_address"] for row in unnamed} == {person.emails[0]}


def test_replies_of_a_campaign_are_tied_to_it(bison: Client, acme: Workspace) -> None:
    for campaign in acme.campaigns:
        rows = every_row(bison, f"/api/campaigns/{campaign.id}/replies", folder="all")
        assert {row["campaign_id"] for row in rows} == {campaign.id}


def test_replies_of_a_mailbox_are_its_own(bison: Client, acme: Workspace) -> None:
    mailbox = acme.mailboxes[0]
    rows = every_row(bison, f"/api/sender-emails/{mailbox.id}/replies", folder="all")
    assert {row["sender_email_id"] for row in rows} == {mailbox.id}


def test_warm_up_mail_is_in_the_inbox_and_belongs_to_nobody(bison: Client) -> None:
    rows = every_row(bison, "/api/replies", folder="all")
    noise = [row for row in rows if "warm-up" in str(row)]
    assert len(noise) == 80
    assert all(row["lead_id"] is None and not row["tracked_reply"] for row in noise)


def test_sent_emails_of_a_lead_are_sent_and_nest_their_mailbox(
    bison: Client, acme: Workspace
) -> None:
    rows = bison.get(f"/api/leads/{lead(acme, 'long mail').bison}/sent-emails").json["data"]
    assert rows
    assert {row["status"] for row in rows} == {"sent"}
    assert all("sender_email_id" not in row and row["sender_email"]["email"] for row in rows)


def test_scheduled_emails_narrow_by_day_status_and_lead(bison: Client, acme: Workspace) -> None:
    day = "2025-12-01"
    query = {
        "status": "sent",
        "scheduled_date_local[criteria]": ">=",
        "scheduled_date_local[value]": day,
    }
    rows = every_row(bison, "/api/scheduled-emails", **query)
    assert rows
    assert all(row["scheduled_date_local"][:10] >= day for row in rows)
    person = lead(acme, "long mail")
    rows = every_row(bison, "/api/scheduled-emails", **{"lead_ids[]": person.bison})
    assert {row["lead"]["email"] for row in rows} == {person.emails[0]}


def test_campaign_emails_are_not_numbered_in_the_order_of_sending(acme: Workspace) -> None:
    sent = [send for send in acme.sends if send.sent_at]
    by_id = sorted(sent, key=lambda send: send.id)
    assert by_id != sorted(sent, key=lambda send: send.sent_at or send.scheduled)


@pytest.mark.parametrize("path", ["/api/campaigns", "/api/sender-emails", "/api/leads"])
def test_lists_are_wrapped_in_an_envelope(bison: Client, path: str) -> None:
    assert set(bison.get(path).json) == {"data", "links", "meta"}


def test_single_rows_and_threads(bison: Client, acme: Workspace) -> None:
    reply = acme.replies[0]
    assert bison.get(f"/api/replies/{reply.id}").json["data"]["id"] == reply.id
    thread = bison.get(f"/api/replies/{reply.id}/conversation-thread").json["data"]
    assert thread["current_reply"]["id"] == reply.id
    assert thread["older_messages"] == thread["newer_messages"] == []
    send = acme.sends[0]
    assert bison.get(f"/api/scheduled-emails/{send.id}").json["data"]["id"] == send.id


def test_a_wrong_token_is_unauthenticated(bison: Client, sandbox: Sandbox) -> None:
    assert bison.get("/api/users", headers={}).status == 401
    answer = bison.get("/api/users", headers={"Authorization": "Bearer wrong"})
    assert (answer.status, answer.json["message"]) == (401, "Unauthenticated.")
