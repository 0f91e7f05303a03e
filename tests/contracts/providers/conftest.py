"""A desk at every provider in turn: its account in a running sandbox that has the whole cast."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from convsync_cli.sync import providers
from convsync_cli.sync.ports import Store
from tests.contracts.providers.cases import CASES, Case, Desk
from tests.sync.workbench import new_store

MOST_ROWS = {"twilio": 50, "instantly": 15}  # else a lead's conversation would fit a page


@pytest.fixture(scope="session")
def world() -> World:
    """The cast in two workspaces; tests only read it."""
    return World.seeded(1, len(CAST))


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, enforce_limits=False, most_rows=MOST_ROWS) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "accounts.db")
    yield store
    store.close()


@pytest.fixture(params=providers.names())
def case(request: pytest.FixtureRequest) -> Case:
    """Every provider; one that the sandbox does not play yet fails here by its name."""
    name: str = request.param
    return CASES[name]


@pytest.fixture
def desk(case: Case, sandbox: Sandbox, store: Store) -> Desk:
    return Desk(case, sandbox, store)
