"""The log of a run: one line for each thing that happened, as text or JSON.

House rules: a line names leads and jobs by their ids and holds no token, address, name or text;
whatever comes, it is one line. A log that cannot be written any more says so once and harms no run.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from convsync_cli.console import as_json, note
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.errors import OutputError, cause
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.telemetry import JobStopped

Value = str | int | float | None

_STDERR = 2
_BARE = re.compile(r"[\w.:/@+-]+", re.ASCII)
_LEVELS = {"failed": "error", "retry": "warning", "lost": "warning"}


class LogFormat(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class RunLog:
    """Lines that are appended to a file, or kept by nobody where ``file`` is None.

    ``pid`` tells the lines of one run from another's.
    """

    file: int | None
    form: LogFormat
    clock: Clock
    pid: int

    def write(self, level: str, event: str, **fields: Value) -> None:
        """Append one line; fields that are None are left out."""
        if self.file is None:
            return
        told: dict[str, Value] = {
            "at": to_text(self.clock.now()),
            "level": level,
            "event": event,
            "pid": self.pid,
            **{name: value for name, value in fields.items() if value is not None},
        }
        line = as_json(told, ascii_only=True) if self.form is LogFormat.JSON else _text(told)
        try:
            os.write(self.file, f"{line}\n".encode())  # one write: lines do not mix
        except OSError as error:
            self.file = None
            note(f"convsync: the log cannot be written any more: {error.strerror}")

    def job_stopped(self, event: JobStopped) -> None:
        """Write down how an attempt ended."""
        self.write(
            _LEVELS.get(event.outcome, "info"),
            "job.stop",
            job=event.job,
            workspace=event.workspace,
            lead=event.lead,
            outcome=event.outcome,
            code=event.code,
            requests=event.effort.requests,
            http_ms=event.effort.http_ms,
            slowest=event.effort.slowest,
        )


@contextmanager
def run_log(path: str | None, form: LogFormat | None, clock: Clock) -> Iterator[RunLog]:
    """The log of a run: in a file that only its owner may read, or on stderr, or none.

    Without ``path`` and ``form`` there is none. What the package itself logs goes there as well.

    Raises:
        OutputError: the file cannot be appended to.
    """
    if path is None and form is None:
        yield RunLog(None, LogFormat.TEXT, clock, os.getpid())
        return
    file = _STDERR if path is None else _appending(path)
    log = RunLog(file, form or LogFormat.TEXT, clock, os.getpid())
    handler, logger = _Handler(log), logging.getLogger("convsync_cli")
    logger.addHandler(handler)
    try:
        yield log
    finally:
        logger.removeHandler(handler)
        if path is not None:
            os.close(file)


class _Handler(logging.Handler):
    """What the package logs as lines of the same kind; its messages hold types and places only."""

    def __init__(self, log: RunLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record."""
        self._log.write(record.levelname.lower(), "log", message=record.getMessage())


def _appending(path: str) -> int:
    """Open at once, which a named pipe without a reader would not let us."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except (OSError, ValueError) as error:
        raise OutputError(
            f"the log {path} cannot be written: {cause(error)}",
            "check its folder, or leave --log-file out",
        ) from None


def _text(told: dict[str, Value]) -> str:
    at, level, event = (told.pop(name) for name in ("at", "level", "event"))
    fields = (f"{name}={_plain(value)}" for name, value in told.items())
    return " ".join((f"{at} {level} {event}", *fields))


def _plain(value: Value) -> str:
    text = str(value)
    return text if _BARE.fullmatch(text) else as_json(text, ascii_only=True)
