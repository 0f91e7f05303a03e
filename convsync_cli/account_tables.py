"""From a ``[workspaces.W.CHANNEL]`` table to an ``Account``, and the other place of a credential.

Apart from ``settings`` because providers and their values cost more to import than all the rest of
a configuration, and ``enqueue`` does not need them.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, get_type_hints

from convsync_cli import folders
from convsync_cli.config_file import Table
from convsync_cli.sync import providers
from convsync_cli.sync.api import ProviderModule, UnusableSetting
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import (
    Credential,
    FromCommand,
    FromEnv,
    FromFile,
    Literal,
    OAuth,
)
from convsync_cli.sync.model.message import Channel

HTTPS_ONLY = "must begin with https; http is for loopback only"
"""What is wrong with an address that ``may_be_asked`` refuses."""

_SHARED_KEYS = ("provider", "base_url", "rate", "discover")
_ORIGIN = re.compile(
    r"(?P<origin>(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?P<port>[0-9]{1,5}))?)/?"
)
_REFERENCE = '{ env = "NAME" }, { file = "/path" } or { command = ["program", "argument"] }'


def account(table: Table, provider: str, environ: Mapping[str, str]) -> Account:
    """Read one account.

    ``table`` stands at ``workspaces.W.CHANNEL``; ``provider`` is the name of a module in
    ``sync/providers``; ``environ`` says where relative credential files are.

    Raises:
        ConfigError: the table is not what the provider needs.
    """
    _, workspace, channel = table.keys
    module = providers.load(provider)
    if channel != module.CHANNEL:
        hint = f"move it to [workspaces.{workspace}.{module.CHANNEL}]"
        raise table.refused("provider", f"is not a provider of {channel}", hint)
    return Account(
        workspace=workspace,
        channel=Channel(channel),
        provider=provider,
        base_url=_base_url(table, module.BASE_URL),
        rate=_rate(table, module.RATE),
        options=_options(table, module, environ),
        discover=table.boolean("discover", module.DISCOVER),
    )


def every_key(names: Iterable[str]) -> frozenset[str]:
    """Every key that an account of one of these providers may have, in any of its tables."""
    kinds: list[type[Any]] = [OAuth, *(providers.load(each).Settings for each in names)]
    own = (field.name for kind in kinds for field in dataclasses.fields(kind))
    return frozenset((*_SHARED_KEYS, *own))


def ping_url(table: Table, environ: Mapping[str, str]) -> Credential:
    """Read ``ping_url`` of ``[monitoring]``.

    Raises:
        ConfigError: it is no credential; or it stands there itself, and may not be asked.
    """
    credential = _credential(table, "ping_url", environ)
    if isinstance(credential, Literal) and not may_be_asked(credential.value):
        raise table.refused("ping_url", HTTPS_ONLY, "write https://…")
    return credential


def may_be_asked(url: str) -> bool:
    """Whether a whole address, path and all, is one of https or of this machine."""
    parts = re.fullmatch(r"(https?://[^/?#\\@]+)([/?#][!-~]*)?", url)
    found = _ORIGIN.fullmatch(parts[1].lower()) if parts else None
    if not found or not _reachable(found["host"], found["port"]):
        return False
    return found["scheme"] == "https" or _loopback(found["host"])


def _options(table: Table, module: ProviderModule, environ: Mapping[str, str]) -> Any:
    """The provider's own ``Settings``, read field by field."""
    _allow(table, module.Settings, *_SHARED_KEYS)
    for keys in module.EITHER:
        _check_either(table, keys)
    try:
        return _read(table, module.Settings, environ)
    except UnusableSetting as fault:
        raise table.refused(fault.key, fault.problem, fault.hint) from None


def _allow(table: Table, settings: Any, *others: str) -> None:
    table.allow(*others, *(field.name for field in dataclasses.fields(settings)))


