"""An operator for every test, with a database that already holds the leads of two workspaces."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.operator import Operator, on_duty, take_in_leads


@pytest.fixture(scope="session", autouse=True)
def terminal_can_be_closed() -> Iterator[None]:
    """Under nohup, which CI may use, no child would hear of a terminal that is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def empty_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing in it."""
    with on_duty(tmp_path_factory.mktemp("empty")) as operator:
        operator.runs("init").ended(0)
        return operator.database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the leads of the seeded world."""
    with on_duty(tmp_path_factory.mktemp("template")) as operator:
        take_in_leads(operator)
        return operator.database


@pytest.fixture(scope="session")
def synced_template(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Path:
    """The same after a run that read every lead to its end."""
    with on_duty(tmp_path_factory.mktemp("synced"), template=template) as operator:
        operator.runs("enqueue-all").ended(0)
        operator.runs("run", "--max-seconds", "50", "--strict").ended(0)
        return operator.database


@pytest.fixture
def operator(tmp_path: Path, template: Path) -> Iterator[Operator]:
    """Somebody with leads in two workspaces and nothing synced yet."""
    with on_duty(tmp_path, template=template) as operator:
        yield operator


@pytest.fixture
def synced(tmp_path: Path, synced_template: Path) -> Iterator[Operator]:
    """Somebody with leads in two workspaces, all of them synced minutes ago."""
    with on_duty(tmp_path, template=synced_template) as operator:
        yield operator


@pytest.fixture
def beginner(tmp_path: Path, empty_template: Path) -> Iterator[Operator]:
    """Somebody with an empty database."""
    with on_duty(tmp_path, template=empty_template) as operator:
        yield operator


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Operator]:
    """Somebody with a configuration and no database."""
    with on_duty(tmp_path) as operator:
        yield operator
