"""No command writes over what convsync lives from, by whatever name it is called."""

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
