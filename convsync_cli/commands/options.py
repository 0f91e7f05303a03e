"""The options that many commands share."""

from typing import Annotated

import typer

from convsync_cli.completion import workspaces
from convsync_cli.sync.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace", "-w", metavar="W", autocompletion=workspaces, help="Only this workspace."
    ),
]
Into = Annotated[
    str,
    typer.Option(
        "--workspace", "-w", metavar="W", autocompletion=workspaces, help="Target workspace."
    ),
]

WithHistory = Annotated[
    bool, typer.Option("--with-history", help="Run the inbound hook for old messages too.")
]

_MOST = 2**53  # of anything that is counted: what JSON can hold exactly
LONGEST_S = 100 * 365 * 86_400.0

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def count(text: str | int) -> int:
    """A number from 1 on, as a ``parser``: Typer's own would show the upper limit in help.

    Raises:
        BadParameter: the text is not such a number.
    """
    try:
        number = int(text)
    except ValueError:
        raise typer.BadParameter("must be a number") from None
    if not 1 <= number <= _MOST:
        raise typer.BadParameter("must be at least 1" if number < 1 else "is too large")
    return number


def duration(text: str, option: str) -> float:
    """Seconds, from a number and its unit: ``90s``, ``15m``, ``1h``, ``2d``.

    Raises:
        UsageError: the text is not a duration.
    """
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS_S and number.isdecimal() and len(number) < 12:
        return min(LONGEST_S, float(int(number) * _UNITS_S[unit]))
    raise UsageError(f"{option} is not a duration", "write a number and its unit: 90s, 15m, 1h, 2d")
