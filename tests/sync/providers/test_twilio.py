"""Twilio's quirks, one by one; see the fact sheet. What all providers do is in contracts."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.api import UnusableSetting
from convsync_cli.sync.errors import CursorLoop, Rejected
from convsync_cli.sync.model.credential import FromEnv
from convsync_cli.sync.model.feed import Covers, FeedPage
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.providers import twilio
from convsync_cli.sync.providers.twilio import Reader, Settings
from convsync_cli.sync.providers.twilio.requests import Messages
from tests.sync.providers import script
from tests.sync.providers.script import Script

MOMENT = datetime(2026, 1, 1, 10, tzinfo=UTC)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
PHONE, OURS = "+12025550100", "+12025550199"
SID = "AC" + 32 * "0"
LIST = f"/2010-04-01/Accounts/{SID}/Messages.json"
SECRET = FromEnv("UNUSED")
WHOLE = "2026-01-02T00:00:00.000Z"
MARK = f'{{"sent": "2026-01-01T10:00:00.000Z", "whole": "{WHOLE}"}}'
LONG_AGO = '{"sent": "2026-01-01T10:00:00.000Z"}'
SINCE = {"DateSent>": "2025-12-31"}

KNOWN = Lead("L1", "acme", addresses=(addresses.phone(PHONE, None),))
reader = Reader(Messages("https://api.twilio.com", SID))


def row(**told: object) -> dict[str, object]:
    """A row; what is told replaces what is usual, and ``...`` leaves it out."""
    usual: dict[str, object] = {
        "sid": "SM1",
        "account_sid": SID,
        "direction": "inbound",
        "from": PHONE,
        "to": OURS,
        "body": "Yes, Tuesday works",
        "status": "received",
        "num_media": "0",
        "date_created": "Thu, 01 Jan 2026 09:59:58 +0000",
        "date_sent": "Thu, 01 Jan 2026 10:00:00 +0000",
        "subresource_uris": {"media": "/2010-04-01/media"},
    }
    return {name.rstrip("_"): value for name, value in (usual | told).items() if value is not ...}


def outbound(**told: object) -> dict[str, object]:
    """A row of ours."""
    return row(**{"direction": "outbound-api", "from": OURS, "to": PHONE, "status": "sent"} | told)


def page(*rows: object, then: str | None = None, **told: object) -> dict[str, object]:
    """A page, the last one unless a token says where it goes on."""
    address = f"{LIST}?PageSize=1000&Page=1&PageToken={then}" if then else None
    return {"messages": list(rows), "next_page_uri": address} | told


def planned(*rows: object, **told: Any) -> Script:
    """A lead with a page of what it sent, and nothing else."""
    answers = Script().answers(LIST, page(*rows, **told), From=PHONE)
    for place in ({"To": PHONE}, {"To": f"rcs:{PHONE}"}, {"From": f"rcs:{PHONE}"}):
        answers.answers(LIST, page(), **place)
    return answers


def read(answers: Script, lead: Lead = KNOWN, cursor: str | None = None) -> list[Page]:
    return script.read(reader, answers, lead, cursor)


def only(**told: object) -> Message:
    """What is made of one row."""
    [message] = script.messages(reader, planned(row(**told)), KNOWN)
    return message


def changes(
    answers: Script, watermark: str | None = None, cursor: str | None = None
) -> list[FeedPage]:
    return script.changes(reader, answers, watermark, cursor, NOW)


def fed(*rows: object, lead: Lead = KNOWN) -> list[Message]:
    """What the feed tells a lead of some rows."""
    [told] = changes(Script().answers(LIST, page(*rows)))
    return [message for news in told.news for message in news.read(lead)]


# Settings


def test_the_accounts_token_is_sent_with_its_sid() -> None:
    header = twilio.auth(Settings(SID, auth_token=SECRET), {"auth_token": "t"}).headers
    assert base64.b64decode(header["Authorization"].removeprefix("Basic ")) == f"{SID}:t".encode()


def test_an_api_key_is_sent_with_its_secret() -> None:
    key = "SK" + 32 * "1"
    options = Settings(SID, api_key_sid=key, api_key_secret=SECRET)
    header = twilio.auth(options, {"api_key_secret": "s"}).headers
    assert base64.b64decode(header["Authorization"].removeprefix("Basic ")) == f"{key}:s".encode()


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("account_sid", {"account_sid": "AC/../x", "auth_token": SECRET}),
        ("api_key_sid", {"api_key_sid": "AC1", "api_key_secret": SECRET}),
        ("api_key_sid", {"api_key_secret": SECRET}),
        ("api_key_secret", {"api_key_sid": "SK" + 32 * "1"}),
        ("auth_token", {}),
        ("auth_token", {"auth_token": SECRET, "api_key_sid": "SK" + 32 * "1",
                        "api_key_secret": SECRET}),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_name_the_key(key: str, options: dict[str, object]) -> None:
    with pytest.raises(UnusableSetting) as caught:
        Settings(**{"account_sid": SID} | options)  # type: ignore[arg-type]
    assert caught.value.key == key


# A lead's lists


def test_a_number_is_looked_for_at_both_ends_and_as_rcs_writes_it() -> None:
    answers = planned()
    read(answers)
    asked = [(each.query.get("To"), each.query.get("From")) for each in answers.requests]
    assert asked == [(PHONE, None), (None, PHONE), (f"rcs:{PHONE}", None), (None, f"rcs:{PHONE}")]


def test_a_number_of_which_there_is_nothing_has_no_page() -> None:
    assert read(planned()) == []


def test_what_comes_behind_the_first_messages_has_pages_to_the_end() -> None:
    assert [page.cursor is None for page in read(planned(row()))] == [False, False, True]


def test_the_next_page_is_asked_for_as_the_answer_says() -> None:
    answers = planned(row(), then="PASM1").answers(LIST, page(row(sid="SM2")), PageToken="PASM1")
    found = [message.external_id for each in read(answers) for message in each.messages]
    assert found == ["SM1", "SM2"]
    assert dict(answers.requests[2].query) == {
        "PageSize": "1000",
        "Page": "1",
        "PageToken": "PASM1",
    }


def test_an_empty_page_is_not_the_end() -> None:
    answers = planned(then="PASM1").answers(LIST, page(row()), PageToken="PASM1")
    assert len(script.messages(reader, answers, KNOWN)) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example.com" + LIST,
        "//elsewhere.example.com" + LIST,
        "http://api.twilio.com" + LIST,
        "https://api.twilio.com:8443" + LIST,
        "https://api.twilio.com@elsewhere.example.com" + LIST,
        "/2010-04-01/Accounts/AC1/Messages.json",
    ],
)
def test_a_next_page_elsewhere_is_refused(address: str) -> None:
    answers = planned(row(), next_page_uri=f"{address}?PageToken=x")
    with pytest.raises(Rejected):
        read(answers)
    assert set(answers.paths) == {LIST}


def test_a_next_page_with_our_own_origin_is_followed() -> None:
    address = f"https://api.twilio.com{LIST}?PageToken=x"
    answers = planned(row(), next_page_uri=address).answers(LIST, page(row()), PageToken="x")
    assert len(script.messages(reader, answers, KNOWN)) == 2


def test_a_page_that_leads_to_itself_is_a_loop() -> None:
    answers = planned(row(), then="x").answers(LIST, page(row(sid="SM2"), then="x"), PageToken="x")
    with pytest.raises(CursorLoop):
        read(answers)


@pytest.mark.parametrize("rows", [[], [row()], [row(), row(sid="SM2")]])
def test_a_walk_whose_pages_repeat_behind_new_tokens_is_a_loop(rows: list[object]) -> None:
    tokens = count()

    class Deaf:
        async def ask(self, request: object) -> object:
            return page(*rows, then=f"x{next(tokens)}")

    with pytest.raises(CursorLoop):
        changes(Deaf())  # type: ignore[arg-type]  # no script


@pytest.mark.parametrize("answer", [[], {}, {"messages": {}}, {"messages": []}])
def test_an_answer_of_another_shape_is_rejected(answer: object) -> None:
    with pytest.raises(Rejected):
        read(Script().answers(LIST, answer, To=PHONE))


def test_rows_of_another_number_are_left_out() -> None:
    [first, *_] = read(planned(row(), row(sid="SM2", from_=..., **{"from": "+12025550111"})))
    assert ([each.external_id for each in first.messages], first.left_out) == (["SM1"], 1)


def test_a_list_of_other_numbers_alone_is_rejected() -> None:
    with pytest.raises(Rejected):
        read(planned(row(**{"from": "+12025550111"})))


def test_a_list_of_another_account_is_rejected() -> None:
    with pytest.raises(Rejected):
        read(planned(row(account_sid="AC" + 32 * "f")))


# Rows


def test_an_inbound_row() -> None:
    assert only() == Message(
        Channel.SMS, "twilio", "SM1", Direction.INBOUND, MOMENT, "Yes, Tuesday works", PHONE, OURS,
        status="received", thread=f"{PHONE} {OURS}",
    )  # fmt: skip


@pytest.mark.parametrize("direction", ["outbound-api", "outbound-call", "outbound-reply"])
def test_every_kind_of_outbound_is_outbound(direction: str) -> None:
    assert fed(outbound(direction=direction))[0].direction is Direction.OUTBOUND


def test_a_row_that_does_not_say_who_wrote_it_is_told_by_the_leads_number() -> None:
    found = fed(row(direction=...), outbound(sid="SM2", direction="sideways"))
    assert {each.external_id: each.direction for each in found} == {
        "SM1": Direction.INBOUND,
        "SM2": Direction.OUTBOUND,
    }


@pytest.mark.parametrize(
    "written", ["Thu, 01 Jan 2026 10:00:00 +0000", "Thu, 01 Jan 2026 05:00:00 -0500",
                "Thu, 01 Jan 2026 10:00:00 -0000", "2026-01-01T10:00:00Z"],
)  # fmt: skip
def test_times_are_read_as_mail_writes_them(written: str) -> None:
    assert only(date_sent=written).sent_at == MOMENT


def test_a_row_without_a_date_of_sending_has_that_of_its_making() -> None:
    assert only(date_sent=None).sent_at == MOMENT - timedelta(seconds=2)


@pytest.mark.parametrize("broken", [None, "", "soon", [], {}])
def test_a_row_without_any_date_is_kept_without_one(broken: object) -> None:
    assert only(date_sent=broken, date_created=broken).sent_at is None


@pytest.mark.parametrize("status", ["accepted", "queued", "scheduled", "sending", "canceled"])
def test_what_was_not_sent_is_no_message_yet(status: str) -> None:
    unsent = outbound(sid="SM2", status=status, date_sent=None)
    assert [each.external_id for each in fed(row(), unsent)] == ["SM1"]
    [first, *_] = read(planned(row(), unsent))
    assert ([each.external_id for each in first.messages], first.left_out) == (["SM1"], 1)


def test_what_failed_after_it_was_sent_is_a_message() -> None:
    assert fed(outbound(status="failed"))[0].status == "failed"


@pytest.mark.parametrize("prefix", ["whatsapp:", "WhatsApp:", "messenger:"])
def test_other_channels_in_the_list_are_left_out_and_counted(prefix: str) -> None:
    other = row(sid="SM2", to=f"{prefix}{OURS}", **{"from": f"{prefix}{PHONE}"})
    [told] = changes(Script().answers(LIST, page(row(), other)))
    assert ([len(news.read(KNOWN)) for news in told.news], told.left_out) == ([1], 1)


def test_rcs_is_sms_from_the_number_behind_its_prefix() -> None:
    rcs = row(to="rcs:brand_agent", **{"from": f"rcs:{PHONE}"})
    assert [each.sender for each in fed(rcs)] == [PHONE]


@pytest.mark.parametrize(
    ("count", "media"),
    [
        ("0", 0),
        ("1", 1),
        ("2", 2),
        (2, 2),
        (None, 0),
        ("", 0),
        ("many", 0),
        ("-1", 0),
        ("9999", 10),
    ],
)
def test_the_number_of_media_is_a_text(count: object, media: int) -> None:
    assert only(num_media=count).attachments == tuple(
        f"/2010-04-01/media#{number}" for number in range(1, media + 1)
    )


@pytest.mark.parametrize("body", [None, "", ...])
def test_a_redacted_body_hides_no_message(body: object) -> None:
    assert only(body=body).body == ""


def test_a_row_without_an_id_has_a_key_of_its_own() -> None:
    assert (
        only(sid=None).external_id
        == only(sid=None).external_id
        != only(sid={}, body="x").external_id
    )


# The change feed


def test_a_first_walk_asks_for_everything_and_covers_everybody() -> None:
    answers = Script().answers(LIST, page(row()))
    [told] = changes(answers)
    assert dict(answers.requests[0].query) == {"PageSize": 1000}
    assert (told.covers, told.watermark, told.cursor) == (Covers.EVERYBODY, MARK, None)


def test_a_later_walk_begins_on_the_day_before_and_covers_nobody() -> None:
    answers = Script().answers(LIST, page(row()), **SINCE)
    [told] = changes(answers, LONG_AGO)
    assert (told.covers, told.watermark) == (Covers.NOBODY, MARK)


def test_a_walk_through_an_empty_account_has_a_watermark_too() -> None:
    [told] = changes(Script().answers(LIST, page()))
    assert told.watermark == f'{{"sent": null, "whole": "{WHOLE}"}}'
    assert changes(Script().answers(LIST, page()), told.watermark)[0].covers is Covers.NOBODY


def test_a_walk_that_finds_nothing_keeps_its_watermark() -> None:
    [told] = changes(Script().answers(LIST, page(), **SINCE), LONG_AGO)
    assert told.watermark == MARK


def test_a_date_in_the_future_does_not_move_the_watermark() -> None:
    future = row(sid="SM2", date_sent="Fri, 01 Jan 2077 00:00:00 +0000")
    [told] = changes(Script().answers(LIST, page(future, row())))
    assert told.watermark == MARK


def test_a_date_in_the_future_does_not_keep_a_walk_going_whose_bound_is_ignored() -> None:
    rows = [row(sid="SM2", date_sent="Fri, 01 Jan 2077 00:00:00 +0000"),
            row(sid="SM3", date_sent="Mon, 01 Jan 2024 00:00:00 +0000")]  # fmt: skip
    [told] = changes(Script().answers(LIST, page(*rows, then="x"), **SINCE), LONG_AGO)
    assert told.watermark == MARK


def test_the_walk_goes_on_from_its_cursor_and_remembers_whom_it_covers() -> None:
    answers = Script().answers(LIST, page(row(), then="x"))
    answers.answers(LIST, page(row(sid="SM2", date_sent=...)), PageToken="x")
    first, _ = changes(answers)
    [rest] = changes(answers, None, first.cursor)
    assert (rest.covers, rest.watermark) == (Covers.EVERYBODY, MARK)


def test_a_large_page_is_told_in_parts_of_which_each_can_be_the_last() -> None:
    many = [row(sid=f"SM{number}") for number in range(1000)]
    answers = Script().answers(LIST, page(*many, then="x"))
    answers.answers(LIST, page(row()), PageToken="x")
    told = changes(answers)
    assert [len(news.read(KNOWN)) for each in told for news in each.news] == [500, 500, 1]
    again = changes(answers, None, told[0].cursor)
    assert [len(news.read(KNOWN)) for each in again for news in each.news] == [500, 500, 1]
    rest = changes(answers, None, told[1].cursor)
    assert [len(news.read(KNOWN)) for each in rest for news in each.news] == [1]


def test_the_rows_of_a_person_are_told_together() -> None:
    [told] = changes(Script().answers(LIST, page(row(), outbound(sid="SM2"))))
    assert [len(news.read(KNOWN)) for news in told.news] == [2]


def test_nobody_is_vouched_for() -> None:
    [told] = changes(Script().answers(LIST, page(row())))
    assert [(news.vouched, news.contact.addresses) for news in told.news] == [
        (False, KNOWN.addresses)
    ]


def test_the_number_that_may_be_ours_is_not_told_together_with_theirs() -> None:
    """Else it would be learnt as an address of the lead."""
    [told] = changes(Script().answers(LIST, page(row(direction=...))))
    assert [len(news.contact.addresses) for news in told.news] == [1, 1]


def test_a_bound_that_is_ignored_ends_where_the_known_begins() -> None:
    old = row(sid="SM0", date_sent="Mon, 01 Dec 2025 10:00:00 +0000")
    answers = Script().answers(LIST, page(row(), old, then="x"), **SINCE)
    answers.answers(LIST, page(old, then="y"), PageToken="x")
    told = changes(answers, LONG_AGO)
    assert (len(told), told[-1].watermark) == (2, MARK)


OLDER = "Thu, 01 Jan 2026 09:49:59 +0000"  # by more than the overlap than the newest known


def test_a_look_soon_after_a_whole_one_ends_where_the_known_begins() -> None:
    answers = Script().answers(
        LIST, page(row(), row(sid="SM0", date_sent=OLDER), then="x"), **SINCE
    )
    [told] = changes(answers, MARK)
    assert (told.watermark, told.cursor) == (MARK, None)


def test_a_look_soon_after_a_whole_one_goes_on_as_long_as_all_is_new() -> None:
    answers = Script().answers(LIST, page(row(), then="x"), **SINCE)
    answers.answers(LIST, page(row(sid="SM0", date_sent=OLDER), then="y"), PageToken="x")
    first, rest = changes(answers, MARK)
    assert rest.watermark == MARK
    assert changes(answers, MARK, first.cursor)[0].watermark == MARK


@pytest.mark.parametrize("whole", ["2026-01-01T23:00:00.000Z", "2026-01-02T00:00:01.000Z"])
def test_once_an_hour_a_look_goes_to_its_bound_though_the_order_is_as_observed(whole: str) -> None:
    """Also where the clock was set back."""
    answers = Script().answers(LIST, page(row(sid="SM0", date_sent=OLDER), then="x"), **SINCE)
    answers.answers(LIST, page(row()), PageToken="x")
    assert changes(answers, MARK.replace(WHOLE, whole))[-1].watermark == MARK
    assert len(answers.requests) == 2


def test_a_broken_row_hides_no_other() -> None:
    found = fed(7, None, {}, {"sid": {}, "from": [], "date_sent": {}}, row())
    assert [each.external_id for each in found] == ["SM1"]


def test_an_account_that_is_unknown_stops_like_a_wrong_token() -> None:
    assert (404 in twilio.STATUSES.refused, "20404" in twilio.REFUSALS) == (True, True)
