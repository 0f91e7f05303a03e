"""`init`: a configuration to fill in, and an empty database."""

import os

import typer

from convsync_cli import bootstrap, folders
from convsync_cli.bootstrap import Invocation
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console
from convsync_cli.sync.errors import ConfigError

TEMPLATE = """\
# convsync: what to sync, and with which credentials. `convsync doctor` checks it.
# A credential is never written on a command line:
#   token = { env = "NAME" }                        an environment variable
#   token = { file = "/run/secrets/name" }          a file that only you can read
#   token = { command = ["pass", "show", "name"] }  a command, started without a shell

# database = "~/convsync.db"     # default: the XDG data folder
# dedupe_window = "5m"           # queued again within this time, a lead is not synced again
# concurrency = 8                # leads at once
# job_timeout = "60s"            # per lead
# max_attempts = 3

# [monitoring]
# ping_url = { env = "CONVSYNC_PING_URL" }  # a check at healthchecks.io: pinged by every run

# [workspaces.acme]
# region = "US"                  # for phone numbers written without a country
#
# [workspaces.acme.sms]
# provider = "gohighlevel"
# location_id = "locAAAA0000000000001"
# token = { env = "ACME_GHL_TOKEN" }
#
# [workspaces.acme.email]
# provider = "emailbison"
# base_url = "https://send.example.com"
# token = { env = "ACME_EMAILBISON_TOKEN" }

# The other providers, instead of these:
#
# [workspaces.acme.sms]
# provider = "twilio"
# account_sid = "AC00000000000000000000000000000000"
# auth_token = { env = "ACME_TWILIO_TOKEN" }       # or api_key_sid and api_key_secret
#
# [workspaces.acme.email]
# provider = "smartlead"
# api_key = { env = "ACME_SMARTLEAD_KEY" }
#
# [workspaces.acme.email]
# provider = "instantly"
# token = { env = "ACME_INSTANTLY_KEY" }           # an API v2 key
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Create a configuration and a database. Existing ones are left as they are.

    Example: convsync init
    """
    invocation: Invocation = context.obj
    path = (
        folders.expanded(invocation.config, os.environ)
        if invocation.config
        else folders.config_path(os.environ)
    )
    wrote = _write(path)
    given = bootstrap.services(invocation, create=True)
    given.store.close()
    console = Console(as_json, quiet)
    console.document({"config": path, "database": given.settings.database, "config_written": wrote})
    console.say(f"configuration: {path}{'' if wrote else ' (already there)'}")
    console.say(f"database: {given.settings.database}")
    if wrote:
        console.say("Next: add your accounts to the configuration, then run `convsync doctor`.")
    return 0


def _write(path: str) -> bool:
    """Write the template, private from its first byte; False where a file is there already."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}: {error.strerror}", "choose another place with --config"
        ) from None
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(TEMPLATE)
    return True
