"""A small HTTP/1.1 server on loopback: a thread per connection, kept alive, closed at once.

The standard library's server parses headers with the email package and cannot be told to hang or
to drip; this one is several times faster and does what it is told.
"""

import contextlib
import select
import socket
import struct
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader
from threading import Event, Lock, Thread

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.mischief import Delivery, Manner

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LARGEST_LINE = 65_536
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Listener:
    """Answers requests on a port of its own until it is closed."""

    def __init__(self, answer: Callable[[Request], Delivery], port: int = 0) -> None:
        self._answer = answer
        self._closing = Event()
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        self.ahead_s = 0.0  # how far its clock, told in the header Date, is ahead of ours
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        Thread(target=self._accept, name="sandbox-accept", daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop every connection, also those that hang."""
        self._closing.set()
        with self._lock:
            doomed = [self._socket, *self._connections]
        for one in doomed:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as reader:
                while not self._closing.is_set() and self._exchange(connection, reader):
                    pass
        except OSError:
            pass  # the client went away, which is its right
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _exchange(self, connection: socket.socket, reader: BufferedReader) -> bool:
        """Read a request and answer it; whether the connection may be used again."""
        request = _read(reader)
        if request is None:
            return False
        delivery = self._delivery(request)
        if delivery.delay and self._closing.wait(delivery.delay):
            return False
        keep = request.headers.get("connection", "").lower() != "close"
        body = delivery.response.payload()
        date = formatdate(time.time() + self.ahead_s, usegmt=True)
        head = _head(delivery.response, len(body), keep, date)
        match delivery.manner:
            case Manner.WHOLE:
                connection.sendall(head + body)
                return keep
            case Manner.DRIP:
                return self._drip(connection, head, body, delivery.pause) and keep
            case Manner.RESET:
                connection.sendall(head + body[: len(body) // 2])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            case Manner.HANG:
                self._hang(connection)
        return False

    def _delivery(self, request: Request) -> Delivery:
        try:
            return self._answer(request)
        except Exception:
            # A fault of the sandbox itself must not pass for one of a provider.
            traceback.print_exc()
            return Delivery(Response(599, {"message": "the sandbox itself failed"}))

    def _drip(self, connection: socket.socket, head: bytes, body: bytes, pause: float) -> bool:
        connection.sendall(head)
        for byte in body:
            if self._closing.wait(pause):
                return False
            connection.sendall(bytes((byte,)))
        return True

    def _hang(self, connection: socket.socket) -> None:
        """Say nothing until the client gives up or the listener is closed."""
        while not self._closing.is_set():
            ready, _, _ = select.select([connection], [], [], 1.0)
            if ready and not connection.recv(_LARGEST_LINE):
                return


def _read(reader: BufferedReader) -> Request | None:
    line = reader.readline(_LARGEST_LINE).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (field := reader.readline(_LARGEST_LINE)) not in (b"\r\n", b"\n", b""):
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    body = reader.read(int(length)) if length.isdigit() and length != "0" else b""
    return Request.parse(line[0], line[1], headers, body)


def _head(response: Response, length: int, keep: bool, date: str) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}",
        f"Date: {date}",
        f"Content-Type: {response.media_type}",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in response.headers),
        *(() if keep else ("Connection: close",)),
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1")
