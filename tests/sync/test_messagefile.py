"""Messages from a file: what can be read is, and what cannot is told by its line alone."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync import messagefile
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.filelines import BadLine
from convsync_cli.sync.messagefile import MessageRow, messages
from convsync_cli.sync.model.message import Channel, Direction, Message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = {
    "lead": "ann@example.com",
    "channel": "email",
    "direction": "inbound",
    "sent_at": "2026-03-01T12:00:00Z",
    "body": "Hello",
    "subject": "Offer",
    "message_id": "<m@x.co>",
}


def read(*rows: Any) -> list[MessageRow | BadLine]:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
    return list(messages(io.BytesIO("\n".join(lines).encode("utf-8", "surrogatepass"))))


def message(**changes: Any) -> Message:
    (row,) = read(ROW | changes)
    assert isinstance(row, MessageRow), row
    return row.message


def test_a_line_is_a_message() -> None:
    (row,) = read(ROW)
    told = Message(
        Channel.EMAIL, "import", None, Direction.INBOUND, NOON, "Hello",
        subject="Offer", message_id="<m@x.co>",
    )  # fmt: skip
    assert row == MessageRow(1, "ann@example.com", told)


def test_little_is_enough() -> None:
    (row,) = read({"lead": "+12025550123", "channel": "SMS", "direction": "Outbound", "body": ""})
    assert isinstance(row, MessageRow)
    assert (row.message.sent_at, row.message.body, row.message.subject) == (None, "", None)


@pytest.mark.parametrize(
    ("written", "message_id"),
    [("m@x.co", "<m@x.co>"), ("<m@x.co>", "<m@x.co>"), (" <m@x.co>\n", "<m@x.co>"),
     ("none", None), ("", None), (None, None), (7, None)],
)  # fmt: skip
def test_a_message_id_has_its_brackets(written: Any, message_id: str | None) -> None:
    assert message(message_id=written).message_id == message_id


@pytest.mark.parametrize(
    "written", ["2026-03-01T12:00:00Z", "2026-03-01 13:00:00+01:00", 1772366400, 1772366400000]
)
def test_a_time_is_read_as_providers_write_it(written: Any) -> None:
    assert message(sent_at=written).sent_at == NOON


@pytest.mark.parametrize("written", [None, ""])
def test_a_message_may_have_no_date_and_gets_none(written: Any) -> None:
    assert message(sent_at=written).sent_at is None


CANARY = "Ann Canary"
NO_TIME = "sent_at is not a time: write ISO 8601, as in 2026-01-31T10:00:00Z"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{{{CANARY}", "not JSON"),
        (f'["{CANARY}"]', "not a JSON object"),
        (ROW | {"lead": None, "body": CANARY}, "lead is missing"),
        (ROW | {"lead": "  "}, "lead is missing"),
        (ROW | {"channel": CANARY}, "channel must be sms or email"),
        (ROW | {"direction": CANARY}, "direction must be one of inbound, outbound, unknown"),
        (ROW | {"sent_at": CANARY}, NO_TIME),
        (ROW | {"body": [CANARY]}, "body must be text"),
        ({key: value for key, value in ROW.items() if key != "body"}, "body must be text"),
        (" " * (messagefile.LONGEST + 1) + "{}", "the line is longer than 16 MiB"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_by_its_number_and_harms_no_other(row: Any, reason: str) -> None:
    before, bad, after = read(ROW, row, ROW)
    assert bad == BadLine(2, reason)
    assert CANARY not in repr(bad)
    assert isinstance(before, MessageRow)
    assert isinstance(after, MessageRow)


@pytest.mark.parametrize(
    ("file", "said"),
    [(b"", "empty"), (b" \n\n", "empty"), (b"[{}]", "JSON array"), (b"lead,body\n", "not JSONL"),
     (b"PK\x03\x04", "Excel")],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused(file: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        list(messages(io.BytesIO(file)))


def test_empty_lines_are_passed_over_and_counted() -> None:
    assert [row.line for row in read("", ROW, "", ROW)] == [2, 4]


def test_what_utf8_cannot_hold_is_replaced() -> None:
    (row,) = read('{"lead":"1","channel":"sms","direction":"inbound","body":"a\\ud83d\\u0000b"}')
    assert isinstance(row, MessageRow)
    assert row.message.body == "a?b"


@given(st.dictionaries(st.sampled_from(list(ROW)), st.text() | st.integers() | st.none()))
def test_any_values_give_a_message_or_a_reason(changes: dict[str, Any]) -> None:
    (row,) = read(ROW | changes)
    assert row.line == 1