def _check_either(table: Table, keys: tuple[str, ...]) -> None:
    """Refuse a table that has none of some keys, or more than one."""
    found = [key for key in keys if key in table.values]
    if not found:
        hint = f"write {keys[0]} = {_REFERENCE}, or {' or '.join(keys[1:])} = {{ … }}"
        raise table.refused(keys[0], "is missing", hint)
    if len(found) > 1:
        raise table.refused(found[1], f"cannot be combined with {found[0]}", "keep one of them")


def _read(table: Table, settings: Any, environ: Mapping[str, str]) -> Any:
    types = get_type_hints(settings)
    return settings(
        **{
            field.name: _value(table, field.name, types[field.name], environ)
            for field in dataclasses.fields(settings)
            if field.name in table.values or _required(field)
        }
    )


def _value(table: Table, key: str, kind: Any, environ: Mapping[str, str]) -> Any:
    if kind in (Credential, Credential | None):
        return _credential(table, key, environ)
    if kind in (OAuth, OAuth | None):
        inner = table.table(key)
        _allow(inner, OAuth)
        return _read(inner, OAuth, environ)
    if kind is Path:
        return Path(table.document.beside(_path(table, key, environ)))
    return table.string(key)


def _path(table: Table, key: str, environ: Mapping[str, str]) -> str:
    path = folders.expanded(table.string(key, '"/path"'), environ)
    if "\0" in path:
        raise table.refused(key, "cannot be a path", "remove the NUL character")
    return path


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _credential(table: Table, key: str, environ: Mapping[str, str]) -> Credential:
    value = table.values.get(key)
    if value is None:
        raise table.refused(key, "is missing", f"write {key} = {_REFERENCE}")
    if isinstance(value, str):
        return _literal(table, key)
    if not isinstance(value, dict):
        raise table.wrong_type(key, "a reference to a credential", value, f"write {_REFERENCE}")
    match list(value):  # its keys are not named: one of them may be the credential
        case ["env"]:
            return _from_env(table.table(key))
        case ["file"]:
            return _from_file(table.table(key), environ)
        case ["command"]:
            return FromCommand(table.table(key).argv("command"))
    raise table.refused(key, "must have one key: env, file or command", f"write {_REFERENCE}")


def _literal(table: Table, key: str) -> Literal:
    if not table.document.private:
        from shlex import quote

        raise table.refused(
            key,
            "holds a credential, but other users can open the file",
            f"chmod 600 {quote(table.document.path)}, or write {_REFERENCE}",
        )
    return Literal(table.string(key))


def _from_env(table: Table) -> FromEnv:
    name = table.string("env", '"NAME"')
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise table.refused(
            "env", "is not the name of a variable", "write the variable's name, not its value"
        )
    return FromEnv(name)


def _from_file(table: Table, environ: Mapping[str, str]) -> FromFile:
    path = _path(table, "file", environ)
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        return FromFile(Path(folder, path))
    return FromFile(Path(table.document.beside(path)))


def _base_url(table: Table, default: str | None) -> str:
    if default is not None and "base_url" not in table.values:
        return default
    hint = 'write base_url = "https://host" or "https://host:port"'
    found = _ORIGIN.fullmatch(table.string("base_url", '"https://host"').lower())
    if not found or not _reachable(found["host"], found["port"]):
        raise table.refused("base_url", "must be an origin: no user, path or query", hint)
    if found["scheme"] == "http" and not _loopback(found["host"]):
        raise table.refused("base_url", HTTPS_ONLY, hint)
    return found["origin"]


def _reachable(host: str, port: str | None) -> bool:
    """Whether a host in brackets is an IPv6 address, and a port one that exists."""
    if host.startswith("[") and _address(host) is None:
        return False
    return port is None or 0 < int(port) < 65_536


def _loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _rate(table: Table, default: Rate) -> Rate:
    if "rate" not in table.values:
        return default
    example = '"90/10s"'
    try:
        return Rate.parse(table.string("rate", example))
    except ValueError:
        raise table.refused(
            "rate", "must be requests per seconds", f"write rate = {example}"
        ) from None
