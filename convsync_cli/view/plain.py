"""A conversation in a pipe: lines as long as they are, one thing to a line, for grep and people."""

from collections.abc import Iterable

from convsync_cli.console import Console
from convsync_cli.view.thread import ARROWS, Entry


class Plain:
    """``Canvas`` on stdout, without colour or wrapping."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str = "") -> None:
        """Print a line of our own."""
        self._console.say(text)

    def title(self, text: str, further: Iterable[str]) -> None:
        """Print who this is about."""
        self.line(text)
        self.line(" · ".join(further))

    def day(self, text: str) -> None:
        """Print the heading of a day."""
        self.line(f"\n{text}")

    def entry(self, entry: Entry, full: bool) -> None:
        """Print a message, its text indented."""
        heading = ", ".join((entry.writer, entry.channel, *entry.remarks))
        status = f" [{entry.status}]" if entry.status else ""
        subject = f" “{entry.subject}”" if entry.subject else ""
        self.line(f"  {entry.hour} {ARROWS[entry.direction]} {heading}{status}{subject}")
        for line in _body(entry, full):
            self.line(f"    {line}")

    def found(self, heading: str, pieces: Iterable[tuple[str, bool]]) -> None:
        """Print a message that a search found, with what matches in [brackets]."""
        self.line(heading)
        text = "".join(f"[{text}]" if matches else text for text, matches in pieces)
        self.line(f"  {text.strip()}")


def _body(entry: Entry, full: bool) -> Iterable[str]:
    yield from entry.text.splitlines()
    if not entry.text and not entry.attachments:
        yield "(no text)"
    if entry.quoted and full:
        yield from entry.quoted.splitlines()
    elif entry.quoted:
        yield f"… {entry.folded} (--full)"
    for attachment in entry.attachments:
        yield f"[attachment: {attachment}]"
