"""An operator at a shell like cron's: real processes, a configuration, a database, a sandbox.

``operator.runs("enqueue", lead, "--json")`` starts the program and says how it ended. Children get
an environment as ``env -i`` leaves it, with what convsync needs and nothing else.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import convsync_cli
from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.rows import Expected, Person
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from tests import forking

T = TypeVar("T")

SEED = 7
LEADS = 20  # one for each of the hard cases
PACKAGE = Path(convsync_cli.__file__).parent
PROGRAM = (sys.executable, "-m", "convsync_cli")
FAST = "10000/1s"
PATIENCE_S = 30.0
AT_ONCE = 3  # children, where several are independent

HEAVY = {"httpx", "rich", "asyncio", "ssl", "email", "pydantic", "sqlite_utils"}

ENQUEUE_KEYS = ["queued", "promoted", "already_queued", "recent", "unknown", "ambiguous"]
ENQUEUE_ALL_KEYS = ["eligible", "queued", "already_queued", "recent", "not_syncable"]
RUN_KEYS = [
    "run", "reason", "elapsed_s", "claimed", "succeeded", "retried", "snoozed", "failed",
    "released", "rescued", "requests", "messages", "due_left",
]  # fmt: skip
EXPORT_KEYS = [
    "id", "workspace", "lead", "channel", "provider", "external_id", "direction", "sent_at",
    "sender", "recipient", "subject", "body", "status", "thread",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    command: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float = 0.0

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """The documents on stdout, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def error(self) -> dict[str, str]:
        """The error that ``--json`` prints on stderr, which is one line."""
        (line,) = self.stderr.splitlines()
        told = json.loads(line)
        assert list(told) == ["error"]
        assert list(told["error"]) == ["code", "message", "hint"]
        error: dict[str, str] = told["error"]
        return error

    def ended(self, code: int) -> "Result":
        """Itself, having ended with ``code`` and without a traceback."""
        assert "Traceback" not in self.err + self.out, self
        assert self.code == code, self
        return self


@dataclass(slots=True)
class Running:
    """A command that has been started."""

    command: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    started: float

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def gets(self, number: signal.Signals) -> float:
        """Send a signal; returns the moment."""
        self.process.send_signal(number)
        return time.monotonic()

    def ends(self, within: float = PATIENCE_S) -> Result:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=within)
        seconds = time.monotonic() - self.started
        return Result(self.command, self.process.returncode, out, err, seconds)


