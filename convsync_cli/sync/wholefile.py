"""Files that are there once they are whole: others see the old content or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from convsync_cli.sync.errors import OutputError, cause

_HINT = "check the folder and its free space"


@contextmanager
def replacing(path: str, mode: int = 0o600) -> Iterator[str]:
    """The name of an empty file to fill, which then takes the place of ``path``.

    It is private, or has the ``mode`` that is asked for, whatever the umask is.

    Raises:
        OutputError: it cannot be written; what was there stays.
    """
    if leads_elsewhere(path):
        raise OutputError(f"cannot write {path}: it is not a file", "name a file")
    # No collector reads such a name. By chance, since in a container all processes have one id.
    unfinished = f"{path}.{os.urandom(4).hex()}.unfinished"
    with writing(path):
        file = _new(unfinished, path, mode)
        try:
            os.fchmod(file, mode)
            yield unfinished
            os.fsync(file)
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
        finally:
            os.close(file)


def write_whole(path: str, text: str, mode: int) -> None:
    """Write a text to a path at once; see ``replacing``."""
    with replacing(path, mode) as name, open(name, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)


def leads_elsewhere(path: str) -> bool:
    """Whether what is there leads elsewhere, such as a device, a pipe or ``/dev/stdout``.

    A file in its place would be the end of it, for the whole machine if root puts it there.
    """
    if os.path.islink(path) and os.readlink(path).startswith("/proc/"):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Word what keeps a file from being written."""
    try:
        yield
    except BrokenPipeError:  # whoever reads the pipe has had enough, which is no fault
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {cause(error)}", _HINT) from None


def _new(unfinished: str, path: str, mode: int) -> int:
    try:
        return os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    except ValueError as error:
        raise OutputError(f"cannot write {path}: {cause(error)}", _HINT) from None
