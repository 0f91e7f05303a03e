"""The known faults of an earlier system, one test each: none of them is ours.

Real processes over the simulated providers, as an operator uses them.
"""

from dataclasses import replace
from typing import Any

import pytest

from convsync_cli.sandbox.rows import Entry, Expected, Reply
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import Literal
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.providers import gohighlevel
from tests.commands.operator import Operator
from tests.sync.providers.script import Script
from tests.sync.providers.script import messages as read

MESSAGES = "/conversations/*/messages"
REPLIES = "/api/leads/*/replies"


def synced(operator: Operator, role: str) -> dict[str, dict[str, Any]]:
    """The lead of a role is read; what is stored of it then, by the provider's ids."""
    lead = operator.lead(role)
    operator.runs("enqueue", lead, "--force").ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)
    stored = operator.runs("export", "--lead", lead).ended(0).lines
    assert len({each["external_id"] for each in stored}) == len(stored)
    return {each["external_id"]: each for each in stored}


def expected(operator: Operator, role: str, channel: str) -> list[Expected]:
    """What a perfect sync holds of the lead."""
    key = operator.person(role).key
    return [e for e in operator.world.expected("acme", channel) if e.lead_key == key]


def all_there(operator: Operator, role: str, channel: str) -> int:
    """Every message of the lead is stored once; how many there are."""
    stored = [each for each in synced(operator, role).values() if each["channel"] == channel]
    every = expected(operator, role, channel)
    assert len(stored) == len(every)
    return len(every)


def text_comes(operator: Operator, role: str, **changes: Any) -> Entry:
    """The lead texts, in a way of its own."""
    view, person = operator.world.workspace("acme"), operator.person(role)
    said = operator.world.say("acme", person.key, "sms", "inbound", "hello")
    entry = replace(view.entries[said.external_ids[0]], id=view.new_id("msg"), **changes)
    view.add_entry(entry)
    return entry


def mail_comes(operator: Operator, role: str, **changes: Any) -> Reply:
    """The lead mails, in a way of its own."""
    view, person = operator.world.workspace("acme"), operator.person(role)
    operator.world.say("acme", person.key, "email", "inbound", "hello")
    row = view.replies[-1]
    new = row.id + 1
    fresh: dict[str, Any] = {"id": new, "message_id": f"<fault-{new}@mail.example.com>"}
    reply = replace(row, **(fresh | changes))
    view.add_reply(reply)
    return reply


def test_fault_it_stopped_at_500_messages(operator: Operator) -> None:
    assert all_there(operator, "long sms", "sms") > 500


def test_fault_a_lead_that_had_messages_got_one_page_of_20(operator: Operator) -> None:
    """More than two pages come in between two reads."""
    all_there(operator, "sms only", "sms")
    person = operator.person("sms only")
    for number in range(230):
        operator.world.say("acme", person.key, "sms", "inbound", f"news {number}")
    assert all_there(operator, "sms only", "sms") > 230


def test_fault_an_error_on_page_3_counted_as_success(operator: Operator) -> None:
    operator.suffers("status", path=MESSAGES, page=3, status=422, times=1)
    lead = operator.lead("long sms")
    stored = synced(operator, "long sms")
    assert operator.states() == {"failed": 1}
    outcome = "SELECT outcome, synced_at FROM lead_syncs WHERE lead_id = ? AND channel = 'sms'"
    assert operator.asks(outcome, lead) == [("failed", None)]
    kept = sum(each["channel"] == "sms" for each in stored.values())
    assert 0 < kept < len(expected(operator, "long sms", "sms"))  # pages 1 and 2 stay
    all_there(operator, "long sms", "sms")


ACCOUNT = Account(
    "acme", Channel.SMS, "gohighlevel", "https://api.example.com", Rate(90, 10),
    gohighlevel.Settings("loc1", Literal("secret")),
)  # fmt: skip
LEAD = Lead("L1", "acme", handles=(Handle("gohighlevel", "ctc1"),))
ROW = {"id": "msg1", "messageType": "TYPE_SMS", "direction": "inbound", "body": "hello"}


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ({"messages": {"nextPage": False, "messages": [ROW]}}, ["msg1"]),
        ({"nextPage": False, "messages": [ROW]}, ["msg1"]),
        ({"data": {"messages": [ROW]}}, None),
    ],
    ids=["nested", "flat", "neither"],
)
def test_fault_messages_that_were_not_flat_were_quietly_nothing(
    answer: object, ids: list[str] | None
) -> None:
    search = {"conversations": [{"id": "cnv1", "contactId": "ctc1"}]}
    script = Script().answers("/conversations/search", search, contactId="ctc1")
    script.answers("/conversations/cnv1/messages", answer)
    if ids is None:
        with pytest.raises(Rejected):
            read(gohighlevel.reader(ACCOUNT), script, LEAD)
    else:
        assert [m.external_id for m in read(gohighlevel.reader(ACCOUNT), script, LEAD)] == ids


