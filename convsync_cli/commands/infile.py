"""The file that a command reads, or stdin."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from convsync_cli.sync.errors import NotFound


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """A file to read as bytes; ``-`` is stdin.

    Raises:
        NotFound: it cannot be opened.
    """
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  # closed below: only opening is caught here
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}", "check the file name") from None
    with stream:
        yield stream
