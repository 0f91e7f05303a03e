"""The sandbox: the providers on loopback, with a record of what was asked of them.

``with Sandbox() as sandbox:`` gives addresses, tokens, faults, limits and the truth.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from convsync_cli.sandbox import emailbison, gohighlevel, oauth, smartlead
from convsync_cli.sandbox.emailbison import EmailBison
from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.faults import Faults
from convsync_cli.sandbox.gohighlevel import GoHighLevel
from convsync_cli.sandbox.limits import Allowance, Limits, Verdict
from convsync_cli.sandbox.listener import Listener
from convsync_cli.sandbox.mischief import Culprit, Delivery, deliver
from convsync_cli.sandbox.smartlead import Smartlead
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

GOHIGHLEVEL = "gohighlevel"
EMAILBISON = "emailbison"
SMARTLEAD = "smartlead"
ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that arrived; ``at`` is ``time.monotonic()``.

    ``status`` is that of the answer, which a hang or a reset kept from arriving. ``authorized``
    says whether a token or key came along; ``workspace`` is None where it is nobody's.
    """

    at: float
    provider: str
    workspace: str | None
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    authorized: bool


class Provider(Protocol):
    """Answers the requests of a known workspace."""

    def answer(self, workspace: Workspace, request: Request) -> Response:
        """Answer one request."""
        ...


class Sandbox:
    """All providers, running from ``start`` (or ``with``) to ``close``.

    ``elsewhere_url`` is an origin of none, where redirects lead; what arrives there is recorded.
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
    ) -> None:
        self.world = world or World.seeded()
        self.faults = Faults()
        self.limits = Limits(allowances, enforced=enforce_limits)
        self.requests: list[Recorded] = []
        self._gohighlevel = GoHighLevel(flat_messages, cursor_seconds)
        self._emailbison = EmailBison(deepest_page)
        self._smartlead = Smartlead()
        self.oauth = oauth.OAuth()
        self._listeners: list[Listener] = []
        self.gohighlevel_url = self.emailbison_url = self.elsewhere_url = ""
        self.smartlead_url = ""

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> "Sandbox":
        """Open the ports."""
        answers = (self._answer_gohighlevel, self._answer_emailbison, self._answer_elsewhere)
        self._listeners = [Listener(answer) for answer in answers]
        self.gohighlevel_url, self.emailbison_url, self.elsewhere_url = (
            listener.url for listener in self._listeners
        )
        self._listeners.append(Listener(self._answer_smartlead))
        self.smartlead_url = self._listeners[-1].url
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

    def _answer_gohighlevel(self, request: Request) -> Delivery:
        if request.path == oauth.PATH:
            return self._answer_oauth(request)
        tokens = {one.gohighlevel_token: one for one in self.world.workspaces.values()}
        granted = self.world.workspaces.get(self.oauth.workspace_of(request.token) or "")
        return self._answer(GOHIGHLEVEL, tokens.get(request.token, granted), request)

    def _answer_oauth(self, request: Request) -> Delivery:
        at = time.monotonic()
        faults = self.faults.take(GOHIGHLEVEL, None, request)
        culprit = self._culprit(GOHIGHLEVEL, None)
        delivery = deliver(faults, request, self.oauth.answer, culprit)
        self._record(at, GOHIGHLEVEL, None, request, delivery.response.status)
        return delivery

    def _answer_emailbison(self, request: Request) -> Delivery:
        tokens = {one.emailbison_token: one for one in self.world.workspaces.values()}
        return self._answer(EMAILBISON, tokens.get(request.token), request)

    def _answer_smartlead(self, request: Request) -> Delivery:
        keys = {smartlead.key_of(one): one for one in self.world.workspaces.values()}
        return self._answer(SMARTLEAD, keys.get(request.get("api_key")), request)

    def _answer_elsewhere(self, request: Request) -> Delivery:
        self._record(time.monotonic(), ELSEWHERE, None, request, 200)
        return Delivery(Response(200, {"data": [], "messages": [], "conversations": []}))

    def _answer(self, provider: str, workspace: Workspace | None, request: Request) -> Delivery:
        at = time.monotonic()
        delivery = (
            self._delivery_to_nobody(provider, request)
            if workspace is None
            else self._delivery(provider, workspace, request, at)
        )
        name = workspace.name if workspace else None
        self._record(at, provider, name, request, delivery.response.status)
        return delivery

    def _delivery(
        self, provider: str, workspace: Workspace, request: Request, at: float
    ) -> Delivery:
        """Count the request first, as a gateway does; what is let through may meet a fault."""
        verdict = self.limits.arrive((provider, workspace.name), at)
        if not verdict.allowed:
            return Delivery(_refusal(provider, verdict))
        answering: Provider = self._gohighlevel if provider == GOHIGHLEVEL else self._emailbison
        if provider == SMARTLEAD:
            answering = self._smartlead
        return deliver(
            self.faults.take(provider, workspace.name, request),
            request,
            lambda asked: _with_limits(provider, answering.answer(workspace, asked), verdict),
            self._culprit(provider, workspace),
        )

    def _delivery_to_nobody(self, provider: str, request: Request) -> Delivery:
        faults = self.faults.take(provider, None, request)
        refusal = _unauthorized(provider)
        return deliver(faults, request, lambda _: refusal, self._culprit(provider, None))

    def _culprit(self, provider: str, workspace: Workspace | None) -> Culprit:
        module = {GOHIGHLEVEL: gohighlevel, EMAILBISON: emailbison, SMARTLEAD: smartlead}[provider]
        return Culprit(
            _unauthorized(provider),
            module.error,
            lambda request: module.widened(workspace, request) if workspace else request,
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
                bool(request.token or request.get("api_key")),
            )
        )


def _unauthorized(provider: str) -> Response:
    if provider == GOHIGHLEVEL:
        return gohighlevel.error(401, "Invalid JWT")
    if provider == SMARTLEAD:
        return smartlead.error(401, "Invalid API key")
    return emailbison.error(401, "Unauthenticated.")


def _refusal(provider: str, verdict: Verdict) -> Response:
    """The 429 of each: seconds in a header or in the body, none when the day is used up."""
    seconds = int(verdict.wait) + 1
    if provider == EMAILBISON:
        return Response(429, {"error": "rate_limited", "retry_after": seconds})
    if provider == SMARTLEAD:
        said = {"code": "RATE_LIMIT_EXCEEDED", "message": "slow down", "retry_after": seconds}
        return Response(429, {"error": said}).header("Retry-After", seconds)
    response = _with_limits(provider, gohighlevel.error(429, "Too Many Requests"), verdict)
    return response.header("Retry-After", seconds) if verdict.daily_left else response


def _with_limits(provider: str, response: Response, verdict: Verdict) -> Response:
    """Tell the limits where the provider tells them: only GoHighLevel does, in headers."""
    if provider == GOHIGHLEVEL:
        for name, value in gohighlevel.rate_headers(verdict).items():
            response = response.header(name, value)
    return response
