"""Smartlead answers as its fact sheet says of the live server."""

from dataclasses import dataclass
from typing import Any

import pytest

from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.smartlead import BULK_SUFFIX, key_of
from convsync_cli.sandbox.smartlead_threads import lead_id, threads
from convsync_cli.sandbox.workspace import Workspace

from .client import Answer, Client

INBOX = "/master-inbox/inbox-replies"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A client that puts its key into every address."""

    client: Client
    key: str

    def get(self, path: str, **query: object) -> Answer:
        return self.client.get(f"/api/v1{path}", query | {"api_key": self.key})

    def post(self, path: str, content: object, more: str = "") -> Answer:
        return self.client.post(f"/api/v1{path}?api_key={self.key}{more}", content)

    def inbox(self, **told: object) -> list[Any]:
        rows = self.post(INBOX, told, "&fetch_message_history=true").json["data"]
        assert isinstance(rows, list)
        return rows


@pytest.fixture
def smart(sandbox: Sandbox, acme: Workspace) -> Keyed:
    return Keyed(Client(sandbox.smartlead_url), key_of(acme))


def lead(acme: Workspace, role: str) -> Person:
    return acme.people[f"acme-{CAST.index(role) + 1:05d}"]


def test_a_wrong_key_is_unauthorized(smart: Keyed) -> None:
    assert Keyed(smart.client, "nobodys").get("/campaigns/").status == 401


@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/"])
def test_campaigns_are_a_bare_list_with_or_without_a_slash(smart: Keyed, path: str) -> None:
    assert [row["status"] for row in smart.get(path).json] == [
        "ACTIVE",
        "ACTIVE",
        "PAUSED",
        "COMPLETED",
    ]


def test_an_unknown_address_is_an_empty_object(smart: Keyed) -> None:
    answer = smart.get("/leads/", email="nobody@example.com")
    assert (answer.status, answer.json) == (200, {})


def test_a_lead_that_is_looked_up_tells_its_campaigns(smart: Keyed, acme: Workspace) -> None:
    person = lead(acme, "long mail")
    told = smart.get("/leads/", email=person.emails[0].upper()).json
    assert told["id"] == str(lead_id(person))
    assert len(told["lead_campaign_data"]) == 4


def test_a_lead_by_its_id_is_a_list_of_one(smart: Keyed, acme: Workspace) -> None:
    person = lead(acme, "mail only")
    told = smart.get(f"/leads/{lead_id(person)}").json
    assert (told["ok"], [row["email"] for row in told["data"]]) == (True, list(person.emails[:1]))


def test_the_id_in_a_campaign_is_not_the_leads(smart: Keyed, acme: Workspace) -> None:
    thread = next(iter(threads(acme).values()))
    path = f"/campaigns/{thread.campaign.id}/leads"
    assert smart.get(f"{path}/{thread.lead_id}/message-history").status == 200
    assert smart.get(f"{path}/{thread.map_id}/message-history").status == 404


def test_a_reply_carries_the_id_of_the_send_it_answers(smart: Keyed) -> None:
    rows = smart.inbox(limit=20, offset=0)
    items = [item for row in rows for item in row["email_history"]]
    sends = {item["stats_id"] for item in items if "email_seq_number" in item}
    replies = [item for item in items if item["type"] == "REPLY"]
    assert sum(item["stats_id"] in sends for item in replies) > len(replies) / 2
    assert any(item["subject"] == "" for item in replies)


def test_threads_in_bulk_leave_out_who_has_none(smart: Keyed, acme: Workspace) -> None:
    silent = next(one for one in threads(acme).values() if not one.items)
    told = next(
        one for one in threads(acme).values() if one.items and one.campaign == silent.campaign
    )
    path = f"/campaigns/{silent.campaign.id}/message-history-for-leads"
    body = {"lead_ids": [silent.lead_id, told.lead_id, 5]}
    answer = smart.post(f"{path}/{BULK_SUFFIX}", body)
    assert list(answer.json) == [str(told.lead_id)]
    assert smart.post(f"{path}/else", body).status == 404


def test_the_inbox_is_sorted_by_the_last_reply_and_pages_by_offset(smart: Keyed) -> None:
    first, second = smart.inbox(limit=20, offset=0), smart.inbox(limit=20, offset=1)
    times = [row["last_reply_time"] for row in first]
    assert times == sorted(times, reverse=True)
    assert first[1:] == second[:-1]


def test_the_inbox_tells_replies_between_two_times(smart: Keyed) -> None:
    every = smart.inbox(limit=20)
    between = [every[7]["last_reply_time"], every[3]["last_reply_time"]]
    assert smart.inbox(filters={"replyTimeBetween": between}) == every[3:8]


@pytest.mark.parametrize(
    "body", [{"limit": 21}, {"filters": {"since": 1}}, {"sort": 1}, {"filters": []}]
)
def test_what_the_inbox_does_not_know_is_refused(smart: Keyed, body: object) -> None:
    assert smart.post(INBOX, body).status == 400


def test_what_we_write_moves_the_campaigns_list_and_not_the_inbox(
    smart: Keyed, sandbox: Sandbox, acme: Workspace
) -> None:
    thread = next(one for one in threads(acme).values() if one.last_reply and one.last_sent)
    latest = max(one.last_sent for one in threads(acme).values() if one.last_sent)
    before = smart.inbox(limit=1)
    sandbox.world.say("acme", thread.person.key, "email", "outbound", "Just checking in.")
    path = f"/campaigns/{thread.campaign.id}/leads"
    rows = smart.get(path, last_sent_time_gt=latest.isoformat()).json
    assert [row["lead"]["id"] for row in rows["data"]] == [thread.lead_id]
    assert rows["total_leads"] == "1"
    assert smart.inbox(limit=1)[0]["email_lead_id"] == before[0]["email_lead_id"]


def test_too_many_requests_are_told_when_to_come_back(sandbox: Sandbox, smart: Keyed) -> None:
    sandbox.limits.enforced = True
    answers = [smart.get("/campaigns/") for _ in range(61)]
    assert answers[-1].status == 429
    assert answers[-1].json["error"]["retry_after"] == int(answers[-1].headers["retry-after"])
