"""Files that hold a credential: how one is opened, and what can be used of it."""

import os


def at_once(path: str, flags: int) -> int:
    """Open without waiting, which a named pipe that nobody writes to would do for ever."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def can_be_sent(secret: str) -> bool:
    """Whether a header can carry it; httpx quotes the whole value in its own error otherwise."""
    return bool(secret) and all("!" <= character <= "~" for character in secret)
