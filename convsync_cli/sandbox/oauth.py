"""GoHighLevel's token endpoint: access tokens that end, refresh tokens that can be used once."""

import time
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qsl

from convsync_cli.sandbox.exchange import Request, Response

PATH = "/oauth/token"
CLIENT_ID = "app0000000000000001-client"
CLIENT_SECRET = "app-secret-0000-0001"
DAY_S = 86_399


@dataclass(slots=True)
class OAuth:
    """The pairs that were given out; ``renewals`` counts how often one was had for another."""

    life_s: float = DAY_S
    renewals: int = 0
    _numbers: int = 0
    _refresh: dict[str, str] = field(default_factory=dict)
    _access: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def grant(self, workspace: str) -> dict[str, object]:
        """Give an app access to a workspace: its first pair, as the endpoint answers it."""
        with self._lock:
            return self._pair(workspace)

    def revoke(self, workspace: str) -> None:
        """Let no pair of a workspace be of use any more."""
        with self._lock:
            self._refresh = {t: name for t, name in self._refresh.items() if name != workspace}
        self.end(workspace)

    def end(self, workspace: str) -> None:
        """Let the access tokens of a workspace be at their end, whatever was said of it."""
        with self._lock:
            self._access = {t: held for t, held in self._access.items() if held[0] != workspace}

    def workspace_of(self, access: str) -> str | None:
        """Whose access token this is, as long as it lasts."""
        name, ends_at = self._access.get(access, (None, 0.0))
        return name if time.monotonic() < ends_at else None

    def answer(self, request: Request) -> Response:
        """``POST /oauth/token``: a form, of which only refreshing is played."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if request.method != "POST":
            return Response(404, {"message": f"Cannot {request.method} {PATH}"})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refused(401, "invalid_client", "Invalid client credentials!")
        if form.get("grant_type") != "refresh_token" or form.get("user_type") != "Location":
            return _refused(422, "invalid_request", "grant_type or user_type is not supported")
        with self._lock:
            workspace = self._refresh.pop(form.get("refresh_token", ""), None)
            if workspace is None:
                return _refused(400, "invalid_grant", "This refresh token is invalid")
            self.renewals += 1
            return Response(200, self._pair(workspace))

    def _pair(self, workspace: str) -> dict[str, object]:
        self._numbers += 1
        access, refresh = (f"{kind}-{workspace}-{self._numbers:06d}" for kind in ("acc", "ref"))
        self._access[access] = workspace, time.monotonic() + self.life_s
        self._refresh[refresh] = workspace
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.life_s,
            "refresh_token": refresh,
            "scope": "conversations.readonly conversations/message.readonly contacts.readonly",
            "userType": "Location",
            "userId": "usr0000000000000000001",
        }


def _refused(status: int, code: str, message: str) -> Response:
    return Response(status, {"error": code, "error_description": message})
