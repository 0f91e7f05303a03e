"""What the tests do to a process from inside; Python imports this file at its start.

``TORTURE_CLOCK=FILE``  the wall clock is off by the seconds that the file says, read at each look
``TORTURE_DNS=hang``    looking a host name up never ends
``TORTURE_PAGES=N``     the database may have N pages at most: then the disk is "full"
``TORTURE_POISON=LEAD`` whoever works for this lead dies of it, while others are at work beside it
"""

import os
from typing import Any


def _shift_clock(file: str) -> None:
    from datetime import UTC, datetime, timedelta

    from convsync_cli.sync import clock

    def now(_: clock.SystemClock) -> datetime:
        with open(file) as opened:
            return datetime.now(UTC) + timedelta(seconds=float(opened.read() or 0))

    setattr(clock.SystemClock, "now", now)  # noqa: B010


def _hang_resolver() -> None:
    import socket
    import threading

    def hang(*_: Any, **__: Any) -> Any:
        threading.Event().wait()

    socket.getaddrinfo = hang


def _limit_pages(pages: int) -> None:
    import sqlite3

    connect = sqlite3.connect

    def connect_to_full_disk(*arguments: Any, **options: Any) -> Any:
        connection = connect(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    setattr(sqlite3, "connect", connect_to_full_disk)  # noqa: B010


def _poison(lead: str) -> None:
    import asyncio
    import signal

    from convsync_cli.sync.jobs import conversation_sync as job

    perform = job.perform

    async def perform_or_die(claim: Any, work: Any) -> Any:
        if claim.lead == lead:
            await asyncio.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        return await perform(claim, work)

    setattr(job, "perform", perform_or_die)  # noqa: B010


if "TORTURE_CLOCK" in os.environ:
    _shift_clock(os.environ["TORTURE_CLOCK"])
if "TORTURE_DNS" in os.environ:
    _hang_resolver()
if "TORTURE_PAGES" in os.environ:
    _limit_pages(int(os.environ["TORTURE_PAGES"]))
if "TORTURE_POISON" in os.environ:
    _poison(os.environ["TORTURE_POISON"])
