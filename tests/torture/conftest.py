"""An installation for every test, with the leads of two workspaces and nothing synced yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.harness import Harness, installed


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the leads of two workspaces of twenty."""
    with installed(tmp_path_factory.mktemp("template")) as harness:
        harness.takes_in_leads()
        return harness.database


@pytest.fixture
def harness(tmp_path: Path, template: Path) -> Iterator[Harness]:
    """Two workspaces of twenty leads each."""
    with installed(tmp_path, template=template) as harness:
        yield harness