@dataclass(slots=True)
class Operator:
    """Somebody with a configuration, a database and a shell in ``folder``."""

    folder: Path
    sandbox: Sandbox
    environment: dict[str, str]
    started: list[Running] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.sandbox.world

    @property
    def database(self) -> Path:
        return self.folder / "data" / "convsync.db"

    @property
    def config(self) -> Path:
        return self.folder / "convsync.toml"

    def runs(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str | None] | None = None,
        within: float = 60.0,
        program: Sequence[str] = PROGRAM,
    ) -> Result:
        """Run a command to its end. A variable that is None is taken out of the environment."""
        started = time.monotonic()
        whole = self._environment(env)
        if program is PROGRAM and forking.can_fork(arguments, env or {}):
            ended = forking.ended(arguments, stdin, self.folder, whole, within)
        else:
            ended = subprocess.run(
                [*program, *arguments],
                input=stdin,
                capture_output=True,
                cwd=self.folder,
                env=whole,
                timeout=within,
                check=False,
            )
        seconds = time.monotonic() - started
        return Result(arguments, ended.returncode, ended.stdout, ended.stderr, seconds)

    def runs_each(
        self, commands: Iterable[Sequence[str]], **options: Any
    ) -> "list[tuple[Sequence[str], Result]]":
        """Run commands that do not depend on each other, some at a time; gives each its result."""
        every = list(commands)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(lambda command: self.runs(*command, **options), every)
            return list(zip(every, results, strict=True))

    def starts(
        self, *arguments: str, stdin: bool = False, env: Mapping[str, str | None] | None = None
    ) -> Running:
        """Start a command and leave it running; with ``stdin`` its input is a pipe to write to."""
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self._environment(env),
        )
        running = Running(arguments, process, time.monotonic())
        self.started.append(running)
        return running

    def pipes(self, line: str) -> Result:
        """Run a line of shell in which ``convsync`` is the program."""
        quoted = " ".join(PROGRAM)
        prelude = f'set -o pipefail; convsync() {{ {quoted} "$@"; }}; '
        shell = ("bash", "--norc", "--noprofile", "-c")
        return self.runs(prelude + line, program=shell)

    def loads(self, *arguments: str) -> set[str]:
        """The top-level modules that a command imports."""
        timed = (sys.executable, "-X", "importtime", "-m", "convsync_cli")
        told = self.runs(*arguments, program=timed).ended(0).err
        names = [line.split("|")[2].strip() for line in told.splitlines() if line.count("|") == 2]
        return {name.split(".")[0] for name in names}

    def asks(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def tampers(self, sql: str, *values: object) -> None:
        """Write to the database behind convsync's back: how a test makes time pass."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection:
            connection.execute(sql, values)
            connection.commit()

    def person(self, role: str, workspace: str = "acme") -> Person:
        """The person that plays a role."""
        return list(self.world.workspace(workspace).people.values())[CAST.index(role)]

    def lead(self, role: str, workspace: str = "acme") -> str:
        """The id of the lead that plays a role."""
        person = self.person(role, workspace)
        known = (person.contact, "gohighlevel"), (str(person.bison), "emailbison")
        for external_id, provider in known:
            found = self.asks(
                "SELECT lead_id FROM handles WHERE external_id = ? AND provider = ?"
                " AND workspace = ?",
                external_id,
                provider,
                workspace,
            )
            if found:
                return str(found[0][0])
        raise LookupError(role)

    def states(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        return dict(self.asks("SELECT state, count(*) FROM jobs GROUP BY state"))

    def configures(self, old: str, new: str) -> None:
        """Replace a piece of the configuration, which must be there."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def suffers(self, kind: str, *, times: int | None = None, **conditions: Any) -> None:
        """Have requests go wrong; every one of those meant, unless ``times`` says how many."""
        self.sandbox.faults.add(Fault(FaultKind(kind), times=times, **conditions))

    def asked(self, pattern: str = "", workspace: str | None = None) -> int:
        """How many requests with ``pattern`` in their path have reached the sandbox."""
        return sum(
            pattern in each.path and workspace in (None, each.workspace)
            for each in list(self.sandbox.requests)
        )

    def leaves(self) -> None:
        """End what was started and has not ended."""
        for running in self.started:
            if running.alive:
                running.process.kill()
            running.process.communicate()

    def _environment(self, changes: Mapping[str, str | None] | None) -> dict[str, str]:
        changed = {**self.environment, **(changes or {})}
        return {name: value for name, value in changed.items() if value is not None}


def eventually(look: Callable[[], T], within: float = 20.0) -> T:
    """What ``look`` finds, as soon as it finds something."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"did not happen within {within} s"
        time.sleep(0.01)
    return found


def configuration(sandbox: Sandbox, database: Path, top: str = "") -> str:
    """A configuration for every workspace of a sandbox."""
    text = f'database = "{database}"\n{top}'
    for name, workspace in sandbox.world.workspaces.items():
        text += f"""
[workspaces.{name}]
region = "US"

[workspaces.{name}.sms]
provider = "gohighlevel"
base_url = "{sandbox.gohighlevel_url}"
location_id = "{workspace.location_id}"
token = {{ env = "{name.upper()}_GHL_TOKEN" }}
rate = "{FAST}"

[workspaces.{name}.email]
provider = "emailbison"
base_url = "{sandbox.emailbison_url}"
token = {{ env = "{name.upper()}_EB_TOKEN" }}
rate = "{FAST}"
"""
    return text


def environment(sandbox: Sandbox, config: Path) -> dict[str, str]:
    """What a crontab would set: no HOME, no LANG, no terminal."""
    told = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PACKAGE.parent),  # the very package that the tests import
        "CONVSYNC_CONFIG": str(config),
    }
    for name, workspace in sandbox.world.workspaces.items():
        told[f"{name.upper()}_GHL_TOKEN"] = workspace.gohighlevel_token
        told[f"{name.upper()}_EB_TOKEN"] = workspace.emailbison_token
    return told


@contextlib.contextmanager
def on_duty(
    folder: Path, leads: int = LEADS, template: Path | None = None, top: str = ""
) -> Iterator[Operator]:
    """An operator with a sandbox of their own; ``template`` is a database to start from."""
    world = World.seeded(SEED, leads)
    with Sandbox(world, enforce_limits=False) as sandbox:
        config = folder / "convsync.toml"
        operator = Operator(folder, sandbox, environment(sandbox, config))
        config.write_text(configuration(sandbox, operator.database, top))
        if template is not None:
            operator.database.parent.mkdir(mode=0o700)
            shutil.copy(template, operator.database)
        try:
            yield operator
        finally:
            operator.leaves()


def take_in_leads(operator: Operator) -> None:
    """Make a database that holds the leads of both providers' exports."""
    operator.runs("init").ended(0)
    for name in operator.world.workspaces:
        for export in (operator.world.gohighlevel_csv, operator.world.emailbison_csv):
            done = operator.runs("leads", "import", "-", "-w", name, stdin=export(name))
            assert done.code in (0, 3), done


def differences(operator: Operator, workspace: str = "acme") -> list[str]:
    """Where the export is not, message for message, what the sandbox holds."""
    exported = operator.runs("export", "--workspace", workspace).ended(0).lines
    found: list[str] = []
    for channel in ("sms", "email"):
        stored = {m["external_id"]: m for m in exported if m["channel"] == channel}
        same = [m for m in exported if m["channel"] == channel]
        if len(stored) != len(same):
            found.append(f"{channel}: {len(same) - len(stored)} stored twice")
        for message in operator.world.expected(workspace, channel):
            told = [stored.pop(each) for each in message.external_ids if each in stored]
            if len(told) != 1:
                found.append(f"{channel} {message.external_ids}: stored {len(told)} times")
            elif said := _differs(message, told[0]):
                found.append(f"{channel} {message.external_ids}: {said}")
        found += [f"{channel} {each}: nobody said that" for each in stored]
    return found


def _differs(message: Expected, told: Mapping[str, Any]) -> str | None:
    moment = message.sent_at
    sent_at = moment and f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    pairs = {
        "sent_at": (sent_at, told["sent_at"]),
        "direction": (message.direction, told["direction"]),
        "subject": (message.subject or None, told["subject"] or None),
        "body": (message.text.split(), told["body"].split()),
    }
    return next((name for name, (wanted, stored) in pairs.items() if wanted != stored), None)


def mode_of(path: Path) -> int:
    """The permission bits of a file."""
    return os.stat(path).st_mode & 0o777
