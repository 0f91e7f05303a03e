"""From a reference to the secret, and what is said where there is none."""

import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli import credentials
from convsync_cli.sync.errors import CredentialUnavailable
from convsync_cli.sync.model.credential import Credential, FromCommand, FromEnv, FromFile, Literal

CANARY = "pit-5ec2e7c0-ffee-4bad-babe-0123456789ab"
UNUSABLE = [
    f"{CANARY} x",
    f"{CANARY}\nx",
    f"a\t{CANARY}",
    f"{CANARY}\0",
    f"{CANARY}é",
    f"\x7f{CANARY}",
]


def refusal(
    credential: Credential, environ: Mapping[str, str] | None = None, timeout: float = 10.0
) -> CredentialUnavailable:
    with pytest.raises(CredentialUnavailable) as caught:
        credentials.read(credential, environ or {}, timeout=timeout)
    assert CANARY not in caught.value.message + caught.value.hint
    assert caught.value.hint
    return caught.value


def stored(folder: Path, content: str | bytes, mode: int = 0o600) -> FromFile:
    path = folder / "secret"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return FromFile(path)


def python(script: str) -> FromCommand:
    return FromCommand((sys.executable, "-c", script))


# The environment


def test_a_variable_gives_its_value_without_white_space_around_it() -> None:
    assert credentials.read(FromEnv("T"), {"T": f" {CANARY}\n"}) == CANARY


def test_a_variable_that_is_not_set_is_named() -> None:
    assert refusal(FromEnv("T")).message == "the environment variable T is not set"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_variable_is_refused(text: str) -> None:
    assert refusal(FromEnv("T"), {"T": text}).message == "the environment variable T is empty"


@pytest.mark.parametrize("text", UNUSABLE)
def test_what_would_break_a_header_is_refused(text: str, tmp_path: Path) -> None:
    for credential in (FromEnv("T"), Literal(text), stored(tmp_path, text)):
        assert "inside the credential" in refusal(credential, {"T": text}).message


def test_a_literal_is_its_own_secret() -> None:
    assert credentials.read(Literal(CANARY), {}) == CANARY


@given(st.text())
def test_any_text_is_a_usable_secret_or_refused_unseen(text: str) -> None:
    try:
        secret = credentials.read(Literal(text + CANARY), {})
    except CredentialUnavailable as error:
        assert CANARY not in error.message + error.hint
    else:
        assert secret.isascii()
        assert secret.isprintable()
        assert " " not in secret


# Files


