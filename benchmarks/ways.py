"""What being current costs in requests: the change feed against reading lead by lead.

Both ways fill an archive of their own from the same world; the two must be identical, and hold all
that the world holds. No limit is enforced: requests are counted, not timed.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measure import CONVSYNC, Figure, below
from convsync_cli.sandbox import instantly_shapes, smartlead, twilio_shapes
from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace
from convsync_cli.sandbox.world import World

LEADS, LARGE = 500, 5_000  # in each of two workspaces
TALK = 4  # about 50,000 messages
CHANGED = 50
PAIRS = (("gohighlevel", "emailbison"), ("twilio", "smartlead"), ("gohighlevel", "instantly"))

Message = dict[str, Any]


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """`bare` is lead by lead; with `large` also 10,000 leads, of which nobody reads one by one."""
    measured: set[str] = set()
    for pair in PAIRS:
        world = World.seeded(7, LEADS, talk=TALK)
        with Sandbox(world, enforce_limits=False) as sandbox:
            place = folder / "-".join(pair)
            yield from _both_ways(sandbox, pair, place, set(pair) - measured)
        measured |= set(pair)
    if large:
        yield from _many_leads(folder)


def _both_ways(
    sandbox: Sandbox, pair: tuple[str, str], folder: Path, wanted: set[str]
) -> Iterator[Figure]:
    """What each provider of a pair that is wanted is asked, and whether both archives are whole."""
    feed, single = (Archive(sandbox, pair, folder / way) for way in ("feed", "lead by lead"))
    filled, bare = feed.asks("--changed"), single.asks()
    archives, truth = (feed.messages(), single.messages()), _truth(sandbox.world, pair)
    yield Figure(f"messages, {' and '.join(pair)}", len(archives[0]), len(truth), "")
    differing = _differing(*archives)
    yield Figure("of these not the same by both ways", differing, 0, "", below(0, ""))
    missing = sum(not (ids & archives[0].keys()) for ids in truth)
    yield Figure("of the world's missing", missing, 0, "", below(0, ""))
    settled, idle = feed.asks("--changed"), feed.asks("--changed")
    said = _changed(sandbox.world)
    news = feed.asks("--changed")
    late = sum(text not in {each["body"] for each in feed.messages().values()} for text in said)
    yield Figure(f"of {len(said)} new messages missing", late, 0, "", below(0, ""))
    for name in sorted(wanted):
        accounts = len(sandbox.world.workspaces)
        yield Figure(
            f"{name}: requests for all, by feed / lead by lead", filled[name], bare[name], ""
        )
        yield Figure(f"{name}: first look after that", settled[name] / accounts, 1, "")
        yield Figure(f"{name}: nothing changed", idle[name] / accounts, 1, "", below(1, "each"))
        yield Figure(f"{name}: {CHANGED} leads changed", news[name], CHANGED, "", below(52, ""))


def _many_leads(folder: Path) -> Iterator[Figure]:
    for pair in PAIRS[:2]:
        with Sandbox(World.seeded(7, LARGE), enforce_limits=False) as sandbox:
            feed = Archive(sandbox, pair, folder / f"many-{pair[0]}")
            filled, _, idle = (feed.asks("--changed") for _ in range(3))
        for name in pair:
            accounts = len(sandbox.world.workspaces)
            yield Figure(f"{name}: requests for all of {2 * LARGE:,} leads", filled[name], 0, "")
            yield Figure(
                f"{name}: nothing changed there", idle[name] / accounts, 1, "", below(1, "each")
            )


def _changed(world: World) -> list[str]:
    """Let leads of the first workspace say something new, each on both channels."""
    name, view = next(iter(world.workspaces.items()))
    known = (one.key for one in view.people.values() if one.contact and one.bison and one.phones)
    said = []
    for number, key in enumerate(list(islice(known, CHANGED))):
        for channel in ("sms", "email"):
            said.append(f"new {channel} {number}")
            world.say(name, key, channel, "inbound", said[-1])
    return said


def _truth(world: World, pair: tuple[str, str]) -> list[set[tuple[str, str]]]:
    """The ids under which each message of the world may be stored."""
    return [
        {(name, id) for id in each.external_ids}
        for name in world.workspaces
        for provider in pair
        for each in world.expected(name, provider)
    ]


def _differing(one: dict[tuple[str, str], Message], other: dict[tuple[str, str], Message]) -> int:
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


@dataclass(slots=True)
class Archive:
    """An installation whose workspaces have one provider for each channel, and know every lead."""

    sandbox: Sandbox
    pair: tuple[str, str]
    folder: Path
    _environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self._environment = {"PATH": os.environ["PATH"], "CONVSYNC_CONFIG": str(self._configured())}
        self._convsync("init")
        for workspace in self.sandbox.world.workspaces.values():
            people = "\n".join(map(_person, workspace.people.values()))
            known = ("leads", "import", "-", "--workspace", workspace.name)
            self._convsync(*known, given=people.encode())

    def asks(self, *options: str) -> Counter[str]:
        """Bring everything up to date by ``enqueue-all``, and count requests by provider."""
        self.sandbox.requests.clear()
        self._convsync("enqueue-all", *options)
        while json.loads(self._convsync("run", "--max-seconds", "600", "--json"))["due_left"]:
            pass
        return Counter(one.provider for one in self.sandbox.requests)

    def messages(self) -> dict[tuple[str, str], Message]:
        """All that is stored but under which number, by workspace and the provider's id."""
        told = map(json.loads, self._convsync("export").splitlines())
        own = ("id", "lead")
        return {
            (each["workspace"], each["external_id"]): {
                key: value for key, value in each.items() if key not in own
            }
            for each in told
        }

    def _configured(self) -> Path:
        tables = [f'database = "{self.folder}/convsync.db"', "concurrency = 16"]
        for workspace in self.sandbox.world.workspaces.values():
            tables.append(f'[workspaces.{workspace.name}]\nregion = "US"')
            for channel, provider in zip(("sms", "email"), self.pair, strict=True):
                tables.append(
                    f'[workspaces.{workspace.name}.{channel}]\nprovider = "{provider}"\n'
                    f'base_url = "{self.sandbox.urls[provider]}"\nrate = "100000/1s"\n'
                    + _credentials(provider, workspace)
                )
        config = self.folder / "convsync.toml"
        config.write_text("\n".join(tables))
        config.chmod(0o600)
        return config

    def _convsync(self, *arguments: str, given: bytes = b"") -> bytes:
        command = [sys.executable, "-c", CONVSYNC, *arguments]
        ended = subprocess.run(
            command, input=given, env=self._environment, capture_output=True, check=False
        )
        if ended.returncode:
            raise RuntimeError(ended.stderr.decode())
        return ended.stdout


def _person(person: Person) -> str:
    ids = {"gohighlevel_id": person.contact, "emailbison_id": person.bison and str(person.bison)}
    own = {"name": person.name, "emails": person.emails, "phones": person.phones}
    return json.dumps(own | {key: id for key, id in ids.items() if id})


def _credentials(provider: str, workspace: Workspace) -> str:
    sid = twilio_shapes.account_sid(workspace)
    keys = {
        "gohighlevel": {
            "location_id": workspace.location_id,
            "token": workspace.gohighlevel_token,
        },
        "emailbison": {"token": workspace.emailbison_token},
        "smartlead": {"api_key": smartlead.key_of(workspace)},
        "twilio": {
            "account_sid": sid,
            "auth_token": twilio_shapes.credentials(workspace)[sid],
        },
        "instantly": {"token": instantly_shapes.token(workspace)},
    }
    return "\n".join(f'{key} = "{value}"' for key, value in keys[provider].items())
