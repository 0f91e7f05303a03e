"""GoHighLevel's quirks, one by one; see the fact sheet. What all providers do is in contracts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.api import Post
from convsync_cli.sync.errors import CursorLoop, Rejected, SyncError, Unknown
from convsync_cli.sync.model.lead import Handle, Lead
from convsync_cli.sync.model.message import Direction, Message, Page
from convsync_cli.sync.providers.gohighlevel import Reader
from convsync_cli.sync.providers.gohighlevel.requests import Location
from tests.sync.providers import script
from tests.sync.providers.script import Script

MOMENT = datetime(2026, 1, 1, 10, 0, 0, 123000, UTC)
MOMENT_MS = 1767261600123
PHONE, OURS = "+12025550100", "+12025550199"
MAIL, OTHER_MAIL = "lead@example.com", "lead@example.org"
SEARCH = "/conversations/search"
DUPLICATE = "/contacts/search/duplicate"
CONTACTS = "/contacts/search"

KNOWN = Lead(
    "L1",
    "acme",
    addresses=(addresses.phone(PHONE, None), addresses.email(MAIL)),
    handles=(Handle("gohighlevel", "ctc1"),),
)
STRANGER = Lead(
    "L1",
    "acme",
    addresses=(
        addresses.phone(PHONE, None),
        addresses.email(MAIL),
        addresses.email(OTHER_MAIL),
    ),
)
reader = Reader(Location("loc1"))


def row(**told: object) -> dict[str, object]:
    """A message row; what is told replaces what is usual, and ``...`` leaves it out."""
    usual: dict[str, object] = {
        "id": "msg1",
        "type": 2,
        "messageType": "TYPE_SMS",
        "direction": "inbound",
        "status": "delivered",
        "body": "Yes, Tuesday works",
        "dateAdded": "2026-01-01T10:00:00.123Z",
        "contactId": "ctc1",
        "conversationId": "cnv1",
    }
    return {name: value for name, value in (usual | told).items() if value is not ...}


def nested(rows: list[Any], **envelope: object) -> dict[str, object]:
    """A page as live servers send it."""
    return {"messages": {"nextPage": False, "messages": rows} | envelope, "traceId": "t"}


def conversation(id: object = "cnv1", **told: object) -> dict[str, object]:
    return {"id": id, "contactId": "ctc1", "sort": [MOMENT_MS], "lastMessageDate": 5} | told


def found(*conversations: object) -> dict[str, object]:
    """An answer of conversation search."""
    return {"conversations": list(conversations), "total": len(conversations)}


def talking(answer: object) -> Script:
    """A contact with one conversation, whose first page is given."""
    return (
        Script()
        .answers(SEARCH, found(conversation()), contactId="ctc1")
        .answers("/conversations/cnv1/messages", answer)
    )


def told(*rows: dict[str, object]) -> list[Message]:
    """What is made of the rows of one page."""
    return script.messages(reader, talking(nested(list(rows))), KNOWN)


def only(**changes: object) -> Message:
    """What is made of one row."""
    [message] = told(row(**changes))
    return message


def read(planned: Script, lead: Lead = KNOWN, cursor: str | None = None) -> list[Page]:
    return script.read(reader, planned, lead, cursor)


def ids(pages: list[Page]) -> list[str | None]:
    return [message.external_id for page in pages for message in page.messages]


# The shape of a page


def test_messages_nested_one_level_deeper_are_read() -> None:
    assert ids(read(talking(nested([row()])))) == ["msg1"]


def test_messages_in_the_published_flat_shape_are_read() -> None:
    assert ids(read(talking({"nextPage": False, "messages": [row()]}))) == ["msg1"]


@pytest.mark.parametrize(
    "answer",
    [[], "text", None, 7, {}, {"messages": None}, {"messages": {}}, {"messages": {"messages": 5}}],
)
def test_a_page_of_another_shape_is_rejected_and_not_taken_for_empty(answer: object) -> None:
    with pytest.raises(Rejected):
        read(talking(answer))


@pytest.mark.parametrize("answer", [[], None, {}, {"conversations": None}, {"conversations": {}}])
def test_a_search_of_another_shape_is_rejected_and_not_taken_for_empty(answer: object) -> None:
    with pytest.raises(Rejected):
        read(Script().answers(SEARCH, answer, contactId="ctc1"))


# Paging


def full_page(first: int = 0) -> list[dict[str, object]]:
    return [row(id=f"msg{number}") for number in range(first, first + 100)]


def test_a_full_page_that_does_not_say_whether_there_is_more_is_followed() -> None:
    planned = talking({"messages": {"messages": full_page()}}).answers(
        "/conversations/cnv1/messages", nested([row(id="old")]), lastMessageId="msg99"
    )
    assert ids(read(planned))[-1] == "old"


def test_a_short_page_that_does_not_say_whether_there_is_more_is_the_last() -> None:
    assert ids(read(talking({"messages": {"messages": [row()]}}))) == ["msg1"]


@pytest.mark.parametrize("more", [False, None, "false"])
def test_a_page_that_says_there_is_no_more_is_the_last(more: object) -> None:
    [page] = read(talking(nested([row()], nextPage=more, lastMessageId="msg1")))
    assert page.cursor is None


def older(last: object, rows: list[Any]) -> Script:
    """A first page with more behind it, which lies behind ``msg1``."""
    return talking(nested(rows, nextPage=True, lastMessageId=last)).answers(
        "/conversations/cnv1/messages", nested([row(id="old")]), lastMessageId="msg1"
    )


def test_the_older_page_is_asked_for_by_the_last_id_that_the_answer_names() -> None:
    assert ids(read(older("msg1", [row(id="msg1"), row(id="msg0")]))) == ["msg1", "msg0", "old"]


@pytest.mark.parametrize("last", [None, "", {}])
def test_without_that_id_the_older_page_is_asked_for_by_the_last_row(last: object) -> None:
    assert ids(read(older(last, [row(id="msg0"), row(id="msg1")])))[-1] == "old"


@pytest.mark.parametrize("broken", [{}, None, 5, {"id": {"unexpected": True}}])
def test_a_malformed_last_row_does_not_end_a_conversation_that_goes_on(broken: object) -> None:
    assert ids(read(older(None, [row(id="msg1"), broken])))[-1] == "old"


@pytest.mark.parametrize("rows", [[{}], [None], [{"id": []}, 7]])
def test_a_page_that_has_more_behind_it_but_no_way_there_is_an_error(rows: list[Any]) -> None:
    with pytest.raises(Rejected):
        read(talking(nested(rows, nextPage=True)))


def test_an_empty_page_ends_a_conversation_whatever_it_says() -> None:
    [page] = read(talking(nested([], nextPage=True, lastMessageId="msg1")))
    assert (page.messages, page.cursor) == ((), None)


def test_a_page_that_leads_to_itself_is_a_loop() -> None:
    planned = older("msg1", [row(id="msg1")]).answers(
        "/conversations/cnv1/messages",
        nested([row(id="msg0")], nextPage=True, lastMessageId="msg1"),
        lastMessageId="msg1",
    )
    with pytest.raises(CursorLoop):
        read(planned)
    assert len(planned.requests) == 3


def test_a_page_of_which_every_row_was_seen_is_a_loop() -> None:
    planned = older("msg1", [row(id="msg0"), row(id="msg1")]).answers(
        "/conversations/cnv1/messages",
        nested([row(id="msg0")], nextPage=True, lastMessageId="msg0"),
        lastMessageId="msg1",
    )
    with pytest.raises(CursorLoop):
        read(planned)


def test_pages_that_overlap_are_no_loop() -> None:
    planned = older("msg1", [row(id="msg0"), row(id="msg1")]).answers(
        "/conversations/cnv1/messages",
        nested([row(id="msg1"), row(id="old")]),
        lastMessageId="msg1",
    )
    assert ids(read(planned))[-1] == "old"


def test_a_walk_that_goes_on_neither_looks_the_contact_up_nor_searches_again() -> None:
    cursor = read(older("msg1", [row(id="msg1")]))[0].cursor
    planned = Script().answers(
        "/conversations/cnv1/messages", nested([row(id="old")]), lastMessageId="msg1"
    )
    assert ids(read(planned, STRANGER, cursor)) == ["old"]


# Which rows are SMS


@pytest.mark.parametrize(
    "name",
    [
        "TYPE_SMS",
        "SMS",
        "type_sms",
        "TYPE_CUSTOM_SMS",
        "TYPE_CUSTOM_PROVIDER_SMS",
        "TYPE_CAMPAIGN_SMS",
        "TYPE_SMS_NO_SHOW_REQUEST",
        "TYPE_RCS",
        "RCS",
    ],
)
def test_a_row_of_this_type_is_a_message(name: str) -> None:
    assert only(messageType=name).external_id == "msg1"


@pytest.mark.parametrize(
    "name",
    [
        "TYPE_CALL",
        "CALL",
        "TYPE_EMAIL",
        "Email",
        "TYPE_WHATSAPP",
        "TYPE_FACEBOOK",
        "TYPE_LIVE_CHAT",
        "TYPE_ACTIVITY_CONTACT",
        "TYPE_ACTIVITY_SMS",
        "TYPE_SMS_REACTION",
        7,
    ],
)
def test_a_row_of_this_type_is_left_out_and_counted(name: object) -> None:
    [page] = read(talking(nested([row(messageType=name), row(id="msg2")])))
    assert ([each.external_id for each in page.messages], page.left_out) == (["msg2"], 1)


@pytest.mark.parametrize("number", [2, "2", "TYPE_SMS", "SMS"])
def test_where_the_type_has_no_name_its_number_says_sms(number: object) -> None:
    assert only(messageType=..., type=number).external_id == "msg1"


@pytest.mark.parametrize("number", [1, 3, 10, 19, 28, None, ..., True])
def test_where_the_type_has_no_name_any_other_number_is_left_out(number: object) -> None:
    assert told(row(messageType=..., type=number)) == []


def test_the_name_of_a_type_decides_over_its_number() -> None:
    assert told(row(messageType="TYPE_CALL", type=2)) == []


def test_a_row_of_another_conversation_is_dropped() -> None:
    rows = [row(), row(id="msg2", conversationId="cnv2", contactId="ctc2")]
    assert [each.external_id for each in told(*rows)] == ["msg1"]


def test_a_page_that_has_only_rows_of_other_conversations_is_rejected() -> None:
    foreign = [row(conversationId=id, contactId="ctc2") for id in ("cnv2", "cnv3")]
    with pytest.raises(Rejected):
        read(talking(nested(foreign)))


@pytest.mark.parametrize("lead", [KNOWN, STRANGER])
def test_the_contacts_rows_of_a_conversation_merged_into_this_one_are_kept(lead: Lead) -> None:
    planned = looked_up(mail=contact(email=MAIL))
    planned.answers(SEARCH, found(conversation()), contactId="ctc1")
    merged = nested([row(), row(id="msg2", conversationId="cnv2")])
    planned.answers("/conversations/cnv1/messages", merged)
    assert ids(read(planned, lead)) == ["msg1", "msg2"]


def test_a_row_that_names_no_conversation_is_believed() -> None:
    assert only(conversationId=..., contactId=...).thread == "cnv1"


def test_rows_that_are_no_objects_are_left_out_and_counted() -> None:
    [page] = read(talking(nested([None, 5, "text", [], row()])))
    assert (len(page.messages), page.left_out) == (1, 4)


# What a row says


@pytest.mark.parametrize(
    "date",
    [
        "2026-01-01T10:00:00.123Z",
        "2026-01-01T10:00:00.123+00:00",
        "2026-01-01T11:00:00.123+01:00",
        "2026-01-01T10:00:00.123",
        MOMENT_MS,
        str(MOMENT_MS),
    ],
)
def test_every_form_of_date_is_read(date: object) -> None:
    assert only(dateAdded=date).sent_at == MOMENT


@pytest.mark.parametrize("date", [..., None, "", "yesterday", [], {}, 0, True, "²²²²²²²²²"])
def test_a_message_without_a_readable_date_is_kept_without_one(date: object) -> None:
    assert only(dateAdded=date).sent_at is None


@pytest.mark.parametrize("body", [..., None, ""])
def test_a_picture_without_a_text_is_kept(body: object) -> None:
    message = only(body=body, attachments=["https://files.example.com/1.jpg"])
    assert (message.body, message.attachments) == ("", ("https://files.example.com/1.jpg",))


@pytest.mark.parametrize("attachments", [..., None, "", {}, [None]])
def test_missing_attachments_are_none(attachments: object) -> None:
    assert only(attachments=attachments).attachments == ()


def test_half_an_emoji_becomes_a_replacement_character() -> None:
    assert only(body="ok \ud83d").body == "ok ?"


def test_a_body_is_kept_whole_to_its_white_space() -> None:
    assert only(body="  a\r\n\n b\t ").body == "  a\r\n\n b\t "


def test_nul_which_ends_a_text_in_sql_is_left_out() -> None:
    assert only(body="a\x00b", id="m\x001") == only(body="ab", id="m1")


def test_an_id_that_is_a_number_is_its_digits() -> None:
    assert only(id=4711).external_id == "4711"


@pytest.mark.parametrize("id", [..., None, "", {}, True])
def test_a_row_without_an_id_is_kept_under_a_key_that_stays_the_same(id: object) -> None:
    assert only(id=id).external_id == only(id=id).external_id != None  # noqa: E711


@pytest.mark.parametrize("other", [{"body": "x"}, {"direction": "outbound"}, {"dateAdded": 1}])
def test_rows_without_an_id_that_differ_are_kept_apart(other: dict[str, object]) -> None:
    assert only(id=...).external_id != only(id=..., **other).external_id


@pytest.mark.parametrize(
    ("told_of", "direction"),
    [
        ({"direction": "inbound"}, Direction.INBOUND),
        ({"direction": "Outbound"}, Direction.OUTBOUND),
        ({"direction": ..., "from": PHONE, "to": OURS}, Direction.INBOUND),
        ({"direction": ..., "from": OURS, "to": PHONE}, Direction.OUTBOUND),
        ({"direction": ..., "userId": "usr1"}, Direction.OUTBOUND),
        ({"direction": ...}, Direction.UNKNOWN),
        ({"direction": "sideways"}, Direction.UNKNOWN),
    ],
)
def test_who_wrote_is_said_or_told_by_the_numbers_or_unknown(
    told_of: dict[str, object], direction: Direction
) -> None:
    assert only(**told_of).direction == direction


@pytest.mark.parametrize(
    ("told_of", "sender", "recipient"),
    [
        ({"from": PHONE, "to": OURS}, PHONE, OURS),
        ({}, PHONE, None),
        ({"direction": "outbound"}, None, PHONE),
        ({"direction": ...}, None, None),
    ],
)
def test_the_numbers_are_those_of_the_row_else_the_leads(
    told_of: dict[str, object], sender: str | None, recipient: str | None
) -> None:
    message = only(**told_of)
    assert (message.sender, message.recipient) == (sender, recipient)


def test_status_and_thread_are_kept() -> None:
    message = only(status="failed")
    assert (message.status, message.thread) == ("failed", "cnv1")


# Finding the contact


def contact(id: object = "ctc1", **told: object) -> dict[str, object]:
    return {"contact": {"id": id, "locationId": "loc1"} | told}


def looked_up(**answers: Mapping[str, object]) -> Script:
    """A look-up that finds nobody, except where an answer is given."""
    planned = Script().answers(SEARCH, found(conversation()), contactId="ctc1")
    planned.answers("/conversations/cnv1/messages", nested([row()]))
    nobody = {"contact": None}
    planned.answers(CONTACTS, answers.get("further", {"contacts": []}))
    planned.answers(DUPLICATE, answers.get("mail", nobody), email=MAIL)
    planned.answers(DUPLICATE, answers.get("other_mail", nobody), email=OTHER_MAIL)
    return planned.answers(DUPLICATE, answers.get("phone", nobody), number=PHONE)


def test_a_known_contact_is_not_looked_up() -> None:
    planned = talking(nested([row()]))
    read(planned)
    assert planned.paths == [SEARCH, "/conversations/cnv1/messages"]


def test_a_contact_is_looked_up_by_every_email_and_then_by_phone() -> None:
    planned = looked_up()
    read(planned, STRANGER)
    asked = [(each.query.get("email"), each.query.get("number")) for each in planned.requests]
    assert asked[:-1] == [(MAIL, None), (OTHER_MAIL, None), (None, PHONE)]


def test_at_last_a_contact_is_looked_up_by_its_further_addresses_all_at_once() -> None:
    planned = looked_up()
    read(planned, STRANGER)
    *_, last = planned.requests
    assert isinstance(last, Post)
    assert last.body["filters"] == [
        {
            "group": "OR",
            "filters": [
                {"field": "additionalPhones", "operator": "eq", "value": PHONE},
                {"field": "additionalEmails", "operator": "eq", "value": MAIL},
                {"field": "additionalEmails", "operator": "eq", "value": OTHER_MAIL},
            ],
        }
    ]


def test_a_contact_with_a_further_address_of_the_lead_is_read() -> None:
    rows = [
        {"id": "ctc9", "email": "x@example.com"},
        {"id": "ctc1", "email": "y@example.com", "additionalEmails": [OTHER_MAIL]},
    ]
    assert ids(read(looked_up(further={"contacts": rows}), STRANGER)) == ["msg1"]


def test_a_refused_filter_finds_nobody() -> None:
    planned = looked_up().answers(CONTACTS, Rejected("answered 400", status=400))
    assert read(planned, STRANGER) == []


def test_the_conversation_tells_what_the_lead_lacks() -> None:
    row_of = conversation(fullName="Lead One", email=MAIL, phone=PHONE)
    planned = Script().answers(SEARCH, found(row_of), contactId="ctc1")
    planned.answers("/conversations/cnv1/messages", nested([row()]))
    first, *_ = read(planned)
    assert first.contact is not None
    assert first.contact.name == "Lead One"
    assert [each.value for each in first.contact.addresses] == [MAIL, PHONE]


def test_a_contact_that_nobody_has_gives_no_page() -> None:
    assert read(looked_up(), STRANGER) == []


@pytest.mark.parametrize(
    ("by", "address"), [("mail", {"email": MAIL}), ("phone", {"phone": "+1 202-555-0100"})]
)
def test_a_contact_that_has_the_address_is_read(by: str, address: dict[str, object]) -> None:
    assert ids(read(looked_up(**{by: contact(**address)}), STRANGER)) == ["msg1"]


def test_a_look_up_ends_where_the_contact_is_found() -> None:
    planned = looked_up(mail=contact(email=MAIL))
    read(planned, STRANGER)
    assert planned.asked("email") == [MAIL, None, None]


@pytest.mark.parametrize(
    "wrong",
    [{"email": "other@example.com"}, {"phone": "+12025550111"}, {"email": "x@example.com"}],
)
def test_a_contact_with_another_address_is_refused(wrong: dict[str, object]) -> None:
    planned = looked_up(mail=contact(**wrong), other_mail=contact(**wrong), phone=contact(**wrong))
    assert read(planned, STRANGER) == []


def test_behind_a_wrong_contact_the_next_address_is_asked_for() -> None:
    planned = looked_up(mail=contact("ctc2", email="x@example.com"), phone=contact(phone=PHONE))
    assert ids(read(planned, STRANGER)) == ["msg1"]


@pytest.mark.parametrize("answer", [{"contact": {}}, {"contact": []}, {}, {"contact": {"id": ""}}])
def test_an_answer_without_a_contact_is_nobody(answer: dict[str, object]) -> None:
    assert read(looked_up(mail=answer), STRANGER) == []


def test_a_look_up_that_fails_is_an_error_and_not_nobody() -> None:
    planned = looked_up().answers(DUPLICATE, Rejected("answered 400"), email=MAIL)
    with pytest.raises(Rejected):
        read(planned, STRANGER)


def test_what_the_contact_tells_comes_with_the_first_page() -> None:
    answer = contact(
        email=MAIL,
        firstName="Ada",
        lastName="Lead",
        companyName="Acorn",
        additionalEmails=["a@example.com", {"email": "b@example.com"}],
        additionalPhones=[{"phone": "+12025550101"}, "+12025550102"],
    )
    told_of = read(looked_up(mail=answer), STRANGER)[0].contact
    assert told_of is not None
    assert (told_of.name, told_of.company, told_of.handles) == (
        "Ada Lead",
        "Acorn",
        (Handle("gohighlevel", "ctc1"),),
    )
    assert [address.value for address in told_of.addresses] == [
        MAIL,
        "a@example.com",
        "b@example.com",
        "+12025550101",
        "+12025550102",
    ]


def test_a_contact_without_any_conversation_is_known_and_has_an_empty_page() -> None:
    planned = looked_up(mail=contact(email=MAIL)).answers(SEARCH, found(), contactId="ctc1")
    [page] = read(planned, STRANGER)
    assert (page.messages, page.cursor) == ((), None)


def several(**answers: object) -> Script:
    """A contact with several conversations, each with an answer."""
    planned = Script().answers(SEARCH, found(*map(conversation, answers)), contactId="ctc1")
    for id, answer in answers.items():
        planned.answers(f"/conversations/{id}/messages", answer)
    return planned


GONE = Unknown("answered 404")


@pytest.mark.parametrize("gone", ["cnv1", "cnv2", "cnv3"])
def test_a_conversation_that_was_deleted_hides_no_other(gone: str) -> None:
    answers: dict[str, object] = {
        id: nested([row(id=f"msg{id}", conversationId=id)]) for id in ("cnv1", "cnv2", "cnv3")
    }
    pages = read(several(**(answers | {gone: GONE})))
    assert ids(pages) == [f"msg{id}" for id in answers if id != gone]
    assert [page.cursor is None for page in pages] == [False, False, True]
    assert ids(read(several(**(answers | {gone: GONE})), cursor=pages[0].cursor)) == ids(pages[1:])


def test_where_no_conversation_is_there_the_address_may_be_wrong() -> None:
    with pytest.raises(Unknown):
        read(several(cnv1=GONE, cnv2=GONE))


def test_a_conversation_that_ends_halfway_is_an_error() -> None:
    begun = nested([row(conversationId="cnv1")], nextPage=True, lastMessageId="msg1")
    planned = several(cnv1=begun, cnv2=nested([]))
    planned.answers("/conversations/cnv1/messages", GONE, lastMessageId="msg1")
    with pytest.raises(Unknown):
        read(planned)


def test_a_contact_that_was_deleted_is_not_known() -> None:
    planned = looked_up().answers(SEARCH, found(), contactId="ctc1")
    planned.answers("/contacts/ctc1", Unknown("answered 404"))
    assert read(planned, KNOWN) == []


def test_a_contact_that_was_merged_into_another_is_found_by_its_address() -> None:
    planned = looked_up(mail=contact("ctc2", email=MAIL))
    planned.answers(SEARCH, found(), contactId="ctc1")
    planned.answers("/contacts/ctc1", Unknown("answered 404"))
    planned.answers(SEARCH, found(conversation("cnv2", contactId="ctc2")), contactId="ctc2")
    planned.answers(
        "/conversations/cnv2/messages", nested([row(conversationId="cnv2", contactId="ctc2")])
    )
    assert ids(read(planned, KNOWN)) == ["msg1"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_search_that_is_refused_is_an_error_and_not_nobody(status: int) -> None:
    planned = looked_up(mail=contact(email=MAIL))
    planned.answers(SEARCH, Rejected(f"answered {status}", "no such status"), contactId="ctc1")
    planned.answers("/contacts/ctc1", contact(email=MAIL))
    with pytest.raises(Rejected):
        read(planned, KNOWN)


def test_a_contact_that_cannot_be_looked_at_is_an_error_and_not_deleted() -> None:
    planned = looked_up().answers(SEARCH, found(), contactId="ctc1")
    planned.answers("/contacts/ctc1", Rejected("answered 302: redirects are not followed"))
    with pytest.raises(Rejected):
        read(planned, KNOWN)


# Conversations


def test_several_conversations_are_read_one_after_the_other() -> None:
    planned = Script().answers(
        SEARCH, found(conversation("cnv1"), conversation("cnv2")), contactId="ctc1"
    )
    planned.answers("/conversations/cnv1/messages", nested([row(id="a")]))
    planned.answers("/conversations/cnv2/messages", nested([row(id="b", conversationId="cnv2")]))
    assert ids(read(planned)) == ["a", "b"]


def test_the_conversations_of_every_id_of_the_lead_are_read() -> None:
    twice = Lead("L1", "acme", handles=(Handle("gohighlevel", "c1"), Handle("gohighlevel", "c2")))
    planned = Script()
    for id in ("1", "2"):
        planned.answers(
            SEARCH, found(conversation(f"v{id}", contactId=f"c{id}")), contactId=f"c{id}"
        )
        planned.answers(
            f"/conversations/v{id}/messages",
            nested([row(id=f"m{id}", conversationId=f"v{id}", contactId=f"c{id}")]),
        )
    assert ids(read(planned, twice)) == ["m1", "m2"]


def test_a_conversation_of_somebody_else_is_not_read() -> None:
    strange = conversation("cnv2", contactId="ctc2")
    planned = talking(nested([row()]))
    planned.answers(SEARCH, found(strange, conversation(), strange), contactId="ctc1")
    assert ids(read(planned)) == ["msg1"]


def test_a_search_that_gives_only_other_peoples_conversations_is_rejected() -> None:
    planned = Script().answers(
        SEARCH, found(conversation("cnv2", contactId="ctc2")), contactId="ctc1"
    )
    with pytest.raises(Rejected):
        read(planned)


def test_a_conversation_whose_id_is_a_number_is_read() -> None:
    planned = Script().answers(SEARCH, found(conversation(77)), contactId="ctc1")
    planned.answers("/conversations/77/messages", nested([row(conversationId="77")]))
    assert ids(read(planned)) == ["msg1"]


@pytest.mark.parametrize(("sort", "after"), [([7], "7"), (None, "5"), ([], "5"), ([[]], "5")])
def test_behind_a_full_page_of_conversations_more_are_searched(sort: object, after: str) -> None:
    many = [conversation(f"cnv{number}") for number in range(99)]
    planned = Script().answers(
        SEARCH, found(*many, conversation("cnv99", sort=sort)), contactId="ctc1"
    )
    planned.answers(SEARCH, found(conversation("cnv100")), contactId="ctc1", startAfterDate=after)
    for number in range(101):
        planned.answers(f"/conversations/cnv{number}/messages", nested([]))
    assert len(read(planned)) == 101


def test_a_conversation_that_two_searches_give_is_read_once() -> None:
    page = found(*(conversation(f"cnv{number}") for number in range(100)))
    planned = Script().answers(SEARCH, page, contactId="ctc1")
    planned.answers(SEARCH, page, contactId="ctc1", startAfterDate=str(MOMENT_MS))
    for number in range(100):
        planned.answers(f"/conversations/cnv{number}/messages", nested([]))
    assert len(read(planned)) == 100


def test_a_conversation_that_cannot_be_read_is_an_error() -> None:
    planned = Script().answers(
        SEARCH, found(conversation("cnv1"), conversation("cnv2")), contactId="ctc1"
    )
    planned.answers("/conversations/cnv1/messages", nested([row()]))
    planned.answers("/conversations/cnv2/messages", Rejected("answered 400"))
    with pytest.raises(SyncError):
        read(planned)


# The requests


def test_requests_are_labelled_by_their_pattern() -> None:
    planned = looked_up(mail=contact(email=MAIL))
    read(planned, STRANGER)
    assert [request.label for request in planned.requests] == [
        "contacts/search/duplicate",
        "conversations/search",
        "conversations/{id}/messages",
    ]


def test_every_request_carries_the_version_of_its_interface() -> None:
    planned = looked_up(mail=contact(email=MAIL))
    read(planned, STRANGER)
    assert [request.headers["Version"] for request in planned.requests] == [
        "2021-07-28",
        "2021-04-15",
        "2021-04-15",
    ]


def test_every_request_that_may_names_the_location() -> None:
    planned = looked_up(mail=contact(email=MAIL))
    read(planned, STRANGER)
    assert planned.asked("locationId") == ["loc1", "loc1", None]


def test_an_id_cannot_lead_to_another_path() -> None:
    planned = Script().answers(SEARCH, found(conversation("a/../b?c")), contactId="ctc1")
    planned.answers("/conversations/a%2F..%2Fb%3Fc/messages", nested([]))
    assert len(read(planned)) == 1
