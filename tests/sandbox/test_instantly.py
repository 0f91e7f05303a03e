"""Instantly answers as its fact sheet says of the live server."""

from collections import Counter
from typing import Any

import pytest

from convsync_cli.sandbox import instantly_shapes
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

from .client import Client

LIST = "/api/v2/emails"


def every_row(instantly: Client, **query: object) -> list[Any]:
    rows: list[Any] = []
    after: dict[str, object] = {}
    while True:
        content = instantly.get(LIST, {"limit": 100} | query | after).json
        rows += content["items"]
        if "next_starting_after" not in content:
            return rows
        after = {"starting_after": content["next_starting_after"]}


def test_a_key_opens_its_own_workspace(instantly: Client, sandbox: Sandbox) -> None:
    assert instantly.get("/api/v2/workspaces/current").json["name"] == "acme"
    other = instantly_shapes.token(sandbox.world.workspace("globex"))
    told = instantly.get("/api/v2/workspaces/current", headers={"Authorization": f"Bearer {other}"})
    assert told.json["name"] == "globex"
    assert instantly.get(LIST, headers={"Authorization": "Bearer x"}).status == 401


@pytest.mark.parametrize("limit", ["0", "101", "200", "x"])
def test_a_limit_has_its_bounds(instantly: Client, limit: str) -> None:
    answer = instantly.get(LIST, {"limit": limit})
    assert (answer.status, answer.json["error"]) == (400, "Bad Request")


STRANGE = {"sort_order": "up", "email_type": "x", "min_timestamp_created": "x",
           "starting_after": "x"}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_value_that_is_none_is_refused(instantly: Client, name: str) -> None:
    assert instantly.get(LIST, {name: STRANGE[name]}).status == 400


def test_an_unknown_filter_is_ignored(instantly: Client) -> None:
    assert instantly.get(LIST, {"ue_type": "2"}).json == instantly.get(LIST).json


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_pages_hold_every_row_once_by_the_time_of_storing(
    instantly: Client, order: str, sandbox: Sandbox
) -> None:
    rows = every_row(instantly, sort_order=order)
    times = [row["timestamp_created"] for row in rows]
    assert times == sorted(times, reverse=order == "desc")
    ids = {row["id"] for row in rows}
    wanted = {id for one in sandbox.world.expected("acme", "instantly") for id in one.external_ids}
    assert len(ids) == len(rows)
    assert wanted < ids


def test_a_bound_is_inclusive(instantly: Client) -> None:
    times = [row["timestamp_created"] for row in every_row(instantly)]
    bound = sorted(times)[len(times) // 2]
    later = every_row(instantly, min_timestamp_created=bound)
    earlier = every_row(instantly, max_timestamp_created=bound)
    assert len(later) == sum(each >= bound for each in times)
    assert len(earlier) == sum(each <= bound for each in times)


def test_a_lead_has_its_mail_also_where_rows_do_not_name_it(
    instantly: Client, acme: Workspace, sandbox: Sandbox
) -> None:
    told = Counter(one.lead_key for one in sandbox.world.expected("acme", "instantly")
                   for _ in one.external_ids)  # fmt: skip
    unnamed = 0
    for person in acme.bison_leads.values():
        rows = every_row(instantly, lead=person.emails[0])
        assert len([row for row in rows if row["ue_type"] != 4]) == told[person.key]
        unnamed += sum("lead" not in row for row in rows)
    assert unnamed


@pytest.mark.parametrize(("asked", "kind"), [("received", 2), ("manual", 3), ("sent", 1)])
def test_mail_is_told_by_its_type(instantly: Client, asked: str, kind: int) -> None:
    assert {row["ue_type"] for row in every_row(instantly, email_type=asked)} == {kind}


def test_bodies_come_in_every_form(instantly: Client) -> None:
    bodies = [row["body"] for row in every_row(instantly)]
    forms = {"bare" if isinstance(body, str) else "+".join(body) for body in bodies}
    assert forms >= {"bare", "text", "html", "text+html", ""}


def test_leads_are_listed_by_id(instantly: Client, acme: Workspace) -> None:
    ids: list[str] = []
    while True:
        body = {"limit": 10, "starting_after": ids[-1] if ids else None}
        content = instantly.post("/api/v2/leads/list", body).json
        ids += [row["id"] for row in content["items"]]
        if "next_starting_after" not in content:
            break
    assert ids == sorted(map(instantly_shapes.lead_id, acme.bison_leads.values()))


def test_one_mail_and_one_lead_are_found_by_id(instantly: Client) -> None:
    row = instantly.get(LIST).json["items"][0]
    assert instantly.get(f"{LIST}/{row['id']}").json == row
    assert instantly.get(f"{LIST}/none").status == 404
    assert instantly.get("/api/v2/leads/none").json["statusCode"] == 404


def test_more_than_twenty_requests_a_minute_are_refused() -> None:
    world = World.seeded(1, 3)
    with Sandbox(world) as sandbox:
        key = {"Authorization": f"Bearer {instantly_shapes.token(world.workspace('acme'))}"}
        client = Client(sandbox.urls["instantly"], key)
        statuses = [client.get(LIST).status for _ in range(21)]
        refused = client.get(LIST)
    assert statuses == [200] * 20 + [429]
    assert refused.json["error"] == "Too Many Requests"
    assert "retry-after" not in refused.headers
