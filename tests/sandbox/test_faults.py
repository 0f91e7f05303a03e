"""Every fault can be seen with a raw client, and hits only what it is meant for."""

import contextlib
import http.client
import json
import socket
from email.utils import parsedate_to_datetime

import pytest

from convsync_cli.sandbox.faults import Fault, FaultKind, Faults, Tell
from convsync_cli.sandbox.mischief import rows_of
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace

from .client import Client

LONG = "/conversations/cnvAAAA0000000000001/messages"
CONTACT = "/contacts/ctcAAAA0000000000001"


def test_latency_delays_a_good_answer_and_adds_to_another_fault(
    sandbox: Sandbox, ghl: Client
) -> None:
    latency = Fault(FaultKind.LATENCY, seconds=0.01, times=2)
    sandbox.faults.add(latency, Fault(FaultKind.STATUS, status=503))
    assert ghl.get(CONTACT).status == 503
    assert ghl.get(CONTACT).status == 200
    assert sandbox.faults.in_force() == ()


def test_a_hang_never_answers_and_does_not_keep_the_sandbox_from_closing(
    sandbox: Sandbox, ghl: Client
) -> None:
    sandbox.faults.add(Fault(FaultKind.HANG))
    ghl.timeout = 0.05
    with pytest.raises(TimeoutError):
        ghl.get(CONTACT)
    sandbox.close()


def test_a_drip_comes_byte_by_byte(sandbox: Sandbox, ghl: Client) -> None:
    sandbox.faults.add(Fault(FaultKind.DRIP, seconds=0.0005))
    assert ghl.get(CONTACT).json["contact"]["id"] == "ctcAAAA0000000000001"
    sandbox.faults.add(Fault(FaultKind.DRIP, seconds=60.0))
    ghl.timeout = 0.05
    with pytest.raises(TimeoutError):
        ghl.get(CONTACT)


def test_a_reset_breaks_off_in_the_middle_of_the_body(sandbox: Sandbox, ghl: Client) -> None:
    sandbox.faults.add(Fault(FaultKind.RESET))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        ghl.get(CONTACT)


def test_truncated_json_is_a_whole_answer_that_does_not_parse(
    sandbox: Sandbox, ghl: Client
) -> None:
    sandbox.faults.add(Fault(FaultKind.TRUNCATED))
    answer = ghl.get(CONTACT)
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json


def test_html_and_emptiness_come_with_status_200(sandbox: Sandbox, ghl: Client) -> None:
    sandbox.faults.add(Fault(FaultKind.HTML), Fault(FaultKind.EMPTY))
    page, nothing = ghl.get(CONTACT), ghl.get(CONTACT)
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert (nothing.status, nothing.body) == (200, b"")


def test_a_429_tells_when_to_come_back_in_every_way(sandbox: Sandbox, ghl: Client) -> None:
    tells = (Tell.SECONDS, Tell.DATE, Tell.BODY, Tell.NOTHING, Tell.DAILY)
    sandbox.faults.add(*(Fault(FaultKind.RATE_LIMITED, seconds=7, tell=tell) for tell in tells))
    answers = {tell: ghl.get(CONTACT) for tell in tells}
    assert {answer.status for answer in answers.values()} == {429}
    assert answers[Tell.SECONDS].headers["retry-after"] == "7"
    assert parsedate_to_datetime(answers[Tell.DATE].headers["retry-after"])
    assert answers[Tell.BODY].json["retry_after"] == 7
    assert "retry-after" not in answers[Tell.NOTHING].headers
    assert answers[Tell.DAILY].headers["x-ratelimit-daily-remaining"] == "0"


@pytest.mark.parametrize("status", [400, 404, 408, 500, 503])
def test_any_status_can_be_had(sandbox: Sandbox, bison: Client, status: int) -> None:
    sandbox.faults.add(Fault(FaultKind.STATUS, status=status))
    assert bison.get("/api/users").status == status


def test_a_token_can_be_revoked_and_restored(sandbox: Sandbox, ghl: Client, bison: Client) -> None:
    sandbox.faults.add(Fault(FaultKind.UNAUTHORIZED, workspace="acme", times=None))
    assert ghl.get(CONTACT).json["message"] == "Invalid JWT"
    assert bison.get("/api/users").json["message"] == "Unauthenticated."
    sandbox.faults.clear()
    assert ghl.get(CONTACT).status == 200


def test_a_cursor_loops_at_gohighlevel(sandbox: Sandbox, ghl: Client, acme: Workspace) -> None:
    sandbox.faults.add(Fault(FaultKind.CURSOR_LOOP, times=None))
    first = ghl.get(LONG).json["messages"]
    again = ghl.get(LONG, {"lastMessageId": first["lastMessageId"]}).json["messages"]
    assert again == first
    assert again["nextPage"] is True
    query = {"locationId": acme.location_id, "limit": 10}
    export = ghl.get("/conversations/messages/export", query).json
    more = query | {"cursor": export["nextCursor"]}
    assert ghl.get("/conversations/messages/export", more).json["messages"] == export["messages"]


