"""Which act of a simulator answers a request, and the refusal that ends an act early."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.workspace import Workspace

Act = Callable[..., Response]


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path; what its groups match is given to the act."""

    method: str
    path: re.Pattern[str]
    act: Act


def routes(*rows: tuple[str, str, Act]) -> tuple[Route, ...]:
    """Rows of method, regular expression and act as routes; the first that fits answers."""
    return tuple(Route(method, re.compile(path), act) for method, path, act in rows)


def answered(
    known: Iterable[Route], path: str, workspace: Workspace, request: Request, *simulator: object
) -> Response | None:
    """The answer of the route that fits, made while nobody else changes the workspace.

    The act is a function, or a method of the ``simulator``; None where no route fits.
    """
    try:
        for route, groups in _fitting(known, request.method, path):
            with workspace.lock:
                return route.act(*simulator, workspace, request, *groups)
    except Refused as refused:
        return refused.response
    return None


def _fitting(
    known: Iterable[Route], method: str, path: str
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    for route in known:
        match = route.path.fullmatch(path)
        if match and route.method == method:
            yield route, match.groups()
