"""Which runs are alive, known by locks that the kernel drops when their process dies.

Two empty files stand beside the database. ``-run`` is held by the one run that may checkpoint;
``-alive`` is shared by every run. Who gets ``-alive`` alone knows that all running jobs are orphans
and frees them without waiting for their leases. The locks are flock(2)'s, on files of their own,
because closing any handle of the database file would drop SQLite's.
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from time import sleep

from convsync_cli.sync.errors import DatabaseError, Locked

_TRIES = 50


@dataclass(slots=True)
class RunLock:
    """A run's place among the runs over one database.

    ``sole`` says that it holds ``-run``; ``alone`` that no other run lives, until ``share``.
    """

    sole: bool
    alone: bool
    _run: int
    _alive: int

    def share(self) -> None:
        """Let other runs in; from now on a running job may be somebody else's."""
        if self.alone:
            fcntl.flock(self._alive, fcntl.LOCK_SH)
            self.alone = False

    def release(self) -> None:
        """Give up the place; a dead process gives it up as well."""
        os.close(self._alive)
        os.close(self._run)


def acquire(path: str, parallel: bool) -> RunLock | None:
    """Take a place among the runs over the database at ``path``.

    None where another run is active and ``parallel`` does not allow for it.

    Raises:
        DatabaseError: the lock files cannot be made.
        Locked: another run hangs where nobody can pass it.
    """
    place = os.path.realpath(path)  # a file that has two names is one database
    run, alive = _open(f"{place}-run"), _open(f"{place}-alive")
    sole = _try(run, fcntl.LOCK_EX)
    if not sole and not parallel:
        os.close(run)
        os.close(alive)
        return None
    alone = _try(alive, fcntl.LOCK_EX)
    if not alone and not _shared_soon(alive):
        os.close(run)
        os.close(alive)
        raise Locked("another run hung while starting", "end it, then try again")
    return RunLock(sole, alone, run, alive)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"cannot open {path}: {error.strerror}",
            "check the owner and mode of the database's folder",
        ) from None


def _shared_soon(file: int) -> bool:
    """Whether the lock could be shared within a second: another may be freeing orphans."""
    for _ in range(_TRIES):
        if _try(file, fcntl.LOCK_SH):
            return True
        sleep(1 / _TRIES)
    return False


def _try(file: int, mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
