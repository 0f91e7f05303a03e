"""EmailBison's quirks, one by one; see the fact sheet. What all providers do is in contracts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from convsync_cli.sync import addresses, merge
from convsync_cli.sync.errors import CursorLoop, Rejected, SyncError, Unavailable, Unknown
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Direction, Message, Page
from convsync_cli.sync.providers.emailbison import Reader
from tests.sync.providers import script
from tests.sync.providers.script import Script

MOMENT = datetime(2026, 1, 1, 9, 30, 12, 345000, UTC)
MAIL, OTHER_MAIL, OURS = "lead@example.com", "lead@example.org", "rep@example.com"
REPLIES, SENT = "/api/leads/990/replies", "/api/leads/990/sent-emails"

KNOWN = Lead(
    "L1", "acme", addresses=(addresses.email(MAIL),), handles=(Handle("emailbison", "990"),)
)
STRANGER = Lead("L1", "acme", addresses=(addresses.email(MAIL), addresses.email(OTHER_MAIL)))
NOT_FOUND = '{"data":{"success":false,"message":"Record not found.","record_not_found":true}}'
reader = Reader()


def reply(**told: object) -> dict[str, object]:
    """A row of the inbox; what is told replaces what is usual, and ``...`` leaves it out."""
    usual: dict[str, object] = {
        "id": 4501,
        "folder": "Inbox",
        "type": "Tracked Reply",
        "subject": "Re: quick question",
        "text_body": "Sure, send details.",
        "html_body": None,
        "date_received": "2026-01-01T09:30:12.345678Z",
        "from_name": "Lead One",
        "from_email_address": MAIL,
        "primary_to_email_address": OURS,
        "to": [{"name": "Rep", "address": OURS}],
        "cc": None,
        "raw_message_id": "<m-4501@mail.example.com>",
        "parent_id": None,
        "campaign_id": 12,
        "lead_id": 990,
        "automated_reply": False,
        "attachments": [],
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def send(**told: object) -> dict[str, object]:
    """A campaign mail; as ``reply``."""
    usual: dict[str, object] = {
        "id": 70001,
        "campaign_id": 12,
        "lead_id": 990,
        "sender_email": {"id": 25, "name": "Rep", "email": OURS},
        "email_subject": "Quick question",
        "email_body": "<p>Is it?</p>",
        "status": "sent",
        "scheduled_date_local": "2026-01-01T04:28:00.000000Z",
        "sent_at": "2026-01-01T09:30:12.345678Z",
        "raw_message_id": "<m-70001@mail.example.com>",
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def page(*rows: object, **meta: object) -> dict[str, object]:
    """A page, the last one unless told otherwise."""
    return {"data": list(rows), "links": {"next": None}, "meta": {"next_cursor": None} | meta}


def planned(replies: object = None, sent: object = None) -> Script:
    """A known lead with one page in each of its two lists."""
    answers = Script().answers(REPLIES, page() if replies is None else replies)
    return answers.answers(SENT, page() if sent is None else sent)


def read(answers: Script, lead: Lead = KNOWN, cursor: str | None = None) -> list[Page]:
    return script.read(reader, answers, lead, cursor)


def messages(answers: Script, lead: Lead = KNOWN) -> list[Message]:
    return script.messages(reader, answers, lead)


def ids(pages: list[Page]) -> list[str | None]:
    return [message.external_id for each in pages for message in each.messages]


def only_reply(**told: object) -> Message:
    """What is made of one row of the inbox."""
    [message] = messages(planned(page(reply(**told))))
    return message


def only_sent(**told: object) -> Message:
    """What is made of one campaign mail."""
    [message] = messages(planned(sent=page(send(**told))))
    return message


# The lists and their pages


def test_replies_and_sent_mails_are_joined() -> None:
    assert ids(read(planned(page(reply()), page(send())))) == ["reply:4501", "sent:70001"]


def test_a_reply_and_a_sent_mail_of_the_same_number_are_two_messages() -> None:
    answers = planned(page(reply(id=1)), page(send(id=1)))
    assert len(merge.plan((), messages(answers)).new) == 2


def test_replies_are_asked_of_every_folder_on_every_page() -> None:
    answers = planned(page(reply(), next_cursor="c2"))
    answers.answers(REPLIES, page(reply(id=1), next_cursor="c3"), cursor="c2")
    answers.answers(REPLIES, page(reply(id=2)), cursor="c3")
    read(answers)
    assert answers.asked("folder") == ["all", "all", "all", None]


def test_pages_are_asked_for_by_cursor_from_the_first_one_on() -> None:
    answers = planned(page(reply(), next_cursor="c2"))
    answers.answers(REPLIES, page(reply(id=1)), cursor="c2")
    read(answers)
    assert answers.asked("pagination_type") == ["cursor"] * 3


def test_a_cursor_that_stands_in_the_link_alone_is_followed() -> None:
    link = "https://other.example.com/api/leads/1/replies?cursor=c2"
    answers = planned({"data": [reply()], "links": {"next": link}, "meta": {}})
    answers.answers(REPLIES, page(reply(id=1)), cursor="c2")
    assert ids(read(answers)) == ["reply:4501", "reply:1"]


def test_a_link_is_never_followed_as_it_is() -> None:
    link = "https://other.example.com/api/leads/1/replies?cursor=c2"
    answers = planned({"data": [reply()], "links": {"next": link}, "meta": {}})
    answers.answers(REPLIES, page(), cursor="c2")
    read(answers)
    assert answers.paths == [REPLIES, REPLIES, SENT]


def numbered(current: object, last: object, *rows: object) -> dict[str, object]:
    """A page as a host sends it that ignores cursors."""
    return {"data": list(rows), "meta": {"current_page": current, "last_page": last}}


@pytest.mark.parametrize(("current", "last"), [(1, 2), ("1", "2")])
def test_a_host_that_ignores_cursors_is_read_by_page_number(current: object, last: object) -> None:
    answers = planned(numbered(current, last, reply()))
    answers.answers(REPLIES, numbered(2, 2, reply(id=1)), page="2")
    assert ids(read(answers)) == ["reply:4501", "reply:1"]


def test_numbered_pages_keep_their_filter_and_lose_the_cursor_mode() -> None:
    answers = planned(numbered(1, 2, reply())).answers(
        REPLIES, numbered(2, 2, reply(id=1)), page="2"
    )
    read(answers)
    assert dict(answers.requests[1].query) == {"folder": "all", "page": "2"}


def test_a_host_whose_numbered_pages_only_have_a_link_is_read_by_it() -> None:
    link = "https://send.example.com/api/leads/990/replies?page=2"
    answers = planned({"data": [reply()], "links": {"next": link}})
    answers.answers(REPLIES, {"data": [reply(id=1)], "links": {"next": None}}, page="2")
    assert ids(read(answers)) == ["reply:4501", "reply:1"]


def test_a_numbered_page_that_is_too_deep_is_an_error() -> None:
    answers = planned(numbered(1, 2, reply())).answers(REPLIES, Rejected("422"), page="2")
    with pytest.raises(Rejected):
        read(answers)


def test_an_empty_page_ends_a_list_whatever_it_says() -> None:
    assert ids(read(planned(page(next_cursor="c2"), page(send())))) == ["sent:70001"]


def test_a_page_without_any_envelope_is_the_last() -> None:
    assert ids(read(planned({"data": [reply()]}, {"data": [send()]}))) == [
        "reply:4501",
        "sent:70001",
    ]


def test_a_cursor_that_leads_to_itself_is_a_loop() -> None:
    answers = planned(page(reply(), next_cursor="c2"))
    answers.answers(REPLIES, page(reply(id=1), next_cursor="c2"), cursor="c2")
    with pytest.raises(CursorLoop):
        read(answers)
    assert len(answers.requests) == 2


def test_a_page_of_which_every_row_was_seen_is_a_loop() -> None:
    answers = planned(page(reply(), next_cursor="c2"))
    answers.answers(REPLIES, page(reply(), next_cursor="c3"), cursor="c2")
    with pytest.raises(CursorLoop):
        read(answers)


def test_a_walk_goes_on_in_the_list_that_it_had_reached() -> None:
    cursor = read(planned(page(reply())))[0].cursor
    assert ids(read(Script().answers(SENT, page(send())), STRANGER, cursor)) == ["sent:70001"]


def test_a_walk_goes_on_behind_the_page_that_it_had_reached() -> None:
    answers = planned(page(reply(), next_cursor="c2")).answers(REPLIES, page(), cursor="c2")
    cursor = read(answers)[0].cursor
    rest = Script().answers(REPLIES, page(reply(id=1)), cursor="c2").answers(SENT, page())
    assert ids(read(rest, KNOWN, cursor)) == ["reply:1"]


@pytest.mark.parametrize(
    "answer", [[], None, "text", {}, {"data": None}, {"data": {}}, {"data": [None]}, {"data": [{}]}]
)
@pytest.mark.parametrize("feed", [REPLIES, SENT])
def test_a_page_of_another_shape_is_rejected_and_not_taken_for_empty(
    feed: str, answer: object
) -> None:
    with pytest.raises(Rejected):
        read(planned(page(reply())).answers(feed, answer))


@pytest.mark.parametrize("feed", [REPLIES, SENT])
def test_an_error_that_comes_with_status_200_is_an_error(feed: str) -> None:
    refusal = {"data": {"success": False, "message": "Something went wrong"}}
    with pytest.raises(Rejected):
        read(planned(page(reply())).answers(feed, refusal))


def test_one_list_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(Unavailable):
        read(planned(page(reply())).answers(SENT, Unavailable("answered 503")))


def test_a_host_without_the_route_is_an_error_and_no_empty_list() -> None:
    missing = Unknown("answered 404", '{"message":"The route could not be found."}')
    with pytest.raises(SyncError):
        read(planned(page(reply())).answers(SENT, missing))


# Whose row it is


def kept(*rows: object) -> list[str | None]:
    """What is taken for the lead's beside one row that is."""
    return ids(read(planned(page(reply(id=1), *rows))))[1:]


