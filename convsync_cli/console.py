"""Everything that is printed: data on stdout, the rest on stderr, in one place.

House rules: other people's text goes through ``clean`` before a terminal sees it. Colour and tables
with lines only on a terminal. JSON is one document, or one line for an error. Whoever stops reading
is not complained to.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from convsync_cli.sync.errors import ConvsyncError, NeedsConfirmation

# C0 but tab and newline, DEL and C1; and the marks that reorder text, which can make one thing look
# like another (Unicode TR 36, 3.5; CVE-2021-42574).
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_GAP = 2  # between two columns of a table
_COLOURS = {"green": "32", "yellow": "33", "red": "31;1"}


def clean(text: str) -> str:
    """The text without what could drive a terminal; carriage returns become line ends."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The text cleaned, on one line."""
    return " ".join(clean(text).split())


def is_terminal() -> bool:
    """Whether people look at stdout."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def colourless() -> bool:
    """Whether the user said no to colours; an empty $NO_COLOR says nothing (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def coloured() -> bool:
    """Whether stdout may have colours: it is a terminal, and the user has not said no."""
    return is_terminal() and not colourless()


def columns() -> int:
    """How wide the terminal is; $COLUMNS goes over what it says itself."""
    return shutil.get_terminal_size().columns


class Console(NamedTuple):
    """Where one command prints: as JSON or for people, or only what matters."""

    json: bool = False
    quiet: bool = False

    def document(self, document: Any) -> None:
        """Print the command's JSON document, where one was asked for."""
        if self.json:
            print(as_json(document))

    def say(self, text: str = "", *, mark: str = "", colour: str = "") -> None:
        """Print lines for people, behind a ``mark`` of ours that is coloured on a terminal."""
        if self.json or self.quiet:
            return
        painted = f"\x1b[{_COLOURS[colour]}m{mark}\x1b[0m" if colour and coloured() else mark
        print(painted + clean(text))

    def wrapped(self, text: str, indent: str = "", *, mark: str = "", colour: str = "") -> None:
        """Print a paragraph; a terminal gets it in lines that fit, the later ones indented."""
        lines = [f"{mark}{text}"]
        if is_terminal():
            from textwrap import wrap

            width = max(20, columns() - 1)
            lines = wrap(f"{mark}{one_line(text)}", width, subsequent_indent=indent) or [mark]
        first = lines[0].removeprefix(mark) if lines[0].startswith(mark) else ""
        self.say(first, mark=mark, colour=colour)
        for line in lines[1:]:
            self.say(line)

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str = ""
    ) -> None:
        """Print rows: drawn on a terminal, aligned with spaces elsewhere.

        Where there are none, a terminal gets the sentence that says so.
        """
        if self.json or self.quiet:
            return
        if nothing and not rows and is_terminal():
            self.say(nothing)
            return
        cells = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
        if not is_terminal():
            _align(columns, cells)
        elif _fits(columns, cells):
            _draw(columns, cells)
        else:
            _list(columns, cells)


def write(text: str, end: str = "\n") -> None:
    """Print text of our own making."""
    print(text, end=end)


def note(text: str) -> None:
    """Print a line that is not data; where nobody reads stderr any more, nothing."""
    try:
        print(clean(text), file=sys.stderr, flush=True)
    except OSError:
        hang_up(sys.stderr)


def open_streams() -> None:
    """Make the standard streams safe to use.

    What cannot be encoded becomes a question mark. A stream that the caller has closed leads to
    nowhere: otherwise the next file that is opened would get its number, and what is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115  # stays
        elif number and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def hang_up(stream: IO[str]) -> None:
    """Send what is still to be printed nowhere, also what is flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def let_go(stream: IO[str]) -> None:
    """Print what is left, or nowhere: Python would complain at exit, and change the exit code."""
    try:
        stream.flush()
    except OSError:
        hang_up(stream)


def can_show(text: str) -> bool:
    """Whether stdout's encoding holds these characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def release_terminal() -> None:
    """Give the cursor back that a drawing has hidden, where nothing else is cleaned up any more."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")


def confirmed(question: str, yes: bool) -> None:
    """Ask before something destructive, unless ``yes`` was given.

    Raises:
        NeedsConfirmation: there is no terminal to ask on, or the answer is no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NeedsConfirmation(question, "add --yes to skip the question")
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


def _fits(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be drawn without breaking words, which makes it unreadable."""
    every = [names, *rows]
    longest = [
        max(len(word) for row in every for word in [*row[i].split(), ""]) for i in range(len(names))
    ]
    return sum(longest) + _GAP * len(longest) <= columns()


def _list(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print each row as lines of its own, for a terminal that is too narrow for a table."""
    width = max(map(len, names))
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            print(f"{name:{width}}  {cell}".rstrip())
        print()


def _draw(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    for i, name in enumerate(names):
        numbers = rows and all(row[i].isdecimal() for row in rows)
        drawn.add_column(name, justify="right" if numbers else "left")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    screen = RichConsole(no_color=not coloured(), highlight=False, width=columns())
    screen.print(drawn)
