"""A support bundle: what others need to understand an installation, and no secret.

House rule: redaction lists what may be shown, never what may not. A value that is not known to be
harmless is replaced, and so is a key that is not known: it may be a token in the wrong place.
"""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from convsync_cli import account_tables, settings
from convsync_cli.sync import providers
from convsync_cli.sync.wholefile import replacing

HIDDEN = "…"

_DURATION = re.compile(r"\d{1,9}[smh]?")
_PLAIN = {  # keys whose values are harmless where they have this shape
    "dedupe_window": _DURATION,
    "job_timeout": _DURATION,
    "concurrency": re.compile(r"\d{1,4}"),
    "max_attempts": re.compile(r"\d{1,4}"),
    "region": re.compile(r"[A-Za-z]{2}"),
    "rate": re.compile(r"\d{1,6}/\d{1,6}s"),
    "provider": re.compile(r"[a-z]{1,16}"),
    "discover": re.compile(r"True|False"),
    "timeout": _DURATION,
}
_TABLES = frozenset({*settings.CHANNELS, settings.HOOK, "monitoring", "oauth"})
_HIDDEN = frozenset({"database", "ping_url", "command"})  # known, their values nobody's
_REFERENCES = frozenset({"env", "file", "command"})
_README = """\
A support bundle of convsync. It holds no message, no name, no address and no token; workspaces are
numbered. Check every file before you send it.
"""


def redacted(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with its structure and without what is nobody else's business."""
    workspaces = configuration.get("workspaces")
    tables = workspaces.values() if isinstance(workspaces, Mapping) else ()
    numbers = {f"workspace {n}": _table(each) for n, each in enumerate(tables, start=1)}
    top = {key: value for key, value in configuration.items() if key != "workspaces"}
    return {**_table(top), "workspaces": numbers}


def anonymous(told: Any, workspaces: Sequence[str], home: str | None) -> Any:
    """Plain JSON without the names of workspaces, which are clients', and of the user."""
    if isinstance(told, dict):
        return {key: anonymous(value, workspaces, home) for key, value in told.items()}
    if isinstance(told, list):
        return [anonymous(each, workspaces, home) for each in told]
    if not isinstance(told, str):
        return told
    for number, name in enumerate(workspaces, start=1):
        told = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"workspace {number}", told)
    return told.replace(home, "~") if home and len(home) > 1 else told


def write(path: str, files: Mapping[str, Any]) -> None:
    """Write a zip file of JSON documents, private, and there only once it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    with (
        replacing(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle,
    ):
        bundle.writestr("README.txt", _README)
        for name, content in files.items():
            bundle.writestr(f"{name}.json", json.dumps(content, indent=2))


def _table(table: object) -> Any:
    """A table with the keys that are known; the others are only counted."""
    if not isinstance(table, Mapping):
        return HIDDEN
    shown = {
        key: _table(value) if key in _TABLES else _shown(key, value)
        for key, value in table.items()
        if key in _known()
    }
    unknown = len(set(table) - _known())
    return shown | ({HIDDEN: f"{unknown} other keys"} if unknown else {})


@cache
def _known() -> frozenset[str]:
    """Every key that some table may hold; those of the accounts are told by their providers."""
    return account_tables.every_key(providers.names()) | _PLAIN.keys() | _TABLES | _HIDDEN


def _shown(key: str, value: object) -> str:
    shape = _PLAIN.get(key)
    if shape is not None and shape.fullmatch(str(value)):
        return str(value)
    if isinstance(value, Mapping):
        return " ".join(f"{each} {HIDDEN}" for each in value if each in _REFERENCES) or HIDDEN
    return HIDDEN