def test_a_row_of_another_lead_is_dropped_and_counted() -> None:
    first = read(planned(page(reply(), reply(id=1, lead_id=991))))[0]
    assert (ids([first]), first.left_out) == (["reply:4501"], 1)


def test_a_row_of_another_lead_is_told_by_the_nested_lead_too() -> None:
    assert kept(reply(lead_id=None, lead={"id": 991})) == []


def test_a_lead_id_that_is_text_is_the_same() -> None:
    assert kept(reply(lead_id="990")) == ["reply:4501"]


def test_a_row_without_a_lead_that_has_its_address_is_kept() -> None:
    by_hand = reply(
        lead_id=None,
        folder="Sent",
        from_email_address=OURS,
        primary_to_email_address=MAIL.upper(),
        to=None,
    )
    assert kept(by_hand) == ["reply:4501"]


@pytest.mark.parametrize("name", ["to", "cc"])
def test_the_address_may_stand_among_several(name: str) -> None:
    to = {"from_email_address": OURS, "primary_to_email_address": None, "to": None}
    both = [{"name": None, "address": "x@example.com"}, {"address": MAIL}, {"address": None}, None]
    foreign = reply(id=5, lead_id=991)
    assert kept(reply(lead_id=None, **(to | {name: both})), foreign) == ["reply:4501"]


