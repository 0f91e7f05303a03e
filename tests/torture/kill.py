"""SIGKILL for everything that writes: enqueuers, bulk enqueuers, importers and runners.

``python -m tests.torture.kill --kills 1000`` is the long version of ``test_kill.py``. Every round
something is said, somebody asks for it and is answered, and several processes are started and
killed, each at a random moment or at a named point. What was acknowledged must be done in the end.
"""

import argparse
import itertools
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from convsync_cli.sandbox.rows import Expected
from tests.torture import invariants
from tests.torture.harness import Ended, Harness, Process, installed

AT_ONCE = 5
LATEST_S = 0.5  # by then most commands have ended by themselves
RECENT = "UPDATE jobs SET requested_at = '2001-01-01T00:00:00.000Z' WHERE state = 'succeeded'"
CONFIG = 'max_attempts = 20\njob_timeout = "20s"\n'

_COMMITS = ("COMMIT.before", "COMMIT.after")
POINTS = {
    "enqueue": _COMMITS,
    "enqueue -": _COMMITS,
    "enqueue-all": _COMMITS,
    "import": (*_COMMITS, "RELEASE level_1.before", "RELEASE level_1.after"),
    "run": (
        *_COMMITS,
        "page.saved",
        "job.claimed",
        "job.settling",
        "RELEASE level_1.before",
        "RELEASE level_1.after",
        "RELEASE level_2.before",
        "RELEASE level_2.after",
    ),
}
KINDS = (*POINTS, "run")  # runs have the most to lose
DEEPEST = {"import": 20, "run": 20}  # how often a point is reached, more or less


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to kill, and where: at a named point, or ``seconds`` after its start."""

    kind: str
    point: str | None = None
    seconds: float = 0.0

    @property
    def way(self) -> str:
        return (self.point or "moment").partition(":")[0]


@dataclass(slots=True)
class Campaign:
    """A war against one installation; what was promised to whom is written down."""

    harness: Harness
    chance: Random
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    survived: int = 0
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # lead, asked at
    jobs: set[int] = field(default_factory=set)
    said: list[tuple[str, Expected]] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)

    def rounds(self, kills: int) -> None:
        """Kill until ``kills`` processes have died of it."""
        plans = self._plans()
        while self.kills.total() < kills:
            self._ask_for_news()
            doomed = [(plan, self._start(plan)) for plan in itertools.islice(plans, AT_ONCE)]
            for plan, (process, asked) in sorted(doomed, key=lambda each: each[0].seconds):
                self._kill(plan, process, asked)

    def ends(self) -> None:
        """Let everything come to its end: the imports, and the jobs."""
        self.harness.takes_in_leads()
        self.harness.drains()

    def broken_promises(self) -> list[str]:
        """What was acknowledged and not done."""
        harness = self.harness
        known = {job for (job,) in harness.asks("SELECT id FROM jobs WHERE state = 'succeeded'")}
        finished = dict(
            harness.asks(
                "SELECT lead_id, max(finished_at) FROM jobs WHERE state = 'succeeded' GROUP BY 1"
            )
        )
        stored = {id for (id,) in harness.asks("SELECT external_id FROM messages")}
        return [
            *(f"job {job} is lost" for job in sorted(self.jobs - known)),
            *(f"{lead}: asked, not read" for lead, at in self.acknowledged
              if finished.get(lead, "") < at),
            *(f"{message.external_ids} is not stored" for _, message in self.said
              if not stored.intersection(message.external_ids)),
        ]  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """What happened, in numbers."""
        harness = self.harness
        by_kind: Counter[str] = Counter()
        by_way: Counter[str] = Counter()
        for (kind, way), count in self.kills.items():
            by_kind[kind] += count
            by_way[way] += count
        return {
            "kills": self.kills.total(),
            "kills_by_command": dict(by_kind),
            "kills_by_place": dict(by_way),
            "ended_before_their_kill": self.survived,
            "acknowledged": len(self.acknowledged),
            "promised_messages": len(self.said),
            "jobs": harness.states(),
            "attempts": dict(
                harness.asks("SELECT outcome, count(*) FROM attempts GROUP BY outcome")
            ),
            "messages": harness.asks("SELECT count(*) FROM messages")[0][0],
        }

    def _plans(self) -> Iterator[Plan]:
        """Every named point of every command, among random moments; then at random."""
        every = [(kind, point) for kind, points in POINTS.items() for point in points]
        self.chance.shuffle(every)
        for kind, point in every:
            yield Plan(kind, f"{point}:{self.chance.randint(1, 2)}")
            yield self._at_moment()
        while True:
            kind = self.chance.choice(KINDS)
            yield self._at_point(kind, self.chance.choice(POINTS[kind]))
            yield self._at_moment()

    def _at_point(self, kind: str, point: str) -> Plan:
        return Plan(kind, f"{point}:{self.chance.randint(1, DEEPEST.get(kind, 1))}")

    def _at_moment(self) -> Plan:
        return Plan(self.chance.choice(KINDS), seconds=self.chance.uniform(0.05, LATEST_S))

    def _start(self, plan: Plan) -> tuple[Process, str]:
        asked = _now()
        env = {"CONVSYNC_CRASH_AT": plan.point} if plan.point else {}
        arguments, stdin = self._command(plan.kind)
        return self.harness.starts(*arguments, stdin=stdin, env=env), asked

    def _command(self, kind: str) -> tuple[tuple[str, ...], bytes]:
        world, leads = self.harness.world, [*dict.fromkeys(self.leads().values())]
        match kind:
            case "enqueue":
                return ("enqueue", self.chance.choice(leads), "--force", "--json"), b""
            case "enqueue -":
                some = self.chance.sample(leads, len(leads) // 2)
                return ("enqueue", "-", "--force", "--json"), "\n".join(some).encode()
            case "enqueue-all":
                self.harness.tampers(RECENT)
                return ("enqueue-all", "--json"), b""
            case "import":
                name = self.chance.choice([*world.workspaces])
                world.meet(name)
                return ("leads", "import", "-", "-w", name), world.gohighlevel_csv(name)
            case _:
                return ("run", "--max-seconds", "5", "--parallel", "--json"), b""

    def _kill(self, plan: Plan, process: Process, asked: str) -> None:
        if plan.point is None:
            time.sleep(max(0.0, process.started + plan.seconds - time.monotonic()))
            process.gets(signal.SIGKILL)
        ended = process.ends()
        if ended.killed:
            self.kills[plan.kind, plan.way] += 1
        else:
            self.survived += 1
            ended.well(0, 3)
            if "import" not in ended.arguments:  # which tells of the rows that it rejects
                self.stderr += ended.err.splitlines()
        self._note(ended, asked)

    def _ask_for_news(self) -> None:
        """Something is said, the lead is asked for, and that is acknowledged."""
        leads = self.leads()
        told = self.harness.world.chatter(4)  # some of it by people whose import was killed
        news = [
            (leads[whom], one.message)
            for one in told
            if (whom := (one.message.lead_key, one.message.channel)) in leads
        ]
        if not news:
            return
        heard = [lead for lead, _ in news]
        asked = _now()
        ended = self.harness.runs("enqueue", *heard, "--force", "--json").well()
        self._note(ended, asked)
        self.said += news

    def _note(self, ended: Ended, asked: str) -> None:
        """Write down what a command has acknowledged: the words of the dead count as well."""
        told = ended.json
        if ended.arguments[0] != "enqueue" or told is None:
            return
        if isinstance(told["queued"], int):
            lines = ended.input.decode().split()
            self.acknowledged += [(lead, asked) for lead in lines]
            return
        for each in (*told["queued"], *told["promoted"], *told["already_queued"]):
            self.jobs.add(each["job"])
            self.acknowledged.append((each["lead"], asked))

    def leads(self) -> dict[tuple[str, str], str]:
        """The leads of all workspaces by (person's key, channel)."""
        return {
            whom: lead
            for name in self.harness.world.workspaces
            for whom, lead in self.harness.leads(name).items()
        }


def campaign(folder: Path, kills: int, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Run a campaign; returns its figures and what was found broken."""
    began = time.monotonic()
    with installed(folder, top=CONFIG) as harness:
        harness.takes_in_leads()
        war = Campaign(harness, Random(seed))
        with invariants.Watch(harness.database) as watch:
            war.rounds(kills)
            war.ends()
        wrong = [
            *(f"live twice: {key}" for key in watch.seen),
            *(f"on stderr: {line}" for line in war.stderr),
            *invariants.damage(harness),
            *invariants.unfinished(harness),
            *invariants.twice_at_once(harness),
            *war.broken_promises(),
        ]
        # The others were not all asked for; once they are, everything is there, once.
        everybody = "\n".join(war.leads().values()).encode()
        harness.runs("enqueue", "-", "--force", stdin=everybody).well()
        harness.drains()
        wrong += [*invariants.damage(harness), *invariants.wrong_messages(harness)]
        seconds = round(time.monotonic() - began, 1)
        return war.figures() | {"looks": watch.looks, "seconds": seconds}, wrong


def main() -> int:
    """The long version."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="convsync-kill-") as folder:
        figures, wrong = campaign(Path(folder), options.kills, options.seed)
    print(json.dumps(figures, indent=1))
    print("\n".join(wrong) or "nothing lost, nothing doubled, nothing left over")
    return 1 if wrong else 0


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")  # not later than it is


if __name__ == "__main__":
    sys.exit(main())
