"""Clients to borrow: each for one request at a time, and with one connection."""

import asyncio
from contextlib import suppress

import httpx
import pytest

from convsync_cli.sync.clients import ONE, Clients

ANSWER = httpx.MockTransport(lambda request: httpx.Response(200))


@pytest.fixture
def made() -> list[httpx.AsyncClient]:
    return []


@pytest.fixture
def clients(made: list[httpx.AsyncClient]) -> Clients:
    def make() -> httpx.AsyncClient:
        made.append(httpx.AsyncClient(limits=ONE, transport=ANSWER))
        return made[-1]

    return Clients(make)


def test_nobody_shares_a_client(clients: Clients) -> None:
    async def act() -> None:
        async with clients.borrowed() as one, clients.borrowed() as other:
            assert one is not other

    asyncio.run(act())


def test_the_last_used_is_borrowed_first_since_its_connection_is_open(
    clients: Clients, made: list[httpx.AsyncClient]
) -> None:
    async def act() -> None:
        async with clients.borrowed() as first, clients.borrowed() as second:
            pass
        async with clients.borrowed() as again:
            assert again is first
        with pytest.raises(httpx.ReadError):
            async with clients.borrowed():
                raise httpx.ReadError("reset")
        async with clients.borrowed() as after_an_error:
            assert after_an_error is first
        assert made == [first, second]

    asyncio.run(act())


def test_all_are_closed_also_the_borrowed(clients: Clients, made: list[httpx.AsyncClient]) -> None:
    async def act() -> None:
        async with clients, clients.borrowed(), clients.borrowed() as client:
            await client.get("http://127.0.0.1")
        assert [client.is_closed for client in made] == [True, True]

    asyncio.run(act())


def test_one_whose_request_was_cancelled_is_closed_and_not_borrowed_again(
    clients: Clients,
) -> None:
    async def act() -> None:
        with pytest.raises(asyncio.CancelledError):
            async with clients.borrowed() as cancelled:
                raise asyncio.CancelledError
        assert cancelled.is_closed
        async with clients.borrowed() as other:
            assert other is not cancelled

    asyncio.run(act())


@pytest.mark.parametrize("reused", [False, True])
def test_wherever_a_request_is_cancelled_the_next_one_is_answered(reused: bool) -> None:
    async def act() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        address = "http://{}:{}".format(*server.sockets[0].getsockname())
        over = False
        steps = 0
        while not over:
            async with Clients(_make) as clients:
                if reused:
                    await _ask(clients, address)
                asking = asyncio.ensure_future(_ask(clients, address))
                for _ in range(steps):
                    await asyncio.sleep(0)
                over = not asking.cancel()
                await asyncio.wait([asking])
                assert await _ask(clients, address) == b"{}", f"cancelled after {steps} steps"
            steps += 1
        server.close()
        assert steps > 5

    asyncio.run(act())


def _make() -> httpx.AsyncClient:
    return httpx.AsyncClient(limits=ONE, timeout=1.0, verify=False, trust_env=False)


async def _ask(clients: Clients, address: str) -> bytes:
    async with clients.borrowed() as client, client.stream("GET", address) as response:
        return await response.aread()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    writer.close()
