"""The sandbox: all providers on loopback, with a record of what was asked of them.

``with Sandbox() as sandbox:`` gives addresses, tokens, faults, limits and the truth.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from convsync_cli.sandbox import oauth
from convsync_cli.sandbox.emailbison import EmailBison
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.faults import Faults
from convsync_cli.sandbox.gohighlevel import GoHighLevel
from convsync_cli.sandbox.limits import Allowance, Limits
from convsync_cli.sandbox.listener import Listener
from convsync_cli.sandbox.mischief import Culprit, Delivery, deliver
from convsync_cli.sandbox.simulator import Simulator
from convsync_cli.sandbox.simulators import table
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

GOHIGHLEVEL = "gohighlevel"
EMAILBISON = "emailbison"
ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that arrived; ``at`` is ``time.monotonic()``.

    ``status`` is that of the answer, which a hang or a reset kept from arriving. ``authorized``
    says whether a credential came along; ``workspace`` is None where it is nobody's.
    """

    at: float
    provider: str
    workspace: str | None
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    authorized: bool


class Sandbox:
    """All providers, running from ``start`` (or ``with``) to ``close``; ``urls`` has their origins.

    ``elsewhere_url`` is an origin of none, where redirects lead; what arrives there is recorded.
    ``most_rows`` is the largest page of a provider, where that is to be less than live.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        enforce_limits: bool = True,
        allowances: Mapping[str, Allowance] | None = None,
        flat_messages: bool = False,
        cursor_seconds: float = 120.0,
        deepest_page: int = 1000,
        most_rows: Mapping[str, int] | None = None,
    ) -> None:
        self.world = world or World.seeded()
        self.faults = Faults()
        self.limits = Limits(allowances, enforced=enforce_limits)
        self.requests: list[Recorded] = []
        self.oauth = oauth.OAuth()
        self._simulators = table(
            GoHighLevel(flat_messages, cursor_seconds),
            EmailBison(deepest_page),
            self.oauth,
            most_rows or {},
        )
        self._listeners: list[Listener] = []
        self.urls: dict[str, str] = {}

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def gohighlevel_url(self) -> str:
        """Where GoHighLevel is."""
        return self.urls[GOHIGHLEVEL]

    @property
    def emailbison_url(self) -> str:
        """Where EmailBison is."""
        return self.urls[EMAILBISON]

    @property
    def elsewhere_url(self) -> str:
        """An origin of none of them."""
        return self.urls[ELSEWHERE]

    def start(self) -> "Sandbox":
        """Open the ports."""
        answers: dict[str, Callable[[Request], Delivery]] = {
            name: partial(self._answer, simulator) for name, simulator in self._simulators.items()
        }
        for name, answer in {**answers, ELSEWHERE: self._answer_elsewhere}.items():
            listener = Listener(answer)
            self._listeners.append(listener)
            self.urls[name] = listener.url
        return self

    def clock_is_ahead(self, seconds: float) -> None:
        """Let the providers' clocks differ from ours."""
        for listener in self._listeners:
            listener.ahead_s = seconds

    def close(self) -> None:
        """Close the ports and drop every connection, at once."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _answer_elsewhere(self, request: Request) -> Delivery:
        self._record(time.monotonic(), ELSEWHERE, None, request, 200)
        return Delivery(Response(200, {"data": [], "messages": [], "conversations": []}))

    def _answer(self, simulator: Simulator, request: Request) -> Delivery:
        if simulator.name == GOHIGHLEVEL and request.path == oauth.PATH:
            return self._answer_oauth(simulator, request)
        at = time.monotonic()
        workspace = simulator.workspace(self.world.workspaces.values(), request)
        delivery = (
            self._delivery_to_nobody(simulator, request)
            if workspace is None
            else self._delivery(simulator, workspace, request, at)
        )
        name = workspace.name if workspace else None
        self._record(at, simulator.name, name, request, delivery.response.status)
        return delivery

    def _answer_oauth(self, simulator: Simulator, request: Request) -> Delivery:
        at = time.monotonic()
        faults = self.faults.take(simulator.name, None, request)
        delivery = deliver(faults, request, self.oauth.answer, self._culprit(simulator, None))
        self._record(at, simulator.name, None, request, delivery.response.status)
        return delivery

    def _delivery(
        self, simulator: Simulator, workspace: Workspace, request: Request, at: float
    ) -> Delivery:
        """Count the request first, as a gateway does; what is let through may meet a fault."""
        verdict = self.limits.arrive((simulator.name, workspace.name), at)
        if not verdict.allowed:
            return Delivery(simulator.refusal(verdict))
        return deliver(
            self.faults.take(simulator.name, workspace.name, request),
            request,
            lambda asked: simulator.told(simulator.answer(workspace, asked), verdict),
            self._culprit(simulator, workspace),
        )

    def _delivery_to_nobody(self, simulator: Simulator, request: Request) -> Delivery:
        faults = self.faults.take(simulator.name, None, request)
        refusal = simulator.unauthorized
        return deliver(faults, request, lambda _: refusal, self._culprit(simulator, None))

    def _culprit(self, simulator: Simulator, workspace: Workspace | None) -> Culprit:
        return Culprit(
            simulator.unauthorized,
            simulator.error,
            lambda request: simulator.widened(workspace, request) if workspace else request,
            self.elsewhere_url,
        )

    def _record(
        self, at: float, provider: str, workspace: str | None, request: Request, status: int
    ) -> None:
        self.requests.append(
            Recorded(
                at,
                provider,
                workspace,
                request.method,
                request.path,
                request.without("api_key").query,
                status,
                "authorization" in request.headers or bool(request.get("api_key")),
            )
        )
