"""Faults on demand: which requests go wrong, how, and how often."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock

from convsync_cli.sandbox.exchange import Request

CURSORS = ("cursor", "page", "lastMessageId", "startAfterDate", "offset")


class FaultKind(StrEnum):
    """How a request goes wrong."""

    LATENCY = "latency"
    HANG = "hang"
    DRIP = "drip"
    RESET = "reset"
    TRUNCATED = "truncated"
    HTML = "html"
    RATE_LIMITED = "rate_limited"
    STATUS = "status"
    UNAUTHORIZED = "unauthorized"
    EMPTY = "empty"
    CURSOR_LOOP = "cursor_loop"
    FOREIGN_ROWS = "foreign_rows"
    MALFORMED_ROW = "malformed_row"
    REDIRECT = "redirect"


class Tell(StrEnum):
    """How a 429 says when to come back."""

    SECONDS = "seconds"
    DATE = "date"
    BODY = "body"
    NOTHING = "nothing"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, for the requests that all of its conditions meet.

    ``provider`` and ``workspace`` are names or None for any, ``path`` is a pattern with ``*``. The
    first ``skip`` matching requests are spared, then ``times`` of them are hit (None: all). With
    ``page`` only requests for that page of a list are hit, counted per list by its cursors.
    ``seconds`` is the latency, the pause between two bytes, or the wait that a 429 asks for.
    ``status`` is that of a status, html, empty or redirect fault; a redirect leads to ``location``.
    """

    kind: FaultKind
    provider: str | None = None
    workspace: str | None = None
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    page: int | None = None
    seconds: float = 1.0
    status: int | None = None
    tell: Tell = Tell.SECONDS
    location: str | None = None

    def __post_init__(self) -> None:
        """Take the plain words for a kind and a tell too."""
        object.__setattr__(self, "kind", FaultKind(self.kind))
        object.__setattr__(self, "tell", Tell(self.tell))

    @classmethod
    def from_json(cls, told: Mapping[str, object]) -> "Fault":
        """Read a fault from a JSON object.

        Raises:
            ValueError: a name or a value is not known.
        """
        strange = set(told) - {one.name for one in fields(cls)}
        if strange:
            raise ValueError(f"unknown: {', '.join(sorted(strange))}")
        return cls(**told)  # type: ignore[arg-type]  # plain JSON; a wrong type shows on use

    def concerns(self, provider: str, workspace: str | None, path: str) -> bool:
        """Whether its conditions on the address of a request are met."""
        return (
            self.provider in (None, provider)
            and self.workspace in (None, workspace)
            and fnmatchcase(path, self.path)
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    spared: int = 0
    hit: int = 0
    seen: dict[object, list[object]] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.hit >= self.fault.times

    def strikes(self, request: Request) -> bool:
        """Count a request whose address matches; whether it is one of those to be hit."""
        if self.fault.page is not None and self._page(request) != self.fault.page:
            return False
        if self.spared < self.fault.skip:
            self.spared += 1
            return False
        self.hit += 1
        return True

    def _page(self, request: Request) -> int:
        """Which page this asks for: a retry of a page is the same page again."""
        cursors = self.seen.setdefault((request.path, request.without(*CURSORS).query), [])
        place = (tuple(pair for pair in request.query if pair[0] in CURSORS), request.body)
        if place not in cursors:
            cursors.append(place)
        return cursors.index(place) + 1


class Faults:
    """The faults in force; the first added goes first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Put faults in force."""
        with self._lock:
            self._armed.extend(_Armed(fault) for fault in faults)

    def clear(self) -> None:
        """Let everything go right again."""
        with self._lock:
            self._armed.clear()

    def in_force(self) -> tuple[Fault, ...]:
        """The faults that may still hit."""
        with self._lock:
            return tuple(armed.fault for armed in self._armed if not armed.spent)

    def take(self, provider: str, workspace: str | None, request: Request) -> tuple[Fault, ...]:
        """The faults that hit this request: every latency, and the first other one."""
        with self._lock:
            matching = [
                armed
                for armed in self._armed
                if not armed.spent and armed.fault.concerns(provider, workspace, request.path)
            ]
            return tuple(_first_of_each(matching, request))


def _first_of_each(matching: Iterable[_Armed], request: Request) -> Iterable[Fault]:
    struck = False
    for armed in matching:
        if armed.fault.kind is FaultKind.LATENCY:
            if armed.strikes(request):
                yield armed.fault
        elif not struck and armed.strikes(request):
            struck = True
            yield armed.fault
