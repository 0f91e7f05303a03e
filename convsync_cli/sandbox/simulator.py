"""What the server must know of a simulated provider: whom it knows, how it answers and refuses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.limits import Verdict
from convsync_cli.sandbox.workspace import Workspace


def silent(response: Response, verdict: Verdict) -> Response:
    """The answer of a provider that tells nothing of its limits."""
    del verdict
    return response


def by_token(token: Callable[[Workspace], str]) -> Callable[[Workspace, Request], bool]:
    """Whether a request carries a workspace's bearer token."""
    return lambda workspace, request: request.token == token(workspace)


@dataclass(frozen=True, slots=True)
class Simulator:
    """One provider, as a row of the server's table.

    ``knows`` says whether a request carries a workspace's credential, and ``unauthorized`` is the
    answer where it is nobody's. ``refusal`` is the answer beyond the limit; ``told`` adds to any
    other one what the provider tells of its limits. ``widened`` is a request as a server reads it
    that ignores its filter.
    """

    name: str
    knows: Callable[[Workspace, Request], bool]
    answer: Callable[[Workspace, Request], Response]
    error: Callable[[int, str], Response]
    unauthorized: Response
    refusal: Callable[[Verdict], Response]
    widened: Callable[[Workspace, Request], Request]
    told: Callable[[Response, Verdict], Response] = silent

    def workspace(self, workspaces: Iterable[Workspace], request: Request) -> Workspace | None:
        """Whose credential a request carries."""
        return next((each for each in workspaces if self.knows(each, request)), None)
