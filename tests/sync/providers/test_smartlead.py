"""Smartlead's quirks, one by one; see the fact sheet. What all providers do is in contracts."""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from convsync_cli.sync import addresses, merge
from convsync_cli.sync.api import Api, Auth, Get, Post
from convsync_cli.sync.errors import CursorLoop, Rejected, SyncError, Unavailable, Unknown
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.providers import smartlead
from convsync_cli.sync.providers.smartlead import Reader
from tests.sync.providers import script
from tests.sync.providers.script import Script
from tests.sync.workbench import HandClock, api_over

MOMENT = datetime(2026, 1, 1, 9, 30, 12, 345000, UTC)
NOW = datetime(2026, 1, 2, 9, tzinfo=UTC)
MAIL, OTHER_MAIL, OURS = "lead@example.com", "lead@example.org", "rep@example.com"
COLLEAGUE = "colleague@example.com"
KEY = "5ec2e7c0-canary_k3y"

BASE = "/api/v1"
LOOK_UP, CAMPAIGNS, OWN_CAMPAIGNS = (
    f"{BASE}/leads/",
    f"{BASE}/campaigns/",
    f"{BASE}/leads/990/campaigns",
)
HISTORY, OTHER_HISTORY = (f"{BASE}/campaigns/{id}/leads/990/message-history" for id in (12, 13))
INBOX = f"{BASE}/master-inbox/inbox-replies"
BULK = f"{BASE}/campaigns/12/message-history-for-leads/bbfbdsFGHlBr76ruhjvh6fhHL"
LISTED = f"{BASE}/campaigns/12/leads"

KNOWN = Lead(
    "L1", "acme", addresses=(addresses.email(MAIL),), handles=(Handle("smartlead", "990"),)
)
STRANGER = Lead("L1", "acme", addresses=(addresses.email(MAIL),))
ONLY_ID = Lead("L1", "acme", handles=(Handle("smartlead", "990"),))
reader = Reader()


