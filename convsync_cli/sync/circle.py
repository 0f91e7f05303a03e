"""Whether the pages of a list go in a circle, detected without remembering all of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from convsync_cli.sync.errors import CursorLoop


@dataclass(slots=True)
class Circle:
    """Watches the pages of one list, whose cursors may be new ones on every round.

    One page is remembered, a later one each time the way has doubled (Brent's method): so a circle
    of any length is noticed within a few rounds, and a list of any length costs one page.
    """

    label: str
    _page: frozenset[str | None] | None = None
    _steps: int = 0
    _next: int = 1

    def watch(self, ids: Iterable[str | None], *, leads_to_itself: bool = False) -> None:
        """Look at the ids of a page that has another one behind it.

        Raises:
            CursorLoop: all of this page was on one before, or the one behind it is itself.
        """
        page = frozenset(ids)
        nameless = bool(page) and not any(page)  # rows without ids cannot be told from others
        if leads_to_itself or (not nameless and self._was_there(page)):
            raise CursorLoop(f"{self.label} leads in a circle; its end cannot be reached")
        if nameless:
            return
        self._steps += 1
        if self._steps == self._next:
            self._page, self._steps, self._next = page, 0, self._next * 2

    def _was_there(self, page: frozenset[str | None]) -> bool:
        if self._page is None:
            return False
        return page <= self._page if page else not self._page


@dataclass(slots=True)
class Circles:
    """The same for a walk through several lists, which are read one after the other."""

    _list: tuple[object, ...] = ()
    _circle: Circle = field(default_factory=lambda: Circle(""))

    def of(self, label: str, *which: object) -> Circle:
        """What watches a list; it begins anew where the list is another than the last one."""
        if (label, *which) != self._list:
            self._list, self._circle = (label, *which), Circle(label)
        return self._circle
