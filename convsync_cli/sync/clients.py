"""The HTTP clients of one account: one for each request that is under way.

House rule: a client has one connection. httpx looks at all idle connections of a client before each
request and after each answer; with eight of them that is a fifth of the CPU of a synced lead. Who
cancels a request ends its client too: httpx may take that connection for busy from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import httpx

ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Clients:
    """Clients to borrow, made when they are needed."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._idle = [make()]
        self._made = [*self._idle]

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that nobody else uses meanwhile: the last used one, whose connection is open."""
        client = self._idle.pop() if self._idle else self._another()
        try:
            yield client
        except asyncio.CancelledError:
            self._made.remove(client)
            await client.aclose()
            raise
        finally:
            if not client.is_closed:
                self._idle.append(client)

    def _another(self) -> httpx.AsyncClient:
        client = self._make()
        self._made.append(client)
        return client

    async def close(self) -> None:
        """Close all connections."""
        for client in [*self._made]:
            await client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
