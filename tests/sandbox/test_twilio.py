"""Twilio answers as its fact sheet says of the live server."""

from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from convsync_cli.sandbox import twilio_shapes
from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.limits import Allowance
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

from .client import Client, basic


@pytest.fixture
def path(acme: Workspace) -> str:
    return f"{twilio_shapes.root(acme)}/Messages.json"


def every_row(twilio: Client, path: str, **query: object) -> list[Any]:
    rows: list[Any] = []
    asked: Any = {"PageSize": 100} | query
    while asked is not None:
        content = twilio.get(path, asked).json
        rows += content["messages"]
        then = content["next_page_uri"]
        asked = parse_qsl(urlsplit(then).query) if then else None
    return rows


def test_the_token_and_an_api_key_open_the_account(
    sandbox: Sandbox, acme: Workspace, path: str
) -> None:
    for user, password in twilio_shapes.credentials(acme).items():
        client = Client(sandbox.urls["twilio"], basic(user, password))
        assert client.get(path).status == 200


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Basic !"}, {"Authorization": "Bearer x"}, basic("AC0", "x")]
)
def test_nothing_else_does(twilio: Client, path: str, header: dict[str, str]) -> None:
    answer = twilio.get(path, headers=header)
    assert (answer.status, answer.json["code"]) == (401, 20003)


def test_another_account_is_unknown(twilio: Client, sandbox: Sandbox) -> None:
    other = twilio_shapes.root(sandbox.world.workspace("globex"))
    answer = twilio.get(f"{other}/Messages.json")
    assert (answer.status, answer.json["code"]) == (404, 20404)


def test_a_page_has_50_rows_unless_asked_otherwise_newest_first(twilio: Client, path: str) -> None:
    content = twilio.get(path).json
    dates = [
        parsedate_to_datetime(row["date_sent"] or row["date_created"])
        for row in content["messages"]
    ]
    assert len(dates) == 50
    assert dates == sorted(dates, reverse=True)
    assert "total" not in content


@pytest.mark.parametrize("size", ["0", "1001", "x"])
def test_a_page_size_has_its_bounds(twilio: Client, path: str, size: str) -> None:
    assert twilio.get(path, {"PageSize": size}).status == 400


def test_the_pages_hold_every_row_once(twilio: Client, path: str, sandbox: Sandbox) -> None:
    sids = [row["sid"] for row in every_row(twilio, path)]
    wanted = {id for one in sandbox.world.expected("acme", "twilio") for id in one.external_ids}
    assert len(sids) == len(set(sids)) > len(wanted)
    assert wanted < set(sids)


def test_the_next_page_is_a_path_with_the_filters_and_stays_in_place_as_news_come(
    twilio: Client, path: str, sandbox: Sandbox
) -> None:
    first = twilio.get(path, {"PageSize": 10, "DateSent>": "2025-11-01"}).json
    told = dict(parse_qsl(urlsplit(first["next_page_uri"]).query))
    assert first["next_page_uri"].startswith(path)
    assert told["DateSent>"] == "2025-11-01"
    before = twilio.get(path, told).json["messages"]
    sandbox.world.say("acme", "acme-00001", "sms", "inbound", "news")
    assert twilio.get(path, told).json["messages"] == before


def test_numbers_are_matched_to_the_letter_with_their_prefix(twilio: Client, path: str) -> None:
    rows = every_row(twilio, path)
    for end, name in (("from", "From"), ("to", "To")):
        counted = Counter(row[end] for row in rows)
        for prefix in ("+", "rcs:", "whatsapp:"):
            number = next(each for each in counted if each.startswith(prefix))
            assert len(every_row(twilio, path, **{name: number})) == counted[number]


def test_bounds_are_days_and_find_nothing_that_was_not_sent(twilio: Client, path: str) -> None:
    day = "2025-12-20"
    rows = [row for row in every_row(twilio, path) if row["date_sent"]]
    days = [f"{parsedate_to_datetime(row['date_sent']):%Y-%m-%d}" for row in rows]
    since = {"DateSent>": f"{day}T23:00:00Z"}
    assert len(every_row(twilio, path, **since)) == sum(each >= day for each in days)
    assert len(every_row(twilio, path, **{"DateSent<": day})) == sum(each <= day for each in days)
    assert len(every_row(twilio, path, DateSent=day)) == days.count(day)
    assert any(row["date_sent"] is None for row in every_row(twilio, path))


def test_what_is_counted_is_text_and_times_have_no_fraction(twilio: Client, path: str) -> None:
    for row in every_row(twilio, path):
        assert isinstance(row["num_media"], str)
        assert (row["sid"][:2] == "MM") == (row["num_media"] != "0")
        assert row["date_created"].endswith("+0000")


def test_too_much_is_refused_without_a_time_to_come_back() -> None:
    world = World.seeded(1, 3)
    with Sandbox(world, allowances={"twilio": Allowance(1, 60.0)}) as sandbox:
        acme = world.workspace("acme")
        user, password = next(iter(twilio_shapes.credentials(acme).items()))
        client = Client(sandbox.urls["twilio"], basic(user, password))
        path = f"{twilio_shapes.root(acme)}/Messages.json"
        assert client.get(path).headers["twilio-concurrent-requests"] == "1"
        refused = client.get(path)
    assert (refused.status, refused.json["code"]) == (429, 20429)
    assert "retry-after" not in refused.headers


def test_a_fault_can_widen_a_filter(twilio: Client, path: str, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, provider="twilio"))
    assert twilio.get(path, {"To": "+10000000000"}).json["messages"] != []
