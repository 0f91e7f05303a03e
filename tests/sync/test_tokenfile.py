"""The file of a pair of tokens: whole or not at all, for one process at a time, for its owner."""

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convsync_cli.sync.errors import CredentialUnavailable
from convsync_cli.sync.tokenfile import Pair, TokenFile

CANARY = "ref-canary-1"
OLD = Pair(CANARY, "acc-canary-1", datetime(2026, 1, 1, 12, tzinfo=UTC))
NEW = Pair("ref-canary-2", "acc-canary-2", datetime(2026, 1, 2, 12, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "tokens.json", {"refresh_token": CANARY})


def write(path: Path, told: object) -> Path:
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    path.chmod(0o600)
    return path


def unfinished(path: Path) -> Path:
    return path.with_name("tokens.json.new")


def test_a_refresh_token_alone_is_a_first_pair(path: Path) -> None:
    assert TokenFile(path).read() == Pair(CANARY)


def test_the_whole_answer_of_the_token_endpoint_is_one_too(path: Path) -> None:
    write(path, {"access_token": "acc", "refresh_token": CANARY, "expires_in": 86399, "scope": "x"})
    assert TokenFile(path).read() == Pair(CANARY, "acc")


@pytest.mark.parametrize(
    "told", ["", "{", "[]", CANARY, {}, {"refresh_token": 7}, {"refresh_token": f"{CANARY} x"}]
)
def test_what_is_no_pair_is_named_with_what_to_do_and_not_shown(path: Path, told: object) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        TokenFile(write(path, told)).read()
    assert str(path) in caught.value.message
    assert "refresh_token" in caught.value.hint
    assert CANARY not in caught.value.message + caught.value.hint


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable, match="is not there") as caught:
        TokenFile(tmp_path / "none.json").read()
    assert "refresh_token" in caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_open_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(CredentialUnavailable, match="open to others"):
        TokenFile(path).read()


def test_a_pipe_is_no_pair_and_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(CredentialUnavailable):
        TokenFile(tmp_path / "pipe").read()


def test_a_new_pair_takes_the_old_ones_place_for_its_owner_alone(path: Path) -> None:
    file = TokenFile(path)
    with file.locked() as held:
        assert held
        file.reserve()
        file.replace(Pair(CANARY), NEW)
    assert file.read() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not unfinished(path).exists()
    assert b"  " not in path.read_bytes().strip().splitlines()[-1]


def test_a_link_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    file = TokenFile(link)
    file.reserve()
    file.replace(Pair(CANARY), NEW)
    assert link.is_symlink()
    assert TokenFile(path).read() == NEW


def test_only_one_holds_it(path: Path) -> None:
    with TokenFile(path).locked() as first, TokenFile(path).locked() as second:
        assert (first, second) == (True, False)
    with TokenFile(path).locked() as third:
        assert third


def left_by_the_dead(path: Path, replaced: Pair, blanks: int = 0) -> None:
    """A new pair that was written and not put in its place."""
    other = write(path.with_name("other.json"), {"refresh_token": replaced.refresh})
    file = TokenFile(other)
    file.reserve()
    file.replace(replaced, NEW)
    unfinished(path).write_bytes(other.read_bytes() + b" " * blanks)
    unfinished(path).chmod(0o600)


@pytest.mark.parametrize("blanks", [0, 9000])
def test_a_pair_that_somebody_died_over_is_used(path: Path, blanks: int) -> None:
    left_by_the_dead(path, Pair(CANARY), blanks)
    assert TokenFile(path).recovered() == NEW
    assert TokenFile(path).read() == NEW


def test_a_pair_that_replaces_another_than_this_is_not(path: Path) -> None:
    left_by_the_dead(path, Pair("ref-of-long-ago"))
    assert TokenFile(path).recovered() == Pair(CANARY)


@pytest.mark.parametrize("content", [b"", b"   ", b'{"access_token": "acc-ca'])
def test_half_a_pair_is_not(path: Path, content: bytes) -> None:
    unfinished(path).write_bytes(content)
    assert TokenFile(path).recovered() == Pair(CANARY)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "none" / "tokens.json")
    with pytest.raises(CredentialUnavailable, match="folder"):
        file.reserve()


def test_no_value_shows_its_tokens() -> None:
    assert "canary" not in repr(OLD)
