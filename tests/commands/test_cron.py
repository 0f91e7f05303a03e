"""`cron`: a schedule for this very installation, and whether it works."""

import os
import plistlib
from pathlib import Path
from typing import Any

from convsync_cli import users
from tests.commands.operator import Operator, Result

CANARY = "pit-canary-token"


def finding(result: Result, subject: str) -> dict[str, Any]:
    (found,) = [each for each in result.json["findings"] if each["subject"] == subject]
    return dict(found)


def begin_runs(operator: Operator, times: int, user: str, *, attended: bool = False) -> None:
    """Have runs begun in the last minutes, as a scheduler would."""
    for minute in range(times):
        operator.tampers(
            "INSERT INTO runs (host, pid, started_at, budget_s, user, attended) VALUES"
            " (?, 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?), 50, ?, ?)",
            os.uname().nodename,
            f"-{minute} minutes",
            user,
            attended,
        )


def test_print_names_this_installation_and_no_secret(operator: Operator) -> None:
    text = operator.runs("cron", "print", env={"ACME_GHL_TOKEN": CANARY}).ended(0).out
    assert f"CONVSYNC_CONFIG={operator.config}\n" in text
    assert f"CONVSYNC_DATABASE={operator.database}\n" in text
    assert "#   ACME_GHL_TOKEN\n" in text
    assert CANARY not in text


def test_print_carries_what_the_environment_sets_beside_the_configuration(
    operator: Operator,
) -> None:
    text = operator.runs("cron", "print", env={"CONVSYNC_CONCURRENCY": "3"}).ended(0).out
    assert "\nCONVSYNC_CONCURRENCY=3\n" in text


def test_print_finds_the_commands_that_tell_credentials(operator: Operator) -> None:
    folder = operator.folder / "tools"
    folder.mkdir()
    (folder / "tell").write_text("#!/bin/sh\necho x\n")
    (folder / "tell").chmod(0o755)
    operator.configures('{ env = "ACME_GHL_TOKEN" }', '{ command = ["tell"] }')
    text = operator.runs("cron", "print", env={"PATH": f"{folder}:/usr/bin:/bin"}).ended(0).out
    (line,) = [each for each in text.splitlines() if each.startswith("PATH=")]
    assert str(folder) in line.split(":")


def test_an_app_with_oauth_has_its_credentials_named_and_its_tokens_written(
    operator: Operator,
) -> None:
    folder = operator.folder / "pair"
    folder.mkdir()
    app = (
        'oauth = { client_id = { env = "APP_ID" }, client_secret = { env = "APP_SECRET" },'
        f' token_file = "{folder}/acme.json" }}'
    )
    operator.configures('token = { env = "ACME_GHL_TOKEN" }', app)
    text = operator.runs("cron", "print", "--format", "systemd").ended(0).out
    assert f"\nReadWritePaths={operator.database.parent} {folder}\n" in text
    assert "#   APP_ID\n#   APP_SECRET\n" in text
    told = operator.runs("cron", "check", "--json").json["findings"]
    assert sum("APP_SECRET" in each["message"] for each in told) == 1


def test_the_operators_own_programs_are_found_and_in_sight(operator: Operator) -> None:
    folder = operator.folder / "tools"
    folder.mkdir()
    (folder / "score").write_text("#!/bin/sh\n")
    (folder / "score").chmod(0o755)
    with operator.config.open("a") as file:
        file.write('\n[workspaces.acme.inbound_hook]\ncommand = ["score"]\n')
    text = operator.runs("cron", "print", env={"PATH": f"{folder}:/usr/bin:/bin"}).ended(0).out
    (line,) = [each for each in text.splitlines() if each.startswith("PATH=")]
    assert str(folder) in line.split(":")


def test_print_as_json_is_one_document(operator: Operator) -> None:
    told = operator.runs("cron", "print", "--format", "systemd", "--json").ended(0).json
    assert told["format"] == "systemd"
    assert "convsync-run.timer" in [each["name"] for each in told["files"]]