@pytest.mark.parametrize("content", [CANARY, f"{CANARY}\r\n", f"\ufeff{CANARY}\n"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_a_file_gives_its_content_without_white_space_around_it(
    tmp_path: Path, content: str, mode: int
) -> None:
    assert credentials.read(stored(tmp_path, content, mode), {}) == CANARY


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    error = refusal(FromFile(tmp_path / "none"))
    assert error.message == f"the credential file {tmp_path}/none is not there"


def test_a_folder_is_no_credential(tmp_path: Path) -> None:
    assert "is a folder" in refusal(FromFile(tmp_path)).message


def test_a_path_that_is_none_is_refused() -> None:
    assert "cannot be a path" in refusal(FromFile(Path("a\0b"))).message


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    secret = stored(tmp_path, CANARY, 0)
    if os.access(secret.path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "Permission denied" in refusal(secret).message


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read: Too many levels" in refusal(FromFile(tmp_path / "loop")).message


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file" in refusal(FromFile(tmp_path / "pipe")).message


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601])
def test_a_file_open_to_everyone_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    error = refusal(stored(tmp_path, CANARY, mode))
    assert "open to every user" in error.message
    assert error.hint == f"chmod o-rwx {tmp_path}/secret"


def test_a_file_in_the_credentials_directory_is_protected_by_its_folder(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert credentials.read(stored(tmp_path, CANARY, 0o444), environ) == CANARY


@pytest.mark.parametrize("way", ["beside", "..", "link"])
def test_a_file_outside_the_credentials_directory_is_not(tmp_path: Path, way: str) -> None:
    outside = stored(tmp_path, CANARY, 0o644).path
    inside = tmp_path / "credentials"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    path = {"beside": outside, "..": inside / ".." / "secret", "link": inside / "link"}[way]
    error = refusal(FromFile(path), {"CREDENTIALS_DIRECTORY": str(inside)})
    assert "open to every user" in error.message


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    assert "is empty" in refusal(stored(tmp_path, content)).message


def test_a_file_of_more_than_64_kib_is_refused(tmp_path: Path) -> None:
    assert credentials.read(stored(tmp_path, "x" * 65_536), {})
    assert "more than 64 KiB" in refusal(stored(tmp_path, "x" * 65_537)).message


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    assert "other than UTF-8" in refusal(stored(tmp_path, CANARY.encode("utf-16"))).message


# Commands


def test_a_command_gives_what_it_prints_on_stdout_only() -> None:
    script = f"import sys; print('{CANARY}'); print('noise', file=sys.stderr)"
    assert credentials.read(python(script), os.environ) == CANARY


def test_a_command_gets_the_environment_and_nothing_on_stdin() -> None:
    script = "import os, sys; print(os.environ['T'] + str(len(sys.stdin.read())))"
    assert credentials.read(python(script), {"T": "a"}) == "a0"


def test_a_command_is_found_on_the_path_and_not_given_to_a_shell(tmp_path: Path) -> None:
    program = tmp_path / "vault"
    program.write_text('#!/bin/sh\nprintf %s "$1"\n')
    program.chmod(0o700)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert credentials.read(FromCommand(("vault", "$PATH;x")), environ) == "$PATH;x"


def test_a_missing_command_is_named_without_its_arguments() -> None:
    error = refusal(FromCommand(("/nowhere/vault", CANARY)))
    assert error.message == "the credential command /nowhere/vault cannot be started"


@pytest.mark.parametrize("argv", [("a\0b",), ("sh", "a\0b"), ("/",), ("",)])
def test_a_command_that_cannot_be_one_is_refused(argv: tuple[str, ...]) -> None:
    assert "cannot be started" in refusal(FromCommand(argv)).message


def test_a_failing_command_tells_its_status_and_nothing_that_it_said() -> None:
    script = f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(7)"
    assert "failed with status 7" in refusal(python(script)).message


@pytest.mark.parametrize(
    "script",
    [
        f"import time; print('{CANARY}', flush=True); time.sleep(60)",
        f"import os, time; os.write(1, b'{CANARY}'); os.close(1); time.sleep(60)",
        "import time\nwhile True: print('x', flush=True); time.sleep(0.05)",
    ],
    ids=["hangs", "closes and hangs", "drips"],
)
def test_a_command_that_takes_too_long_is_ended(script: str) -> None:
    started = time.monotonic()
    error = refusal(python(script), {"PATH": os.environ["PATH"]}, timeout=0.7)
    assert "took longer than 0.7 s" in error.message
    assert time.monotonic() - started < 30


def test_what_a_command_waits_for_is_ended_with_it(tmp_path: Path) -> None:
    """A run a minute would otherwise leave a process a minute behind."""
    alive = tmp_path / "alive"  # open as long as one of them lives
    os.mkfifo(alive)
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3> '{alive}'; sleep 60 & wait"
    assert "took longer" in refusal(FromCommand(("sh", "-c", script)), timeout=0.7).message
    assert select.select([reading], [], [], 10)[0]
    os.close(reading)


def test_a_command_has_ended_when_an_agent_that_it_started_lives_on() -> None:
    started = time.monotonic()
    script = f"import subprocess; print('{CANARY}'); subprocess.Popen(['sleep', '5'])"
    assert credentials.read(python(script), os.environ) == CANARY
    assert time.monotonic() - started < 4


def test_a_command_that_prints_without_end_is_ended() -> None:
    assert "more than 64 KiB" in refusal(python("while True: print('x' * 9999)")).message


def test_a_command_that_prints_nothing_is_refused() -> None:
    assert "is empty" in refusal(python("print()")).message


def test_a_command_that_prints_other_bytes_is_refused() -> None:
    assert "other than UTF-8" in refusal(python("import os; os.write(1, b'\\xff')")).message
