"""`doctor`: everything looked at, and how to mend it."""

from typing import Any

from tests.commands.operator import Operator, Result


def found(result: Result, subject: str) -> dict[str, Any]:
    (finding,) = [each for each in result.json["findings"] if each["subject"] == subject]
    return dict(finding)


def test_a_healthy_installation_has_no_problem(operator: Operator) -> None:
    told = operator.runs("doctor", "--json").ended(0).json["findings"]
    assert not [each for each in told if each["level"] == "problem"]
    assert {"configuration", "database", "journal", "permissions", "log", "sqlite", "place"} <= {
        each["subject"] for each in told
    }


def test_a_refused_token_is_a_problem_with_its_remedy(operator: Operator) -> None:
    operator.suffers("unauthorized", provider="emailbison", workspace="acme")
    result = operator.runs("doctor", "--json").ended(12)
    finding = found(result, "account acme/email")
    assert finding["level"] == "problem"
    assert "accounts resume acme/email" in finding["remedy"]


def test_what_could_not_be_checked_is_not_ok(operator: Operator) -> None:
    operator.suffers("status", provider="gohighlevel", workspace="acme", status=503)
    result = operator.runs("doctor", "--json").ended(0)
    assert found(result, "account acme/sms")["level"] == "warning"


def test_a_file_that_others_can_read_is_told(operator: Operator) -> None:
    operator.database.chmod(0o644)
    result = operator.runs("doctor", "--json")
    finding = found(result, "permissions")
    assert finding["level"] == "warning"
    assert finding["remedy"].startswith("chmod 600")


def test_a_row_without_its_lead_is_a_problem(operator: Operator) -> None:
    operator.tampers(
        "INSERT INTO lead_syncs (lead_id, channel, workspace) VALUES ('nobody', 'sms', 'acme')"
    )
    result = operator.runs("doctor", "--json").ended(3)
    assert found(result, "database")["level"] == "problem"
