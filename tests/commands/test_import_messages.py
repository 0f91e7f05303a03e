"""`import-messages`: history from elsewhere, once, and healed by the next sync."""

import json
from typing import Any

import pytest

from tests.commands.operator import Operator, Result

KEYS = [
    "added", "matched", "unchanged", "leads_added", "unknown_leads", "rejected", "reasons",
]  # fmt: skip


def line(lead: str, body: str = "Hello", **further: Any) -> dict[str, Any]:
    told = {"lead": lead, "channel": "sms", "direction": "inbound", "body": body}
    return told | {"sent_at": "2026-01-01T10:00:00Z"} | further


def imports(operator: Operator, *rows: Any, options: tuple[str, ...] = ()) -> Result:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
    command = ("import-messages", "-", "-w", "acme", "--json", *options)
    return operator.runs(*command, stdin="\n".join(lines).encode())


def exported(operator: Operator, lead: str) -> list[dict[str, Any]]:
    return operator.runs("export", "--lead", lead).ended(0).lines


def test_messages_come_in_once(operator: Operator) -> None:
    lead = operator.lead("sms only")
    first = imports(operator, line(lead), line(lead, "Bye", direction="outbound")).ended(0)
    assert list(first.json) == KEYS
    assert (first.json["added"], first.stderr) == (2, b"")
    again = imports(operator, line(lead), line(lead, "Bye", direction="outbound")).ended(0)
    assert (again.json["added"], again.json["unchanged"]) == (0, 2)
    stored = exported(operator, lead)
    assert [each["body"] for each in stored] == ["Hello", "Bye"]
    assert {each["external_id"] for each in stored} == {None}


def test_a_file_is_read_too_and_told_in_words(operator: Operator) -> None:
    (operator.folder / "history.jsonl").write_text(json.dumps(line(operator.lead("sms only"))))
    result = operator.runs("import-messages", "history.jsonl", "-w", "acme").ended(0)
    assert "1 added, 0 known from a sync, 0 imported before; 0 leads added" in result.out


@pytest.mark.parametrize("first", ["import", "sync"])
def test_a_whole_conversation_is_not_doubled_in_either_order(synced: Operator, first: str) -> None:
    """What another system had exported is what the provider tells."""
    lead = synced.lead("sms only")
    history = [
        line(lead, each["body"], direction=each["direction"], sent_at=each["sent_at"])
        for each in exported(synced, lead)
    ]
    count = len(history)
    assert count > 1
    if first == "import":
        synced.tampers("DELETE FROM messages WHERE lead_id = ?", lead)
    taken = imports(synced, *history).ended(0).json
    synced.runs("enqueue", lead, "--force").ended(0)
    told = synced.runs("run", "--max-seconds", "50").ended(0).out
    if first == "import":
        assert taken["added"] == count
        assert f"({count} of them imported before)" in told
        ((counts,),) = synced.asks("SELECT counts FROM runs ORDER BY id DESC LIMIT 1")
        assert json.loads(counts)["healed"] == count
    else:
        assert taken["matched"] == count
    after = exported(synced, lead)
    assert len(after) == count
    assert None not in {each["external_id"] for each in after}
    assert imports(synced, *history).ended(0).json["unchanged"] == count


def test_bad_lines_are_told_by_number_and_the_others_taken(operator: Operator) -> None:
    lead = operator.lead("sms only")
    result = imports(operator, line(lead), line(lead, channel="Canary"), "Canary").ended(3)
    assert (result.json["added"], result.json["rejected"]) == (1, 2)
    assert result.json["reasons"] == [
        {"line": 2, "reason": "channel must be sms or email"},
        {"line": 3, "reason": "not JSON"},
    ]
    assert "convsync: line 2 is left out: channel must be sms or email" in result.err
    assert "Canary" not in result.err + result.out


def test_people_who_are_unknown_are_counted_and_not_named(operator: Operator) -> None:
    rows = [line("canary@example.com"), line("canary@example.com", "2"), line("Lnobody")]
    result = imports(operator, *rows).ended(3)
    assert (result.json["unknown_leads"], result.json["leads_added"]) == (3, 0)
    assert "canary" not in result.err + result.out
    assert "--add-leads" in result.err


def test_people_who_are_unknown_become_leads_if_asked(operator: Operator) -> None:
    rows = [
        line("new@example.com"), line("New@Example.com", "2"), line("+12025550188"),
        line("gohighlevel:ctcNEW00000000000001"), line("neither"),
    ]  # fmt: skip
    result = imports(operator, *rows, options=("--add-leads",)).ended(3)
    assert (result.json["leads_added"], result.json["added"]) == (3, 4)
    assert result.json["reasons"][0]["line"] == 5
    assert len(exported(operator, "new@example.com")) == 2


def test_a_lead_of_another_workspace_is_unknown_here(operator: Operator) -> None:
    there = operator.lead("sms only", "globex")
    assert imports(operator, line(there)).ended(3).json["unknown_leads"] == 1
    assert imports(operator, line(f"globex/{there}"), options=("--add-leads",)).ended(3)


def test_it_does_not_ring(operator: Operator) -> None:
    hook = '\n[workspaces.acme.inbound_hook]\ncommand = ["/bin/false"]\n'
    operator.config.write_text(operator.config.read_text() + hook)
    imports(operator, line(operator.lead("sms only"))).ended(0)
    assert operator.states() == {}


def test_wrong_usage_says_what_is_right(operator: Operator) -> None:
    assert imports(operator, "[]").ended(2).error["code"] == "usage"
    missing = operator.runs("import-messages", "nowhere.jsonl", "-w", "acme", "--json").ended(4)
    assert "nowhere.jsonl" in missing.error["message"]
    operator.runs("import-messages", "-", "-w", "nowhere", stdin=b"{}").ended(4)


def test_a_hundred_thousand_lines_need_no_memory_for_their_mistakes(operator: Operator) -> None:
    result = imports(operator, *["{}"] * 100_000).ended(3)
    assert (result.json["rejected"], len(result.json["reasons"])) == (100_000, 100)
    assert "… and 99900 more" in result.err
