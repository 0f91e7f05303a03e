"""Instantly's quirks, one by one; see the fact sheet. What all providers do is in contracts."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.model.feed import Covers, FeedPage
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.providers.instantly import RATE, Reader
from tests.sync.providers import script
from tests.sync.providers.script import Script

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
MAIL, OTHER_MAIL, OURS = "lead@example.com", "lead@example.org", "rep@example.com"
LIST = "/api/v2/emails"
STORED = "2026-01-01T09:31:02.000Z"
BOUND = "2026-01-01T09:21:02.000Z"
JUST_BEFORE = "2026-01-01T09:31:01.999Z"  # whether a bound is within itself is documented nowhere

KNOWN = Lead("L1", "acme", addresses=(addresses.email(MAIL),))
BY_ID = Lead("L1", "acme", handles=(Handle("instantly", "lead-1"),))
NOT_FOUND = '{"statusCode":404,"error":"Not Found","message":"Lead not found"}'
reader = Reader()


def row(**told: object) -> dict[str, object]:
    """A received mail; what is told replaces what is usual, and ``...`` leaves it out."""
    usual: dict[str, object] = {
        "id": "m1",
        "timestamp_created": STORED,
        "timestamp_email": "2026-01-01T09:30:12.000Z",
        "ue_type": 2,
        "message_id": "<m1@mail.example.com>",
        "thread_id": "thr-1",
        "subject": "Re: quick question",
        "body": {"text": "Sure.", "html": "<p>Sure.</p>"},
        "from_address_email": MAIL,
        "to_address_email_list": OURS,
        "eaccount": OURS,
        "lead": MAIL,
        "lead_id": "lead-1",
        "is_auto_reply": 0,
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def ours(**told: object) -> dict[str, object]:
    """A mail of ours, written by hand."""
    usual = {"id": "m2", "ue_type": 3, "from_address_email": OURS, "to_address_email_list": MAIL}
    return row(**usual | told)


def page(*rows: object, then: object = None) -> dict[str, object]:
    """A page, the last one unless told otherwise."""
    return {"items": list(rows)} | ({"next_starting_after": then} if then else {})


def planned(*rows: object, then: object = None) -> Script:
    return Script().answers(LIST, page(*rows, then=then), lead=MAIL)


def read(answers: Script, lead: Lead = KNOWN, cursor: str | None = None) -> list[Page]:
    return script.read(reader, answers, lead, cursor)


def only(**told: object) -> Message:
    """What is made of one row."""
    [message] = script.messages(reader, planned(row(**told)), KNOWN)
    return message


def mark(stored: str | None = STORED, planned: tuple[str, ...] = (), looked: str = STORED) -> str:
    return json.dumps({"stored": stored, "planned": list(planned), "looked": looked})


def changes(
    answers: Script, watermark: str | None = None, cursor: str | None = None, now: datetime = NOW
) -> list[FeedPage]:
    return script.changes(reader, answers, watermark, cursor, now)


def ids(pages: list[FeedPage]) -> list[str | None]:
    return [
        message.external_id for each in pages for news in each.news for message in news.read(KNOWN)
    ]


def stored_in(watermark: str | None) -> object:
    return json.loads(watermark or "{}")["stored"]


def test_the_rate_keeps_twenty_requests_a_minute_with_a_margin() -> None:
    assert (RATE.requests, RATE.seconds, RATE.burst) == (18, 60, 1)
    assert RATE.spacing >= 3.2


def test_pages_that_lead_in_a_circle_behind_new_cursors_are_a_loop() -> None:
    turns = count()

    class Deaf:
        async def ask(self, request: object) -> object:
            turn = next(turns)
            return page(row(id="m0" if not turn else f"m{1 + turn % 3}"), then=f"c{turn}")

    with pytest.raises(CursorLoop):
        changes(Deaf())  # type: ignore[arg-type]  # no script


# A lead's list


def test_a_lead_is_asked_for_by_each_of_its_addresses() -> None:
    two = Lead("L1", "acme", addresses=(addresses.email(MAIL), addresses.email(OTHER_MAIL)))
    answers = planned(row()).answers(LIST, page(row(id="m9", lead=OTHER_MAIL)), lead=OTHER_MAIL)
    assert [each.external_id for each in script.messages(reader, answers, two)] == ["m1", "m9"]


def test_a_mail_that_two_addresses_have_in_common_is_no_loop() -> None:
    two = Lead("L1", "acme", addresses=(addresses.email(MAIL), addresses.email(OTHER_MAIL)))
    answers = planned(row()).answers(LIST, page(row()), lead=OTHER_MAIL)
    assert len(read(answers, two)) == 2


def test_every_page_keeps_the_filter_and_whole_bodies() -> None:
    answers = planned(row(), then="c2").answers(
        LIST, page(row(id="m3")), lead=MAIL, starting_after="c2"
    )
    read(answers)
    assert answers.asked("lead") == [MAIL, MAIL]
    assert answers.asked("mode") == ["emode_all", "emode_all"]
    assert answers.asked("preview_only") == [None, None]


def test_a_short_page_is_not_the_end() -> None:
    answers = planned(row(), then="c2").answers(
        LIST, page(row(id="m3")), lead=MAIL, starting_after="c2"
    )
    assert len(read(answers)) == 2


@pytest.mark.parametrize("then", [None, "", "c2"])
def test_an_empty_page_is_the_end_whatever_it_says(then: object) -> None:
    assert read(planned(then=then)) == []


def test_a_cursor_that_repeats_itself_behind_new_rows_is_the_end() -> None:
    answers = planned(row(), then="c2").answers(
        LIST, page(row(id="m3"), then="c2"), lead=MAIL, starting_after="c2"
    )
    assert len(read(answers)) == 2


def test_rows_that_were_seen_before_are_a_loop() -> None:
    answers = planned(row(), then="c2").answers(
        LIST, page(row(), then="c3"), lead=MAIL, starting_after="c2"
    )
    with pytest.raises(CursorLoop):
        read(answers)


def test_a_list_that_ignores_the_lead_is_rejected() -> None:
    with pytest.raises(Rejected):
        read(planned(row(lead="other@example.com")))


def test_rows_of_other_leads_are_left_out_and_counted() -> None:
    [told] = read(planned(row(), row(id="m9", lead="other@example.com")))
    assert ([each.external_id for each in told.messages], told.left_out) == (["m1"], 1)


def test_a_reply_from_another_address_is_the_leads_where_instantly_says_so() -> None:
    assert only(from_address_email="colleague@example.net").direction is Direction.INBOUND


@pytest.mark.parametrize(
    "mine", [row(lead=...), ours(lead=None, to_address_email_list=f"{MAIL},b@x.io")]
)
def test_a_row_without_its_lead_is_told_by_the_other_end(mine: dict[str, object]) -> None:
    assert len(script.messages(reader, planned(mine), KNOWN)) == 1


def test_a_lead_known_by_its_id_alone_is_looked_up() -> None:
    told = {"id": "lead-1", "email": MAIL, "first_name": "Lee", "last_name": "Ad",
            "company_name": "Acorn", "phone": None}  # fmt: skip
    answers = planned(row()).answers("/api/v2/leads/lead-1", told)
    [first] = read(answers, BY_ID)
    assert first.contact is not None
    assert (first.contact.name, first.contact.company) == ("Lee Ad", "Acorn")
    assert len(first.messages) == 1


def test_a_lead_that_was_deleted_there_has_no_page() -> None:
    gone = Unknown("answered 404", NOT_FOUND, 404)
    assert read(Script().answers("/api/v2/leads/lead-1", gone), BY_ID) == []


def test_a_404_of_something_else_is_an_error() -> None:
    with pytest.raises(Unknown):
        read(
            Script().answers("/api/v2/leads/lead-1", Unknown("answered 404", "<html>", 404)), BY_ID
        )


def test_another_lead_than_asked_for_is_rejected() -> None:
    answers = Script().answers("/api/v2/leads/lead-1", {"id": "lead-2", "email": MAIL})
    with pytest.raises(Rejected):
        read(answers, BY_ID)


def test_the_page_tells_the_ids_that_the_lead_has_in_its_campaigns() -> None:
    [told] = read(planned(row(), row(id="m3", lead_id="lead-2")))
    assert told.contact is not None
    assert [each.external_id for each in told.contact.handles] == ["lead-1", "lead-2"]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"items": {}},
        {"items": [None, {}]},
        {"error": "ACC_1"},
        {"items": [], "error": {"code": 1}},
    ],
)
def test_an_answer_of_another_shape_or_an_error_with_status_200_is_rejected(answer: object) -> None:
    with pytest.raises(Rejected):
        read(Script().answers(LIST, answer, lead=MAIL))
    with pytest.raises(Rejected):
        changes(Script().answers(LIST, answer))


# Rows


def test_a_received_mail() -> None:
    assert only() == Message(
        Channel.EMAIL, "instantly", "m1", Direction.INBOUND,
        datetime(2026, 1, 1, 9, 30, 12, tzinfo=UTC), "Sure.", MAIL, OURS,
        "Re: quick question", "received", "thr-1", "<m1@mail.example.com>",
        "<p>Sure.</p>", "text/html",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "direction"),
    [(1, "outbound"), (2, "inbound"), (3, "outbound"), ("2", "inbound"), (3.0, "outbound")],
)
def test_the_kind_of_mail_tells_its_direction(kind: object, direction: str) -> None:
    assert only(ue_type=kind).direction == direction


@pytest.mark.parametrize("kind", [..., None, "x", 9])
def test_without_a_kind_mail_from_our_mailbox_is_ours(kind: object) -> None:
    found = script.messages(reader, planned(row(ue_type=kind), ours(ue_type=kind)), KNOWN)
    assert [each.direction for each in found] == [Direction.INBOUND, Direction.OUTBOUND]


def test_without_a_kind_and_a_mailbox_the_lead_tells_its_own() -> None:
    found = [row(ue_type=..., eaccount=...), ours(ue_type=..., eaccount=...)]
    assert [each.direction for each in script.messages(reader, planned(*found), KNOWN)] == [
        Direction.INBOUND,
        Direction.OUTBOUND,
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"text": "Sure."}, "Sure."),
        ({"html": "<p>Sure.</p><style>x</style>"}, "Sure."),
        ({"text": " ", "html": "<p>Sure.</p>"}, "Sure."),
        ("Sure, <rep@example.com> said so.", "Sure, <rep@example.com> said so."),
        ("<div>Sure.</div>", "Sure."),
        ({}, ""),
        (None, ""),
        (..., ""),
    ],
)
def test_a_body_is_read_in_every_form(body: object, text: str) -> None:
    assert only(body=body).body == text


def test_a_preview_is_no_body() -> None:
    assert only(body=..., content_preview="Sure, but on").body == ""


def test_what_is_planned_is_left_out_and_counted() -> None:
    [told] = read(planned(row(), ours(ue_type=4)))
    assert ([each.external_id for each in told.messages], told.left_out) == (["m1"], 1)


@pytest.mark.parametrize("flag", [1, True, "1", 1.0])
def test_an_automatic_reply_says_so(flag: object) -> None:
    assert only(is_auto_reply=flag).status == "automated_reply"


def test_a_list_without_the_mark_of_automatic_replies_is_read() -> None:
    assert only(is_auto_reply=...).status == "received"


def test_the_names_of_attachments_are_kept() -> None:
    files = {"files": [{"filename": "offer.pdf", "size": 1}, {"size": 2}, 7]}
    assert only(attachment_json=files).attachments == ("offer.pdf",)


def test_several_recipients_stand_in_one_text() -> None:
    assert only(to_address_email_list=f" {OURS} , b@example.com").recipient == OURS


def test_a_date_of_the_mail_server_that_is_none_gives_way_to_the_time_of_storing() -> None:
    assert only(timestamp_email="yesterday").sent_at == datetime(2026, 1, 1, 9, 31, 2, tzinfo=UTC)


def test_times_are_read_with_and_without_a_fraction() -> None:
    assert only(timestamp_email="2026-01-01T09:30:12Z").sent_at == only().sent_at


def test_a_row_without_an_id_has_a_key_of_its_own() -> None:
    assert (
        only(id=None).external_id
        == only(id=...).external_id
        != only(id={}, subject="x").external_id
    )


# The change feed


def test_a_first_walk_asks_for_everything_oldest_first() -> None:
    answers = Script().answers(LIST, page(row()))
    [told] = changes(answers)
    assert answers.asked("sort_order") == ["asc"]
    assert (told.covers, stored_in(told.watermark)) == (Covers.EVERYBODY, STORED)


def test_a_later_walk_begins_ten_minutes_before_the_watermark() -> None:
    answers = Script().answers(LIST, page(row()), min_timestamp_created=BOUND)
    [told] = changes(answers, mark())
    assert (told.covers, stored_in(told.watermark)) == (Covers.NOBODY, STORED)


def test_pages_of_a_walk_have_the_same_bound() -> None:
    answers = Script().answers(LIST, page(row(), then="c2"), min_timestamp_created=BOUND)
    late = row(id="m3", timestamp_created="2026-01-01T11:00:00.000Z")
    answers.answers(LIST, page(late), min_timestamp_created=BOUND, starting_after="c2")
    assert ids(changes(answers, mark())) == ["m1", "m3"]


def test_a_later_process_goes_on_at_the_time_that_was_read_and_with_no_cursor() -> None:
    answers = Script().answers(LIST, page(row(), then="c2"))
    answers.answers(LIST, page(row(id="m3")), starting_after="c2")
    first, _ = changes(answers)
    again = Script().answers(LIST, page(row(), row(id="m3")), min_timestamp_created=JUST_BEFORE)
    [rest] = changes(again, None, first.cursor)
    assert (ids([rest]), rest.covers) == (["m1", "m3"], Covers.EVERYBODY)


def test_a_list_out_of_order_is_read_again_from_its_beginning() -> None:
    older = row(id="m3", timestamp_created="2026-01-01T09:00:00.000Z")
    answers = Script().answers(LIST, page(row(), older, then="c2"))
    answers.answers(LIST, page(row(id="m4")), starting_after="c2")
    first, _ = changes(answers)
    [*_, rest] = changes(Script().answers(LIST, page(older, row())), None, first.cursor)
    assert ids([rest]) == ["m3", "m1"]


def test_a_time_in_the_future_does_not_move_the_watermark() -> None:
    future = row(id="m9", timestamp_created="2077-01-01T00:00:00Z")
    [told] = changes(Script().answers(LIST, page(row(), future)))
    assert stored_in(told.watermark) == STORED


def test_a_walk_that_finds_nothing_keeps_its_watermark() -> None:
    [told] = changes(Script().answers(LIST, page(), min_timestamp_created=BOUND), mark())
    assert stored_in(told.watermark) == STORED


def test_a_bound_that_is_ignored_is_noticed_and_the_list_read_backwards() -> None:
    old = row(id="m0", timestamp_created="2025-06-01T00:00:00Z")
    new = row(id="m3", timestamp_created="2026-01-02T00:00:00Z")
    answers = Script().answers(LIST, page(old, row(), then="c2"), min_timestamp_created=BOUND)
    answers.answers(LIST, page(new, row(), old, then="d2"))
    told = changes(answers, mark())
    assert answers.asked("sort_order") == ["asc", "desc"]
    assert ids(told) == ["m3", "m1", "m0"]
    assert stored_in(told[-1].watermark) == "2026-01-02T00:00:00.000Z"


def test_backwards_it_does_not_stop_before_the_known() -> None:
    new, newer = (
        row(id=f"n{day}", timestamp_created=f"2026-01-02T0{day}:00:00Z") for day in (1, 2)
    )
    old = row(id="m0", timestamp_created="2025-06-01T00:00:00Z")
    answers = Script().answers(LIST, page(old), min_timestamp_created=BOUND)
    answers.answers(LIST, page(newer, then="d2"))
    answers.answers(LIST, page(new, then="d3"), starting_after="d2")
    answers.answers(LIST, page(row(), old, then="d4"), starting_after="d3")
    told = changes(answers, mark())
    assert ids(told) == ["n2", "n1", "m1", "m0"]
    [*_, rest] = changes(answers, mark(), told[0].cursor)
    assert stored_in(rest.watermark) == "2026-01-02T02:00:00.000Z"


def test_instantly_vouches_for_whom_it_calls_a_lead() -> None:
    stranger = row(id="m9", lead=..., lead_id=..., from_address_email="warm@up.example.net")
    [told] = changes(Script().answers(LIST, page(row(), stranger)))
    assert [news.vouched for news in told.news] == [True, False]


def test_the_feed_tells_a_leads_name_and_ids() -> None:
    named = row(from_address_json=[{"address": MAIL.upper(), "name": "Lee Ad"}, 7])
    [told] = changes(Script().answers(LIST, page(named)))
    assert [(each.contact.name, each.contact.handles) for each in told.news] == [
        ("Lee Ad", (Handle("instantly", "lead-1"),))
    ]


def test_the_address_of_a_colleague_is_not_learnt() -> None:
    [told] = changes(Script().answers(LIST, page(row(from_address_email="boss@example.net"))))
    assert [each.contact.addresses for each in told.news] == [(addresses.email(MAIL),)]


def test_a_broken_row_hides_no_other() -> None:
    odd: dict[str, Any] = {"id": {}, "timestamp_created": [], "lead": 5, "ue_type": {}}
    broken: tuple[Any, ...] = (7, None, {}, odd)
    [told] = changes(Script().answers(LIST, page(*broken, row())))
    assert ids([told]) == ["m1"]


# Planned mail


def planned_mail() -> dict[str, object]:
    return ours(ue_type=4, timestamp_created="2026-01-01T09:00:00.000Z")


def test_planned_mail_is_remembered() -> None:
    [told] = changes(Script().answers(LIST, page(planned_mail(), row())))
    assert (ids([told]), told.left_out) == (["m1"], 1)
    assert json.loads(told.watermark or "")["planned"] == ["2026-01-01T09:00:00.000Z"]


def test_what_became_of_planned_mail_is_looked_at_an_hour_later_and_then_the_news() -> None:
    pending = mark(planned=("2026-01-01T09:00:00.000Z",))
    sent = ours(id="m5", timestamp_created="2026-01-01T09:00:00.000Z")
    later = ours(id="m6", timestamp_created="2026-01-02T11:00:00.000Z")
    answers = Script().answers(
        LIST,
        page(sent, later),
        email_type="manual",
        min_timestamp_created="2026-01-01T08:59:59.999Z",
    )
    answers.answers(LIST, page(row(), later), min_timestamp_created=BOUND)
    told = changes(answers, pending)
    assert ids(told) == ["m5", "m6", "m1", "m6"]
    assert stored_in(told[-1].watermark) == "2026-01-02T11:00:00.000Z"


def test_a_mail_that_both_looks_find_is_no_loop() -> None:
    begun = "2026-01-01T08:59:59.999Z"
    answers = Script().answers(LIST, page(ours()), email_type="manual", min_timestamp_created=begun)
    answers.answers(LIST, page(ours()), min_timestamp_created=BOUND)
    assert ids(changes(answers, mark(planned=("2026-01-01T09:00:00.000Z",)))) == ["m2", "m2"]


def test_within_the_hour_planned_mail_costs_nothing() -> None:
    pending = mark(planned=("2026-01-01T09:00:00.000Z",), looked="2026-01-02T11:30:00.000Z")
    answers = Script().answers(LIST, page(row()), min_timestamp_created=BOUND)
    assert len(changes(answers, pending)) == 1


def test_what_is_planned_further_ahead_than_a_month_is_forgotten() -> None:
    pending = mark(planned=("2025-11-01T09:00:00.000Z",), looked="2026-01-02T11:30:00.000Z")
    [told] = changes(Script().answers(LIST, page(row()), min_timestamp_created=BOUND), pending)
    assert json.loads(told.watermark or "")["planned"] == []


def test_the_look_at_planned_mail_goes_on_after_an_interruption() -> None:
    pending = mark(planned=("2026-01-01T09:00:00.000Z",))
    answers = Script().answers(
        LIST, page(ours()), email_type="manual", min_timestamp_created="2026-01-01T08:59:59.999Z"
    )
    answers.answers(LIST, page(row()), min_timestamp_created=BOUND)
    first, _ = changes(answers, pending)
    [rest] = changes(answers, pending, first.cursor, NOW + timedelta(minutes=1))
    assert ids([rest]) == ["m1"]
