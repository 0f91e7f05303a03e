"""A raw client that does nothing clever."""

import base64
import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Client:
    """One connection per request; gives up after ``timeout`` seconds of silence."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 10.0

    def get(self, path: str, query: Any = (), headers: dict[str, str] | None = None) -> Answer:
        target = f"{path}?{urlencode(query)}" if query else path
        return self.send("GET", target, None, headers)

    def post(self, path: str, content: object) -> Answer:
        return self.send("POST", path, json.dumps(content).encode(), None)

    def send(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str] | None
    ) -> Answer:
        connection = http.client.HTTPConnection(
            self.url.removeprefix("http://"), timeout=self.timeout
        )
        try:
            told = self.headers if headers is None else headers
            connection.request(method, target, body, told)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a user with a password."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