def sent(**told: object) -> dict[str, object]:
    """What the sequence sent; what is told replaces what is usual, and ``...`` leaves it out."""
    usual: dict[str, object] = {
        "type": "SENT",
        "time": "2026-01-01T09:00:00.000Z",
        "message_id": "<s1@example.com>",
        "stats_id": "st-1",
        "from": OURS,
        "to": MAIL,
        "cc": [],
        "subject": "Quick question",
        "email_body": "<p>Is it?</p>",
        "email_seq_number": "1",
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def reply(**told: object) -> dict[str, object]:
    """What the lead answered; as ``sent``."""
    usual: dict[str, object] = {
        "type": "REPLY",
        "time": "2026-01-01T09:30:12.345Z",
        "message_id": "<r1@mail.example.com>",
        "stats_id": "st-1",
        "from": MAIL,
        "to": OURS,
        "subject": "Re: Quick question",
        "email_body": "<div>Sure</div>",
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def found(*campaigns: int, **told: object) -> dict[str, object]:
    """The lead as a look-up by address tells it."""
    data = [{"campaign_lead_map_id": 5 * id, "campaign_id": id} for id in campaigns]
    usual = {"id": "990", "email": MAIL, "first_name": "Lead", "last_name": "One"}
    return usual | {"company_name": "Acorn", "lead_campaign_data": data} | told


def planned(*items: object) -> Script:
    """A known lead with a thread in one campaign."""
    return Script().answers(OWN_CAMPAIGNS, [{"id": 12}]).answers(HISTORY, {"history": list(items)})


def read(*items: object) -> list[Message]:
    """The messages of a known lead's only thread."""
    return script.messages(reader, planned(*items), KNOWN)


def one(item: object) -> Message:
    """The message that an item is, in a thread with the send that opened it."""
    (message,) = (each for each in read(sent(), item) if each.message_id != "<s1@example.com>")
    return message


def changes(answers: Api, watermark: str | None) -> list[FeedPage]:
    """All pages of the feed."""

    async def gathered() -> list[FeedPage]:
        return [page async for page in reader.changes(answers, watermark, None, NOW)]

    return asyncio.run(gathered())


def watermark() -> str:
    """The watermark of an hour ago."""
    answers = Script().answers(CAMPAIGNS, [])
    (page,) = changes(answers, None)
    assert page.watermark is not None
    return page.watermark


# Fields


def test_a_send_and_a_reply_are_read_whole() -> None:
    first, second = read(sent(), reply())
    assert first == Message(
        channel=Channel.EMAIL,
        provider="smartlead",
        external_id="sent:12:990:<s1@example.com>",
        direction=Direction.OUTBOUND,
        sent_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        body="Is it?",
        sender=OURS,
        recipient=MAIL,
        subject="Quick question",
        status="sent",
        thread="campaign:12",
        message_id="<s1@example.com>",
        source="<p>Is it?</p>",
        source_type="text/html",
    )
    assert (second.direction, second.sent_at) == (Direction.INBOUND, MOMENT)
    assert (second.sender, second.recipient, second.status) == (MAIL, OURS, "received")


def test_a_reply_without_a_subject_has_that_of_the_send_it_answers() -> None:
    messages = read(
        sent(),
        sent(message_id="<s2@example.com>", stats_id="st-2", subject="Another thing"),
        reply(subject="", stats_id="st-2"),
    )
    assert messages[-1].subject == "Another thing"


def test_a_reply_to_nothing_that_is_told_has_no_subject() -> None:
    assert one(reply(subject=None, stats_id="st-9")).subject is None


@pytest.mark.parametrize(
    ("writer", "direction"),
    [(MAIL, "inbound"), (OURS, "outbound"), ("someone@example.net", "unknown")],
)
@pytest.mark.parametrize("kind", ["FORWARD", None])
def test_an_item_of_another_type_is_ours_only_if_we_sent_it(
    kind: str | None, writer: str, direction: str
) -> None:
    assert one(reply(type=kind, **{"from": writer})).direction == direction


@pytest.mark.parametrize("time", [None, "", "soon", {}])
def test_a_date_that_is_none_stays_none(time: object) -> None:
    assert one(reply(time=time)).sent_at is None


@pytest.mark.parametrize("to", [[OURS, COLLEAGUE], f"{OURS}, {COLLEAGUE}", [{"email": OURS}]])
def test_recipients_may_be_a_list_a_text_or_objects(to: object) -> None:
    assert one(reply(to=to)).recipient == OURS


def test_a_body_that_is_no_html_keeps_its_lines() -> None:
    message = one(reply(email_body="Sure.\n\nOn Monday Rep <rep@example.com> wrote:\n> Hi"))
    assert message.body.splitlines()[0] == "Sure."
    assert (message.source, message.source_type) == (None, None)


def test_a_mail_without_a_body_is_a_message() -> None:
    assert one(reply(email_body=None)).body == ""


def test_attachments_are_named() -> None:
    files = [{"file_name": "a.pdf", "file_url": "https://x.example.com/a"}, None, {"file_name": 7}]
    assert one(reply(attachments=files)).attachments == ("a.pdf", "7")


# Keys


def test_a_mail_without_a_message_id_has_a_key_of_its_own_that_stays() -> None:
    item = reply(message_id=None)
    twice = [one(item), one(item | {"time": "2026-01-01T09:30:12.999Z"})]
    assert twice[0].external_id == twice[1].external_id
    assert str(twice[0].external_id).startswith("row:")
    assert one(item | {"email_body": "Else"}).external_id != twice[0].external_id
    assert one(item | {"time": "2026-01-01T09:30:13Z"}).external_id != twice[0].external_id


def test_a_reply_does_not_share_the_key_of_the_send_it_answers() -> None:
    assert len({message.external_id for message in read(sent(), reply())}) == 2


def test_a_mail_in_the_threads_of_two_campaigns_is_one_message() -> None:
    answers = planned(sent(), reply()).answers(OWN_CAMPAIGNS, [{"id": 12}, {"id": 13}])
    answers.answers(OTHER_HISTORY, {"history": [reply(), sent(message_id="<s9@example.com>")]})
    messages = script.messages(reader, answers, KNOWN)
    assert len(messages) == 4
    assert len(merge.plan((), messages).new) == 3


def test_which_thread_was_read_last_makes_no_difference() -> None:
    there = [sent(), reply()]
    answers = planned(*there).answers(OTHER_HISTORY, {"history": there})
    read_in_turn = [
        merge.plan((), script.messages(reader, answers.answers(OWN_CAMPAIGNS, listed), KNOWN)).new
        for listed in ([{"id": 12}, {"id": 13}], [{"id": 13}, {"id": 12}])
    ]
    assert read_in_turn[0] == read_in_turn[1]
    assert {message.thread for message in read_in_turn[0]} == {"campaign:12"}


# Whose it is


def test_a_colleague_who_answers_from_another_address_is_heard() -> None:
    assert one(reply(**{"from": COLLEAGUE})).sender == COLLEAGUE


def test_a_thread_of_somebody_else_is_refused() -> None:
    with pytest.raises(Rejected):
        read(sent(to=COLLEAGUE), reply(**{"from": COLLEAGUE}))


def test_rows_of_somebody_else_among_the_leads_are_left_out() -> None:
    foreign = sent(to=COLLEAGUE, message_id="<f@example.com>", stats_id="st-7")
    answered = reply(**{"from": COLLEAGUE}, message_id="<g@example.com>", stats_id="st-7")
    unclear = reply(**{"from": COLLEAGUE}, message_id="<h@example.com>", stats_id=None)
    ids = [message.message_id for message in read(sent(), foreign, answered, unclear, reply())]
    assert ids == ["<s1@example.com>", "<r1@mail.example.com>"]


@pytest.mark.parametrize("item", [None, 7, "x", [], {}, {"id": {}, "body": 5, "time": []}])
def test_a_row_that_tells_nothing_is_left_out_and_counted(item: object) -> None:
    (page,) = script.read(reader, planned(sent(), item, reply()), KNOWN)
    assert (len(page.messages), page.left_out) == (2, 1)


# Finding the lead


@pytest.mark.parametrize("answer", [{}, []])
def test_an_empty_answer_means_that_the_lead_is_unknown(answer: object) -> None:
    assert script.read(reader, Script().answers(LOOK_UP, answer, email=MAIL), STRANGER) == []


def test_a_look_up_tells_who_the_lead_is() -> None:
    answers = planned(sent()).answers(LOOK_UP, found(12), email=MAIL)
    (page,) = script.read(reader, answers, STRANGER)
    assert page.contact is not None
    assert (page.contact.name, page.contact.company) == ("Lead One", "Acorn")
    assert page.contact.handles == (Handle("smartlead", "990"),)
    assert answers.paths == [LOOK_UP, HISTORY]


def test_a_lead_without_campaigns_is_known_and_was_told_nothing() -> None:
    (page,) = script.read(reader, Script().answers(LOOK_UP, found(), email=MAIL), STRANGER)
    assert page.contact is not None
    assert (page.messages, page.cursor) == ((), None)


def test_every_address_may_be_a_lead_of_its_own() -> None:
    lead = Lead("L1", "acme", addresses=(addresses.email(MAIL), addresses.email(OTHER_MAIL)))
    answers = planned(sent()).answers(LOOK_UP, found(12), email=MAIL)
    answers.answers(LOOK_UP, found(13, id=991, email=OTHER_MAIL), email=OTHER_MAIL)
    other = sent(to=OTHER_MAIL, message_id="<s9@example.com>")
    answers.answers(f"{BASE}/campaigns/13/leads/991/message-history", {"history": [other]})
    assert len(script.messages(reader, answers, lead)) == 2


def test_a_look_up_that_answers_with_somebody_else_is_refused() -> None:
    answers = Script().answers(LOOK_UP, found(12, email=COLLEAGUE), email=MAIL)
    with pytest.raises(Rejected):
        script.read(reader, answers, STRANGER)


def test_an_id_that_is_unknown_by_now_falls_back_to_the_address() -> None:
    answers = planned(sent()).answers(OWN_CAMPAIGNS, Unknown("404"))
    answers.answers(LOOK_UP, found(12), email=MAIL)
    assert len(script.messages(reader, answers, KNOWN)) == 1


def test_an_unknown_id_alone_is_a_lead_that_is_not_there() -> None:
    answers = Script().answers(OWN_CAMPAIGNS, Unknown("404")).answers(CAMPAIGNS, [])
    assert script.read(reader, answers, ONLY_ID) == []


def test_an_unknown_id_proves_nothing_where_everything_is_unknown() -> None:
    answers = Script().answers(OWN_CAMPAIGNS, Unknown("404")).answers(CAMPAIGNS, Unknown("404"))
    with pytest.raises(Unknown):
        script.read(reader, answers, ONLY_ID)


def test_an_id_that_could_not_stand_in_a_path_is_not_asked_for() -> None:
    lead = Lead("L1", "acme", handles=(Handle("smartlead", "../campaigns"),))
    assert script.read(reader, Script(), lead) == []


def test_a_thread_that_is_gone_hides_no_other() -> None:
    answers = planned(sent()).answers(OWN_CAMPAIGNS, [{"id": 13}, {"id": 12}])
    answers.answers(OTHER_HISTORY, Unknown("404"))
    pages = script.read(reader, answers, KNOWN)
    assert [len(page.messages) for page in pages] == [0, 1]


def test_the_only_thread_is_gone_with_its_campaign_and_not_without() -> None:
    answers = planned().answers(HISTORY, Unknown("404")).answers(CAMPAIGNS, [{"id": 13}])
    assert script.messages(reader, answers, KNOWN) == []
    with pytest.raises(Unknown):
        script.read(reader, answers.answers(CAMPAIGNS, [{"id": 12}]), KNOWN)


# Envelopes


@pytest.mark.parametrize(
    "answer",
    [
        [{"id": 12}],
        {"data": [{"id": 12}]},
        {"ok": True, "data": {"success": True, "data": {"campaigns": [{"id": "12"}]}}},
        {"campaigns": [{"campaign_id": 12}], "total": "1"},
    ],
)
def test_rows_are_found_in_whichever_envelope(answer: object) -> None:
    assert len(script.messages(reader, planned(sent()).answers(OWN_CAMPAIGNS, answer), KNOWN)) == 1


@pytest.mark.parametrize(
    "answer",
    [{}, {"data": {}}, {"rows": []}, None, "x", 7, {"history": None}, {"history": [{}, 1]}],
)
def test_an_answer_of_another_shape_is_refused_and_never_nothing(answer: object) -> None:
    with pytest.raises(Rejected):
        script.read(reader, planned().answers(HISTORY, answer), KNOWN)


@pytest.mark.parametrize("answer", [{"ok": False, "error": "no"}, {"success": False}])
def test_an_error_with_status_200_is_an_error(answer: object) -> None:
    for path in (OWN_CAMPAIGNS, HISTORY):
        with pytest.raises(Rejected):
            script.read(reader, planned(sent()).answers(path, answer), KNOWN)


# The feed


def test_a_first_walk_without_campaigns_is_at_its_end_at_once() -> None:
    (page,) = changes(Script().answers(CAMPAIGNS, []), None)
    assert (page.news, page.cursor) == ((), None)


def test_the_inbox_is_asked_for_replies_of_the_future_too() -> None:
    answers = Script().answers(INBOX, {"data": [], "offset": 0, "limit": 20})
    changes(answers, watermark())
    (request,) = answers.requests
    body: Any = getattr(request, "body")  # noqa: B009  # only a Post has one
    assert body["filters"]["replyTimeBetween"] == [
        "2026-01-02T08:30:00.000Z",
        "2125-12-09T09:00:00.000Z",
    ]


def inbox_row(**told: object) -> dict[str, object]:
    """A row of the inbox; as ``sent``."""
    usual: dict[str, object] = {
        "email_lead_id": 990,
        "lead_email": MAIL,
        "email_campaign_id": "12",
        "last_reply_time": "2026-01-02T08:59:00.000Z",
        "email_history": [sent(), reply()],
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def test_a_row_that_came_without_its_thread_has_it_fetched() -> None:
    answers = Script().answers(INBOX, {"data": [inbox_row(email_history=...)]})
    (page,) = changes(answers.answers(HISTORY, {"history": [sent(), reply()]}), watermark())
    (news,) = page.news
    assert (len(news.read(KNOWN)), news.unread, news.vouched) == (2, False, True)


@dataclass(slots=True)
class Deaf:
    """A server that answers whatever is asked with the same full page."""

    path: str
    page: dict[str, object]

    async def ask(self, request: Get | Post) -> Any:
        if request.path == CAMPAIGNS:
            return [{"id": 12, "status": "ACTIVE"}]
        return self.page if request.path == self.path else {}


@pytest.mark.parametrize("date", ["2026-01-02T08:59:00.000Z", "2099-01-01T00:00:00.000Z", None])
def test_an_inbox_that_repeats_itself_is_an_error(date: str | None) -> None:
    rows = [inbox_row(email_lead_id=n, last_reply_time=date) for n in range(20)]
    with pytest.raises(CursorLoop):
        changes(Deaf(INBOX, {"data": rows}), watermark())


def test_an_inbox_that_ignores_its_bound_is_read_no_further_than_that() -> None:
    old = [inbox_row(email_lead_id=n, last_reply_time="2025-01-01T00:00:00.000Z")
           for n in range(20)]  # fmt: skip
    (page,) = changes(Script().answers(INBOX, {"data": old}), watermark())
    assert (len(page.news), page.cursor) == (20, None)


def test_a_campaign_whose_list_repeats_itself_is_an_error() -> None:
    leads = [{"lead": {"id": n, "email": MAIL}, "status": "STARTED"} for n in range(100)]
    with pytest.raises(CursorLoop):
        changes(Deaf(f"{BASE}/campaigns/12/leads", {"data": leads}), None)


def test_a_reply_dated_in_the_future_moves_nothing() -> None:
    future = inbox_row(last_reply_time="2099-01-01T00:00:00.000Z")
    (page,) = changes(Script().answers(INBOX, {"data": [future]}), watermark())
    assert len(page.news) == 1
    assert json.loads(page.watermark or "")[0] == "2026-01-02T09:00:00.000Z"


@pytest.mark.parametrize("told", [{"email_lead_id": None}, {"email_campaign_id": {}}])
def test_a_row_that_does_not_say_where_its_thread_is_leaves_it_to_a_job(told: Any) -> None:
    (page,) = changes(Script().answers(INBOX, {"data": [inbox_row(**told)]}), watermark())
    assert [news.unread for news in page.news] == [True]


def test_a_thread_of_somebody_else_is_left_to_a_job_and_hides_no_other() -> None:
    foreign = inbox_row(
        email_history=[sent(to=COLLEAGUE)], email_lead_id=991, lead_email=OTHER_MAIL
    )
    (page,) = changes(Script().answers(INBOX, {"data": [foreign, inbox_row()]}), watermark())
    assert [(news.unread, len(news.read(KNOWN))) for news in page.news] == [(True, 0), (False, 2)]


def test_the_threads_of_a_person_in_two_campaigns_are_news_once() -> None:
    other = inbox_row(email_campaign_id=13, email_history=[sent(message_id="<s9@example.com>")])
    (page,) = changes(Script().answers(INBOX, {"data": [inbox_row(), other]}), watermark())
    (news,) = page.news
    assert len(news.read(KNOWN)) == 3


def test_a_row_of_nobody_is_left_out_and_counted() -> None:
    rows = [{"lead_status": "INPROGRESS"}, inbox_row(), 7]
    (page,) = changes(Script().answers(INBOX, {"data": rows}), watermark())
    assert (len(page.news), page.left_out) == (1, 2)


def listed(id: int = 990, status: str = "INPROGRESS", **told: object) -> dict[str, object]:
    """A lead in a campaign's list."""
    return {"campaign_lead_map_id": 5, "status": status, "lead": {"id": id, "email": MAIL} | told}


def filled(*rows: object, **bulk: object) -> Script:
    """A first walk through one campaign."""
    answers = Script().answers(CAMPAIGNS, [{"id": 12, "status": "ACTIVE"}])
    return answers.answers(LISTED, {"total_leads": "1", "data": list(rows)}).answers(BULK, bulk)


def test_a_lead_to_whom_nothing_was_sent_needs_no_thread() -> None:
    (page,) = changes(filled(listed(status="STARTED")), None)
    (news,) = page.news
    assert (news.unread, news.read(KNOWN)) == (False, ())


def test_a_lead_whose_thread_is_missing_has_it_fetched() -> None:
    answers = filled(listed(), listed(991), **{"991": {"history": []}})
    (page,) = changes(answers.answers(HISTORY, {"history": [sent()]}), None)
    assert [len(news.read(KNOWN)) for news in page.news] == [1, 0]


def test_threads_of_leads_that_nobody_asked_for_are_refused() -> None:
    with pytest.raises(Rejected):
        changes(filled(listed(), **{"5": {"history": [sent()]}}), None)


def test_a_campaign_that_is_deleted_meanwhile_is_passed_over() -> None:
    class Deleting(Script):
        async def ask(self, request: Any) -> Any:
            answer = await super().ask(request) if request.path != LISTED else None
            if request.path == LISTED:
                self.answers(CAMPAIGNS, [])
                raise Unknown("404")
            return answer

    answers = Deleting().answers(CAMPAIGNS, [{"id": 12, "status": "ACTIVE"}])
    (page,) = changes(answers, None)
    assert page.watermark is not None


def test_a_campaign_that_is_there_and_answers_404_ends_the_walk() -> None:
    with pytest.raises(Unknown):
        changes(filled().answers(LISTED, Unknown("404")), None)


# The key, which stands in every address


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json=[]),
        httpx.Response(200, text=""),
        httpx.Response(200, text="<html>"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}),
        httpx.Response(400, json={"message": '"x" is not allowed'}),
        httpx.Response(401, json={"message": "Invalid API key"}),
        httpx.Response(429, json={"error": {"retry_after": 7}}),
        httpx.Response(502),
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("odd"),
        httpx.UnsupportedProtocol("odd"),
    ],
)
def test_the_key_is_in_no_log_and_no_error(
    answer: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if isinstance(answer, httpx.RequestError):
            raise type(answer)(f"{answer} at {request.url}", request=request)
        assert isinstance(answer, httpx.Response)
        return answer

    said = asyncio.run(_told(httpx.MockTransport(serve)))
    out = capfd.readouterr()
    assert asked
    assert all(f"api_key={KEY}" in url for url in asked)
    assert KEY not in said + caplog.text + out.out + out.err


def test_the_key_is_in_no_log_of_a_real_connection(caplog: pytest.LogCaptureFixture) -> None:
    from convsync_cli.sandbox.server import Sandbox

    caplog.set_level(logging.DEBUG)
    with Sandbox() as sandbox:
        asyncio.run(_told(httpx.AsyncHTTPTransport(), sandbox.urls["smartlead"]))
        assert [one.status for one in sandbox.requests] == [401]
        assert KEY not in str(sandbox.requests)
    assert KEY not in caplog.text


async def _told(
    transport: httpx.AsyncBaseTransport, url: str = "https://server.example.com"
) -> str:
    """All that an error of a credential check tells, and what is told of the account."""
    account = Account("acme", Channel.EMAIL, "smartlead", url, Rate(1000, 1.0), None)
    auth = smartlead.auth(smartlead.Settings(None), {"api_key": KEY})  # type: ignore[arg-type]
    assert auth == Auth({"Accept": "application/json"}, {"api_key": KEY})
    async with api_over(account, auth, transport, HandClock()) as api:
        said = f"{api!r} {api.wire!r} {auth!r}"
        try:
            await reader.check(api)
        except SyncError as error:
            said += f"{error} {error!r} {error.hint} {error.__cause__!r}"
            said += str(getattr(error, "explanation", ""))
        said += repr(api.commits.store.accounts.state(account)) + repr(api.meter)
    return said


def test_an_empty_answer_heals() -> None:
    async def asked() -> None:
        account = Account(
            "a", Channel.EMAIL, "smartlead", "https://s.example.com", Rate(9, 1), None
        )
        transport = httpx.MockTransport(lambda request: httpx.Response(200, text=""))
        async with api_over(account, Auth(), transport, HandClock()) as api:
            await reader.check(api)

    with pytest.raises(Unavailable):
        asyncio.run(asked())
