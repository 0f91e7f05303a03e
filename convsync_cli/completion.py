"""Shell completion: the answers that a shell gets, and which of our values it can complete.

A shell asks in the middle of a line: whatever goes wrong, such as a configuration that cannot be
read, is answered with nothing to offer and not with an error.
"""

import os
from typing import TYPE_CHECKING, Any

from convsync_cli.sync.errors import ConvsyncError

if TYPE_CHECKING:
    from convsync_cli.settings import Settings

VARIABLE = "_CONVSYNC_COMPLETE"


def answer(command: Any, instruction: str) -> int:
    """Answer a shell: ``source_bash`` asks for its script, ``complete_bash`` for completions."""
    from typer._completion_classes import completion_init
    from typer.completion import shell_complete

    completion_init()
    try:
        return shell_complete(command, {}, "convsync", VARIABLE, instruction)
    except SystemExit as ended:  # how Typer answers fish
        return int(ended.code or 0)
    except Exception:
        return 1


def workspaces(ctx: Any, incomplete: str) -> list[str]:
    """The configured workspaces."""
    loaded = _settings(ctx)
    names = [each.name for each in loaded.workspaces] if loaded else []
    return [name for name in names if name.startswith(incomplete)]


def accounts(ctx: Any, incomplete: str) -> list[str]:
    """The configured accounts: ``workspace/channel``."""
    loaded = _settings(ctx)
    every = loaded.workspaces if loaded else ()
    names = [f"{each.name}/{channel}" for each in every for channel in each.providers]
    return [name for name in names if name.startswith(incomplete)]


def providers(incomplete: str) -> list[str]:
    """The providers that there are, as the beginning of ``provider:external-id``."""
    from convsync_cli.sync import providers

    return [f"{name}:" for name in providers.names() if f"{name}:".startswith(incomplete)]


def _settings(ctx: Any) -> "Settings | None":
    """The configuration that the line so far names, if it can be used."""
    from convsync_cli import settings

    try:
        return settings.load(ctx.find_root().params.get("config"), os.environ)
    except (ConvsyncError, OSError, ValueError):
        return None
