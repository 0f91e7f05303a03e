"""Files for other programs, which see the old content or the new one and nothing between."""

import os
from contextlib import suppress

from convsync_cli.sync.errors import OutputError


def write_whole(path: str, text: str, mode: int) -> None:
    """Write a text to a path at once; ``mode`` holds whatever the umask is.

    Raises:
        OutputError: it cannot be written; what was there stays.
    """
    unfinished = f"{path}.{os.getpid()}.unfinished"  # no collector reads a file of such a name
    try:
        file = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        try:
            with os.fdopen(file, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        cause = getattr(error, "strerror", None) or "its name cannot be a path"
        raise OutputError(
            f"cannot write {path}: {cause}", "check the folder and its free space"
        ) from None
