"""The keys of the configuration, as the program reads them: found in its source, where each table
says what it allows, with the default and the limits that stand there."""

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from convsync_cli import account_tables, settings
from convsync_cli.sync import providers

MEANINGS = {
    "database": "where the database is; a relative path starts at this file. Default: the XDG data"
    " folder, `~/.local/share/convsync/convsync.db`",
    "dedupe_window": "queued again within this time, a lead is not synced again",
    "concurrency": "number of jobs at once",
    "job_timeout": "per job; one that made progress continues later and loses no attempt",
    "max_attempts": "tries before a job counts as failed",
    "workspaces": "a table for each workspace, `[workspaces.NAME]`",
    "monitoring": "the table `[monitoring]`",
    "region": "the country of phone numbers written without one: ISO 3166, two letters",
    "sms": "the account for SMS: a table, see below",
    "email": "the account for email: a table, see below",
    "inbound_hook": "the program to run for each new inbound message: a table, see below",
    "command": "the program and its arguments; no shell",
    "timeout": "for one message; less than `job_timeout`",
    "ping_url": "the address of a check at healthchecks.io or a similar service: a credential",
    "provider": "one of those [below](#providers); it decides the channel",
    "base_url": "the origin of the API, `https` only; by default the provider's own",
    "rate": 'at most N requests in S seconds, written `"N/Ss"`: `"90/10s"`. By default the'
    " provider's own, below its limit",
    "discover": "whether people whom only the provider knows become leads. The default depends on"
    " the provider",
    "client_id": "the app's id: a credential",
    "client_secret": "the app's secret: a credential",
    "token_file": "where the pair of tokens is kept and renewed; a relative path starts at this"
    " file",
    "gohighlevel.location_id": "the id of the sub-account (location) that is read",
    "gohighlevel.token": "a private integration token: a credential",
    "gohighlevel.oauth": "an app with OAuth instead: a table",
    "emailbison.token": "an API token: a credential",
    "emailbison.workspace_id": "refuse every other workspace; by default the one that the token"
    " opens first",
    "twilio.account_sid": "the account, or subaccount, to read: `AC` and 32 digits",
    "twilio.auth_token": "the account's token: a credential. Or an API key:",
    "twilio.api_key_sid": "the API key's id: `SK` and 32 digits",
    "twilio.api_key_secret": "the API key's secret: a credential",
    "instantly.token": "an API key of version 2: a credential",
    "smartlead.api_key": "the account's API key: a credential",
}
"""What each key means; a provider's own are under its name. The source has the rest."""

_READERS = ("_duration", "_number")


@dataclass(frozen=True, slots=True)
class Figures:
    """A key's default and its limits as they are written, or nothing where it has none."""

    default: str = ""
    limits: str = ""


def keys() -> set[str]:
    """Every key that any table of the configuration allows."""
    own = {field.name for name in providers.names() for field in _fields(providers.load(name))}
    return own | {key for module in (settings, account_tables) for key in _allowed(module)}


def _allowed(module: ModuleType) -> Iterator[str]:
    """What the calls of ``Table.allow``, and of ``_allow``, in a module name."""
    for call in _calls(module):
        if ast.unparse(call.func).rpartition(".")[2].lstrip("_") == "allow":
            for argument in call.args:
                yield from _constants(argument, module)


def _constants(node: ast.expr, module: ModuleType) -> Iterator[str]:
    """The keys that an argument is: as text, by a name, or as the fields of a value's type."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) if dataclasses.is_dataclass(found := getattr(module, name, None)):
            yield from (field.name for field in dataclasses.fields(found))
        case ast.Name(id=name) if isinstance(found := getattr(module, name, None), str):
            yield found
        case ast.Starred(value=ast.Name(id=name)):
            yield from map(str, getattr(module, name, ()))


def _calls(module: ModuleType) -> Iterator[ast.Call]:
    tree = ast.parse(inspect.getsource(module))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@cache
def figures() -> dict[str, Figures]:
    """The default and limits of each key that has some, from where it is read."""
    found = {}
    for call in _calls(settings):
        if not (isinstance(call.func, ast.Name) and call.func.id in _READERS):
            continue
        key, *rest = (each.value for each in call.args if isinstance(each, ast.Constant))
        limits = [each for each in call.args if isinstance(each, ast.Tuple)]
        default = _toml(rest[0]) if rest else ""
        bounds = [_bound(each) for each in limits[0].elts] if limits else []
        found[str(key)] = Figures(default, " … ".join(bounds) if all(bounds) else "")
    return found


def _bound(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _toml(value: object) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case None:
            return ""
    return f"`{value}`"


def table(names: str) -> str:
    """The reference of some keys, in the order in which they are named; ``top`` are all of the
    first level that are no tables."""
    wanted = [each for each in settings._KEYS if each in figures() or each == "database"]
    rows = [
        (f"`{key}`", told.default, told.limits, MEANINGS[key])
        for key in (wanted if names == "top" else names.split())
        for told in [figures().get(key, Figures())]
    ]
    return _drawn(("key", "default", "limits", "means"), rows)


def _drawn(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, without the columns that are empty."""
    told = [place for place in range(len(names)) if any(row[place] for row in rows)]
    every = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(row[place] for place in told)} |" for row in every)


def provider(name: str) -> str:
    """One provider's figures and keys."""
    module = providers.load(name)
    url = f"`{module.BASE_URL}`" if module.BASE_URL else "yours: `base_url` is to be set"
    rows = [
        (f"`{field.name}`", _needed(module, field), _meaning(module, name, field.name))
        for field in _fields(module)
    ]
    return (
        f"Channel `{module.CHANNEL}` · default rate `{module.RATE}` · API {url} ·"
        f" unknown people become leads: {'yes' if module.DISCOVER else 'no'}\n\n"
        + _drawn(("key", "needed", "means"), rows)
    )


def all_providers() -> str:
    """Every provider under a heading of its own."""
    return "\n\n".join(
        f"### {name}\n\n{provider(name)}\n\nMore: [providers/{name}.md](providers/{name}.md)."
        for name in providers.names()
    )


def costs(name: str) -> str:
    """What reading costs at a provider, in words."""
    told = providers.load(name).COSTS
    requests = f"{told.per_lead} request{'' if told.per_lead == 1 else 's'}"
    people = f" or {told.fill_people} people" if told.fill_people else ""
    return (
        f"One lead whose conversation fits on one page costs {requests}; a page holds"
        f" {told.page} messages. In the first walk of the feed, one request brings"
        f" {told.fill_messages} messages{people}."
    )


def _fields(module: Any) -> tuple["dataclasses.Field[Any]", ...]:
    return dataclasses.fields(module.Settings)


def _needed(module: Any, field: "dataclasses.Field[Any]") -> str:
    """Whether a key must be set, or one of several of which it is one."""
    if any(field.name in group for group in module.EITHER):
        return "either"
    return "yes" if _required(field) else ""


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _meaning(module: Any, name: str, key: str) -> str:
    """What a provider's key means; else the comment behind it in the source."""
    said = re.search(rf"^\s+{key}:[^#\n]*#(.*)$", inspect.getsource(module.Settings), re.MULTILINE)
    found = MEANINGS.get(f"{name}.{key}") or (said[1].strip() if said else "")
    assert found, f"say in tests/docs/configuration.py what {name}.{key} means"
    return found
