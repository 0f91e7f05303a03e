"""Servers that ruin an evening: one that accepts and says nothing, one that does not accept."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """An address where connections are made and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """An address where connecting never ends: the queue of a listening socket is full."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listening,
        contextlib.ExitStack() as us,
    ):
        address = listening.getsockname()
        for _ in range(8):
            waiting = us.enter_context(socket.socket())
            waiting.settimeout(0.2)
            try:
                waiting.connect(address)
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue never filled")
        yield f"http://127.0.0.1:{address[1]}"
