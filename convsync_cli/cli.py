"""The command line: which commands there are, and the one place where errors become exit codes.

A command is imported when it is called, so that ``enqueue``, which scripts call ten thousand times,
pays for nothing else.
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
from convsync_cli.sync.errors import Bug, ConvsyncError, UsageError, where

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
    "audit": "audit",
    "export": "export",
    "init": "init",
    "doctor": "doctor",
    "backup": "backup",
    "demo": "demo",
}
"""Each command and its module in ``commands``, in the order in which ``--help`` lists them."""

_SECONDS = re.compile(r"(\d{1,6}(?:\.\d+)?)s?")


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
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from convsync_cli.config_file import nearest

            raise UsageError(f"there is no command {args[0]!r}", nearest(args[0], tuple(COMMANDS)))
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
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
    context.obj = Invocation(config, db)


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; print every error once, and no traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    as_document = "--json" in given
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _signalled)
    try:
        code = _run(_with_wait(given))
        sys.stdout.flush()
        return code
    except ConvsyncError as problem:
        console.error(problem, as_document)
        return problem.exit_code
    except NoArgsIsHelpError as asked:
        console.write(asked.format_message())
        return 2
    except ClickException as problem:
        usage = UsageError(problem.format_message(), "see `convsync --help`")
        console.error(usage, as_document)
        return usage.exit_code
    except _Signalled as signalled:
        return signalled.exit_code
    except OSError as problem:
        if problem.errno == errno.EPIPE:
            return _closed_pipe()
        console.error(_bug(problem), as_document)
        return 1
    except Exception as problem:
        console.error(_bug(problem), as_document)
        return 1


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


def entry() -> None:
    """The ``convsync`` command."""
    sys.exit(main())


def _run(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files
    command = get_command(app)
    try:
        with command.make_context("convsync", arguments) as context:
            result = command.invoke(context)
    except typer.Exit as ended:
        return int(ended.exit_code)
    return result if isinstance(result, int) else 0


def _with_wait(arguments: list[str]) -> list[str]:
    """Give ``--wait`` its optional value, which Typer has no notion of."""
    given = list(arguments)
    if "--wait" in given:
        place = given.index("--wait")
        follows = given[place + 1] if place + 1 < len(given) else ""
        seconds = _SECONDS.fullmatch(follows)
        given[place] = f"--wait={seconds[1] if seconds else 'inf'}"
        if seconds:
            del given[place + 1]
    return given


def _closed_pipe() -> int:
    """Whoever read our output has had enough; nothing is left to be flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _bug(problem: Exception) -> ConvsyncError:
    """An error that nobody foresaw; its text may hold personal data, so only its type is told."""
    if os.environ.get("CONVSYNC_DEBUG"):
        raise problem
    return Bug(
        f"a bug in convsync: {where(problem)}",
        "please report it; CONVSYNC_DEBUG=1 shows the traceback, which may hold personal data",
    )
