"""A conversation on a terminal: as wide as it is, in colours that a dark and a light one can show.

House rules: every line fits, whatever is in it. Colour only repeats what a word or a sign says.
"""

import shutil
from collections.abc import Iterable, Iterator
from typing import IO, NoReturn

from rich.console import Console
from rich.text import Text

from convsync_cli.console import colourless
from convsync_cli.sync.model.message import Direction
from convsync_cli.view.thread import ARROWS, Entry

NARROW = 60  # columns; below, the text stands further left
WIDEST = 100  # columns that an eye can follow back to the next line

_HOUR = len("no date")  # columns
_WRITERS = {Direction.INBOUND: "bold magenta", Direction.OUTBOUND: "bold green"}
_FAINT = "dim"  # of the terminal's own colour, so that it can be read on any


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave it to us: rich would end the process with 1."""
        raise BrokenPipeError


class Screen:
    """Draws onto a stream that a terminal shows."""

    def __init__(self, stream: IO[str]) -> None:
        self.width = max(20, shutil.get_terminal_size().columns)
        self._indent = 0 if self.width < NARROW else _HOUR + 2
        self._console = _Console(
            file=stream,
            width=self.width,
            force_terminal=True,
            no_color=colourless(),
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def title(self, text: str, further: Iterable[str]) -> None:
        """Draw who this is about."""
        self._draw([(text, "bold")], 0)
        self._draw([(" · ".join(further), _FAINT)], 0)

    def day(self, text: str) -> None:
        """Draw the heading of a day, with a line to the right of it."""
        rest = min(self.width, WIDEST) - len(text) - 1
        stroke = "─" if self._console.encoding.startswith("utf") else "-"
        self.line()
        self._draw([(text, "bold"), (f" {stroke * rest}" if rest > 0 else "", _FAINT)], 0)

    def entry(self, entry: Entry, full: bool) -> None:
        """Draw a message: what is said about it, and below it what it says."""
        self.line()
        hour = f"{entry.hour:>{_HOUR}}  " if self._indent else f"{entry.hour} "
        self._draw([(hour, _FAINT), *_heading(entry)], 0, hanging=self._indent)
        for part in _body(entry, full):
            self._draw([part], self._indent or 2)

    def line(self, text: str = "") -> None:
        """Draw a line of our own."""
        self._draw([(text, "")], 0)

    def found(self, heading: str, pieces: Iterable[tuple[str, bool]]) -> None:
        """Draw a message that a search found, with what matches lit up."""
        self.line()
        self._draw([(heading, "bold")], 0)
        self._draw([(text, "bold reverse" if hit else "") for text, hit in pieces], 2)

    def _draw(self, parts: list[tuple[str, str]], indent: int, hanging: int | None = None) -> None:
        text = Text.assemble(*parts)
        room = min(self.width, WIDEST) - max(indent, hanging or 0)
        margin = indent
        for line in text.wrap(self._console, max(8, room), overflow="fold"):
            self._console.print(Text(" " * margin) + line, no_wrap=True, crop=False)
            margin = indent if hanging is None else hanging


def _heading(entry: Entry) -> Iterator[tuple[str, str]]:
    yield f"{ARROWS[entry.direction]} {entry.writer}", _WRITERS.get(entry.direction, "bold")
    yield "".join(f" · {remark}" for remark in (entry.channel, *entry.remarks)), _FAINT
    if entry.status:
        yield "  ", ""
        yield f"[{entry.status}]", "bold red" if entry.trouble else "bold"


def _body(entry: Entry, full: bool) -> Iterator[tuple[str, str]]:
    if entry.subject:
        yield entry.subject, "bold"
    if entry.text:
        yield entry.text, ""
    elif not entry.attachments:
        yield "(no text)", _FAINT
    if entry.quoted:
        yield (entry.quoted if full else f"… {entry.folded} (--full)"), _FAINT
    for attachment in entry.attachments:
        yield f"[attachment: {attachment}]", _FAINT
