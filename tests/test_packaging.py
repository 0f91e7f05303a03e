"""What `pip install` puts on a machine that is not the developers'."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_program_alone_is_installed() -> None:
    """The benchmarks and the tests would be packages of these names in everybody's Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["convsync_cli"]
