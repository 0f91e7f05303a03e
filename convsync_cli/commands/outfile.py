"""Files that a command writes: private, and there only once they are complete."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from convsync_cli.sync.errors import OutputError
from convsync_cli.sync.wholefile import leads_elsewhere, replacing, writing


@contextmanager
def opened(output: str | None) -> Iterator[IO[str]]:
    """Stdout, or a private file that is there only once it is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    if leads_elsewhere(output) or os.path.isdir(output):
        with writing(output), open(output, "w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    with replacing(output) as name, open(name, "w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def folder(output: str, ours: Callable[[str], bool]) -> Iterator[str]:
    """A new private folder that takes the place of ``output`` once it is whole.

    A folder that is there is replaced if it is empty, or if every name in it is ``ours``: one
    of an earlier time.

    Raises:
        OutputError: it cannot be written, or what is there is not ours.
    """
    output = output.rstrip("/") or output
    with writing(output):
        if os.path.lexists(output) and not (os.path.isdir(output) and _only(output, ours)):
            raise OutputError(
                f"{output} holds other files", "name a folder that is new, empty or from an export"
            )
        parent = os.path.dirname(os.path.abspath(output))
        made = tempfile.mkdtemp(dir=parent, prefix=".convsync-")
        try:
            yield made
            _replace(output, made, parent)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


@contextmanager
def new_file(path: str) -> Iterator[IO[str]]:
    """A private file that was not there, in a folder of our own."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as stream:
        yield stream


def _only(output: str, ours: Callable[[str], bool]) -> bool:
    with os.scandir(output) as entries:
        return all(entry.is_file(follow_symlinks=False) and ours(entry.name) for entry in entries)


def _replace(output: str, made: str, parent: str) -> None:
    if not os.path.lexists(output):
        os.rename(made, output)
        return
    old = tempfile.mkdtemp(dir=parent, prefix=".convsync-old-")
    os.rename(output, old)  # onto an empty folder; between this and the next nothing stands there
    os.rename(made, output)
    shutil.rmtree(old)
