"""The commands, by their own help: the reference of all, and the table in the README."""

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from typer.main import get_command

from convsync_cli.cli import COMMANDS
from tests.commands.operator import AT_ONCE, PROGRAM

COLUMNS = "80"


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is typed, the sentence that says what it is for, and those below it."""

    words: tuple[str, ...]
    sentence: str
    below: tuple[str, ...] = ()

    @property
    def typed(self) -> str:
        return " ".join(self.words)


@cache
def every() -> tuple[Command, ...]:
    """Every command in the order of ``--help``, each followed by those below it."""
    return tuple(_walk())


def _walk() -> Iterator[Command]:
    for name, module in COMMANDS.items():
        command = get_command(import_module(f"convsync_cli.commands.{module}").app)
        below = getattr(command, "commands", {})
        yield Command((name,), _sentence(command.help), tuple(below))
        for each, inner in below.items():
            yield Command((name, each), _sentence(inner.help))


def _sentence(help_: str | None) -> str:
    """The first sentence of a help text, which may begin with examples."""
    said = (help_ or "").replace("\b", "")
    paragraphs = [" ".join(each.split()) for each in said.split("\n\n")]
    told = next((each for each in paragraphs if each and not each.startswith("Example")), "")
    return re.split(r"[.;:] ", told)[0].rstrip(".")


def help_of(words: tuple[str, ...]) -> str:
    """What ``--help`` prints in a pipe, 80 columns wide."""
    ended = subprocess.run(
        [*PROGRAM, *words, "--help"],
        env={"PATH": os.environ["PATH"], "COLUMNS": COLUMNS, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in ended.stdout.strip().splitlines())


@cache
def helps() -> dict[tuple[str, ...], str]:
    """The help of the program itself, under ``()``, and of every command."""
    words = [(), *(command.words for command in every())]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(words, pool.map(help_of, words), strict=True))


def reference() -> str:
    """Every command under a heading of its own, with its help."""
    told = helps()
    sections = [f"```text\n{told[()]}\n```"]
    for command in every():
        mark = "##" if len(command.words) == 1 else "###"
        sections.append(f"{mark} {command.typed}\n\n```text\n{told[command.words]}\n```")
    return "\n\n".join(sections)


def table(page: str) -> str:
    """The commands of the first level, a line each, linked to ``page``."""
    rows = [
        f"| [`{' '.join((command.typed, '·'.join(command.below))).strip()}`]"
        f"({page}#{command.typed}) | {command.sentence} |"
        for command in every()
        if len(command.words) == 1
    ]
    return "\n".join(["| command | does |", "|---|---|", *rows])
