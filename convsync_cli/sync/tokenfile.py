"""The file that holds a pair of OAuth tokens: replaced in one step, by one process at a time.

House rules: each refresh kills the refresh token before it, so a new pair is on the disk before
anybody uses it. The room for it is taken before it is asked for: a disk that is full must not
cost the old pair. Whoever dies between writing the new pair and putting it in its place leaves
it beside the file, where the next to hold the lock finds it. No error holds a token.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from convsync_cli.sync import instant
from convsync_cli.sync.crashpoint import reached
from convsync_cli.sync.errors import CredentialUnavailable
from convsync_cli.sync.privatefile import at_once, can_be_sent

_ROOM = 16 * 1024  # a pair takes 1 to 3 KB
_FORMAT = (
    'put {"refresh_token": "…"} there, or the whole answer that the app got when access was granted'
)


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token, when it ends (UTC; None where nobody says), and what renews it."""

    refresh: str = field(repr=False)
    access: str = field(default="", repr=False)
    ends_at: datetime | None = None


class TokenFile:
    """A pair in a file that only its owner may read; a link to it is followed."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._new = self.path.with_name(f"{self.path.name}.new")
        self._lock = self.path.with_name(f"{self.path.name}.lock")

    def read(self) -> Pair:
        """The pair as it is now.

        Raises:
            CredentialUnavailable: there is none, or others may read it.
        """
        pair = _pair(_content(self.path))
        if pair is None:
            raise CredentialUnavailable(
                f"the token file {self.path} holds no pair of tokens", _FORMAT
            )
        return pair

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the file against other processes; yields whether that could be had at once.

        Raises:
            CredentialUnavailable: nothing can be written beside it.
        """
        with self._telling(), open(self._lock, "ab", opener=_private) as lock:
            held = _taken(lock.fileno())
            yield held

    def recovered(self) -> Pair:
        """The pair, or the newer one that somebody died over; for the holder of the lock.

        Raises:
            CredentialUnavailable: see ``read``.
        """
        pair = self.read()
        with contextlib.suppress(FileNotFoundError), self._telling():
            told = _json(self._new.read_bytes())
            newer = _pair(told)
            if newer is not None and told.get("replaces") == _fingerprint(pair):
                self._put_in_place()
                return newer
        return pair

    def reserve(self) -> None:
        """Take the room for a new pair.

        Raises:
            CredentialUnavailable: there is none; nothing has been asked for so far.
        """
        with self._telling(), open(self._new, "wb", opener=_private) as file:
            file.write(b" " * _ROOM)
            file.flush()
            os.fsync(file.fileno())

    def replace(self, old: Pair, new: Pair) -> None:
        """Put a new pair in the place of the old one; it is on the disk when this returns.

        Raises:
            CredentialUnavailable: it cannot be written, although there was room for it.
        """
        told = {
            "access_token": new.access,
            "refresh_token": new.refresh,
            "expires_at": new.ends_at and instant.to_text(new.ends_at),
            "replaces": _fingerprint(old),
        }
        content = json.dumps(told, indent=1).encode() + b"\n"
        with self._telling():
            with open(self._new, "r+b") as file:
                file.write(content)  # over the room that was taken; blanks behind it do no harm
                file.flush()
                os.fsync(file.fileno())
                reached("oauth.written")
                file.truncate(len(content))
                os.fsync(file.fileno())
            self._put_in_place()

    def _put_in_place(self) -> None:
        os.replace(self._new, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if self.path.parent.is_dir():
                raise
            raise CredentialUnavailable(
                f"the folder of the token file {self.path} is not there", "create it"
            ) from None
        except OSError as error:
            problem = f"the token file {self.path} cannot be replaced: {error.strerror}"
            hint = "its folder must have room, and be writable for the user who runs convsync"
            raise CredentialUnavailable(problem, hint) from None


def _content(path: Path) -> Mapping[str, Any]:
    try:
        with open(path, "rb", opener=at_once) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_ROOM * 4) if stat.S_ISREG(mode) else b""
    except FileNotFoundError:
        raise CredentialUnavailable(f"the token file {path} is not there", _FORMAT) from None
    except OSError as error:
        problem = f"the token file {path} cannot be read: {error.strerror}"
        raise CredentialUnavailable(problem, "let the user who runs convsync read it") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        problem = f"the token file {path} is open to others"
        raise CredentialUnavailable(problem, "chmod 600 it")
    return _json(content)


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _pair(told: Mapping[str, Any]) -> Pair | None:
    """A pair as it is written here, or as a token endpoint answers: that does not say since when.

    What has no end is renewed before it is used.
    """
    refresh, access = told.get("refresh_token"), told.get("access_token")
    if not isinstance(refresh, str) or not can_be_sent(refresh):
        return None
    if not isinstance(access, str) or not can_be_sent(access):
        access = ""
    return Pair(refresh, access, instant.parse(told.get("expires_at")))


def _fingerprint(pair: Pair) -> str:
    return hashlib.sha256(pair.refresh.encode()).hexdigest()[:16]


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
