"""Why a connection failed, told from the real errors of the client."""

import asyncio
import socket
import ssl
from contextlib import closing

import httpx
import pytest

from convsync_cli.sync.connecting import reason


def failed(url: str) -> str:
    """The words for what a request to ``url`` ends in."""

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            await client.get(url)

    with pytest.raises(httpx.HTTPError) as raised:
        asyncio.run(ask())
    return reason(raised.value)


def test_nobody_listens() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert failed(f"http://127.0.0.1:{port}") == "the connection was refused"


def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failed("http://nobody.invalid") == "its name cannot be resolved"


def test_a_certificate_is_told_with_what_is_wrong() -> None:
    error = httpx.ConnectError("something with an address")
    error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.__cause__.verify_message = "certificate has expired"
    assert reason(error) == "its certificate is not valid: certificate has expired"


def test_what_is_not_known_is_told_by_its_kind() -> None:
    assert reason(httpx.ReadError("secret")) == "ReadError"
