"""What every command keeps, whatever it does: help, errors, streams, terminals, environments.

A new command is tried with its arguments in ``ARGUMENTS``, or with none if it is not there: then it
must at least fail as well as the others do.
"""

import json
import os
import pty
import re
import select
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from convsync_cli.cli import COMMANDS, app
from tests.commands.operator import PROGRAM, Operator, on_duty

CODES = {0, 2, 3, 4, 5, 11, 12, 13, 14, 20}
SCREEN = (80, 24)
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mred\x00\u202ekcab\r\nnext\x08"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
COLOUR = re.compile(r"\x1b\[[\d;]*\b(3[0-8]|4[0-8]|9\d)\b[\d;]*m")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "accounts pause": ("acme/sms",),
    "accounts resume": ("acme/sms",),
    "backup": ("copy.db",),
    "enqueue": ("LEAD",),
    "explain": ("LEAD",),
    "import-messages": ("messages.jsonl", "--workspace", "acme"),
    "jobs cancel": ("--all", "--yes"),
    "jobs retry": ("--all",),
    "jobs show": ("1",),
    "leads add": ("--workspace", "acme", "--email", "somebody@example.com"),
    "leads import": ("leads.csv", "--workspace", "acme"),
    "leads show": ("LEAD",),
    "run": ("--max-seconds", "20"),
    "show": ("LEAD",),
}
STAGED = {"demo"}  # shows other commands to people: tried by its own test


def _every() -> Iterator[str]:
    root: Any = get_command(app)
    for name in COMMANDS:
        command = root.get_command(None, name)
        if isinstance(command, TyperGroup):
            yield from (f"{name} {each}" for each in command.commands)
        else:
            yield name