def test_print_writes_files_that_schedulers_may_read(operator: Operator) -> None:
    done = operator.runs("cron", "print", "--format", "launchd", "--output", "agents").ended(0)
    files = list((operator.folder / "agents").iterdir())
    assert f"{len(files)} files" in done.out
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o644
        assert plistlib.loads(file.read_bytes())["Label"] == file.name.removesuffix(".plist")


def test_a_folder_that_cannot_be_made_is_said(operator: Operator) -> None:
    (operator.folder / "file").write_text("")
    result = operator.runs("cron", "print", "-o", "file/units", "--json").ended(14)
    assert result.error["code"] == "output"


def test_a_path_that_no_schedule_can_hold_is_refused(operator: Operator) -> None:
    place = operator.folder / "two\nlines"
    place.mkdir()
    config = place / "c.toml"
    config.write_bytes(operator.config.read_bytes())
    result = operator.runs("--config", str(config), "cron", "print", "--json").ended(14)
    assert result.error["code"] == "config"


def test_check_is_not_green_where_nothing_ever_ran(operator: Operator) -> None:
    result = operator.runs("cron", "check", "--json").ended(20)
    assert finding(result, "runs")["level"] == "problem"
    assert finding(result, "user")["level"] == "warning"
    assert "cron print" in finding(result, "runs")["remedy"]


def test_check_counts_the_runs_of_the_last_minutes(operator: Operator) -> None:
    begin_runs(operator, 10, users.current())
    result = operator.runs("cron", "check", "--json")
    assert finding(result, "runs")["level"] == "ok"
    assert f"by {users.current()} on" in finding(result, "runs")["message"]
    assert finding(result, "user")["level"] == "ok"


def test_check_does_not_take_runs_at_a_terminal_for_cron(operator: Operator) -> None:
    begin_runs(operator, 10, users.current(), attended=True)
    result = operator.runs("cron", "check", "--json").ended(20)
    assert finding(result, "runs")["level"] == "problem"


def test_check_says_that_another_user_runs_it(operator: Operator) -> None:
    begin_runs(operator, 10, "somebody")
    result = operator.runs("cron", "check", "--json").ended(20)
    assert finding(result, "user")["level"] == "problem"


def test_check_really_starts_the_command_with_an_empty_environment(operator: Operator) -> None:
    assert finding(operator.runs("cron", "check", "--json"), "environment")["level"] == "ok"


def test_check_wants_credentials_where_a_scheduled_run_finds_them(operator: Operator) -> None:
    env = {"ACME_GHL_TOKEN": CANARY}
    result = operator.runs("cron", "check", "--json", env=env).ended(20)
    wanting = finding(result, "account acme/sms")
    assert wanting["level"] == "problem"  # it is in our environment, and not in cron's
    assert "convsync.env" in wanting["remedy"]
    (operator.folder / "convsync.env").write_text(f"ACME_GHL_TOKEN='{CANARY}|x'\n")
    (operator.folder / "convsync.env").chmod(0o640)
    result = operator.runs("cron", "check", "--json")
    assert finding(result, "account acme/sms")["level"] == "ok"
    assert finding(result, "credentials")["level"] == "problem"
    assert CANARY not in result.out + result.err


def test_check_reads_for_people_and_quietly(operator: Operator) -> None:
    told = operator.runs("cron", "check").ended(20)
    assert "PROBLEM  runs: " in told.out
    assert "\n         -> " in told.out
    quiet = operator.runs("cron", "check", "--quiet").ended(20)
    assert quiet.out == ""
    assert "PROBLEM" in quiet.err
    assert "ok       " not in quiet.err


def test_a_run_writes_down_who_began_it(operator: Operator, tmp_path: Path) -> None:
    operator.runs("run", "--max-seconds", "5").ended(0)
    assert operator.asks("SELECT user, attended FROM runs") == [(users.current(), 0)]
