"""What a machine tells of its schedulers."""

from dataclasses import replace
from pathlib import Path

import pytest

from convsync_cli.schedule import observed
from convsync_cli.schedule.installation import Installation

from .installations import DEFAULT


def installed(folder: Path, script: str) -> Installation:
    """An installation whose program is a script of the shell."""
    program = folder / "convsync"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return replace(DEFAULT, program=(str(program),))


def test_the_trial_has_an_empty_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "x")
    wrong = observed.trial(installed(tmp_path, '[ -z "$MINE$HOME" ] && echo "{}"'))
    assert wrong == ""


def test_the_trial_asks_for_the_status_of_this_very_database(tmp_path: Path) -> None:
    wrong = observed.trial(installed(tmp_path, 'echo "convsync: $*" >&2; exit 14'))
    assert wrong == f"--config {DEFAULT.config} --db {DEFAULT.database} status --json"


@pytest.mark.parametrize(
    ("script", "wrong"),
    [("exit 3", "it ended with 3 and printed nothing"), ("echo {}; exit 20", "it ended with 20")],
)
def test_what_goes_wrong_in_the_trial_is_told(tmp_path: Path, script: str, wrong: str) -> None:
    assert observed.trial(installed(tmp_path, script)) == wrong


def test_a_program_that_is_not_there_is_told() -> None:
    nowhere = replace(DEFAULT, program=("/nowhere/convsync",))
    assert "cannot be started" in observed.trial(nowhere)


def test_variables_are_what_a_shell_makes_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "it's.env"
    file.write_text("A='1|2'\nB=\"two words\"\n# C=3\nexport D=4\n")
    assert observed.variables_in(str(file)) == {"A": "1|2", "B": "two words", "D": "4"}


@pytest.mark.parametrize("text", [None, "A=1\nexit 1\n", "A='\n"])
def test_a_file_that_no_shell_can_read_gives_nothing(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "x.env"
    if text is not None:
        file.write_text(text)
    assert observed.variables_in(str(file)) == {}


def test_modes_are_told_where_there_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    assert observed.mode_of(str(file)) is None
    file.touch(0o640)
    assert observed.mode_of(str(file)) == 0o640 & file.stat().st_mode


def commands(folder: Path, **scripts: str) -> str:
    """A folder of commands of the system, as scripts of the shell."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def places(home: str = "/home/ann") -> list[str]:
    """Where an entry was seen, the system's own crontabs left out."""
    return [each.place for each in observed.entries(home) if not each.place.startswith("/")]


def test_a_crontab_is_seen_with_what_cron_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "echo 'A=b\n* * * * * /opt/convsync run -q\n@daily /opt/convsync backup x'"
    monkeypatch.setenv("PATH", commands(tmp_path, crontab=told))
    (entry,) = [each for each in observed.entries("/home/ann") if each.place == "your crontab"]
    assert entry.command == "/opt/convsync run -q"
    assert entry.variables == {
        "HOME": "/home/ann", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "A": "b"
    }  # fmt: skip


def test_timers_and_agents_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = commands(tmp_path, systemctl="echo active", launchctl="exit 0", crontab="exit 1")
    monkeypatch.setenv("PATH", both)
    assert places() == ["the timer convsync-run.timer", "the agent convsync.run"]
    commands(tmp_path, systemctl="echo inactive; exit 3", launchctl="exit 113")
    assert places() == []


def test_a_machine_without_any_scheduler_shows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert places() == []
