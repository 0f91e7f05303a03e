"""`doctor`: everything looked at, and how to fix it."""

import json
import socket
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from tests.commands.operator import Operator, Result, mode_of


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


def levels(result: Result) -> dict[str, str]:
    """How each thing that was looked at stands; of several findings the worst."""
    order = ["ok", "warning", "problem"]
    told: dict[str, str] = {}
    for each in result.json["findings"]:
        worst = max(told.get(each["subject"], "ok"), each["level"], key=order.index)
        told[each["subject"]] = worst
    return told


def test_everything_that_design_names_is_looked_at(synced: Operator) -> None:
    synced.runs("run").ended(0)
    told = levels(synced.runs("doctor", "--json").ended(0))
    told.pop("sqlite")  # depends on this machine's
    assert told == dict.fromkeys(
        [
            "configuration", "database", "journal", "permissions", "log", "place", "disk", "runs",
            "account acme/sms", "reading acme/sms", "account acme/email", "reading acme/email",
            "account globex/sms", "reading globex/sms", "account globex/email",
            "reading globex/email", "clock", "versions",
        ],
        "ok",
    )  # fmt: skip


def test_one_cheap_request_goes_to_each_account(operator: Operator) -> None:
    operator.runs("doctor").ended(0)
    assert operator.asked() == 4


def test_what_was_never_read_proves_no_scope(operator: Operator) -> None:
    told = levels(operator.runs("doctor", "--json").ended(0))
    assert told["account acme/sms"] == "ok"
    assert told["reading acme/sms"] == "warning"


@pytest.mark.parametrize(
    ("ahead_s", "level"), [(0, "ok"), (50, "ok"), (75, "warning"), (-75, "warning")]
)
def test_a_clock_that_is_wrong_is_told_by_the_providers(
    operator: Operator, ahead_s: int, level: str
) -> None:
    operator.sandbox.clock_is_ahead(ahead_s)
    finding = found(operator.runs("doctor", "--json"), "clock")
    assert finding["level"] == level
    if level == "warning":
        assert ("behind" if ahead_s > 0 else "ahead of") in finding["message"]


def test_without_a_network_nothing_about_the_accounts_is_green(operator: Operator) -> None:
    operator.sandbox.close()
    told = levels(operator.runs("doctor", "--json").ended(0))
    for subject in ("account acme/sms", "account globex/email", "clock"):
        assert told[subject] == "warning"
    words = operator.runs("doctor").ended(0).out
    assert words.count("could not be checked") == 5


def test_a_wrong_table_is_a_problem_and_the_other_workspace_is_checked_all_the_same(
    operator: Operator,
) -> None:
    operator.configures('location_id = "locAAAA0000000000001"', "# location_id")
    result = operator.runs("doctor", "--json").ended(3)
    told = levels(result)
    assert told["configuration"] == "problem"
    assert "account acme/sms" not in told
    assert told["account globex/sms"] == "ok"


def test_what_ends_every_run_is_no_configuration_that_can_be_used(operator: Operator) -> None:
    monitoring = '\n[monitoring]\nping_url = { env = "not a name" }\n'
    operator.config.write_text(operator.config.read_text() + monitoring)
    operator.runs("run").ended(14)
    finding = found(operator.runs("doctor", "--json").ended(3), "configuration")
    assert finding["level"] == "problem"
    assert "monitoring.ping_url.env is not the name of a variable" in finding["message"]


def test_without_a_configuration_or_a_database_the_rest_is_said_to_be_unchecked(
    operator: Operator,
) -> None:
    told = levels(operator.runs("--db", "nowhere.db", "doctor", "--json").ended(3))
    assert (told["configuration"], told["database"]) == ("ok", "problem")
    assert told["accounts"] == told["clock"] == told["runs"] == "warning"
    told = levels(operator.runs("--config", "nowhere.toml", "doctor", "--json").ended(3))
    assert told["configuration"] == "problem"
    assert told["database"] == "warning"


def test_an_address_that_is_wrong_is_a_problem_that_names_its_table(operator: Operator) -> None:
    operator.suffers("status", provider="emailbison", workspace="acme", status=404)
    finding = found(operator.runs("doctor", "--json").ended(3), "account acme/email")
    assert finding["level"] == "problem"
    assert "[workspaces.acme.email]" in finding["remedy"]


def test_an_account_that_works_but_is_paused_is_no_green_one(operator: Operator) -> None:
    operator.runs("accounts", "pause", "acme/sms").ended(0)
    finding = found(operator.runs("doctor", "--json").ended(0), "account acme/sms")
    assert finding["level"] == "warning"
    assert "accounts resume acme/sms" in finding["remedy"]


@pytest.mark.parametrize(
    ("ages_min", "level"),
    [([3], "ok"), ([6], "problem"), ([6, 66, 126], "ok"), ([190, 250, 310], "problem")],
)
def test_runs_are_late_by_their_own_rhythm(
    operator: Operator, ages_min: list[int], level: str
) -> None:
    for age in reversed(ages_min):
        operator.tampers(
            "INSERT INTO runs (host, pid, started_at, ended_at, budget_s) SELECT 'h', 1, at, at, 50"
            " FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?) AS at)",
            f"-{age} minutes",
        )
    assert found(operator.runs("doctor", "--json"), "runs")["level"] == level


