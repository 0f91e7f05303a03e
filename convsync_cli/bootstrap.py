"""The composition root: the one place that knows which parts there are and joins them."""

import importlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from convsync_cli import settings as configuration
from convsync_cli import users
from convsync_cli.config_file import nearest, shown
from convsync_cli.settings import Settings, Workspace
from convsync_cli.sync.clock import Clock, SystemClock
from convsync_cli.sync.errors import ConfigError, NotFound, OutputError, UsageError
from convsync_cli.sync.model.placing import Priority, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convsync_cli.connections import Checkup
    from convsync_cli.monitoring import Monitor
    from convsync_cli.sync.audit import Counted
    from convsync_cli.sync.model.account import Account
    from convsync_cli.sync.model.lead import Lead
    from convsync_cli.sync.model.pause import AccountState
    from convsync_cli.sync.plan import AccountPlan
    from convsync_cli.sync.ports import Store
    from convsync_cli.sync.runner import Runner
    from convsync_cli.sync.telemetry import Listener


class Invocation(NamedTuple):
    """What is on the command line before the command."""

    config: str | None = None
    database: str | None = None
    began: float | None = None  # by the monotonic clock; what loading took is part of a budget


class Services(NamedTuple):
    """What every command works with."""

    settings: Settings
    store: "Store"
    clock: Clock

    @property
    def regions(self) -> dict[str, str | None]:
        """Every configured workspace with its region for phone numbers."""
        return {each.name: each.region for each in self.settings.workspaces}

    def paused(self) -> "list[AccountState]":
        """The configured accounts that may not be used now."""
        configured = {(w.name, c) for w in self.settings.workspaces for c in w.providers}
        return [
            state
            for state in self.store.accounts.states()
            if (state.workspace, state.channel) in configured and state.paused(self.clock.now())
        ]

    def strays(self) -> dict[str, int]:
        """Pending jobs by workspace where that is no longer configured: no run will claim them."""
        return self.store.overview.strays(self.regions)

    def terms(
        self, priority: Priority, *, force: bool = False, with_history: bool = False
    ) -> Terms:
        """On what terms a job is enqueued now; ``force`` ignores the window; see ``Terms``.

        Raises:
            UsageError: no hook would hear of the history.
        """
        if with_history and not any(each.hook for each in self.settings.workspaces):
            raise UsageError(
                "--with-history needs an inbound_hook, and no workspace has one",
                "add [workspaces.W.inbound_hook] to the configuration",
            )
        return Terms(
            priority,
            0.0 if force else self.settings.dedupe_window,
            self.settings.max_attempts,
            self.clock.now(),
            with_history,
        )

    def lead(self, typed: str, workspace: str | None = None) -> "Lead":
        """The one lead that a LEAD as typed means.

        Raises:
            NotFound: none has this id, email or phone, or several have.
        """
        from convsync_cli.sync.enqueue import resolve

        [(_, found)] = resolve(self.store, [typed], self.regions, self.workspace(workspace))
        if len(found) > 1:
            candidates = ", ".join(map(str, found))
            raise NotFound("the lead is ambiguous", f"write one of: {candidates}")
        lead = self.store.leads.lead(found[0].lead) if found else None
        if lead is None:
            raise NotFound(
                "no lead has this id, email, phone or provider:id",
                "see `convsync leads list`, or add it with `convsync leads add`",
            )
        return lead

    def output(self, path: str | None) -> str | None:
        """A file to write to, if it is not one that convsync lives from; see ``refuse_own``."""
        if path is not None:
            refuse_own(self.settings, path)
        return path

    def workspace(self, name: str | None) -> str | None:
        """The name, if it is one of a configured workspace.

        Raises:
            NotFound: it is not.
        """
        return None if name is None else self.configured(name).name

    def configured(self, workspace: str) -> Workspace:
        """What the configuration says of a workspace.

        Raises:
            NotFound: nothing.
        """
        found = self.settings.workspace(workspace)
        if found is None:
            raise NotFound(
                f"there is no workspace {shown(workspace)!r} in {self.settings.path}",
                nearest(workspace, tuple(self.regions)),
            )
        return found


def services(
    invocation: Invocation,
    *,
    create: bool = False,
    patience_ms: int = 10_000,
    accounts: bool = True,
) -> Services:
    """Load the configuration and open the database.

    Without ``accounts`` their tables are not looked into, which saves their providers' imports.

    Raises:
        ConfigError, DatabaseError, Locked: either cannot be used.
    """
    loaded = configuration.load(invocation.config, os.environ, database=invocation.database)
    if accounts:
        _ = loaded.accounts
    return Services(loaded, open_store(loaded.database, create, patience_ms), SystemClock())


