"""Everything that is printed: data on stdout, the rest on stderr, in one place.

House rules: other people's text goes through ``clean`` before a terminal sees it. Colour and tables
with lines only on a terminal. JSON is one document, or one line for an error.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convsync_cli.sync.errors import ConvsyncError, NeedsConfirmation

# C0 but tab and newline, DEL and C1; and the marks that reorder text, which can make one thing look
# like another (Unicode TR 36, 3.5; CVE-2021-42574).
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text without what could drive a terminal; carriage returns become line ends."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The text cleaned, on one line."""
    return " ".join(clean(text).split())


def is_terminal() -> bool:
    """Whether people look at stdout."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class Console:
    """Where one command prints: as JSON or for people, or only what matters."""

    json: bool = False
    quiet: bool = False

    def document(self, document: Any) -> None:
        """Print the command's JSON document, where one was asked for."""
        if self.json:
            print(as_json(document))

    def say(self, text: str = "") -> None:
        """Print a line for people."""
        if not self.json and not self.quiet:
            print(clean(text))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows: drawn on a terminal, aligned with spaces elsewhere."""
        if self.json or self.quiet:
            return
        cells = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
        if is_terminal():
            _draw(columns, cells)
        else:
            _align(columns, cells)


def write(text: str) -> None:
    """Print a line of our own making."""
    print(text)


def note(text: str) -> None:
    """Print a line that is not data."""
    print(clean(text), file=sys.stderr)


def release_terminal() -> None:
    """Give the cursor back that a drawing has hidden, where nothing else is cleaned up any more."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")


def confirmed(question: str, yes: bool) -> None:
    """Ask before something destructive, unless ``yes`` was given.

    Raises:
        NeedsConfirmation: there is nobody to ask, or the answer is no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NeedsConfirmation(question, "add --yes to go on without being asked")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NeedsConfirmation("nothing was done", "")


def error(problem: ConvsyncError, as_document: bool) -> None:
    """Word an error: what happened to what, and what to do next."""
    if as_document:
        told = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        print(as_json({"error": told}), file=sys.stderr)
        return
    note(f"convsync: {one_line(problem.message)}")
    if problem.hint:
        note(f"  {one_line(problem.hint)}")


def as_json(document: Any, *, ascii_only: bool | None = None) -> str:
    """One line of JSON that drives no terminal, in ASCII where stdout could not hold more."""
    if ascii_only is None:
        ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    line = json.dumps(document, ensure_ascii=ascii_only, separators=(",", ":"))
    return _UNSAFE.sub(lambda unsafe: f"\\u{ord(unsafe[0]):04x}", line)


def ago(seconds: float | None) -> str:
    """Seconds in words of one unit."""
    if seconds is None:
        return "never"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _align(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    every = [[column.upper() for column in columns], *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(columns))]
    for row in every:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    RichConsole(no_color="NO_COLOR" in os.environ, highlight=False).print(drawn)
