"""A request and the answer to it, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; names of headers are in lower case, a query name may stand several times."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Request":
        """Read the target of a request line; path and query come out unquoted."""
        parts = urlsplit(target)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, unquote(parts.path), query, headers, body)

    def get(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a query parameter, also when written as ``name[]`` or ``name[0]``."""
        return tuple(v for key, v in self.query if key == name or key.startswith(f"{name}["))

    def without(self, *names: str) -> "Request":
        """The same request less some query parameters, in whichever way they are written."""
        kept = tuple(pair for pair in self.query if pair[0].split("[")[0] not in names)
        return replace(self, query=kept)

    @property
    def token(self) -> str:
        """The bearer token, empty where there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; ``content`` is what will be written as JSON, unless ``body`` is given."""

    status: int
    content: object = None
    headers: Headers = ()
    body: bytes | None = None
    media_type: str = "application/json"

    def payload(self) -> bytes:
        """The bytes of the body."""
        if self.body is not None:
            return self.body
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":")).encode()

    def header(self, name: str, value: object) -> "Response":
        """The same answer with one header more."""
        return replace(self, headers=(*self.headers, (name, str(value))))
