"""Every error that convsync raises on purpose, typed by what to do about it.

    ConvsyncError                worded once, in console.py
    ├── Bug                      1   unforeseen
    ├── UsageError               2   the command line is wrong
    ├── NotFound                 4   a workspace, lead or job that is not there
    ├── NeedsConfirmation        5   destructive, and no terminal to ask on
    ├── Locked                   11  another process holds the database
    ├── CredentialUnavailable    12  stops its account only
    ├── ConfigError              14  the configuration cannot be used
    ├── DatabaseError            14  the database cannot be used
    ├── OutputError              14  a file cannot be written
    └── SyncError                while reading a provider; becomes the job's outcome:
        ├── Unavailable          network, timeout, 408, 5xx, no JSON     → Retry
        │   └── NetworkFault     the network or the clock                → also inside the request
        ├── RateLimited          429; pauses the account                 → Snooze
        ├── AccountPaused        it was paused before                    → Snooze
        ├── Unauthorized         401, 403; pauses the account            → Snooze
        ├── Rejected             other 4xx, an answer of unknown shape   → Discard
        │   ├── CursorLoop       pages that lead in a circle
        │   ├── Forgotten        the lead was forgotten
        │   └── Unknown          404: the provider decides
        └── BudgetSpent          no time left in this run                → release, free of charge

Messages name things by opaque ids and endpoints by their pattern; they never hold a token, an
address, a name or a text.
"""

from datetime import datetime
from enum import IntEnum


class Exit(IntEnum):
    """How a command ends; a signal adds 128 to its own number."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INCOMPLETE = 3  # finished, but something is left out, unknown or failed
    NOT_FOUND = 4
    NEEDS_CONFIRMATION = 5
    LOCKED = 11
    REFUSED = 12  # a credential
    TRY_LATER = 13
    UNUSABLE = 14  # the configuration, the database, or a file that was asked for
    BREACHED = 20  # what a check looks for


class ConvsyncError(Exception):
    """An error for people: what happened to what (``message``), and what to do next (``hint``)."""

    code = "error"
    exit_code: Exit = Exit.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Bug(ConvsyncError):
    """An unforeseen error."""

    code = "bug"


class UsageError(ConvsyncError):
    """The command line is wrong."""

    code = "usage"
    exit_code = Exit.USAGE


class NotFound(ConvsyncError):
    """Something named on the command line is not there."""

    code = "not_found"
    exit_code = Exit.NOT_FOUND


class NeedsConfirmation(ConvsyncError):
    """A destructive command without ``--yes`` and without a terminal to ask at."""

    code = "needs_confirmation"
    exit_code = Exit.NEEDS_CONFIRMATION


class Locked(ConvsyncError):
    """Another process has held the database for too long."""

    code = "locked"
    exit_code = Exit.LOCKED


class ConfigError(ConvsyncError):
    """The configuration cannot be used."""

    code = "config"
    exit_code = Exit.UNUSABLE


class DatabaseError(ConvsyncError):
    """The database cannot be used."""

    code = "database"
    exit_code = Exit.UNUSABLE


class OutputError(ConvsyncError):
    """A file that was asked for cannot be written."""

    code = "output"
    exit_code = Exit.UNUSABLE


class CredentialUnavailable(ConvsyncError):
    """A credential cannot be had; it stops its account only."""

    code = "credential_unavailable"
    exit_code = Exit.REFUSED


class SyncError(ConvsyncError):
    """Reading from a provider did not work."""

    code = "sync"
    exit_code = Exit.TRY_LATER


class Unavailable(SyncError):
    """The provider did not answer, or answered that it cannot now."""

    code = "unavailable"


class NetworkFault(Unavailable):
    """The network or the clock ended a request: the only error that is retried inside it."""

    code = "network"


class Timeout(NetworkFault):
    """A request took longer than it may."""

    code = "timeout"


class RateLimited(SyncError):
    """The provider asks for a pause until ``until`` (UTC)."""

    code = "rate_limited"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class AccountPaused(SyncError):
    """The account is paused until ``until`` (UTC) because of ``reason``, a code."""

    code = "paused"

    def __init__(self, message: str, until: datetime, reason: str) -> None:
        super().__init__(message)
        self.until = until
        self.reason = reason


class Unauthorized(SyncError):
    """The provider refuses the credential."""

    code = "unauthorized"
    exit_code = Exit.REFUSED


class Rejected(SyncError):
    """The provider will never answer this request, or its answer cannot be read.

    ``status`` is that of the answer, 0 where its shape is the trouble. ``explanation`` is the start
    of what the provider said: for its file to recognise, never to show, since it may quote
    personal data.
    """

    code = "rejected"

    def __init__(self, message: str, explanation: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.explanation = explanation
        self.status = status


class CursorLoop(Rejected):
    """The provider's pages lead in a circle, so that their end cannot be reached."""

    code = "cursor_loop"


class Forgotten(Rejected):
    """What is read is about a forgotten person, and may not be stored."""

    code = "forgotten"


class Unknown(Rejected):
    """The provider does not know what was asked for."""

    code = "unknown"


class BudgetSpent(SyncError):
    """The run has no time left for this."""

    code = "budget"


def cause(error: OSError | ValueError) -> str:
    """Why a file cannot be opened; ValueError is what a NUL character in its name gives."""
    return getattr(error, "strerror", None) or "its name cannot be a path"


def where(error: BaseException) -> str:
    """The type of an unforeseen error and the place it came from; its text may be personal data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
