"""Units that systemd reads as they were meant, and that shut convsync in."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.schedule import systemd
from convsync_cli.schedule.installation import Installation

from .installations import DEFAULT, awkward

ANALYZE = shutil.which("systemd-analyze")


def lines_of(installation: Installation, unit: str, key: str) -> list[str]:
    text = systemd.files(installation)[unit]
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def read_back(word: str) -> str:
    """A quoted word as systemd.syntax(7) reads it."""
    if word.startswith('"'):
        word = re.sub(r"\\(.)", r"\1", word[1:-1])
    assert "%" not in word.replace("%%", ""), "a specifier"
    return word.replace("%%", "%")


def test_every_service_has_its_timer() -> None:
    names = systemd.files(DEFAULT)
    services = {name.removesuffix(".service") for name in names if name.endswith(".service")}
    timers = {name.removesuffix(".timer") for name in names if name.endswith(".timer")}
    assert services == timers
    assert "convsync-run" in services


def test_a_path_comes_out_as_it_is(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    told = [
        read_back(each) for each in lines_of(installation, "convsync-run.service", "Environment")
    ]
    assert told == [f"{name}={value}" for name, value in installation.environment.items()]
    folder = lines_of(installation, "convsync-run.service", "ReadWritePaths")
    assert [read_back(each) for each in folder] == [installation.folder]


def test_a_dollar_in_an_argument_is_no_variable(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    (command,) = lines_of(installation, "convsync-backup.service", "ExecStart")
    assert "$$HOME" in command


def test_the_run_is_shut_in() -> None:
    text = systemd.files(DEFAULT)["convsync-run.service"]
    for setting in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "UMask=0077",
        "ReadWritePaths=/var/lib/convsync",
        "User=convsync",
        "EnvironmentFile=/etc/convsync/convsync.env",
    ):
        assert f"\n{setting}\n" in text, setting


def test_only_what_talks_to_providers_gets_credentials() -> None:
    having = [name for name, text in systemd.files(DEFAULT).items() if "EnvironmentFile" in text]
    assert having == ["convsync-run.service"]


@pytest.mark.parametrize("place", ["config", "database"])
def test_a_home_folder_is_left_in_sight_where_something_lies_in_it(place: str) -> None:
    told = {"config": DEFAULT.config, "database": DEFAULT.database, place: "/home/ann/x"}
    installation = Installation(DEFAULT.program, told["config"], told["database"], "ann")
    assert lines_of(installation, "convsync-run.service", "ProtectHome") == ["read-only"]


@pytest.mark.parametrize("field", ["files", "token_files", "hooks"])
def test_so_it_is_for_what_the_configuration_names(field: str) -> None:
    there: dict[str, Any] = {field: ("/home/ann/x",)}
    lying = replace(DEFAULT, **there)
    assert lines_of(lying, "convsync-run.service", "ProtectHome") == ["read-only"]


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    assert ANALYZE
    installation = awkward(tmp_path)
    units = tmp_path / "units"
    units.mkdir()
    for name, text in systemd.files(installation).items():
        (units / name).write_text(text)
    verified = subprocess.run(
        [ANALYZE, "verify", *map(str, units.iterdir())], capture_output=True, check=False
    )
    said = verified.stderr.decode()
    assert not [line for line in said.splitlines() if "convsync" in line]
