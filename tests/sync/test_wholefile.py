"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from convsync_cli.sync.errors import OutputError
from convsync_cli.sync.wholefile import replacing, write_whole


def test_it_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "x.prom"
    file.write_text("old")
    write_whole(str(file), "new\n", 0o644)
    assert file.read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [file]


def test_its_mode_is_the_one_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_whole(str(tmp_path / "x"), "", 0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["missing/x", "a\0b", "."])
def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError) as caught:
        write_whole(f"{tmp_path}/{name}", "text", 0o644)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_what_is_cut_short_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(str(file)) as unfinished:
        Path(unfinished).write_text("half")
        raise KeyboardInterrupt
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_not_asked_for_others_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with replacing(str(tmp_path / "x")) as unfinished:
            Path(unfinished).write_text("whole")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with pytest.raises(KeyboardInterrupt), replacing(str(file)) as unfinished:
        raise KeyboardInterrupt
    Path(unfinished).write_text("half")
    write_whole(str(file), "whole", 0o644)
    assert file.read_text() == "whole"