EVERY = list(_every())
GROUPS = sorted({command.split()[0] for command in EVERY if " " in command})
TRIED = [command for command in EVERY if command not in STAGED]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, synced_template: Path) -> Iterator[Operator]:
    """One operator for all commands, whose database holds the worst that others can write."""
    with on_duty(tmp_path_factory.mktemp("conventions"), template=synced_template) as operator:
        (operator.folder / "leads.csv").write_text(f"email,name\nx@example.com,{HOSTILE}\n")
        said = {
            "lead": f"x{HOSTILE}@example.com",
            "channel": "sms",
            "direction": "in",
            "body": HOSTILE,
        }
        (operator.folder / "messages.jsonl").write_text(json.dumps(said) + "\n{not json\n")
        lead = operator.lead("long mail")
        for table, columns in (
            ("leads", ("name", "company")),
            ("messages", ("subject", "body", "sender", "recipient", "status", "attachments")),
            ("addresses", ("raw",)),
        ):
            for column in columns:
                text = json.dumps([HOSTILE]) if column == "attachments" else HOSTILE
                key = "id" if table == "leads" else "lead_id"
                operator.tampers(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", text, lead)
        operator.tampers("UPDATE jobs SET error = ?, state = 'failed' WHERE id = 1", HOSTILE)
        operator.tampers("UPDATE attempts SET slowest = ?, error_code = ?", HOSTILE, HOSTILE)
        operator.tampers(
            "UPDATE accounts SET reason = 'operator', message = ? WHERE channel = 'email'", HOSTILE
        )
        yield operator


def line(operator: Operator, command: str) -> tuple[str, ...]:
    """A command with arguments that it can work with."""
    lead = operator.lead("long mail")
    given = (lead if each == "LEAD" else each for each in ARGUMENTS.get(command, ()))
    return (*command.split(), *given)


def on_a_terminal(
    operator: Operator, arguments: tuple[str, ...], env: Mapping[str, str]
) -> tuple[int, str]:
    """Run a command in a terminal of its own; its exit code and all that was seen there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=operator.folder,
        env={**operator.environment, "TERM": "xterm-256color", "PAGER": "cat", **env},
    )
    os.close(theirs)
    seen = b""
    try:
        while select.select([ours], [], [], 60)[0] and (chunk := os.read(ours, 65_536)):
            seen += chunk
    except OSError:
        pass  # how the end of a terminal reads on Linux
    os.close(ours)
    return process.wait(60), seen.decode("utf-8", "replace").replace("\r\n", "\n")


# Help


@pytest.mark.parametrize("command", ["", *GROUPS, *EVERY])
def test_help_opens_with_an_example_and_fits_a_screen(one: Operator, command: str) -> None:
    told = one.runs(*command.split(), "--help", env={"COLUMNS": "80"}).ended(0)
    assert told.stderr == b""
    lines = told.out.splitlines()
    assert len(lines) < SCREEN[1]  # and the prompt below
    assert max(map(len, lines)) <= SCREEN[0]
    first, second, *_ = (each.strip() for each in lines if each.strip())
    assert first.startswith("Usage: convsync")
    assert second.startswith("Example: ")
    assert f"convsync {command}".strip() in second


@pytest.mark.parametrize("command", EVERY)
def test_help_shows_no_limit_that_nobody_reaches(one: Operator, command: str) -> None:
    assert not re.search(r"\d{12}", one.runs(*command.split(), "--help").ended(0).out)


def test_every_command_is_told_in_a_line_that_is_not_cut_off(one: Operator) -> None:
    told = one.runs("--help", env={"COLUMNS": "80"}).ended(0).out
    assert "..." not in told.replace("[ARGS]...", "")


@pytest.mark.parametrize("command", EVERY)
def test_examples_are_right(one: Operator, command: str) -> None:
    """Every example names options that there are: what follows is not a usage error of Typer's."""
    root: Any = get_command(app)
    found = root
    for name in command.split():
        found = found.get_command(None, name)
    known = {option for each in found.params for option in (*each.opts, *each.secondary_opts)}
    examples = re.findall(r"Example: (.*)", found.help)
    assert examples
    for told in examples:
        for part in told.split("convsync ")[1:]:
            options = {each for each in shlex.split(part) if each.startswith("--")}
            assert options <= known, told


@pytest.mark.parametrize("command", ["", *GROUPS])
def test_nothing_asked_for_gets_the_help_on_stderr(one: Operator, command: str) -> None:
    told = one.runs(*command.split()).ended(2)
    assert told.stdout == b""
    assert told.err.startswith("Usage: convsync")


# Errors


@pytest.mark.parametrize("command", EVERY)
def test_a_misspelt_option_is_a_usage_error_that_says_what_was_meant(
    one: Operator, command: str
) -> None:
    told = one.runs(*command.split(), "--jsno").ended(2)
    assert told.stdout == b""
    assert told.err.splitlines() == [
        f"convsync: there is no option '--jsno' in `convsync {command}`",
        '  did you mean "--json"?',
    ]


@pytest.mark.parametrize("command", TRIED)
def test_a_database_that_is_not_there_is_told_in_one_sentence(one: Operator, command: str) -> None:
    if command == "init":
        return  # makes one
    told = one.runs("--db", "nowhere.db", *line(one, command), "--json")
    if command == "doctor":
        assert told.ended(3).json["findings"]
        return
    if command not in ARGUMENTS and told.code == 2:
        return  # wants arguments before it looks at any database
    assert told.ended(14).stdout == b""
    assert told.error["code"] == "database"
    assert "convsync init" in told.error["hint"]
    assert not (one.folder / "nowhere.db").exists()


@pytest.mark.parametrize(
    ("typed", "said", "meant"),
    [
        ("stauts", "there is no command 'stauts'", '"status"'),
        ("jobs lst", "there is no command 'lst' in `convsync jobs`", '"list"'),
        ("jobs list --state fialed", "'fialed' is not a value for --state", '"failed"'),
        ("status --workspace acmee", "there is no workspace 'acmee'", '"acme"'),
        ("export --format jsnl", "'jsnl' is not a value for --format", '"jsonl"'),
        ("jobs show", "JOB is missing", "e.g. `convsync jobs show 42`"),
        ("jobs show x", "JOB: must be a number", "e.g. `convsync jobs show 42`"),
        ("jobs list --limit 0", "--limit: must be at least 1", "e.g. `convsync jobs list"),
        ("jobs show 1 2", "there are too many arguments", "e.g. `convsync jobs show 42`"),
        ("leads import x.csv", "--workspace is missing", "e.g. `convsync leads import"),
    ],
)
def test_what_was_typed_wrong_is_named_with_what_was_meant(
    one: Operator, typed: str, said: str, meant: str
) -> None:
    error = one.runs(*typed.split(), "--json").error
    assert said in error["message"]
    assert meant in error["hint"]


@pytest.mark.parametrize(
    "typed",
    [
        ("jane.doe@example.com",),
        ("jobs", "+12025550123"),
        ("jobs", "show", "jane.doe@example.com"),
        ("show", "a", "jane.doe@example.com"),
        ("jobs", "list", "--state", "pit-0123456789abcdef0123456789abcdef"),
        ("status", "--pit-0123456789abcdef0123456789abcdef"),
        ("jobs", "list", "--limit", "jane.doe@example.com"),
        ("status", "--max-age", "jane.doe@example.com"),
        ("export", "--since", "+12025550123"),
    ],
)
def test_what_may_be_an_address_or_a_token_is_not_repeated(
    one: Operator, typed: tuple[str, ...]
) -> None:
    told = one.runs(*typed).ended(2).err
    assert "doe" not in told
    assert "2025550123" not in told
    assert "0123456789abcdef" not in told


@pytest.mark.parametrize(
    "typed",
    [
        ("show", "acme", "-w", "jane.doe@example.com"),
        ("enqueue-all", "-w", "pit-0123456789abcdef0123456789abcdef"),
        ("accounts", "pause", "jane.doe@example.com"),
        ("accounts", "resume", "acme/+12025550123"),
    ],
)
def test_nor_is_it_where_a_workspace_or_an_account_should_stand(
    one: Operator, typed: tuple[str, ...]
) -> None:
    told = one.runs(*typed).ended(4).err
    assert "…" in told
    assert not re.search("doe|2025550123|0123456789abcdef", told)


@pytest.mark.parametrize(
    "typed",
    [
        ("leads", "add", "-w", "acme", "--email", "somebody@example.com", "--name", "\udcff"),
        ("leads", "add", "-w", "acme", "--id", "gohighlevel:\udcff"),
    ],
)
def test_bytes_that_are_no_text_are_wrong_usage_and_no_bug(
    one: Operator, typed: tuple[str, ...]
) -> None:
    assert one.runs(*typed, "--json").ended(2).error["message"] == "an argument is not UTF-8 text"


# Data and the rest


@pytest.mark.parametrize("command", TRIED)
def test_json_is_one_document_on_stdout_and_an_error_one_line_on_stderr(
    one: Operator, command: str
) -> None:
    told = one.runs(*line(one, command), "--json")
    assert told.code in CODES
    if told.stdout:
        assert isinstance(told.json, dict)
        assert told.stdout.endswith(b"}\n")
    else:
        assert told.error["code"]
    assert not CONTROL.search(told.out + told.err)


@pytest.mark.parametrize("command", TRIED)
def test_nobody_who_stops_reading_is_complained_to(one: Operator, command: str) -> None:
    quoted = shlex.join(line(one, command))
    ended = one.pipes(f"convsync {quoted} | true; exit ${{PIPESTATUS[0]}}")
    assert ended.code in CODES - {1, 14}
    for word in ("Traceback", "Broken pipe", "Exception ignored"):
        assert word not in ended.err
    ended = one.pipes(
        f"convsync {quoted} --no-such 2>&1 >/dev/null | true; exit ${{PIPESTATUS[0]}}"
    )
    assert ended.code == 2


@pytest.mark.parametrize("command", TRIED)
def test_a_poor_environment_will_do(one: Operator, command: str) -> None:
    """No HOME, no terminal type, a locale of seven bits: a crontab at its worst."""
    poor = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    told = one.runs(*line(one, command), env=poor)
    assert told.code in CODES, told
    assert "a bug" not in told.err
    if command != "export":  # always UTF-8: a file that others read
        told.stdout.decode("ascii")
    told.stderr.decode("ascii")
    assert not CONTROL.search(told.out + told.err)


# Terminals


@pytest.mark.parametrize("command", TRIED)
def test_a_dumb_and_narrow_terminal_gets_text_and_nothing_else(one: Operator, command: str) -> None:
    code, seen = on_a_terminal(one, line(one, command), {"TERM": "dumb", "COLUMNS": "40"})
    assert code in CODES
    assert not CONTROL.search(seen), seen


@pytest.mark.parametrize("command", TRIED)
def test_no_color_is_honoured_and_nothing_from_outside_drives_a_terminal(
    one: Operator, command: str
) -> None:
    code, seen = on_a_terminal(one, line(one, command), {"NO_COLOR": "1", "COLUMNS": "120"})
    assert code in CODES
    assert not COLOUR.search(seen), seen
    bare = re.sub(r"\x1b\[(0|1|2)?m", "", seen)  # bold, from our own headings
    if command == "run":
        bare = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\r", "", bare)  # its progress bar
    assert not CONTROL.search(bare), seen


def test_a_table_that_is_too_wide_becomes_a_list(one: Operator) -> None:
    arguments = ("status",)
    _, wide = on_a_terminal(one, arguments, {"COLUMNS": "200"})
    _, narrow = on_a_terminal(one, arguments, {"COLUMNS": "40", "NO_COLOR": "1"})
    assert "───" in wide
    assert "───" not in narrow
    assert re.search(r"^provider +gohighlevel$", narrow, re.MULTILINE)
    assert max(map(len, narrow.splitlines())) <= 40


# Streams


def test_streams_that_the_caller_closed_are_no_bug(one: Operator) -> None:
    for closing in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        one.pipes(f"convsync status {closing}").ended(0)
        one.pipes(f"convsync jobs show 999999 {closing}").ended(4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_stdout_is_told_and_no_bug(one: Operator) -> None:
    ended = one.pipes("convsync status >/dev/full").ended(14)
    assert "cannot be written" in ended.err
    assert "Exception ignored" not in ended.err
    one.pipes("convsync jobs show 999999 2>/dev/full").ended(4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_error_keeps_its_exit_code_where_what_was_printed_before_it_cannot_be_written(
    one: Operator,
) -> None:
    forget = f"convsync leads forget {one.lead('long mail')}"  # shows what would go, then asks
    for line in (f"{forget} >/dev/full", f"{forget} | true; exit ${{PIPESTATUS[0]}}"):
        assert "Exception ignored" not in one.pipes(line).ended(5).err


# What destroys, asks


@pytest.mark.parametrize("command", [("jobs", "cancel", "--all")])
def test_what_destroys_asks_and_without_a_terminal_refuses(
    operator: Operator, command: tuple[str, ...]
) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    assert operator.runs(*command, "--json").ended(5).error["hint"].startswith("add --yes")
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [*PROGRAM, *command],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=operator.environment,
    )
    os.close(theirs)
    os.write(ours, b"n\n")
    assert asked.communicate(timeout=30)[0] == b""  # the question is no data
    assert asked.returncode == 5
    assert b"[y/N]" in os.read(ours, 4096)
    os.close(ours)
    assert operator.states() == {"pending": 1}


# Completion


def completes(operator: Operator, typed: str, shell: str = "bash", **env: str) -> list[str]:
    """What a shell is offered for the last word of a line."""
    words = typed.split(" ")
    asked = {
        "_CONVSYNC_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    told = operator.runs(env=asked | env).ended(0)
    assert told.stderr == b""
    return told.out.split("\n")[:-1]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("convsync stat", ["status"]),
        ("convsync jobs re", ["retry"]),
        ("convsync status --ma", ["--max-age"]),
        ("convsync status --workspace ", ["acme", "globex"]),
        ("convsync leads import x.csv -w g", ["globex"]),
        ("convsync jobs list --state f", ["failed"]),
        ("convsync accounts pause globex/", ["globex/sms", "globex/email"]),
        ("convsync leads add --id go", ["gohighlevel:"]),
        ("convsync --version stat", ["status"]),
        ("convsync show ", [""]),
    ],
)
def test_a_shell_completes_commands_options_and_our_own_names(
    one: Operator, typed: str, offered: list[str]
) -> None:
    assert completes(one, typed) == offered


def test_every_command_is_completed(one: Operator) -> None:
    assert completes(one, "convsync ") == list(COMMANDS)


def test_zsh_and_fish_are_told_what_a_command_does(one: Operator) -> None:
    assert '"status":"' in "\n".join(completes(one, "convsync stat", "zsh"))
    assert completes(one, "convsync stat", "fish")[0].startswith("status\t")


def test_a_configuration_that_is_broken_or_missing_completes_nothing(
    one: Operator, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[workspaces.acme\n")
    for config in (broken, tmp_path / "none.toml", tmp_path):
        typed = "convsync status --workspace "
        assert completes(one, typed, CONVSYNC_CONFIG=str(config)) == [""]
    elsewhere = f"convsync --config {one.config} status --workspace "
    assert completes(one, elsewhere, CONVSYNC_CONFIG=str(broken)) == ["acme", "globex"]


def test_bash_itself_is_content_with_the_script(one: Operator) -> None:
    script = (
        'eval "$(_CONVSYNC_COMPLETE=source_bash convsync)"; complete -p convsync;'
        " COMP_WORDS=(convsync jobs list --state fa); COMP_CWORD=4;"
        ' _convsync_completion convsync; echo "${COMPREPLY[@]}"'
    )
    folder = one.folder / "bin"
    folder.mkdir()
    program = folder / "convsync"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    path = {"PATH": f"{folder}:{one.environment['PATH']}"}
    told = one.runs(script, program=("bash", "--norc", "-c"), env=path).ended(0)
    assert told.out.splitlines()[-1] == "failed"
    assert "-F _convsync_completion convsync" in told.out