ELSEWHERE = {
    "lead_id": None,
    "from_email_address": OURS,
    "primary_to_email_address": "else@example.com",
    "to": [{"address": "else@example.com"}],
}


def test_an_answer_to_another_address_of_the_lead_is_kept_in_its_thread() -> None:
    assert kept(reply(parent_id=1, **ELSEWHERE)) == ["reply:4501"]


def test_beside_a_row_of_another_lead_only_what_is_proven_is_kept() -> None:
    assert kept(reply(parent_id=1, **ELSEWHERE), reply(id=5, lead_id=991)) == []


def test_on_a_page_on_which_nobody_is_proven_to_be_the_lead_nothing_is_kept() -> None:
    answers = planned(page(reply(**ELSEWHERE), reply(id=2, parent_id=1, **ELSEWHERE)))
    try:
        found = ids(read(answers))
    except Rejected:
        found = []
    assert found == []


def test_campaign_mails_that_do_not_say_whose_they_are_are_the_leads() -> None:
    assert ids(read(planned(sent=page(send(lead_id=...))))) == ["sent:70001"]


def test_beside_somebody_elses_campaign_mail_one_that_does_not_say_is_left_out() -> None:
    found = page(send(id=1), send(id=2, lead_id=...), send(id=3, lead_id=991))
    assert ids(read(planned(sent=found))) == ["sent:1"]


def test_a_page_that_has_only_other_leads_rows_is_rejected() -> None:
    with pytest.raises(Rejected):
        read(planned(page(reply(lead_id=991))))


def test_rows_that_are_no_objects_are_left_out_and_counted() -> None:
    first = read(planned(page(None, 5, "text", [], reply())))[0]
    assert (len(first.messages), first.left_out) == (1, 4)


