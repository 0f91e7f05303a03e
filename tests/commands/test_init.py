"""`init`: a private configuration and database, made once."""

import os
import stat
from pathlib import Path

import pytest

from tests.commands.operator import Operator, mode_of


@pytest.fixture
def nobody(newcomer: Operator, tmp_path: Path) -> Operator:
    """Somebody with nothing at all, whose folders are where XDG says."""
    newcomer.config.unlink()
    newcomer.environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": newcomer.environment["PYTHONPATH"],
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "share"),
    }
    return newcomer


def test_it_makes_both_and_nobody_else_can_read_them(nobody: Operator, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        result = nobody.runs("init", "--json").ended(0)
    finally:
        os.umask(old)
    config, database = (
        tmp_path / "config/convsync/config.toml",
        tmp_path / "share/convsync/convsync.db",
    )
    assert result.json == {
        "config": str(config), "database": str(database), "config_written": True,
    }  # fmt: skip
    assert mode_of(config) == mode_of(database) == 0o600
    assert mode_of(config.parent) == mode_of(database.parent) == 0o700
    assert result.stderr == b""
    nobody.runs("status").ended(0)
    assert nobody.runs("enqueue-all", "--json").ended(0).json["eligible"] == 0


def test_the_files_that_sqlite_adds_are_private_too(operator: Operator) -> None:
    operator.suffers("hang", path="/conversations/*/messages")
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    old = os.umask(0)
    try:
        operator.runs("run", "--max-seconds", "0.3").ended(0)
        waiting = operator.starts("enqueue", "-", stdin=True)
        assert waiting.process.stdin
        operator.runs("enqueue-all").ended(0)
    finally:
        os.umask(old)
    files = list(operator.database.parent.iterdir())
    assert len(files) >= 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_twice_is_harmless(nobody: Operator, tmp_path: Path) -> None:
    nobody.runs("init").ended(0)
    config = tmp_path / "config/convsync/config.toml"
    config.write_text('[workspaces.acme]\nregion = "US"\n')
    nobody.runs("leads", "add", "-w", "acme", "--email", "ann@example.com").ended(0)
    again = nobody.runs("init", "--json").ended(0)
    assert again.json["config_written"] is False
    assert config.read_text() == '[workspaces.acme]\nregion = "US"\n'
    assert len(nobody.runs("leads", "list", "--json").json["leads"]) == 1


def test_the_places_named_on_the_command_line_are_used(nobody: Operator, tmp_path: Path) -> None:
    places = ("--config", str(tmp_path / "a/my.toml"), "--db", str(tmp_path / "b/my.db"))
    result = nobody.runs(*places, "init").ended(0)
    assert f"configuration: {tmp_path}/a/my.toml\n" in result.out
    assert f"database: {tmp_path}/b/my.db\n" in result.out
    assert mode_of(tmp_path / "b/my.db") == 0o600
    nobody.runs(*places, "status").ended(0)


def test_quiet_says_nothing(nobody: Operator) -> None:
    result = nobody.runs("init", "--quiet").ended(0)
    assert result.stdout + result.stderr == b""


@pytest.mark.parametrize("option", ["--config", "--db"])
def test_a_place_that_cannot_be_written_is_14_and_says_which(
    nobody: Operator, tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    place = str(tmp_path / "file" / "x")
    result = nobody.runs(option, place, "init", "--json").ended(14)
    assert place in result.error["message"]
    assert result.error["hint"]
    assert result.stdout == b""


def test_a_configuration_that_is_wrong_is_told_and_kept(nobody: Operator, tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text("concurency = 3\n")
    result = nobody.runs("--config", str(config), "init", "--json").ended(14)
    assert "my.toml, line 1: concurency is not a known key" in result.error["message"]
    assert config.read_text() == "concurency = 3\n"


def test_help_shows_an_example(nobody: Operator) -> None:
    assert "Example: convsync init" in nobody.runs("init", "--help").ended(0).out


def test_a_workspace_asked_for_before_there_is_one_is_told_so(nobody: Operator) -> None:
    nobody.runs("init").ended(0)
    assert nobody.runs("status", "-w", "acme", "--json").error["hint"] == "known here: none"
