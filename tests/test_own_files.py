"""No command writes over what convsync lives from, by whatever name it is called."""

import os

import pytest

from tests.commands.operator import Operator

WRITING = [
    ("backup",),
    ("export", "--output"),
    ("export", "--format", "csv", "--output"),
    ("metrics", "--output"),
    ("doctor", "--bundle"),
    ("run", "--max-seconds", "1", "--log-file"),
]


@pytest.mark.parametrize("name", ["data/convsync.db", "link.db", "data/../data/convsync.db-wal"])
@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(command))
def test_the_database_is_not_written_over(
    operator: Operator, command: tuple[str, ...], name: str
) -> None:
    """Others have it open, and would go on with a file that nobody sees any more."""
    (operator.folder / "link.db").symlink_to(operator.database)
    before = operator.database.stat()
    refused = operator.runs(*command, name, "--json").ended(14)
    assert refused.error["message"] == f"{name} is a file of the database"
    after = operator.database.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(command))
def test_the_configuration_is_not_written_over(
    operator: Operator, command: tuple[str, ...]
) -> None:
    before = operator.config.read_bytes()
    refused = operator.runs(*command, str(operator.config), "--json").ended(14)
    assert refused.error["message"] == f"{operator.config} is the configuration"
    assert operator.config.read_bytes() == before


@pytest.mark.parametrize(
    "command", [("backup",), ("metrics", "--output"), ("doctor", "--bundle")], ids=" ".join
)
@pytest.mark.parametrize("name", ["pipe", "stdout"])
def test_nothing_takes_the_place_of_a_pipe_or_a_device(
    operator: Operator, command: tuple[str, ...], name: str
) -> None:
    """`backup /dev/stdout` as root would leave the machine a file of that name."""
    os.mkfifo(operator.folder / "pipe")
    (operator.folder / "stdout").symlink_to("/proc/self/fd/1")
    refused = operator.runs(*command, name, "--json").ended(14)
    assert refused.error["message"] == f"cannot write {name}: it is not a file"
    assert (operator.folder / "pipe").is_fifo()
    assert (operator.folder / "stdout").is_symlink()


def test_an_export_to_stdout_leaves_the_way_there(synced: Operator) -> None:
    """Also where stdout is a file."""
    (synced.folder / "stdout").symlink_to("/proc/self/fd/1")
    synced.pipes("convsync export --output stdout --quiet > exported").ended(0)
    assert (synced.folder / "stdout").is_symlink()
    assert (synced.folder / "exported").read_bytes() == synced.runs("export").ended(0).stdout
