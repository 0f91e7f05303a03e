"""What ``--help`` looks like: the example first, and no more than a screen.

A command's docstring has its sentence first and ``Example:`` paragraphs behind it, as it reads best
in the source; people who ask for help look for the example.
"""

from typing import Any

from typer._click.core import Command, Context
from typer._click.formatting import HelpFormatter
from typer.core import TyperGroup

_EXAMPLE = "Example: "
_VERBATIM = "\b\n"  # Click: leave the line breaks of this paragraph as they are


def example_first(command: Command) -> Command:
    """Let a command's help open with its examples, and a group's with that of its first command."""
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            example_first(each)
        examples = examples_of(next(iter(command.commands.values())))[:1]
    else:
        examples = examples_of(command)
    told = _without_examples(command.help)
    command.short_help = command.short_help or told.partition("\n\n")[0].partition(". ")[0]
    shown = [_VERBATIM + "\n".join(_EXAMPLE + each for each in examples)] if examples else []
    command.help = "\n\n".join([*shown, told])
    return command


def examples_of(command: Command) -> list[str]:
    """The command lines that a command's help shows."""
    lines = (command.help or "").replace(_VERBATIM, "").splitlines()
    return [line.removeprefix(_EXAMPLE) for line in lines if line.startswith(_EXAMPLE)]


def overview(group: TyperGroup, context: Context, formatter: HelpFormatter) -> None:
    """Write the help of the whole program: one line for each command, and no line to spare."""
    formatter.write("Usage: convsync [--config FILE] [--db FILE] [--version] COMMAND [ARGS]...\n")
    for example in examples_of(group):
        formatter.write(f"{_EXAMPLE}{example}\n")
    formatter.write(f"\n{_without_examples(group.help)}\n")
    names = group.list_commands(context)
    width = max(map(len, names))
    for name in names:
        command: Any = group.get_command(context, name)
        told = command.get_short_help_str(max(20, formatter.width - width - 4))
        formatter.write(f"  {name:{width}}  {told}\n")


def _without_examples(told: str | None) -> str:
    paragraphs = (told or "").split("\n\n")
    return "\n\n".join(each for each in paragraphs if not each.lstrip("\b\n").startswith(_EXAMPLE))
