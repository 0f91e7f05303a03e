"""Notifying a monitor (healthchecks.io or similar) that a run starts, and how it ended.

House rules: the address is a secret, so no sentence holds it. Not being able to tell is nothing
that a run fails for, and costs it no second beyond its budget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from convsync_cli import credentials
from convsync_cli.account_tables import HTTPS_ONLY, may_be_asked
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import CredentialUnavailable, Exit
from convsync_cli.sync.loop import in_thread
from convsync_cli.sync.model.credential import Credential

T = TypeVar("T")

LONGEST_S = 5.0
STOPPED_S = 0.5  # what a signal leaves
_SHARE = 0.1  # of the budget, kept for telling how the run ended
_MOST_KEPT_S = 2.0


def kept(budget_s: float) -> float:
    """Seconds of a run's budget in which no job is worked on, so that its end can be told."""
    return min(_MOST_KEPT_S, budget_s * _SHARE)


@dataclass(frozen=True, slots=True)
class Monitor:
    """Who is told. ``failed`` is called with a sentence when that does not work."""

    address: Credential
    environ: Mapping[str, str]
    failed: Callable[[str], None]

    async def around(
        self,
        run: Awaitable[T],
        exit_code: Callable[[T], int],
        deadline: Deadline,
        stop: asyncio.Event,
    ) -> T:
        """Tell ``/start`` beside a run, and its exit code behind it, all before the deadline."""

        def patience() -> float:
            return min(STOPPED_S if stop.is_set() else LONGEST_S, deadline.remaining)

        start = asyncio.create_task(self._tell("/start", patience()))
        code: int = Exit.BUG
        try:
            result = await run
            code = exit_code(result)
            return result
        except Exception as error:
            code = getattr(error, "exit_code", Exit.BUG)
            raise
        finally:
            await asyncio.wait({start}, timeout=patience())
            start.cancel()  # what was not told by now is told by the end
            await self._tell(f"/{code}" if code else "", patience())

    async def _tell(self, what: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask(what, seconds)
        except TimeoutError:
            self.failed(f"the monitor was not notified{what and f' {what}'} within {seconds:.1f} s")
        except CredentialUnavailable as error:
            self.failed(f"the monitor could not be notified: {error.message}")
        else:
            if answer:
                self.failed(f"the monitor was not notified: {answer}")

    async def _ask(self, what: str, seconds: float) -> str:
        """Ask the address; returns what went wrong, in words without it."""
        import httpx

        limit = min(credentials.COMMAND_TIMEOUT_S, seconds)
        found = await in_thread(
            lambda given_up: credentials.read(
                self.address, self.environ, timeout=limit, given_up=given_up
            ),
            credentials.CLEAN_UP_S,
        )
        if not may_be_asked(found):
            return f"ping_url {HTTPS_ONLY}"
        try:
            url = httpx.URL(found)
            url = url.copy_with(path=url.path.rstrip("/") + what)
            async with httpx.AsyncClient(timeout=seconds) as client:
                response = await client.get(url)
        except httpx.TimeoutException:
            raise TimeoutError from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            return type(error).__name__
        return "" if response.is_success else f"it answered {response.status_code}"
