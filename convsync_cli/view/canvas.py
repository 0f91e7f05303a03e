"""What a conversation, or the result of a search, is put on: a terminal page by page, or a pipe."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from convsync_cli.console import Console, is_terminal
from convsync_cli.view.plain import Plain
from convsync_cli.view.thread import Entry


class Canvas(Protocol):
    """A surface that fits what is put on it."""

    def title(self, text: str, further: Iterable[str]) -> None:
        """Put down who this is about."""

    def day(self, text: str) -> None:
        """Put down the heading of a day."""

    def entry(self, entry: Entry, full: bool) -> None:
        """Put down a message; ``full`` with the history that it quotes."""

    def found(self, heading: str, pieces: Iterable[tuple[str, bool]]) -> None:
        """Put down a message that a search found, its excerpt in pieces that match or do not."""

    def line(self, text: str = "") -> None:
        """Put down a line of our own."""


@contextmanager
def canvas(console: Console) -> Iterator[Canvas]:
    """The canvas that suits stdout."""
    if not is_terminal():
        yield Plain(console)
        return
    from convsync_cli.pager import paged
    from convsync_cli.view.screen import Screen

    with paged() as stream:
        yield Screen(stream)
