"""The configuration as a value: TOML file, environment over file, flags over both.

Every command loads it, ``enqueue`` thousands of times in a row. Hence accounts are read when they
are first asked for: their provider's modules cost more to import than all the rest.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from convsync_cli import folders
from convsync_cli.config_file import Table, nearest, read, type_of
from convsync_cli.sync import providers
from convsync_cli.sync.errors import ConfigError

if TYPE_CHECKING:
    from convsync_cli.sync.model.account import Account
    from convsync_cli.sync.model.credential import Credential
    from convsync_cli.sync.model.hook import Hook
    from convsync_cli.sync.model.message import Channel

CHANNELS = ("sms", "email")  # the values of model.message.Channel, which costs more to import

_KEYS = (
    "database",
    "dedupe_window",
    "concurrency",
    "job_timeout",
    "max_attempts",
    "monitoring",
    "workspaces",
)
HOOK = "inbound_hook"
_HOOK_TIMEOUT_S = 30.0
_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_DURATIONS = 'a number and its unit, in quotes: "90s", "5m" or "1h"'
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_NAME_HINT = "up to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit"


class Workspace(NamedTuple):
    """One ``[workspaces.NAME]`` table.

    ``region`` is an ISO 3166 alpha-2 code in capitals, or None: then phone numbers are only usable
    where they are written with their country. ``providers`` maps each configured channel
    to the name of its provider. ``hook`` is the operator's program for new inbound messages.
    """

    name: str
    region: str | None
    providers: Mapping[str, str]
    read_accounts: "Callable[[], tuple[Account, ...]]"
    hook: "Hook | None" = None

    @property
    def accounts(self) -> "tuple[Account, ...]":
        """The workspace's accounts, at most one per channel.

        Raises:
            ConfigError: one of the account tables is wrong.
        """
        return self.read_accounts()

    @property
    def channels(self) -> "Mapping[str, Channel]":
        """Which channel each of its providers serves."""
        from convsync_cli.sync.model.message import Channel

        return {provider: Channel(channel) for channel, provider in self.providers.items()}

    def account(self, channel: str) -> "Account | None":
        """The account of a channel, or None where the workspace has none.

        Raises:
            ConfigError: one of the workspace's account tables is wrong.
        """
        return next((a for a in self.accounts if a.channel == channel), None)


class Settings(NamedTuple):
    """What the configuration says.

    ``path`` is the file it came from. ``database`` is a path or a URL. ``dedupe_window`` and
    ``job_timeout`` are seconds.
    """

    path: str
    database: str
    dedupe_window: float
    concurrency: int
    job_timeout: float
    max_attempts: int
    workspaces: tuple[Workspace, ...]
    read_ping_url: "Callable[[], Credential | None]" = lambda: None

    @property
    def ping_url(self) -> "Credential | None":
        """Where a monitor is notified of every run: a credential, since anybody with it can lie.

        Raises:
            ConfigError: it is no reference to a credential, nor an address that may be asked.
        """
        return self.read_ping_url()

    @property
    def accounts(self) -> "tuple[Account, ...]":
        """The accounts of all workspaces.

        Raises:
            ConfigError: one of the account tables is wrong.
        """
        return tuple(account for workspace in self.workspaces for account in workspace.accounts)

    def narrowed(self, workspace: str | None) -> "Settings":
        """The same with one workspace; with all of them where none is named."""
        if workspace is None:
            return self
        return self._replace(workspaces=tuple(w for w in self.workspaces if w.name == workspace))

    def workspace(self, name: str) -> Workspace | None:
        """The workspace of that name, or None where there is none."""
        return next((w for w in self.workspaces if w.name == name), None)


def tables(path: str | None, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The file as it was read, unchecked, secrets and all.

    Raises:
        ConfigError: it is not there, or not TOML.
    """
    return _root(path, environ).values


def load(path: str | None, environ: Mapping[str, str], *, database: str | None = None) -> Settings:
    """Read and check the configuration, except what only its providers can check.

    ``path`` is the file, by default ``$CONVSYNC_CONFIG`` or ``convsync/config.toml`` in the XDG
    config folder; ``database`` takes precedence over what file and environment say.

    Raises:
        ConfigError: the first problem found.
    """
    root = _root(path, environ)
    root.allow(*_KEYS)
    job_timeout = _duration(root, environ, "job_timeout", "60s", ("5s", "30m"))
    return Settings(
        path=root.document.path,
        database=_database(root, environ, database),
        dedupe_window=_duration(root, environ, "dedupe_window", "5m", ("30s", "30m")),
        concurrency=_number(root, environ, "concurrency", 8, (1, 128)),
        job_timeout=job_timeout,
        max_attempts=_number(root, environ, "max_attempts", 3, (1, 20)),
        workspaces=_workspaces(root.table("workspaces"), environ, job_timeout),
        read_ping_url=_ping_url(root.table("monitoring"), environ),
    )


def _root(path: str | None, environ: Mapping[str, str]) -> Table:
    return read(folders.expanded(path, environ) if path else folders.config_path(environ))


