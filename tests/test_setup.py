"""`script/setup`: what makes `.venv`, and when it does so again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = """\
#!/bin/sh
mkdir -p .venv/bin
ln -sf /bin/true .venv/bin/python
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout, and beside it a `uv` that makes as much of a `.venv` as is looked at."""
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(UV)
    uv.chmod(0o700)
    folder = tmp_path / "checkout"
    (folder / "script").mkdir(parents=True)
    shutil.copy(ROOT / "script" / "setup", folder / "script")
    (folder / "pyproject.toml").touch()
    return folder


def makes(checkout: Path) -> bool:
    """Run the script; whether it made `.venv`."""
    path = f"{checkout.parent / 'bin'}:{os.defpath}"
    ended = subprocess.run(
        [checkout / "script" / "setup"], env={"PATH": path}, capture_output=True, check=True
    )
    return b"making .venv" in ended.stderr


def test_it_makes_the_environment_once(checkout: Path) -> None:
    assert [makes(checkout), makes(checkout)] == [True, False]


def test_it_makes_the_environment_again_where_the_checkout_was_moved(checkout: Path) -> None:
    makes(checkout)
    moved = checkout.rename(checkout.with_name("moved"))
    assert [makes(moved), makes(moved)] == [True, False]