@pytest.mark.parametrize("path", ["/api/replies", "/api/campaigns"])
def test_a_cursor_loops_at_emailbison(sandbox: Sandbox, bison: Client, path: str) -> None:
    sandbox.faults.add(Fault(FaultKind.CURSOR_LOOP, times=None))
    query = {"pagination_type": "cursor"}
    first = bison.get(path, query).json
    cursor = first["meta"]["next_cursor"]
    assert cursor
    assert bison.get(path, query | {"cursor": cursor}).json["data"] == first["data"]


def test_a_filter_can_be_ignored(
    sandbox: Sandbox, ghl: Client, bison: Client, acme: Workspace
) -> None:
    sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, times=None))
    contact = "ctcAAAA0000000000001"
    query = {"locationId": acme.location_id, "contactId": contact}
    rows = ghl.get("/conversations/search", query).json["conversations"]
    assert {row["contactId"] for row in rows} > {contact}
    rows = ghl.get(LONG).json["messages"]["messages"]
    assert contact not in {row["contactId"] for row in rows}
    rows = bison.get("/api/leads/901/replies", {"folder": "all"}).json["data"]
    assert {row["lead_id"] for row in rows} != {901}


def test_a_malformed_row_stands_among_all_the_good_ones(
    sandbox: Sandbox, ghl: Client, bison: Client, acme: Workspace
) -> None:
    search = ("/conversations/search", {"locationId": acme.location_id})
    for client, (path, query) in ((ghl, search), (ghl, (LONG, {})), (bison, ("/api/replies", {}))):
        good = rows_of(client.get(path, query).json)
        sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW))
        mixed = rows_of(client.get(path, query).json)
        assert good is not None
        assert mixed is not None
        assert len(mixed) == len(good) + 1
        assert [row for row in mixed if row in good] == good


def test_a_redirect_leads_to_another_origin_where_arrivals_are_recorded(
    sandbox: Sandbox, ghl: Client
) -> None:
    sandbox.faults.add(Fault(FaultKind.REDIRECT))
    answer = ghl.get(CONTACT)
    assert answer.status == 302
    assert answer.headers["location"] == sandbox.elsewhere_url + CONTACT
    Client(sandbox.elsewhere_url).get(CONTACT)
    assert [(one.provider, one.authorized) for one in sandbox.requests] == [
        ("gohighlevel", True),
        ("elsewhere", False),
    ]


def test_the_third_page_fails_and_so_does_its_retry(sandbox: Sandbox, ghl: Client) -> None:
    sandbox.faults.add(Fault(FaultKind.STATUS, path=LONG, page=3, times=2))
    second = ghl.get(LONG).json["messages"]["lastMessageId"]
    third = ghl.get(LONG, {"lastMessageId": second}).json["messages"]["lastMessageId"]
    statuses = [ghl.get(LONG, {"lastMessageId": third}).status for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_a_fault_hits_only_its_provider_workspace_and_path(
    sandbox: Sandbox, ghl: Client, bison: Client
) -> None:
    sandbox.faults.add(
        Fault(FaultKind.STATUS, provider="emailbison", times=None),
        Fault(FaultKind.STATUS, workspace="globex", times=None),
        Fault(FaultKind.STATUS, path="/conversations/*", times=None),
    )
    assert ghl.get(CONTACT).status == 200
    assert ghl.get(LONG).status == 500
    assert bison.get("/api/users").status == 500


def test_a_fault_spares_the_first_and_then_hits_as_often_as_it_says(
    sandbox: Sandbox, ghl: Client
) -> None:
    sandbox.faults.add(Fault(FaultKind.STATUS, skip=1, times=2))
    assert [ghl.get(CONTACT).status for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_fault_is_read_from_json_and_unknown_names_are_refused() -> None:
    assert Fault.from_json({"kind": "hang", "times": None}) == Fault(FaultKind.HANG, times=None)
    with pytest.raises(ValueError, match="colour"):
        Fault.from_json({"kind": "hang", "colour": "red"})
    with pytest.raises(ValueError, match="sulk"):
        Fault.from_json({"kind": "sulk"})


def test_an_empty_collection_has_nothing_in_force() -> None:
    assert Faults().in_force() == ()


def test_closing_drops_idle_and_hung_connections(sandbox: Sandbox, ghl: Client) -> None:
    host, port = sandbox.gohighlevel_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as idle:
        sandbox.close()
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(1) == b""
    with pytest.raises(ConnectionError):
        ghl.get(CONTACT)
