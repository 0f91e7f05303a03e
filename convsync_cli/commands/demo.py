"""`demo`: the whole thing on simulated providers, without a key and without a trace."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console, note
from convsync_cli.sync.errors import Bug, Exit

if TYPE_CHECKING:
    from convsync_cli.sandbox.server import Sandbox
    from convsync_cli.sandbox.world import World

NAME = "acme"
MESSAGES = 9  # so many make a conversation that is read at a glance
EMAILS_A_SECOND = 40
# The simulated export holds rows that cannot be read, as real ones do.
_EXPECTED = (Exit.DONE, Exit.INCOMPLETE)

app = typer.Typer(add_completion=False, rich_markup_mode=None)

CONFIG = """\
database = "{folder}/convsync.db"

[workspaces.{name}]
region = "US"

[workspaces.{name}.sms]
provider = "gohighlevel"
base_url = "{gohighlevel}"
location_id = "{location}"
token = {{ env = "DEMO_GHL_TOKEN" }}

[workspaces.{name}.email]
provider = "emailbison"
base_url = "{emailbison}"
rate = "{rate}"
token = {{ env = "DEMO_EMAILBISON_TOKEN" }}
"""


@app.command()
def command(
    context: typer.Context,
    leads: Annotated[
        int, typer.Option(metavar="N", min=20, max=1000, help="Number of leads.")
    ] = 60,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show convsync at work on simulated providers. Each command is printed before it runs.

    Nothing leaves this machine, and nothing is left behind on it.

    Example: convsync demo
    """
    from convsync_cli.sandbox.limits import Allowance
    from convsync_cli.sandbox.server import EMAILBISON, Sandbox
    from convsync_cli.sandbox.world import World

    world = World.seeded(seed=7, leads_per_workspace=leads, workspaces=(NAME,))
    quick = {EMAILBISON: Allowance(EMAILS_A_SECOND + 1, 1.0)}  # nobody wants to wait for a demo
    shown = not (as_json or quiet)
    with (
        Sandbox(world, allowances=quick) as sandbox,
        tempfile.TemporaryDirectory(prefix="convsync-demo-") as folder,
    ):
        environment = _strangers() | _prepare(Path(folder), world, sandbox)
        ended = [
            {"command": step, "exit_code": _step(caption, step, folder, environment, shown)}
            for caption, step in _tour(_lead(world))
        ]
    console = Console(as_json, quiet)
    console.document({"commands": ended})
    console.say("\nDone. The simulated providers and the folder are gone.")
    return 0


def _strangers() -> dict[str, str]:
    """The environment of somebody new to convsync: $CONVSYNC_DATABASE would name real leads."""
    return {k: value for k, value in os.environ.items() if not k.startswith("CONVSYNC_")}


def _prepare(folder: Path, world: "World", sandbox: "Sandbox") -> dict[str, str]:
    """Write configuration and leads; returns the variables that the commands need."""
    simulated = world.workspace(NAME)
    config = folder / "convsync.toml"
    config.write_text(
        CONFIG.format(
            folder=folder,
            name=NAME,
            gohighlevel=sandbox.gohighlevel_url,
            emailbison=sandbox.emailbison_url,
            location=simulated.location_id,
            rate=f"{EMAILS_A_SECOND}/1s",
        )
    )
    (folder / "leads.csv").write_bytes(world.gohighlevel_csv(NAME))
    return {
        "CONVSYNC_CONFIG": str(config),
        "DEMO_GHL_TOKEN": simulated.gohighlevel_token,
        "DEMO_EMAILBISON_TOKEN": simulated.emailbison_token,
        "PAGER": "",  # it runs to its end by itself: nobody is to find out how to leave `less`
    }


def _tour(lead: str) -> Iterator[tuple[str, list[str]]]:
    yield "Create the database next to the configuration", ["init"]
    yield (
        "Import the leads; importing again changes nothing",
        ["leads", "import", "leads.csv", "--workspace", NAME],
    )
    yield (
        "Queue every lead: takes milliseconds; a lead already queued is not queued twice",
        ["enqueue-all"],
    )
    yield "Work through the queue, as cron would every minute", ["run", "--max-seconds", "50"]
    yield "Is everything all right?", ["status"]
    yield "One conversation, both channels", ["show", lead]
    yield "Everything as data", ["export", "--format", "csv", "--output", "messages.csv"]


def _step(
    caption: str, arguments: list[str], folder: str, environment: dict[str, str], shown: bool
) -> int:
    if shown:
        note(f"\n# {caption}\n$ convsync {shlex.join(arguments)}")
    ended = subprocess.run(
        [sys.executable, "-m", "convsync_cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=None if shown else subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode not in _EXPECTED:
        raise Bug(f"`convsync {arguments[0]}` ended with {ended.returncode}")
    return ended.returncode


def _lead(world: "World") -> str:
    """The email of a lead that is nobody's hard case and speaks on both channels."""
    spoken = [
        Counter(message.lead_key for message in world.expected(NAME, channel) if message.text)
        for channel in ("sms", "email")
    ]
    both = [key for key in spoken[0] if key in spoken[1]]
    chosen = min(both, key=lambda key: abs(sum(count[key] for count in spoken) - MESSAGES))
    return world.workspace(NAME).people[chosen].emails[0]