# What a row of the inbox says


@pytest.mark.parametrize(
    ("told", "direction"),
    [
        ({}, Direction.INBOUND),
        ({"folder": "Sent", "type": "Outgoing Email"}, Direction.OUTBOUND),
        ({"folder": "sent", "type": ...}, Direction.OUTBOUND),
        ({"folder": ..., "type": "Outgoing Email"}, Direction.OUTBOUND),
        ({"folder": "Spam"}, Direction.INBOUND),
        ({"folder": "Bounced", "type": "Bounced"}, Direction.INBOUND),
        ({"folder": None, "type": None}, Direction.INBOUND),
        ({"sender_email_id": 25}, Direction.INBOUND),
    ],
)
def test_the_folder_or_the_type_says_who_wrote(
    told: dict[str, object], direction: Direction
) -> None:
    assert only_reply(**told).direction == direction


@pytest.mark.parametrize(
    ("text", "html", "body"),
    [
        ("plain", "<p>rich</p>", "plain"),
        (None, "<p>rich</p>", "rich"),
        ("", "<p>rich</p>", "rich"),
        (" \r\n", "<p>rich</p>", "rich"),
        ("plain", None, "plain"),
        (None, None, ""),
        (..., ..., ""),
    ],
)
def test_the_body_is_the_text_or_else_what_the_html_shows(
    text: object, html: object, body: str
) -> None:
    assert only_reply(text_body=text, html_body=html).body == body


def test_the_html_is_kept_as_it_was_received() -> None:
    message = only_reply(html_body="<p>rich</p>")
    assert (message.source, message.source_type) == ("<p>rich</p>", "text/html")


def test_a_mail_without_html_has_no_source() -> None:
    message = only_reply()
    assert (message.source, message.source_type) == (None, None)


def test_the_quoted_history_is_kept() -> None:
    whole = "Yes.\n\nOn Mon, Jan 5, 2026 Rep <rep@example.com> wrote:\n> Hi,\n> is it?"
    assert only_reply(text_body=whole).body == whole


@pytest.mark.parametrize("attachments", [None, ..., [], {}, [None], [{"file_name": None}]])
def test_missing_attachments_are_none(attachments: object) -> None:
    assert only_reply(attachments=attachments).attachments == ()


def test_attachments_are_kept_by_name_since_their_addresses_expire() -> None:
    signed = {"file_name": "offer.pdf", "download_url": "https://files.example.com/1?signature=x"}
    assert only_reply(attachments=[signed]).attachments == ("offer.pdf",)


def test_an_empty_mail_with_an_attachment_is_kept() -> None:
    message = only_reply(text_body=None, subject=None, attachments=[{"file_name": "offer.pdf"}])
    assert (message.body, message.subject, message.attachments) == ("", None, ("offer.pdf",))


def test_six_digits_of_a_second_are_read_to_the_millisecond() -> None:
    assert only_reply().sent_at == MOMENT


@pytest.mark.parametrize("date", [..., None, "", "soon", {}, []])
def test_a_mail_without_a_readable_date_is_kept_without_one(date: object) -> None:
    assert only_reply(date_received=date).sent_at is None


@pytest.mark.parametrize("name", ["subject", "email_subject"])
def test_the_subject_has_two_names(name: str) -> None:
    assert only_reply(**({"subject": ...} | {name: "Hello"})).subject == "Hello"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, "received"),
        ({"folder": "Sent"}, "sent"),
        ({"folder": "Bounced", "automated_reply": True}, "bounced"),
        ({"automated_reply": True}, "automated_reply"),
    ],
)
def test_what_became_of_a_mail_is_its_status(told: dict[str, object], status: str) -> None:
    assert only_reply(**told).status == status


@pytest.mark.parametrize(
    ("told", "recipient"),
    [
        ({}, OURS),
        ({"primary_to_email_address": None}, OURS),
        ({"primary_to_email_address": None, "to": None}, None),
        ({"primary_to_email_address": None, "to": [{}, 5, {"address": "a@x.com"}]}, "a@x.com"),
    ],
)
def test_the_recipient_is_the_main_one_or_the_first(
    told: dict[str, object], recipient: str | None
) -> None:
    assert only_reply(**told).recipient == recipient


@pytest.mark.parametrize(
    "told", [{"campaign_id": 12}, {"campaign_id": None, "campaign": {"id": 12}}]
)
def test_the_campaign_is_the_thread(told: dict[str, object]) -> None:
    assert only_reply(**told).thread == "campaign:12"


