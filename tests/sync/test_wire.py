"""A connection of its own for every account, or a sentence about why there is none."""

import asyncio
from dataclasses import replace

import pytest

from convsync_cli.sync import wire
from convsync_cli.sync.api import Auth
from convsync_cli.sync.errors import ConfigError
from tests.sync.workbench import account

HTTPS = replace(account("acme", "sms-fake"), base_url="https://api.example.com")
PASSWORD = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/roots.pem"),
        ("HTTPS_PROXY", f"gopher://user:{PASSWORD}@proxy.example.com"),
        ("HTTPS_PROXY", f"http://user:{PASSWORD}@proxy:port:8080"),
    ],
)
def test_an_environment_that_cannot_be_used_is_said_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    wire._tls.cache_clear()
    with pytest.raises(ConfigError) as raised:
        wire.open_wire(HTTPS, Auth({}), {})
    told = f"{raised.value.message} {raised.value.hint}"
    assert name in told
    assert PASSWORD not in told


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_requests_are_under_way_than_the_provider_takes(at_once: int) -> None:
    under_way, most = 0, 0
    connections: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        connections.append(asyncio.current_task())
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def ask_six_times() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        here = replace(HTTPS, base_url=f"http://127.0.0.1:{port}")
        opened = wire.open_wire(here, Auth({}), {}, at_once=at_once)
        await asyncio.gather(*(opened.client.get(here.base_url) for _ in range(6)))
        await opened.close()
        server.close()
        await asyncio.gather(*filter(None, connections))

    asyncio.run(ask_six_times())
    assert most == at_once
