"""From a credential's reference to the secret; called where a request is about to need it.

House rule: no error holds the secret, nor anything else that a file, a command or its stderr said.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from convsync_cli.sync.errors import CredentialUnavailable, cause
from convsync_cli.sync.model.credential import Credential, FromCommand, FromEnv, FromFile, Literal
from convsync_cli.sync.privatefile import at_once, can_be_sent

if TYPE_CHECKING:
    from subprocess import Popen

COMMAND_TIMEOUT_S = 10.0
MAX_BYTES = 1 << 16
LOOK_S = 0.05
CLEAN_UP_S = 4 * LOOK_S  # to end a command that was given up


def read(
    credential: Credential,
    environ: Mapping[str, str],
    *,
    timeout: float = COMMAND_TIMEOUT_S,
    given_up: Callable[[], bool] = lambda: False,
) -> str:
    """Fetch the secret: visible ASCII, white space at its ends removed.

    ``environ`` holds the variables, is the environment of a command, and tells which folder the
    service manager protects (``$CREDENTIALS_DIRECTORY``). A command may take ``timeout`` seconds;
    once the caller has ``given_up`` it is ended within ``LOOK_S``.

    Raises:
        CredentialUnavailable: it cannot be had, or could not be sent in a header.
    """
    match credential:
        case FromEnv(name):
            return _clean(_from_env(name, environ), f"the environment variable {name}")
        case FromFile(path):
            source = f"the credential file {path}"
            return _clean(_decoded(_from_file(path, source, environ), source), source)
        case FromCommand(argv):
            source = f"the credential command {argv[0]}"
            output = _from_command(argv, source, environ, timeout, given_up)
            return _clean(_decoded(output, source), source)
        case Literal(value):
            return _clean(value, "the credential in the configuration file")


def _decoded(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        problem = f"{source} gives more than {MAX_BYTES >> 10} KiB"
        raise CredentialUnavailable(problem, "it must give the bare token and nothing else")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        problem = f"{source} gives something other than UTF-8 text"
        raise CredentialUnavailable(problem, "it must give the bare token") from None


def _clean(secret: str, source: str) -> str:
    secret = secret.strip()
    if not secret:
        raise CredentialUnavailable(f"{source} is empty", "put the credential there")
    if not can_be_sent(secret):
        problem = f"{source} has white space, control or non-ASCII characters inside the credential"
        raise CredentialUnavailable(problem, "it must give the bare token, on one line")
    return secret


def _from_env(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        hint = f"set {name}, also in the crontab or unit that starts convsync"
        raise CredentialUnavailable(f"the environment variable {name} is not set", hint)
    return environ[name]


def _from_file(path: Path, source: str, environ: Mapping[str, str]) -> bytes:
    try:
        with open(path, "rb", opener=at_once) as file:
            _check_mode(os.fstat(file.fileno()).st_mode, path, source, environ)
            return file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise CredentialUnavailable(
            f"{source} is not there", "create it, or correct `file`"
        ) from None
    except IsADirectoryError:
        raise CredentialUnavailable(f"{source} is a folder", "name the file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        hint = "let the user who runs convsync read it"
        raise CredentialUnavailable(f"{source} cannot be read: {cause(error)}", hint) from None


def _check_mode(mode: int, path: Path, source: str, environ: Mapping[str, str]) -> None:
    if not stat.S_ISREG(mode):
        raise CredentialUnavailable(f"{source} is not a regular file", "name a regular file")
    if mode & stat.S_IRWXO and not _protected(path, environ):
        from shlex import quote

        hint = f"chmod o-rwx {quote(str(path))}"
        raise CredentialUnavailable(f"{source} is open to every user of this machine", hint)


def _protected(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether the file is in the folder that the service manager made for this process alone."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder and path.resolve().is_relative_to(Path(folder).resolve()))


def _from_command(
    argv: tuple[str, ...],
    source: str,
    environ: Mapping[str, str],
    timeout: float,
    given_up: Callable[[], bool],
) -> bytes:
    from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

    try:
        process = Popen(
            argv, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    except (OSError, ValueError):
        hint = "install it, or name it by its full path; there is no shell"
        raise CredentialUnavailable(f"{source} cannot be started", hint) from None
    try:
        output = _output(process, timeout, given_up)
    except TimeoutExpired:
        hint = "make it work without asking for input"
        raise CredentialUnavailable(f"{source} took longer than {timeout:.3g} s", hint) from None
    if process.returncode and len(output) <= MAX_BYTES:
        hint = "run it by hand, as the user who runs convsync, to see why"
        raise CredentialUnavailable(f"{source} failed with status {process.returncode}", hint)
    return output


def _output(process: "Popen[bytes]", timeout: float, given_up: Callable[[], bool]) -> bytes:
    """What the command prints until it ends, or somewhat more than ``MAX_BYTES`` of it.

    ``Popen.communicate`` would gather without limit what a command prints without end. Its end is
    its own exit, not that of the pipe, which an agent that it has started may hold open for ever.
    """
    from selectors import EVENT_READ, DefaultSelector
    from signal import SIGKILL
    from subprocess import TimeoutExpired

    from convsync_cli.sync.clock import SystemClock
    from convsync_cli.sync.deadline import Deadline

    assert process.stdout is not None  # it is a pipe
    deadline = Deadline.after(SystemClock(), timeout)
    output = b""
    with process, DefaultSelector() as selector:
        selector.register(process.stdout, EVENT_READ)
        try:
            while not (deadline.passed or given_up()):
                ended = process.poll() is not None  # then all that it says is in the pipe
                if selector.select(0 if ended else min(LOOK_S, deadline.remaining)):
                    chunk = os.read(process.stdout.fileno(), MAX_BYTES)
                    output += chunk
                    if len(output) > MAX_BYTES:
                        return output
                    if not chunk:
                        process.wait(deadline.remaining)
                        return output
                elif ended:
                    return output
            raise TimeoutExpired(process.args, timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, SIGKILL)  # and what it has started, and waits for