@pytest.mark.parametrize("told", [..., None, "", "nonsense", 5, {}])
def test_what_is_no_message_id_joins_nothing(told: object) -> None:
    assert only_reply(raw_message_id=told).message_id is None


def test_half_an_emoji_becomes_a_replacement_character() -> None:
    message = only_reply(text_body="ok \ud83d", subject="\ude00")
    assert (message.body, message.subject) == ("ok ?", "?")


def test_a_row_without_an_id_keeps_its_key_while_its_counters_change() -> None:
    one = only_reply(id=None, read=False, updated_at="2026-01-01T00:00:00Z")
    other = only_reply(id=None, read=True, updated_at="2026-01-02T00:00:00Z")
    assert one.external_id == other.external_id


def test_rows_without_an_id_that_differ_are_kept_apart() -> None:
    assert only_reply(id=None).external_id != only_reply(id=None, text_body="No.").external_id


# What a campaign mail says


def test_a_campaign_mail_is_ours() -> None:
    message = only_sent()
    assert (message.direction, message.sender, message.recipient) == (
        Direction.OUTBOUND,
        OURS,
        MAIL,
    )


def test_a_campaign_mail_shows_its_html_as_text() -> None:
    message = only_sent()
    assert (message.body, message.source) == ("Is it?", "<p>Is it?</p>")


def test_the_local_wall_time_is_never_taken_for_an_instant() -> None:
    assert only_sent(sent_at=None).sent_at is None


def test_a_campaign_mail_is_dated_by_when_it_was_sent() -> None:
    assert only_sent().sent_at == MOMENT


@pytest.mark.parametrize(
    "status", ["scheduled", "sending_paused", "paused", "stopped", "failed", "unsubscribed"]
)
def test_a_mail_that_was_planned_and_not_sent_is_left_out(status: str) -> None:
    [_, sent] = read(planned(sent=page(send(status=status, sent_at=None))))
    assert (sent.messages, sent.left_out) == ((), 1)


@pytest.mark.parametrize("status", ["sent", "bounced", "stopped", "unsubscribed"])
def test_a_mail_that_was_sent_is_kept_whatever_became_of_it(status: str) -> None:
    assert only_sent(status=status).status == status


@pytest.mark.parametrize("sender", [None, ..., [], {"email": None}])
def test_a_campaign_mail_without_its_mailbox_has_no_sender(sender: object) -> None:
    assert only_sent(sender_email=sender).sender is None


# The same mail twice


def test_a_mail_in_both_lists_is_stored_once() -> None:
    as_row = reply(
        folder="Sent", type="Outgoing Email", raw_message_id="<m-70001@mail.example.com>"
    )
    answers = planned(page(as_row), page(send()))
    assert len(merge.plan((), messages(answers)).new) == 1


def test_a_mail_that_two_of_our_mailboxes_received_is_stored_once() -> None:
    other = reply(id=4502, primary_to_email_address="two@example.com")
    assert len(merge.plan((), messages(planned(page(reply(), other)))).new) == 1


def test_an_answer_that_quotes_a_message_id_in_the_other_direction_is_another_mail() -> None:
    ours = reply(id=4502, folder="Sent")
    assert len(merge.plan((), messages(planned(page(reply(), ours)))).new) == 2


# Finding the lead


def lead(id: object = 990, **told: object) -> dict[str, object]:
    return {"data": {"id": id, "email": MAIL} | told}


def looked_up(mail: object, other: object = None) -> Script:
    """A lead known by two addresses, of which the second is unknown unless told."""
    nobody = Unknown("answered 404", NOT_FOUND)
    answers = planned(page(reply())).answers(f"/api/leads/{MAIL}", mail or nobody)
    return answers.answers(f"/api/leads/{OTHER_MAIL}", other or nobody)


def test_a_known_lead_is_not_looked_up() -> None:
    answers = planned()
    read(answers)
    assert answers.paths == [REPLIES, SENT]


def test_a_lead_is_looked_up_by_its_email() -> None:
    assert ids(read(looked_up(lead()), STRANGER)) == ["reply:4501"]


def test_a_lead_is_looked_up_by_each_of_its_emails() -> None:
    answers = looked_up(None, lead(email=OTHER_MAIL))
    assert ids(read(answers, STRANGER)) == ["reply:4501"]