def _database(root: Table, environ: Mapping[str, str], flag: str | None) -> str:
    if named := flag or environ.get("CONVSYNC_DATABASE"):
        return named if "://" in named else folders.expanded(named, environ)
    if "database" not in root.values:
        return folders.database_path(environ)
    named = root.string("database", '"/path/to/convsync.db"')
    if "://" in named:
        return named
    return root.document.beside(folders.expanded(named, environ))


def _duration(
    root: Table, environ: Mapping[str, str], key: str, default: str, limits: tuple[str, str]
) -> float:
    value, refused = _given(root, environ, key, default)
    lowest, highest = limits
    try:
        seconds = _seconds(value)
    except ValueError as error:
        raise refused(f"must be a duration, but {error}", f"write {_DURATIONS}") from None
    if not _seconds(lowest) <= seconds <= _seconds(highest):
        raise refused(f"must be between {lowest} and {highest}", f"write {_DURATIONS}")
    return seconds


def _seconds(value: object) -> float:
    """Read ``"5m"``; the error says what it is instead, without quoting it."""
    if not isinstance(value, str):
        raise ValueError(f"is {type_of(value)}")
    if _is_whole(value):
        raise ValueError("has no unit")
    if value[-1:] not in _UNITS_S or not _is_whole(value[:-1]):
        raise ValueError("is other text")
    return float(int(value[:-1]) * _UNITS_S[value[-1]])


def _number(
    root: Table, environ: Mapping[str, str], key: str, default: int, limits: tuple[int, int]
) -> int:
    value, refused = _given(root, environ, key, default)
    lowest, highest = limits
    # To Python, true is an int.
    if not isinstance(value, int) or isinstance(value, bool):
        raise refused(f"must be a whole number, but is {type_of(value)}", f"write {default}")
    if not lowest <= value <= highest:
        raise refused(f"must be between {lowest} and {highest}", f"write {default}")
    return value


def _given(
    root: Table, environ: Mapping[str, str], key: str, default: str | int
) -> tuple[object, Callable[[str, str], ConfigError]]:
    """What environment, file or default say of a key, and how to refuse it there."""
    variable = f"CONVSYNC_{key.upper()}"
    if not (text := environ.get(variable)):
        return root.values.get(key, default), partial(root.refused, key)
    number = isinstance(default, int) and _is_whole(text)  # variables are always text
    return (
        int(text) if number else text,
        lambda problem, hint: ConfigError(f"${variable} {problem}", hint),
    )


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _workspaces(
    tables: Table, environ: Mapping[str, str], job_timeout: float
) -> tuple[Workspace, ...]:
    for name in tables.values:
        if not _NAME.fullmatch(name):
            raise tables.refused(name, "is not a valid workspace name", _NAME_HINT)
    return tuple(_workspace(tables.table(name), environ, job_timeout) for name in tables.values)


def _workspace(table: Table, environ: Mapping[str, str], job_timeout: float) -> Workspace:
    table.allow("region", HOOK, *CHANNELS)
    channels = tuple(channel for channel in CHANNELS if channel in table.values)
    providers = {channel: _provider(table.table(channel)) for channel in channels}

    @cache
    def accounts() -> "tuple[Account, ...]":
        from convsync_cli.account_tables import account

        return tuple(account(table.table(c), p, environ) for c, p in providers.items())

    hook = _hook(table.table(HOOK), environ, job_timeout) if HOOK in table.values else None
    return Workspace(table.keys[-1], _region(table), providers, accounts, hook)


def _hook(table: Table, environ: Mapping[str, str], job_timeout: float) -> "Hook":
    """The operator's program; one named by a relative path is looked for beside the file."""
    from convsync_cli.sync.model.hook import Hook

    table.allow("command", "timeout")
    program, *arguments = table.argv("command")
    if "/" in program:
        program = table.document.beside(folders.expanded(program, environ))
    most = job_timeout - 1  # or the job would be ended before its program
    usual = f"{min(_HOOK_TIMEOUT_S, most):.0f}s"
    timeout = _duration(table, {}, "timeout", usual, ("1s", f"{most:.0f}s"))
    return Hook((program, *arguments), timeout)


def _ping_url(table: Table, environ: Mapping[str, str]) -> "Callable[[], Credential | None]":
    table.allow("ping_url")

    @cache
    def ping_url() -> "Credential | None":
        if "ping_url" not in table.values:
            return None
        from convsync_cli.account_tables import ping_url as read

        return read(table, environ)

    return ping_url


def _region(table: Table) -> str | None:
    if "region" not in table.values:
        return None
    from convsync_cli.countries import COUNTRIES

    region = table.string("region", '"US"').upper()
    if region not in COUNTRIES:
        hint = 'such as "US"; the United Kingdom is "GB"'
        raise table.refused("region", "must be a country code of two letters (ISO 3166)", hint)
    return region


def _provider(table: Table) -> str:
    """The name of the account's provider, which is looked up but not yet imported."""
    name = table.string("provider", '"NAME"')
    if not providers.exists(name):
        raise table.refused("provider", "is not a known provider", nearest(name, providers.names()))
    return name
