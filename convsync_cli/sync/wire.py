"""How an account is connected: clients of its own, its credential, what is heard on the way.

No redirect is followed, because the credential would follow it. The libraries below log nothing of
a request.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial

import httpx

from convsync_cli.sync.api import MOST_AT_ONCE, USUAL, Auth, Statuses
from convsync_cli.sync.clients import ONE, Clients
from convsync_cli.sync.errors import ConfigError
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.oauth import Renewal
from convsync_cli.sync.retryafter import http_date

REQUEST_S = 30.0  # some searches are slow; see the providers' own advice

# They log whole addresses, and a credential may stand in one.
for _talkative in ("httpx", "httpcore"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)


@dataclass(slots=True)
class ServerClock:
    """What the last answer said about the server's clock; read only when somebody asks."""

    date: str = ""
    heard_at: datetime | None = None

    @property
    def ahead_s(self) -> float | None:
        """How far it is ahead of ours, to the second; None where no answer told."""
        told = http_date(self.date)
        if told is None or self.heard_at is None:
            return None
        return (told - self.heard_at) / timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Wire:
    """An account's connection: its clients, its words of refusal, its credential in either.

    ``refusals`` maps a fragment of an answer that refuses the account to a sentence for the
    operator. ``renewal`` gives the token that each request carries, where that is one that ends.
    ``slots`` are the requests that may be under way.
    """

    account: Account
    clients: Clients
    refusals: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    server_clock: ServerClock = field(default_factory=ServerClock)
    renewal: Renewal | None = None
    statuses: Statuses = USUAL
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    async def close(self) -> None:
        """Close the connections, behind a renewal that is under way."""
        if self.renewal is not None:
            await self.renewal.settled()
        await self.clients.close()


def open_wire(
    account: Account,
    auth: Auth,
    refusals: Mapping[str, str],
    transport: httpx.AsyncBaseTransport | None = None,
    statuses: Statuses = USUAL,
    at_once: int = MOST_AT_ONCE,
) -> Wire:
    """Connect an account, with clients of its own: a shared pool collapses under load.

    ``at_once`` is how many of its requests may be under way; the others wait for a slot.

    Raises:
        CredentialUnavailable: the file of a token that ends cannot be used.
        ConfigError: what the environment says of certificates or proxies cannot be used.
    """
    renewal = None if auth.grant is None else Renewal(auth.grant)
    client = partial(
        httpx.AsyncClient,
        headers=dict(auth.headers),
        timeout=httpx.Timeout(REQUEST_S),
        limits=ONE,
        follow_redirects=False,
        transport=transport,
    )
    try:
        tls = _tls() if account.base_url.startswith("https:") else False
        clients = Clients(partial(client, verify=tls))
    except (OSError, ValueError, httpx.InvalidURL):  # its text may hold a proxy's password
        raise ConfigError(
            "the certificates or the proxy that the environment names cannot be used",
            "check SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY and ALL_PROXY",
        ) from None
    slots = asyncio.Semaphore(at_once)
    return Wire(
        account, clients, refusals, auth.query, renewal=renewal, statuses=statuses, slots=slots
    )


@cache
def _tls() -> ssl.SSLContext:
    """One context for all: making it reads every root certificate, 34 ms each time."""
    return httpx.create_ssl_context()