def open_store(database: str, create: bool, patience_ms: int) -> "Store":
    """Open a database by its URL; its scheme names the engine, a bare path means SQLite.

    Raises:
        ConfigError: there is no such engine.
    """
    engine, path = _engine(database)
    store: Store = engine.open_store(path, create=create, patience_ms=patience_ms)
    return store


def refuse_own(loaded: Settings, path: str) -> None:
    """Let nothing be written over the configuration or the database.

    Raises:
        OutputError: ``path`` is one of their files, whatever it is called.
    """
    engine, database = _engine(loaded.database)
    for own in (loaded.path, *engine.files(database)):
        same = os.path.exists(own) and os.path.exists(path) and os.path.samefile(own, path)
        if same or os.path.realpath(own) == os.path.realpath(path):
            what = "the configuration" if own == loaded.path else "a file of the database"
            raise OutputError(f"{path} is {what}", "name another file")


def _engine(database: str) -> "tuple[Any, str]":
    """The module of the engine that a database's URL names, and the path in it."""
    scheme, colon, path = database.partition("://")
    if not colon:
        scheme, path = "sqlite", database
    try:
        return importlib.import_module(f"convsync_cli.sync.engines.{scheme}"), path
    except ModuleNotFoundError:
        raise ConfigError(
            f"there is no database engine {scheme!r}", "write a path, or sqlite:///path"
        ) from None


def check(given: Services, accounts: "Sequence[Account]", seconds: float) -> "list[Checkup]":
    """Look whether the credentials of accounts work, side by side, within ``seconds``."""
    from convsync_cli import connections
    from convsync_cli.sync import loop
    from convsync_cli.sync.deadline import Deadline

    deadline = Deadline.after(given.clock, seconds)
    return loop.run(connections.check(accounts, given.store, given.clock, os.environ, deadline))


def plans(given: Services, accounts: "Sequence[Account]") -> "list[AccountPlan]":
    """What bringing each account up to date costs, from local counts."""
    from convsync_cli.sync import providers
    from convsync_cli.sync.plan import plans

    names = {account.provider for account in accounts}
    return plans(given.store, accounts, {name: providers.load(name).COSTS for name in names})


def audit(
    given: Services, accounts: "Sequence[Account]", lead: "Lead | None", seconds: float
) -> "list[Counted]":
    """Count accounts, or one lead in them, here and at their providers, within ``seconds``."""
    from convsync_cli.connections import asking
    from convsync_cli.sync import loop
    from convsync_cli.sync.audit import audit
    from convsync_cli.sync.deadline import Deadline

    deadline = Deadline.after(given.clock, seconds)

    async def counted() -> "list[Counted]":
        async with asking(given.store, given.clock, os.environ, deadline) as connect:
            return await audit(given.store, connect, accounts, lead)

    return loop.run(counted())


def runner(
    given: Services,
    concurrency: int | None,
    listeners: "tuple[Listener, ...]",
    *,
    attended: bool = False,
) -> "Runner":
    """What a run needs, with the accounts of all configured workspaces.

    ``attended`` is a run at a terminal.
    """
    from random import uniform

    from convsync_cli.connections import connect
    from convsync_cli.hooks import hooks
    from convsync_cli.sync.claiming import Pace
    from convsync_cli.sync.runner import Runner

    settings = given.settings
    accounts = {workspace.name: workspace.accounts for workspace in settings.workspaces}
    return Runner(
        store=given.store,
        clock=given.clock,
        workspaces=tuple(accounts),
        connect=partial(connect, accounts, given.clock, os.environ),
        pace=Pace(concurrency or settings.concurrency, settings.job_timeout),
        uniform=uniform,
        listeners=listeners,
        hooks=hooks(settings, os.environ),
        user=users.current(),
        attended=attended,
    )


def monitor(given: Services, failed: "Callable[[str], None]") -> "Monitor | None":
    """Who is told of a run, or None; ``failed`` gets a sentence where that does not work.

    Raises:
        ConfigError: the configuration names no address that may be asked.
    """
    if given.settings.ping_url is None:
        return None
    from convsync_cli.monitoring import Monitor

    return Monitor(given.settings.ping_url, os.environ, failed)
