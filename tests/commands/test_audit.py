"""`audit`: what is stored, beside what the (simulated) providers count."""

from typing import Any

import pytest

from tests.commands.operator import Operator, Result

KEYS = [
    "account", "provider", "local", "total", "short", "unread_leads", "verdict", "problem", "mend",
]  # fmt: skip


def accounts(result: Result) -> dict[str, dict[str, Any]]:
    return {each["account"]: each for each in result.json["accounts"]}


def audited(operator: Operator, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    return accounts(operator.runs("audit", *arguments, "--json").ended(code))


def lose(operator: Operator, lead: str, channel: str) -> None:
    """A message is gone, as if it had never been read."""
    newest = "SELECT max(id) FROM messages WHERE lead_id = ? AND channel = ?"
    operator.tampers(f"DELETE FROM messages WHERE id = ({newest})", lead, channel)


def test_a_lead_that_was_read_is_complete(synced: Operator) -> None:
    lead = synced.lead("sms only")
    result = synced.runs("audit", lead, "--json").ended(0)
    assert list(result.json) == ["lead", "accounts"]
    told = accounts(result)["acme/sms"]
    assert list(told) == KEYS
    assert told["verdict"] == "complete"
    assert told["local"] == told["total"] == len(synced.runs("export", "--lead", lead).lines) > 0


@pytest.mark.parametrize(("role", "channel"), [("sms only", "sms"), ("long mail", "email")])
def test_what_is_short_is_said_with_the_command_that_mends_it(
    synced: Operator, role: str, channel: str
) -> None:
    lead = synced.lead(role)
    lose(synced, lead, channel)
    result = synced.runs("audit", lead, "--json").ended(3)
    told = accounts(result)[f"acme/{channel}"]
    assert (told["verdict"], told["short"]) == ("short", 1)
    assert told["mend"] == f"convsync enqueue {lead} --force"
    assert f"acme/{channel} is short by 1; try" in result.err
    synced.runs(*told["mend"].split()[1:]).ended(0)
    synced.runs("run", "--max-seconds", "50").ended(0)
    assert audited(synced, lead)[f"acme/{channel}"]["verdict"] == "complete"


def test_a_whole_account_is_counted_in_one_request(synced: Operator) -> None:
    before = synced.asked(workspace="acme")
    told = audited(synced, "-w", "acme")
    assert synced.asked(workspace="acme") == before + 1
    assert told["acme/sms"]["verdict"] == "complete"
    assert told["acme/sms"]["total"] == len(list(synced.world.expected("acme", "sms")))
    unknown = {"total": None, "short": None, "verdict": "cannot_be_proven"}
    assert told["acme/email"] | unknown == told["acme/email"]


def test_where_there_is_no_total_nothing_is_claimed(synced: Operator) -> None:
    result = synced.runs("audit", "-w", "globex")
    assert "globex/email cannot be proven: emailbison gives no total" in result.err
    assert "cannot be proven" in result.out
    assert "cannot be proven" not in synced.runs("audit", "-w", "globex", "--quiet").err


def test_an_account_without_its_credential_is_not_asked(synced: Operator) -> None:
    result = synced.runs("audit", "--json", env={"ACME_GHL_TOKEN": None}).ended(3)
    told = accounts(result)["acme/sms"]
    assert (told["verdict"], told["total"]) == ("not_asked", None)
    assert "ACME_GHL_TOKEN" in told["problem"]
    assert told["mend"] == "convsync accounts resume acme/sms"
    assert accounts(result)["globex/sms"]["total"] is not None


def test_a_paused_account_is_not_asked(synced: Operator) -> None:
    synced.runs("accounts", "pause", "acme/sms").ended(0)
    before = synced.asked(workspace="acme")
    assert audited(synced, "-w", "acme", code=3)["acme/sms"]["verdict"] == "not_asked"
    assert synced.asked(workspace="acme") == before


def test_wrong_usage_is_said(operator: Operator) -> None:
    operator.runs("audit", "nobody@example.com").ended(4)
    operator.runs("audit", "-w", "nowhere").ended(4)


def test_it_changes_nothing(synced: Operator) -> None:
    before = synced.runs("export").stdout
    synced.runs("audit")
    assert synced.runs("export").stdout == before
    assert "pending" not in synced.states()
