"""The command line: which commands there are, and the one place where errors become exit codes.

A command is imported when it is called, so that ``enqueue``, which scripts call ten thousand times,
pays for nothing else. What Typer leaves open is closed here and in the modules named here: how help
looks (``helptext``), how wrong usage is worded (``usage``), what shells complete (``completion``),
streams that end early (``console``).
"""

import errno
import os
import re
import signal
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer.core import TyperGroup
from typer.main import get_command

from convsync_cli import __version__, console
from convsync_cli.bootstrap import Invocation
from convsync_cli.completion import VARIABLE
from convsync_cli.endings import endings
from convsync_cli.sync.errors import Bug, ConvsyncError, Exit, OutputError, UsageError, where

COMMANDS = {
    "enqueue": "enqueue",
    "enqueue-all": "enqueue_all",
    "run": "run",
    "status": "status",
    "jobs": "jobs",
    "leads": "leads",
    "import-messages": "import_messages",
    "accounts": "accounts",
    "show": "show",
    "search": "search",
    "audit": "audit",
    "export": "export",
    "explain": "explain",
    "init": "init",
    "doctor": "doctor",
    "cron": "cron",
    "metrics": "metrics",
    "backup": "backup",
    "demo": "demo",
}
"""Each command and its module in ``commands``, in the order in which ``--help`` lists them."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_WAITED = re.compile(r"(\d{1,6}(?:\.\d+)?)([a-z]*)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


class _Commands(TyperGroup):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"convsync_cli.commands.{COMMANDS[cmd_name]}")
        command = get_command(module.app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing:
            from convsync_cli.usage import no_command

            raise no_command(args[0], ctx)
        name, command, rest = super().resolve_command(ctx, args)
        asks = "--help" in rest or (isinstance(command, TyperGroup) and not rest)
        if asks and command is not None:
            from convsync_cli.helptext import example_first

            example_first(command)
        return name, command, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from convsync_cli.helptext import overview

        overview(self, ctx, formatter)


app = typer.Typer(
    cls=_Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        console.write(f"convsync {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def convsync(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Configuration file (default: $CONVSYNC_CONFIG)."),
    ] = None,
    db: Annotated[
        str | None, typer.Option(metavar="FILE", help="Database (default: the one configured).")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print and exit.")
    ] = False,
) -> None:
    """Every SMS and email conversation with your leads, once, in one SQLite file.

    Example: convsync enqueue lead@example.com && convsync run --max-seconds 50
    """
    context.obj = Invocation(config, db, began=context.obj)


def main(arguments: list[str] | None = None, began: float | None = None) -> int:
    """Run a command line and return its exit code; print every error once, and no traceback.

    ``began`` is when the process did, by the monotonic clock, where that is not just now.
    """
    given = sys.argv[1:] if arguments is None else arguments
    as_document = "--json" in _options(given)
    console.open_streams()
    for number in endings():
        signal.signal(number, _signalled)
    try:
        code = _run(_with_wait(given), began)
        sys.stdout.flush()
        return code
    except ConvsyncError as problem:
        return _told(problem, as_document)
    except NoArgsIsHelpError as asked:
        console.note(asked.format_message())
        return Exit.USAGE
    except ClickException as problem:
        from convsync_cli.usage import worded

        return _told(worded(problem), as_document)
    except _Signalled as signalled:
        return signalled.exit_code
    except OSError as problem:
        if problem.errno == errno.EPIPE:
            console.hang_up(sys.stdout)  # whoever read our output has had enough
            return 0
        if problem.errno in _NO_ROOM and problem.filename is None:
            console.hang_up(sys.stdout)
            said = f"the output cannot be written: {problem.strerror}"
            return _told(OutputError(said, "free some space, or write it elsewhere"), as_document)
        return _told(_bug(problem), as_document)
    except UnicodeEncodeError as problem:
        return _told(_no_text(given) or _bug(problem), as_document)
    except Exception as problem:
        return _told(_bug(problem), as_document)
    finally:
        console.let_go(sys.stdout)


def _told(problem: ConvsyncError, as_document: bool) -> int:
    """Print an error; returns its exit code."""
    console.error(problem, as_document)
    return problem.exit_code


class _Signalled(BaseException):
    """A signal asked us to end: everything that is open is cleaned up on the way out.

    Not KeyboardInterrupt: Python kills itself at exit if that ever went through an ``exec``, as
    those of ``dataclasses`` are, even where it was caught.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def _signalled(number: int, frame: object) -> None:
    raise _Signalled(number)


def _run(arguments: list[str], began: float | None) -> int:
    command = get_command(app)
    if asked := os.environ.get(VARIABLE):
        from convsync_cli.completion import answer

        return answer(command, asked)
    columns = max(20, min(80, console.columns()) - 2)
    try:
        with command.make_context(
            "convsync", arguments, terminal_width=columns, obj=began
        ) as context:
            result = command.invoke(context)
    except typer.Exit as ended:
        return int(ended.exit_code)
    return result if isinstance(result, int) else 0


def _options(arguments: list[str]) -> list[str]:
    """What may be options: behind ``--`` everything is a lead or a word to look for."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _with_wait(arguments: list[str]) -> list[str]:
    """Give ``--wait`` its optional value, which Typer has no notion of."""
    given = list(arguments)
    for place, option in enumerate(_options(given)):
        name, joined, value = option.partition("=")
        if name == "--wait":
            seconds = _seconds(value if joined else "".join(given[place + 1 : place + 2]))
            if seconds is not None:
                given[place : place + (1 if joined else 2)] = [f"--wait={seconds}"]
            elif not joined:
                given[place] = "--wait=inf"
            break
    return given


def _seconds(text: str) -> float | None:
    """Seconds, or 90s, 5m, 1h; None where it is no number, which may be a lead.

    Raises:
        UsageError: its unit is another. No lead is called so, and the wait would have no end.
    """
    waited = _WAITED.fullmatch(text)
    if waited is None:
        return None
    if waited[2] not in _UNITS_S:
        raise UsageError("--wait is not a duration", "write a number and its unit: 90s, 5m, 1h")
    return float(waited[1]) * _UNITS_S[waited[2]]


def _no_text(arguments: list[str]) -> UsageError | None:
    """Why arguments could not be stored or looked for, if it is their bytes; a path may be so."""
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        return UsageError("an argument is not UTF-8 text", "check how it is written")
    return None


def _bug(problem: Exception) -> ConvsyncError:
    """An unforeseen error; its text may hold personal data, so only its type is told."""
    if os.environ.get("CONVSYNC_DEBUG"):
        raise problem
    return Bug(
        f"a bug in convsync: {where(problem)}",
        "please report it; CONVSYNC_DEBUG=1 shows the traceback, which may hold personal data",
    )