def test_a_lead_that_nobody_knows_has_no_page() -> None:
    assert read(looked_up(None), STRANGER) == []


def test_a_lead_that_is_unknown_by_an_answer_of_status_200_has_no_page() -> None:
    unknown = {"data": {"success": False, "record_not_found": True, "message": "Not found"}}
    assert read(looked_up(unknown, unknown), STRANGER) == []


def test_another_lead_than_asked_for_is_refused() -> None:
    with pytest.raises(Rejected):
        read(looked_up(lead(email="x@example.com")), STRANGER)


def test_another_lead_than_the_id_asked_for_is_refused() -> None:
    by_id = Lead("L1", "acme", handles=KNOWN.handles)
    with pytest.raises(Rejected):
        read(planned().answers("/api/leads/990", lead(id=991)), by_id)


@pytest.mark.parametrize("email", [MAIL.upper(), None, f" {MAIL} ", f"Lead One <{MAIL}>"])
def test_the_same_address_in_another_spelling_is_the_same_lead(email: object) -> None:
    assert ids(read(looked_up(lead(email=email)), STRANGER)) == ["reply:4501"]


def test_an_international_address_is_the_same_in_either_spelling() -> None:
    both = Lead("L1", "acme", addresses=(addresses.email("a@bücher.example"),))
    answers = planned(page(reply())).answers(
        "/api/leads/a@b%C3%BCcher.example", lead(email="a@xn--bcher-kva.example")
    )
    assert ids(read(answers, both)) == ["reply:4501"]


@pytest.mark.parametrize("answer", [[], None, {}, {"data": None}, {"data": []}, {"data": {}}])
def test_a_look_up_of_another_shape_is_rejected(answer: object) -> None:
    answers = planned().answers(f"/api/leads/{MAIL}", answer)
    with pytest.raises(Rejected):
        read(answers, STRANGER)


def test_an_id_that_is_gone_is_looked_up_by_address() -> None:
    stale = Lead("L1", "acme", KNOWN.name, None, KNOWN.addresses, (Handle("emailbison", "13"),))
    answers = looked_up(lead()).answers("/api/leads/13/replies", Unknown("404", NOT_FOUND))
    assert ids(read(answers, stale)) == ["reply:4501"]


def test_an_id_that_is_gone_and_has_no_successor_is_not_known() -> None:
    answers = looked_up(None).answers(REPLIES, Unknown("404", NOT_FOUND))
    assert read(answers, KNOWN) == []


def test_of_several_ids_one_that_is_gone_hides_no_other() -> None:
    handles = (Handle("emailbison", "13"), Handle("emailbison", "990"))
    both = Lead("L1", "acme", None, None, KNOWN.addresses, handles)
    answers = planned(page(reply())).answers("/api/leads/13/replies", Unknown("404", NOT_FOUND))
    assert ids(read(answers, both)) == ["reply:4501"]


def test_what_the_lead_tells_comes_with_the_first_page() -> None:
    told: Any = read(
        looked_up(lead(first_name="Ada", last_name="Lead", company="Acorn")), STRANGER
    )[0].contact
    assert (told.name, told.company, told.handles) == (
        "Ada Lead",
        "Acorn",
        (Handle("emailbison", "990"),),
    )


# The requests


def test_requests_are_labelled_by_their_pattern() -> None:
    answers = looked_up(lead())
    read(answers, STRANGER)
    assert [request.label for request in answers.requests] == [
        "api/leads/{email}",
        "api/leads/{id}/replies",
        "api/leads/{id}/sent-emails",
    ]


@pytest.mark.parametrize("id", ["..", "a/b", "%2e%2e", "."])
def test_an_id_cannot_lead_to_another_path(id: str) -> None:
    crooked = Lead("L1", "acme", handles=(Handle("emailbison", id),))
    answers = Script()
    assert (read(answers, crooked), answers.paths) == ([], [])


# Whose workspace it is


def identity(answer: object) -> str | None:
    return asyncio.run(reader.identity(Script().answers("/api/users", answer)))


def test_the_token_says_which_workspace_it_opens() -> None:
    assert identity({"data": {"id": 1, "team": {"id": 7, "name": "Acme"}}}) == "7"


@pytest.mark.parametrize("answer", [{}, {"data": {"id": 1}}, {"data": {"team": None}}])
def test_an_answer_that_does_not_say_is_an_error_and_not_any_workspace(answer: object) -> None:
    with pytest.raises(Rejected):
        identity(answer)
