"""A monitor on loopback, like healthchecks.io, that remembers what it was told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Watcher:
    """The address of its check, the status that it answers with, and the paths it was asked for."""

    url: str
    status: int = 200
    told: list[str] = field(default_factory=list)


@contextmanager
def watching(secret: str) -> Iterator[Watcher]:
    """A monitor whose check is known by ``secret``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            watcher.told.append(self.path)
            self.send_response(watcher.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        watcher = Watcher(f"http://127.0.0.1:{server.server_port}/{secret}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield watcher
        finally:
            server.shutdown()
            thread.join()
