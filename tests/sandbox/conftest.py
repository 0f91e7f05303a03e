"""A small running sandbox, and clients with the tokens of a workspace."""

from collections.abc import Iterator

import pytest

from convsync_cli.sandbox import instantly_shapes, twilio_shapes
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

from .client import Client, basic


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.seeded(1, 40), enforce_limits=False) as running:
        yield running


@pytest.fixture
def acme(sandbox: Sandbox) -> Workspace:
    return sandbox.world.workspace("acme")


@pytest.fixture
def ghl(sandbox: Sandbox, acme: Workspace) -> Client:
    token = {"Authorization": f"Bearer {acme.gohighlevel_token}", "Version": "2021-04-15"}
    return Client(sandbox.gohighlevel_url, token)


@pytest.fixture
def bison(sandbox: Sandbox, acme: Workspace) -> Client:
    return Client(sandbox.emailbison_url, {"Authorization": f"Bearer {acme.emailbison_token}"})


@pytest.fixture
def twilio(sandbox: Sandbox, acme: Workspace) -> Client:
    user, password = next(iter(twilio_shapes.credentials(acme).items()))
    return Client(sandbox.urls["twilio"], basic(user, password))


@pytest.fixture
def instantly(sandbox: Sandbox, acme: Workspace) -> Client:
    token = {"Authorization": f"Bearer {instantly_shapes.token(acme)}"}
    return Client(sandbox.urls["instantly"], token)
