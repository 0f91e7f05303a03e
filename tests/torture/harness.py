"""A convsync installation that can be maltreated: a sandbox, a configuration and real processes.

House rules: only loopback, only processes that were started here, every wait has an end.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import convsync_cli
from convsync_cli.sandbox.faults import Fault, FaultKind
from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World
from tests import forking

T = TypeVar("T")

PROGRAM = (sys.executable, "-m", "convsync_cli")
SOURCE = Path(convsync_cli.__file__).parents[1]
INJECTED = Path(__file__).parent / "injected"
LEADS = 20  # one for each of the sandbox's hard cases
SEED = 7
FAST = "10000/1s"
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; ``seconds`` from its start to its end."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float
    input: bytes = b""

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def json(self) -> Any:
        """The document on stdout; None where the process died before it was written."""
        with contextlib.suppress(ValueError):
            return json.loads(self.out)
        return None

    def well(self, *codes: int) -> "Ended":
        """Itself, having ended with one of ``codes`` (by default 0) and no traceback."""
        assert "Traceback" not in self.err, self
        assert self.code in (codes or (0,)), self
        return self


@dataclass(slots=True)
class Process:
    """A command that has been started; its output goes to files, so that it never waits for us."""

    arguments: tuple[str, ...]
    popen: "subprocess.Popen[bytes]"
    output: Path
    started: float

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def gets(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.alive:
            self.popen.send_signal(number)

    def ends(self, within: float = PATIENCE_S) -> Ended:
        """Wait for its end."""
        self.popen.wait(timeout=within)
        seconds = time.monotonic() - self.started
        out, err = (self.output.with_suffix(kind).read_text() for kind in (".out", ".err"))
        given = self.output.with_suffix(".in").read_bytes()
        return Ended(self.arguments, self.popen.returncode, out, err, seconds, given)


@dataclass(slots=True)
class Harness:
    """An installation in ``folder`` that talks to ``sandbox``, and what was started for it."""

    folder: Path
    sandbox: Sandbox
    environment: dict[str, str]
    database: Path
    processes: list[Process] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def config(self) -> Path:
        return self.folder / "convsync.toml"

    @property
    def world(self) -> World:
        return self.sandbox.world

    def starts(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Callable[[], None] | None = None,
    ) -> Process:
        """Start a command and leave it running; ``limits`` is called in the child before it."""
        output = self.folder / f"process-{next(self.numbers)}"
        given = output.with_suffix(".in")
        given.write_bytes(stdin)
        started = time.monotonic()
        with (
            given.open("rb") as reading,
            output.with_suffix(".out").open("wb") as out,
            output.with_suffix(".err").open("wb") as err,
        ):
            popen = subprocess.Popen(
                [*PROGRAM, *arguments],
                stdin=reading,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env={**self.environment, **(env or {})},
                preexec_fn=limits,
            )
        process = Process(arguments, popen, output, started)
        self.processes.append(process)
        return process

    def runs(self, *arguments: str, within: float = PATIENCE_S, **how: Any) -> Ended:
        """Run a command to its end; one that nothing is done to is forked, which costs less."""
        stdin = how.get("stdin", b"")
        if not how.keys() <= {"stdin"} or not forking.can_fork(arguments, {}):
            return self.starts(*arguments, **how).ends(within)
        started = time.monotonic()
        told = forking.ended(arguments, stdin, self.folder, self.environment, within)
        out, err, seconds = told.stdout.decode(), told.stderr.decode(), time.monotonic() - started
        return Ended(arguments, told.returncode, out, err, seconds, stdin)

    def drains(self, *options: str, tries: int = 10) -> None:
        """Run until no job is left to do."""
        for _ in range(tries):
            self.runs("run", "--max-seconds", "30", *options).well()
            if not self.asks("SELECT 1 FROM jobs WHERE state IN ('pending', 'running') LIMIT 1"):
                return
        raise AssertionError(f"not drained: {self.states()}")

    def asks(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database, without ever checkpointing it."""
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def tampers(self, sql: str, *values: object) -> None:
        """Write to the database behind convsync's back: how a test makes time pass."""
        connection = sqlite3.connect(self.database, timeout=10, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute(sql, values)

    def states(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        return dict(self.asks("SELECT state, count(*) FROM jobs GROUP BY state"))

    def leads(self, workspace: str) -> dict[tuple[str, str], str]:
        """The ids of a workspace's leads by (person's key, channel).

        A person whose exports share no address is two leads, one on each channel.
        """
        found = {
            (provider, external_id): lead
            for provider, external_id, lead in self.asks(
                "SELECT provider, external_id, lead_id FROM handles WHERE workspace = ?", workspace
            )
        }
        places = {
            (person.key, channel): place
            for person in self.world.workspace(workspace).people.values()
            for channel, place in _places(person)
        }
        return {whom: found[place] for whom, place in places.items() if place in found}

    def suffers(self, kind: str, *, times: int | None = None, **conditions: Any) -> None:
        """Have requests go wrong; all that are meant, unless ``times`` says how many."""
        self.sandbox.faults.add(Fault(FaultKind(kind), times=times, **conditions))

    def configures(self, old: str, new: str) -> None:
        """Replace a piece of the configuration, which must be there."""
        text = self.config.read_text()
        assert old in text, old
        self.config.write_text(text.replace(old, new))

    def takes_in_leads(self, *workspaces: str) -> None:
        """Import both providers' exports of some workspaces, or of all."""
        for name in workspaces or tuple(self.world.workspaces):
            for export in (self.world.gohighlevel_csv, self.world.emailbison_csv):
                self.runs("leads", "import", "-", "-w", name, stdin=export(name)).well(0, 3)

    def leaves(self) -> None:
        """End what was started and has not ended."""
        for process in self.processes:
            if process.alive:
                process.popen.kill()
            process.popen.wait()


@contextlib.contextmanager
def installed(
    folder: Path,
    workspaces: Sequence[str] = ("acme", "globex"),
    *,
    leads: int = LEADS,
    rate: str = FAST,
    top: str = "",
    enforce: bool = False,
    database: Path | None = None,
    template: Path | None = None,
) -> Iterator[Harness]:
    """An installation with an empty database, or with a copy of ``template``.

    ``top`` goes to the head of its configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = World.seeded(SEED, leads, workspaces)
    with Sandbox(world, enforce_limits=enforce) as sandbox:
        file = database or folder / "data" / "convsync.db"
        harness = Harness(folder, sandbox, _environment(folder, world), file)
        harness.config.write_text(f'database = "{file}"\n{top}\n' + _accounts(sandbox, rate))
        try:
            if template is None:
                harness.runs("init").well()
            else:
                file.parent.mkdir(mode=0o700, exist_ok=True)
                shutil.copy(template, file)  # nobody has it open yet
            yield harness
        finally:
            harness.leaves()


def eventually(look: Callable[[], T], within: float = 20.0) -> T:
    """What ``look`` finds, as soon as it finds something."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"did not happen within {within} s"
        time.sleep(0.01)
    return found


def _accounts(sandbox: Sandbox, rate: str) -> str:
    return "".join(
        f"""
[workspaces.{name}]
region = "US"

[workspaces.{name}.sms]
provider = "gohighlevel"
base_url = "{sandbox.gohighlevel_url}"
location_id = "{workspace.location_id}"
token = {{ env = "{name.upper()}_GHL_TOKEN" }}
rate = "{rate}"

[workspaces.{name}.email]
provider = "emailbison"
base_url = "{sandbox.emailbison_url}"
token = {{ env = "{name.upper()}_EB_TOKEN" }}
rate = "{rate}"
"""
        for name, workspace in sandbox.world.workspaces.items()
    )


def _environment(folder: Path, world: World) -> dict[str, str]:
    """What a crontab would set, the package under test, and the hooks of ``injected``."""
    told = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": os.pathsep.join((str(INJECTED), str(SOURCE))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CONVSYNC_CONFIG": str(folder / "convsync.toml"),
    }
    for name, workspace in world.workspaces.items():
        told[f"{name.upper()}_GHL_TOKEN"] = workspace.gohighlevel_token
        told[f"{name.upper()}_EB_TOKEN"] = workspace.emailbison_token
    return told


def _places(person: Person) -> tuple[tuple[str, tuple[str, str]], ...]:
    """The person's id at the provider of each channel."""
    return (
        ("sms", ("gohighlevel", person.contact or "")),
        ("email", ("emailbison", str(person.bison or ""))),
    )
