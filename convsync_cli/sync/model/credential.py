"""A credential as the configuration names it; never the secret itself, except a literal one."""

from dataclasses import dataclass, field
from pathlib import Path


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
    """The secret stands in the configuration file itself."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth:
    """An app to which access was given: its own credential, and the file of its pair of tokens."""

    client_id: "Credential"
    client_secret: "Credential"
    token_file: Path


Credential = FromEnv | FromFile | FromCommand | Literal