def test_fault_email_of_a_lead_was_not_paged(operator: Operator) -> None:
    assert all_there(operator, "long mail", "email") > 2 * 15
    assert operator.asked("/replies", "acme") > 2


def test_fault_a_body_was_cut_at_500_characters(operator: Operator) -> None:
    text = mail_comes(operator, "mail only", text_body="word " * 2_000, html_body=None)
    html = mail_comes(operator, "mail only", text_body=None, html_body="<p>word </p>" * 2_000)
    stored = synced(operator, "mail only")
    for row in (text, html):
        assert stored[f"reply:{row.id}"]["body"].split() == ["word"] * 2_000


def test_fault_script_and_style_stayed_when_tags_were_stripped(operator: Operator) -> None:
    html = (
        "<style>p > a { color: red }</style><script>if (a < b) alert('x')</script>"
        "<!-- hidden --><p>Five &lt; six<br>Bye</p>"
    )
    row = mail_comes(operator, "mail only", text_body=None, html_body=html)
    assert synced(operator, "mail only")[f"reply:{row.id}"]["body"] == "Five < six\nBye"


def test_fault_a_message_with_an_empty_body_was_skipped(operator: Operator) -> None:
    sms = text_comes(operator, "sms only", body=None)
    mail = mail_comes(operator, "mail only", text_body="", html_body=None)
    assert synced(operator, "sms only")[sms.id]["body"] == ""
    assert synced(operator, "mail only")[f"reply:{mail.id}"]["body"] == ""


def test_fault_two_replies_of_one_subject_were_merged(operator: Operator) -> None:
    one = mail_comes(operator, "mail only", subject="Re: Offer", text_body="Yes")
    other = mail_comes(operator, "mail only", subject="Re: Offer", text_body="No")
    stored = synced(operator, "mail only")
    bodies = [stored[f"reply:{row.id}"]["body"] for row in (one, other)]
    assert bodies == ["Yes", "No"]


def test_fault_a_missing_date_became_now(operator: Operator) -> None:
    entry = text_comes(operator, "sms only", dated=False)
    assert synced(operator, "sms only")[entry.id]["sent_at"] is None


@pytest.mark.parametrize(("role", "channel"), [("long sms", "sms"), ("long mail", "email")])
def test_fault_one_bad_message_hid_others(operator: Operator, role: str, channel: str) -> None:
    path = MESSAGES if channel == "sms" else REPLIES
    operator.suffers("malformed_row", path=path)
    lead = operator.lead(role)
    stored = synced(operator, role)
    ids = {id for each in expected(operator, role, channel) for id in each.external_ids}
    assert ids <= stored.keys() | _copies(operator, role, channel)
    assert operator.states() == {"succeeded": 1}, lead


def _copies(operator: Operator, role: str, channel: str) -> set[str]:
    """The other ids of mails that are stored once under one of several."""
    every = expected(operator, role, channel)
    return {id for each in every if len(each.external_ids) > 1 for id in each.external_ids}


def test_fault_a_brand_new_lead_could_not_be_enqueued(operator: Operator) -> None:
    person = operator.world.meet("acme")
    operator.world.say("acme", person.key, "sms", "inbound", "hello")
    added = ("leads", "add", "-w", "acme", "--email", person.emails[0])
    operator.runs(*added).ended(0)
    told = operator.runs("enqueue", person.emails[0], "--json").ended(0).json
    assert len(told["queued"]) == 1
    operator.runs("run", "--max-seconds", "50").ended(0)
    assert [m["body"] for m in operator.runs("export", "--lead", person.emails[0]).lines] == [
        "hello"
    ]


def test_fault_a_resync_that_was_wanted_just_after_a_failure_was_refused(
    operator: Operator,
) -> None:
    lead = operator.lead("sms only")
    operator.suffers("status", path=MESSAGES, status=422, times=1)
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)
    assert operator.states() == {"failed": 1}
    told = operator.runs("enqueue", lead, "--json").ended(0).json
    assert len(told["queued"]) == 1
    operator.runs("run", "--max-seconds", "50").ended(0)
    assert operator.states() == {"failed": 1, "succeeded": 1}
