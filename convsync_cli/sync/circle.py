"""Whether the pages of a list lead in a circle, told without remembering all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convsync_cli.sync.errors import CursorLoop
from convsync_cli.sync.shape import text


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

    def watch(self, found: Iterable[object], name: str = "id") -> None:
        """Look at a page that has another one behind it; a row is known by its field ``name``.

        Raises:
            CursorLoop: this page was there before.
        """
        page = tuple(text(row.get(name)) if isinstance(row, Mapping) else None for row in found)
        if page == self._page:
            raise CursorLoop(f"{self.label} leads in a circle; its end cannot be reached")
        self._steps += 1
        if self._steps == self._next:
            self._page, self._steps, self._next = page, 0, self._next * 2
