"""Clients to borrow: each for one request at a time, and with one connection."""

import asyncio

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
    with clients.borrowed() as one, clients.borrowed() as other:
        assert one is not other


def test_the_last_used_is_borrowed_first_since_its_connection_is_open(
    clients: Clients, made: list[httpx.AsyncClient]
) -> None:
    with clients.borrowed() as first, clients.borrowed() as second:
        pass
    with clients.borrowed() as again:
        assert again is first
    with pytest.raises(httpx.ReadError), clients.borrowed():
        raise httpx.ReadError("reset")
    with clients.borrowed() as after_an_error:
        assert after_an_error is first
    assert made == [first, second]


def test_all_are_closed_also_the_borrowed(clients: Clients, made: list[httpx.AsyncClient]) -> None:
    async def act() -> None:
        async with clients:
            with clients.borrowed(), clients.borrowed() as client:
                await client.get("http://127.0.0.1")

    asyncio.run(act())
    assert [client.is_closed for client in made] == [True, True]
