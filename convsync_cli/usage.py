"""What Typer says of a wrong command line, in our words: what is wrong, and what was meant.

House rule: what was typed is quoted only where it can be nothing but a word of ours misspelt. A
lead's address or a token may be in the wrong place, and stderr goes into logs and mails.
"""

import re

from typer._click.core import Context
from typer._click.exceptions import (
    BadParameter,
    ClickException,
    MissingParameter,
    NoSuchOption,
)
from typer.core import TyperGroup

from convsync_cli.config_file import nearest
from convsync_cli.helptext import examples_of
from convsync_cli.sync.errors import UsageError

_WORD = re.compile(r"-{0,2}[A-Za-z][A-Za-z_-]{0,23}")
_QUOTED = re.compile(r"'.*' (?=is not )", re.DOTALL)
_NO_NUMBER = re.compile(r"is not a valid (int|float)")
_NO_COMMAND = re.compile(r"No such command '(.*?)'\.", re.DOTALL)


def worded(problem: ClickException) -> UsageError:
    """The error that an operator is told."""
    context: Context | None = getattr(problem, "ctx", None)
    if context is None:
        return UsageError(problem.format_message(), "see `convsync --help`")
    match problem:
        case NoSuchOption():
            known = [o for each in context.command.get_params(context) for o in _names(each)]
            what = f"there is no option {_shown(problem.option_name)}"
            return UsageError(
                f"{what} in `{context.command_path}`", nearest(problem.option_name, tuple(known))
            )
        case MissingParameter():
            return UsageError(f"{_param(problem, context)} is missing", _help(context))
        case BadParameter():
            return _bad_value(problem, context)
    if found := _NO_COMMAND.match(problem.message):
        return no_command(found[1], context)
    if problem.message.startswith("Got unexpected extra argument"):
        return UsageError("there are too many arguments", _help(context))
    return UsageError(problem.format_message(), _help(context))


def no_command(typed: str, context: Context) -> UsageError:
    """There is no such command in a group."""
    group = context.command
    known = tuple(group.list_commands(context)) if isinstance(group, TyperGroup) else ()
    place = f" in `{context.command_path}`" if context.parent else ""
    return UsageError(f"there is no command {_shown(typed)}{place}", nearest(typed, known))


def _bad_value(problem: BadParameter, context: Context) -> UsageError:
    choices = tuple(str(each) for each in getattr(getattr(problem.param, "type", 0), "choices", ()))
    found = re.match(r"'(.*)' is not one of", problem.message, re.DOTALL)
    if choices and found:
        what = f"{_shown(found[1])} is not a value for {_param(problem, context)}"
        return UsageError(what, nearest(found[1], choices))
    told = problem.message.rstrip(".")
    if _NO_NUMBER.search(told):
        told = "must be a number"
    told = _QUOTED.sub("the value ", told)
    return UsageError(f"{_param(problem, context)}: {told}", _help(context))


def _param(problem: BadParameter, context: Context) -> str:
    """How the parameter is called on the command line."""
    param = problem.param
    if param is None:
        return "a value"
    names = _names(param)
    return names[0] if names else param.make_metavar(context)


def _names(param: object) -> list[str]:
    every = [*getattr(param, "opts", ()), *getattr(param, "secondary_opts", ())]
    return sorted((each for each in every if each.startswith("-")), key=len, reverse=True)


def _shown(typed: str) -> str:
    return repr(typed) if _WORD.fullmatch(typed) else "of that name"


def _help(context: Context) -> str:
    example = next(iter(examples_of(context.command)), None)
    return f"e.g. `{example}`" if example else f"see `{context.command_path} --help`"
