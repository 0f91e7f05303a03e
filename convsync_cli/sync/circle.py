"""Whether the pages of a list go in a circle, detected without remembering all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from convsync_cli.sync.errors import CursorLoop


@dataclass(slots=True)
class Circle:
    """Watches the pages of one list, whose cursors may be new ones on every round.

    One page is remembered, a later one each time the way has doubled (Brent's method): so a circle
    of any length is noticed within a few rounds, and a list of any length costs one page.
    """

    label: str
    _page: tuple[str | None, ...] | None = None
    _steps: int = 0
    _next: int = 1

    def watch(self, ids: Iterable[str | None]) -> None:
        """Look at the ids of a page that has another one behind it.

        Raises:
            CursorLoop: this page was there before.
        """
        page = tuple(ids)
        if page and not any(page):
            return  # rows that have no ids cannot be told from others
        if page == self._page:
            raise CursorLoop(f"{self.label} leads in a circle; its end cannot be reached")
        self._steps += 1
        if self._steps == self._next:
            self._page, self._steps, self._next = page, 0, self._next * 2
