"""One folder per provider, found by its name; one provider knows no other."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsync_cli.sync.api import ProviderModule


def names() -> tuple[str, ...]:
    """The providers that an account may name."""
    from pkgutil import iter_modules

    return tuple(module.name for module in iter_modules(__path__))


def exists(name: str) -> bool:
    """Whether there is a provider of that name; it is looked up and not imported."""
    usable = name.isidentifier() and not name.startswith("_")
    return usable and find_spec(f"{__name__}.{name}") is not None


def load(name: str) -> "ProviderModule":
    """Import a provider by its name."""
    module: ProviderModule = import_module(f"{__name__}.{name}")
    return module
