"""`leads list`: the questions that operators ask, for people, scripts and pipes."""

import json
import sqlite3

import pytest

from tests.commands.operator import Operator
from tests.commands.terminal import shown

KEYS = [
    "lead", "workspace", "name", "company", "emails", "phones", "handles", "messages",
    "last_inbound_at", "last_outbound_at", "synced_at",
]  # fmt: skip
QUESTIONS = (
    ("--awaiting-reply",),
    ("--quiet-for", "3d"),
    ("--never-synced",),
    ("--failed",),
    ("--replied",),
    ("--no-reply",),
    ("--channel", "sms"),
    ("--workspace", "acme"),
)


def asked(operator: Operator, *options: str) -> list[dict[str, object]]:
    told = operator.runs("leads", "list", *options, "--json").ended(0)
    assert list(told.json) == ["leads"]
    leads: list[dict[str, object]] = told.json["leads"]
    assert {tuple(lead) for lead in leads} <= {tuple(KEYS)}
    return leads


def test_every_lead_comes_with_its_messages_counted_and_dated(synced: Operator) -> None:
    listed = asked(synced)
    assert listed
    for lead in listed:
        messages = synced.asks(
            "SELECT count(*), max(iif(direction = 'inbound', coalesce(sent_at, seen_at), NULL)),"
            " max(iif(direction = 'outbound', coalesce(sent_at, seen_at), NULL))"
            " FROM messages WHERE lead_id = ?",
            lead["lead"],
        )
        told = (lead["messages"], lead["last_inbound_at"], lead["last_outbound_at"])
        assert [told] == messages
        assert lead["synced_at"]


def test_who_awaits_a_reply_wrote_last(synced: Operator) -> None:
    waiting = asked(synced, "--awaiting-reply")
    assert waiting
    moments = [str(lead["last_inbound_at"]) for lead in waiting]
    assert moments == sorted(moments)
    assert all(
        str(lead["last_inbound_at"]) >= str(lead["last_outbound_at"] or "") for lead in waiting
    )
    others = {str(lead["lead"]) for lead in asked(synced)} - {str(w["lead"]) for w in waiting}
    assert others


def test_those_who_were_not_read_since_are_not_called_quiet_and_that_is_said(
    synced: Operator,
) -> None:
    everybody = asked(synced, "--quiet-for", "30d")
    assert everybody
    lead = str(everybody[0]["lead"])
    synced.tampers("UPDATE lead_syncs SET synced_at = '2020-01-01' WHERE lead_id = ?", lead)
    told = synced.runs("leads", "list", "--quiet-for", "30d", "--json").ended(0)
    assert [each["lead"] for each in told.json["leads"]] == [e["lead"] for e in everybody[1:]]
    assert "were not read since" in told.err
    assert synced.runs("leads", "list", "--quiet-for", "30d", "-q").ended(0).stderr == b""


def test_before_the_first_run_nobody_was_read_and_nobody_is_silent(operator: Operator) -> None:
    assert len(asked(operator, "--never-synced")) == len(asked(operator)) > 20
    assert asked(operator, "--no-reply") == asked(operator, "--quiet-for", "0s") == []
    assert asked(operator, "--awaiting-reply") == asked(operator, "--failed") == []


def test_whose_read_failed_is_found(operator: Operator) -> None:
    lead = operator.lead("long mail")
    operator.suffers("status", status=400, provider="emailbison")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run", "--max-seconds", "20").ended(0)
    assert [each["lead"] for each in asked(operator, "--failed")] == [lead]
    assert asked(operator, "--failed", "--channel", "sms") == []


def test_a_channel_is_looked_at_alone(synced: Operator) -> None:
    lead = synced.lead("long mail")
    found = {
        channel: next(e for e in asked(synced, "--channel", channel) if e["lead"] == lead)
        for channel in ("sms", "email")
    }
    whole = next(e for e in asked(synced) if e["lead"] == lead)
    assert whole["messages"] == sum(int(str(each["messages"])) for each in found.values())


@pytest.mark.parametrize("question", [(), *QUESTIONS], ids=" ".join)
def test_each_answer_is_a_table_of_80_columns_a_document_or_nothing(
    synced: Operator, question: tuple[str, ...]
) -> None:
    table = synced.runs("leads", "list", *question).ended(0)
    head, *lines = table.out.splitlines()
    assert head.split()[:2] == ["LEAD", "WHO"]
    assert max(map(len, [head, *lines])) <= 80
    assert len(lines) == len(asked(synced, *question))
    assert len(asked(synced, *question, "--limit", "1")) == min(1, len(lines))
    assert synced.runs("leads", "list", *question, "--quiet").ended(0).stdout == b""


@pytest.mark.parametrize("columns", [40, 64, 200])
def test_a_terminal_is_used_as_wide_as_it_is(synced: Operator, columns: int) -> None:
    lead = synced.lead("away")
    synced.tampers("UPDATE leads SET name = 'Maximiliane Exempel', company = 'Muster & Partner'")
    told = shown(synced, "leads", "list", columns=columns)
    assert max(map(len, told.lines)) <= max(columns, 50)  # a name may be longer than 40
    assert ("Maximiliane Exempel, Muster & Partner" in told.text) is (columns != 64)
    assert (f"LEAD      {lead}" in told.lines) is (columns == 40)


@pytest.mark.parametrize("question", [(), *QUESTIONS], ids=" ".join)
def test_an_empty_database_answers_every_question(
    beginner: Operator, question: tuple[str, ...]
) -> None:
    assert asked(beginner, *question) == []
    assert len(beginner.runs("leads", "list", *question).ended(0).out.splitlines()) == 1


def test_a_reader_that_has_had_enough_is_no_error(synced: Operator) -> None:
    for form in ("", "--json"):
        ended = synced.pipes(f"convsync leads list {form} | head -n 1")
        assert (ended.code, ended.stderr) == (0, b"")


def test_a_long_list_is_printed_as_it_is_found(beginner: Operator) -> None:
    """The first lines are there before the last lead is looked for."""
    with sqlite3.connect(beginner.database) as db:
        db.executemany(
            "INSERT INTO leads VALUES (?, 'acme', ?, NULL, '2026', '2026')",
            [(f"L{i:018d}", f"Name {i}") for i in range(5_000)],
        )
    db.close()
    listed = beginner.runs("leads", "list", "--json").ended(0)
    assert len(json.loads(listed.out)["leads"]) == 5_000
    assert len(listed.out.splitlines()) == 5_002
    ended = beginner.pipes("convsync leads list | head -n 2")
    assert (ended.code, ended.stderr) == (0, b"")
    assert ended.out.splitlines()[1].split()[0] == f"L{0:018d}"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--quiet-for", "soon"),
        ("--channel", "fax"),
        ("--limit", "0"),
        ("--awaiting-reply", "--no-reply"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(beginner: Operator, wrong: tuple[str, ...]) -> None:
    assert beginner.runs("leads", "list", *wrong, "--json").ended(2).error["code"] == "usage"
