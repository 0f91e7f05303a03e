"""A simulated GoHighLevel in a process of its own, and a database whose leads it knows."""

import multiprocessing
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.stores import Home, connect
from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.limits import Allowance
from convsync_cli.sandbox.server import GOHIGHLEVEL, Sandbox
from convsync_cli.sandbox.world import World
from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.instant import to_text

_TABLE = """
[workspaces.{name}]
region = "US"

[workspaces.{name}.sms]
provider = "gohighlevel"
base_url = "{url}"
location_id = "{location}"
rate = "{rate}"
token = {{ env = "{variable}" }}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is served: workspaces with leads that have messages, at a rate and with a latency.

    The rate is the server's limit and the client's setting; None enforces none.
    """

    workspaces: int
    leads: int
    messages: int
    rate: tuple[int, int] | None = None
    latency_s: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The workspaces."""
        return tuple(f"workspace-{number}" for number in range(1, self.workspaces + 1))


@dataclass(frozen=True, slots=True)
class Account:
    """A workspace at the server."""

    name: str
    location: str
    token: str
    contacts: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The environment variable that holds its token."""
        return f"TOKEN_{self.name.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the server saw: requests, those answered 429, and seconds from the first to the last."""

    requests: int
    refused: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Served:
    """The server, from outside of its process."""

    plan: Plan
    url: str
    accounts: tuple[Account, ...]
    _pipe: Connection

    def traffic(self) -> Traffic:
        """What was asked since the last time."""
        self._pipe.send("traffic")
        told: Traffic = self._pipe.recv()
        return told

    def tokens(self) -> dict[str, str]:
        """The environment that the configuration refers to."""
        return {account.variable: account.token for account in self.accounts}

    def home(self, folder: Path, leads: int | None = None) -> Home:
        """A configuration for all accounts, and a job for each of their leads (or the first)."""
        folder.mkdir()
        home = Home(folder / "convsync.toml", folder / "convsync.db")
        requests, seconds = self.plan.rate or (100_000, 1)
        tables = (
            _TABLE.format(
                name=account.name,
                url=self.url,
                location=account.location,
                rate=f"{requests}/{seconds}s",
                variable=account.variable,
            )
            for account in self.accounts
        )
        home.config.write_text("".join(tables))
        open_store(str(home.database), create=True).close()
        with closing(connect(home.database)) as connection, connection:
            for number, account in enumerate(self.accounts):
                rows = [
                    {
                        "lead": f"L{number:03d}{place:015d}",
                        "workspace": account.name,
                        "contact": contact,
                        "now": to_text(datetime.now(UTC)),
                    }
                    for place, contact in enumerate(account.contacts[:leads])
                ]
                for statement in _FILL:
                    connection.executemany(statement, rows)
        return home


_FILL = (
    "INSERT INTO leads (id, workspace, created_at, updated_at)"
    " VALUES (:lead, :workspace, :now, :now)",
    "INSERT INTO handles (external_id, provider, workspace, lead_id)"
    " VALUES (:contact, 'gohighlevel', :workspace, :lead)",
    "INSERT INTO lead_syncs (lead_id, channel, workspace) VALUES (:lead, 'sms', :workspace)",
    "INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,"
    " created_at, requested_at) VALUES ('conversation_sync', :workspace, :lead,"
    " 'conversation_sync:' || :lead, 'pending', 10, :now, 3, :now, :now)",
)


@contextmanager
def serving(plan: Plan) -> Iterator[Served]:
    """Run the server in a process of its own, so that its work is not taken for ours."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(plan, there))
    process.start()
    try:
        url, accounts = here.recv()
        yield Served(plan, url, accounts, here)
    finally:
        here.send("end")
        process.join()


def _serve(plan: Plan, pipe: Connection) -> None:
    world = World.seeded(leads_per_workspace=0, workspaces=plan.names)
    accounts = tuple(_account(world, name, plan) for name in plan.names)
    requests, seconds = plan.rate or (1, 1)
    with Sandbox(
        world,
        enforce_limits=plan.rate is not None,
        allowances={GOHIGHLEVEL: Allowance(requests, seconds)},
    ) as sandbox:
        if plan.latency_s:
            sandbox.faults.add(Fault(FaultKind.LATENCY, times=None, seconds=plan.latency_s))
        pipe.send((sandbox.gohighlevel_url, accounts))
        while pipe.recv() == "traffic":
            pipe.send(_traffic(sandbox))
            sandbox.requests.clear()


def _account(world: World, name: str, plan: Plan) -> Account:
    """A workspace whose leads have all been talked to."""
    people = [world.meet(name) for _ in range(plan.leads)]
    for person in people:
        for number in range(plan.messages):
            direction = "inbound" if number % 2 else "outbound"
            text = f"Message {number} of an ordinary conversation, as long as most of them are."
            world.say(name, person.key, "sms", direction, text)
    view = world.workspace(name)
    contacts = tuple(person.contact for person in people if person.contact)
    return Account(name, view.location_id, view.gohighlevel_token, contacts)


def _traffic(sandbox: Sandbox) -> Traffic:
    times = [one.at for one in sandbox.requests]
    refused = sum(one.status == 429 for one in sandbox.requests)
    return Traffic(len(times), refused, max(times) - min(times) if times else 0.0)
