"""`accounts`: the credentials in use, their health and their rate budget."""

from tests.commands.operator import Operator


def state(operator: Operator, name: str) -> str:
    told = operator.runs("accounts", "list", "--json").ended(0).json["accounts"]
    (found,) = [each["state"] for each in told if each["account"] == name]
    return str(found)


def test_every_account_is_listed_with_its_rate(operator: Operator) -> None:
    told = operator.runs("accounts", "list", "--json").ended(0).json["accounts"]
    names = ["acme/sms", "acme/email", "globex/sms", "globex/email"]
    assert [each["account"] for each in told] == names
    assert all(each["state"] == "ok" and each["free_now"] >= 1 for each in told)
    assert {each["provider"] for each in told} == {"gohighlevel", "emailbison"}


def test_a_paused_account_is_not_asked_and_its_jobs_wait(operator: Operator) -> None:
    operator.runs("accounts", "pause", "acme/sms").ended(0)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run").ended(0)
    assert operator.asked("/conversations/*") == 0
    assert operator.states() == {"pending": 1}
    assert operator.asks("SELECT attempts FROM jobs") == [(0,)]
    assert state(operator, "acme/sms") == "paused: operator"


def test_a_resumed_account_sets_its_jobs_free(operator: Operator) -> None:
    operator.runs("accounts", "pause", "acme/sms").ended(0)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run").ended(0)
    told = operator.runs("accounts", "resume", "acme/sms", "--json").ended(0).json
    assert told == {"account": "acme/sms", "state": "ok", "made_due": 1}
    operator.runs("run").ended(0)
    assert operator.states() == {"succeeded": 1}


def test_an_account_is_not_resumed_while_its_token_is_refused(operator: Operator) -> None:
    operator.suffers("unauthorized", provider="gohighlevel", workspace="acme")
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run").ended(0)
    refused = operator.runs("accounts", "resume", "acme/sms", "--json").ended(12)
    assert refused.error["code"] == "unauthorized"
    assert refused.json == {"account": "acme/sms", "state": "paused: unauthorized", "made_due": 0}
    assert state(operator, "acme/sms") == "paused: unauthorized"


def test_an_account_that_cannot_be_asked_now_is_13_and_has_its_document(operator: Operator) -> None:
    operator.suffers("reset", provider="gohighlevel", workspace="acme")
    later = operator.runs("accounts", "resume", "acme/sms", "--json").ended(13)
    assert later.error["code"] == "network"
    assert later.json == {"account": "acme/sms", "state": "ok", "made_due": 0}


def test_an_unknown_account_is_not_found(operator: Operator) -> None:
    assert "acme/sms" in operator.runs("accounts", "pause", "acme/fax").ended(4).err
