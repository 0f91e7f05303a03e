"""Telling a monitor: in time, once each, and never with its address in a sentence."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from convsync_cli.monitoring import LONGEST_S, Monitor, kept
from convsync_cli.sync import loop
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import DatabaseError
from convsync_cli.sync.model.credential import Credential, FromEnv, Literal
from tests.watcher import Watcher, watching

SECRET = "5ec2e7c0-ffee"


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with watching(SECRET) as found:
        yield found


def ran(
    address: Credential | str,
    work: Callable[[], object] = lambda: None,
    *,
    code: int = 0,
    seconds: float = 30.0,
    stopped: bool = False,
) -> list[str]:
    """What is said while something runs that ends with ``code``."""
    said: list[str] = []
    given = Literal(address) if isinstance(address, str) else address

    async def working() -> object:
        return work()

    async def around() -> None:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        deadline = Deadline.after(SystemClock(), seconds)
        monitor = Monitor(given, {"PING": "http://127.0.0.1:1/x"}, said.append)
        await monitor.around(working(), lambda _: code, deadline, stop)

    loop.run(around())
    assert not [each for each in said if SECRET in each]
    return said


@pytest.mark.parametrize(
    ("code", "last"), [(0, f"/{SECRET}"), (3, f"/{SECRET}/3"), (143, f"/{SECRET}/143")]
)
def test_it_is_told_the_start_and_how_it_ended(watcher: Watcher, code: int, last: str) -> None:
    assert ran(watcher.url, code=code) == []
    assert watcher.told == [f"/{SECRET}/start", last]


def test_a_query_stays_where_it_is(watcher: Watcher) -> None:
    ran(watcher.url + "/?rid=1", code=4)
    assert watcher.told == [f"/{SECRET}/start?rid=1", f"/{SECRET}/4?rid=1"]


def test_an_error_is_told_with_its_exit_code_and_goes_on(watcher: Watcher) -> None:
    def breaks() -> None:
        raise DatabaseError("damaged")

    with pytest.raises(DatabaseError):
        ran(watcher.url, breaks)
    assert watcher.told[-1] == f"/{SECRET}/14"


def test_a_monitor_that_refuses_is_a_sentence(watcher: Watcher) -> None:
    watcher.status = 404
    assert ran(watcher.url) == ["the monitor was not notified: it answered 404"] * 2


def test_one_that_is_not_there_is_a_sentence() -> None:
    assert ran(FromEnv("PING")) == ["the monitor was not notified: ConnectError"] * 2


def test_an_address_that_cannot_be_had_is_a_sentence() -> None:
    said = ran(FromEnv("MISSING"))
    assert (
        said
        == ["the monitor could not be notified: the environment variable MISSING is not set"] * 2
    )


def test_an_address_that_others_could_read_is_not_asked() -> None:
    said = ran(f"http://monitor.example/{SECRET}")
    assert len(said) == 2
    assert "https" in said[0]


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """A monitor that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}"


def test_one_that_hangs_is_waited_for_no_longer_than_the_budget() -> None:
    with silence() as url:
        said = ran(url, seconds=0.2)
    assert len(said) in (1, 2)
    assert "within" in said[-1]


def test_a_signal_leaves_it_little_time() -> None:
    with silence() as url:
        said = ran(url, stopped=True)
    assert said[-1].endswith("within 0.5 s")


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait())
    said = ran(f"https://monitor.example/{SECRET}", seconds=0.2)
    assert "within" in said[-1]
    never.set()


def test_little_of_a_budget_is_kept_for_it() -> None:
    assert (kept(50), kept(10), kept(0)) == (2.0, 1.0, 0.0)
    assert LONGEST_S <= 5
