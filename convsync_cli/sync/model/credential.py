"""A credential as the configuration names it; never the secret itself, except a literal one."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FromEnv:
    """The secret is in an environment variable."""

    name: str


@dataclass(frozen=True, slots=True)
class FromFile:
    """The secret is the content of a file, white space at its ends removed."""

    path: Path


@dataclass(frozen=True, slots=True)
class FromCommand:
    """The secret is what a command prints; it is started without a shell."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """The secret is in the configuration file itself."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth:
    """An app to which access was given: its own credential, and the file of its pair of tokens."""

    client_id: "Credential"
    client_secret: "Credential"
    token_file: Path


Credential = FromEnv | FromFile | FromCommand | Literal


def held_by(options: Any) -> Iterator[tuple[str, Credential]]:
    """Every credential in a provider's settings by its key, also those of an app in them."""
    for each in fields(options):
        value = getattr(options, each.name)
        if isinstance(value, OAuth):
            yield from held_by(value)
        elif isinstance(value, Credential):
            yield each.name, value
