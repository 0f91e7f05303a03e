"""`demo`: the whole thing on simulated providers, without a key and without a trace."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convsync_cli.console import note
from convsync_cli.sync.errors import ConvsyncError

if TYPE_CHECKING:
    from convsync_cli.sandbox.world import World

NAME = "acme"
MESSAGES = 9  # so many make a conversation that fits a screen
INCOMPLETE = 3  # the simulated export holds rows that cannot be read, as real ones do

app = typer.Typer(rich_markup_mode=None)

CONFIG = """\
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
token = {{ env = "DEMO_EMAILBISON_TOKEN" }}
"""


@app.command()
def command(
    context: typer.Context,
    leads: Annotated[int, typer.Option(metavar="N", min=20, max=1000, help="How many leads.")] = 60,
) -> int:
    """Run the main job on simulated providers, showing each command before it runs.

    Nothing leaves this machine, and nothing stays on it.

    Example: convsync demo
    """
    from convsync_cli.sandbox.server import Sandbox
    from convsync_cli.sandbox.world import World

    world = World.seeded(seed=7, leads_per_workspace=leads, workspaces=(NAME,))
    with Sandbox(world) as sandbox, tempfile.TemporaryDirectory(prefix="convsync-demo-") as folder:
        simulated = world.workspace(NAME)
        config = Path(folder, "convsync.toml")
        config.write_text(
            f'database = "{folder}/convsync.db"\n\n'
            + CONFIG.format(
                name=NAME,
                gohighlevel=sandbox.gohighlevel_url,
                emailbison=sandbox.emailbison_url,
                location=simulated.location_id,
            )
        )
        Path(folder, "leads.csv").write_bytes(world.gohighlevel_csv(NAME))
        environment = os.environ | {
            "CONVSYNC_CONFIG": str(config),
            "DEMO_GHL_TOKEN": simulated.gohighlevel_token,
            "DEMO_EMAILBISON_TOKEN": simulated.emailbison_token,
        }
        _tour(folder, environment, _lead(world))
    return 0


def _tour(folder: str, environment: dict[str, str], lead: str) -> None:
    for told, arguments in (
        ("Make the database beside the configuration", ["init"]),
        (
            "Bring the leads in; doing it twice changes nothing",
            ["leads", "import", "leads.csv", "--workspace", "acme"],
        ),
        (
            "Ask for every lead's conversation: milliseconds, whoever asks how often",
            ["enqueue-all"],
        ),
        ("Work through the queue, as cron would every minute", ["run", "--max-seconds", "50"]),
        ("Is everything all right?", ["status"]),
        ("One conversation, both channels", ["show", lead]),
        ("Everything as data", ["export", "--format", "csv", "--output", "messages.csv"]),
    ):
        note(f"\n# {told}\n$ convsync {shlex.join(arguments)}")
        sys.stderr.flush()
        ended = subprocess.run(
            [sys.executable, "-m", "convsync_cli", *arguments],
            cwd=folder,
            env=environment,
            check=False,
        )
        if ended.returncode not in (0, INCOMPLETE):
            raise ConvsyncError(f"`convsync {arguments[0]}` ended with {ended.returncode}")
    note("\nThat was all of it; the simulated providers and the folder are gone.")


def _lead(world: "World") -> str:
    """The email of a lead that is nobody's hard case and speaks on both channels."""
    spoken = [
        Counter(message.lead_key for message in world.expected(NAME, channel))
        for channel in ("sms", "email")
    ]
    both = [key for key in spoken[0] if key in spoken[1]]
    chosen = min(both, key=lambda key: abs(sum(count[key] for count in spoken) - MESSAGES))
    return world.workspace(NAME).people[chosen].emails[0]