def test_a_run_that_was_killed_is_told_and_one_at_work_is_not(operator: Operator) -> None:
    statement = (
        "INSERT INTO runs (host, pid, started_at, budget_s)"
        " VALUES ('h', 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?), 50)"
    )
    operator.tampers(statement, "-10 seconds")
    assert "killed runs" not in levels(operator.runs("doctor", "--json"))
    operator.tampers(statement, "-5 seconds")
    assert levels(operator.runs("doctor", "--json"))["killed runs"] == "warning"


def test_people_read_marks_remedies_and_a_sum(operator: Operator) -> None:
    operator.suffers("unauthorized", provider="emailbison", workspace="acme")
    lines = operator.runs("doctor").ended(12).out.splitlines()
    place = next(
        i for i, line in enumerate(lines) if line.startswith("PROBLEM  account acme/email")
    )
    assert lines[place + 1].startswith("         -> fix the token")
    assert lines[-1].startswith("1 problem and ")


def test_quietly_only_a_problem_is_told_and_where_cron_finds_it(operator: Operator) -> None:
    well = operator.runs("doctor", "--quiet").ended(0)
    assert (well.out, well.err) == ("", "")
    operator.suffers("unauthorized", provider="emailbison", workspace="acme")
    told = operator.runs("doctor", "--quiet").ended(12)
    assert told.out == ""
    what, remedy = told.err.splitlines()
    assert what.startswith("convsync: PROBLEM: account acme/email: ")
    assert "accounts resume acme/email" in remedy
    both = operator.runs("doctor", "--quiet", "--json").ended(12)
    assert both.err == ""


def unpacked(operator: Operator, name: str) -> dict[str, Any]:
    with zipfile.ZipFile(operator.folder / name) as bundle:
        assert bundle.testzip() is None
        return {each: bundle.read(each).decode() for each in bundle.namelist()}


def test_the_bundle_holds_what_support_needs_and_only_its_owner_can_read_it(
    synced: Operator,
) -> None:
    synced.runs("doctor", "--bundle", "bundle.zip").ended(0)
    assert mode_of(synced.folder / "bundle.zip") == 0o600
    files = unpacked(synced, "bundle.zip")
    assert set(files) == {
        "README.txt", "findings.json", "versions.json", "status.json", "runs.json", "errors.json",
        "configuration.json",
    }  # fmt: skip
    assert {"python", "sqlite", "convsync", "httpx"} <= set(json.loads(files["versions.json"]))
    assert json.loads(files["status.json"])["jobs"]["succeeded"] > 0
    assert json.loads(files["configuration.json"])["workspaces"]["workspace 1"]["sms"]["token"]
    synced.runs("doctor", "--bundle", "no/such/folder.zip").ended(14)
    assert [each.name for each in synced.folder.glob("*.unfinished")] == []


def test_no_secret_and_nobody_is_in_the_bundle(operator: Operator) -> None:
    """Everything is marked and much goes wrong; then not one mark is found."""
    marks = [
        socket.gethostname(),
        "Zyxcanary",
        "pit-wrong-token",
        "acme",
        "globex",
        "locAAAA",
        "127.0.0.1",
    ]
    view = operator.world.workspace("acme")
    for key, person in view.people.items():
        view.people[key] = replace(person, last="Zyxcanary", company="Zyxcanary Ltd")
    operator.tampers("UPDATE leads SET name = 'Zyxcanary'")
    marks += [value for (value,) in operator.asks("SELECT value FROM addresses")]
    marks += [
        handle
        for (handle,) in operator.asks(
            "SELECT external_id FROM handles WHERE length(external_id) > 4"
        )
    ]
    marks += [id for (id,) in operator.asks("SELECT id FROM leads")]
    marks += [operator.environment[name] for name in operator.environment if "TOKEN" in name]
    operator.configures('{ env = "GLOBEX_EB_TOKEN" }', '{ command = ["echo", "pit-wrong-token"] }')
    operator.suffers("status", status=400, times=3)
    operator.suffers("html", times=3)
    operator.runs("enqueue-all").ended(0)
    operator.runs("run", "--max-seconds", "20").ended(0)
    operator.suffers("status", status=400, provider="gohighlevel", times=1)
    home = {"HOME": str(operator.folder)}
    operator.runs("doctor", "--bundle", "bundle.zip", env=home)
    files = unpacked(operator, "bundle.zip")
    assert json.loads(files["errors.json"])
    text = "\n".join(content for name, content in files.items() if name != "README.txt")
    assert [mark for mark in (*marks, str(operator.folder)) if mark and mark in text] == []


def test_a_broken_configuration_is_in_the_bundle_too_and_tells_no_more(
    operator: Operator,
) -> None:
    operator.configures("[workspaces.acme]", 'tokne = "pit-canary"\n[workspaces.acme]')
    operator.runs("doctor", "--bundle", "bundle.zip").ended(3)
    files = unpacked(operator, "bundle.zip")
    assert "pit-canary" not in "".join(files.values())
    assert json.loads(files["configuration.json"])["workspaces"]
    assert "incomplete.json" not in files
