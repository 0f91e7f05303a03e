"""`accounts`: the credentials in use, their health and their rate budget."""

from datetime import datetime
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.completion import accounts
from convsync_cli.config_file import shown
from convsync_cli.console import Console
from convsync_cli.sync.errors import NotFound
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.limits import Bucket
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.pause import PauseReason

CHECK_S = 20.0

Name = Annotated[
    str,
    typer.Argument(metavar="W/CHANNEL", autocompletion=accounts, help="Account, e.g. acme/sms."),
]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="List, pause and resume accounts.",
    no_args_is_help=True,
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False, quiet: Quiet = False) -> int:
    """List the accounts with their health and rate budget.

    Example: convsync accounts list
    """
    given = bootstrap.services(context.obj)
    now = given.clock.now()
    documents = [_document(given, account, now) for account in given.settings.accounts]
    console = Console(as_json, quiet)
    console.document({"accounts": documents})
    columns = ["account", "provider", "rate", "free_now", "state", "message"]
    console.table(
        [column.replace("_", " ") for column in columns],
        [[each[column] for column in columns] for each in documents],
    )
    return 0


def _document(given: Services, account: Account, now: datetime) -> dict[str, Any]:
    state = given.store.accounts.state(account)
    paused = state.paused(now)
    until = state.paused_until if paused else None
    bucket = Bucket(account.rate, state.next_at)
    return {
        "account": account.name,
        "provider": account.provider,
        "rate": str(account.rate),
        "free_now": 0 if paused else bucket.free(now.timestamp()),
        "state": f"paused: {state.reason}" if paused else "ok",
        "paused_until": until and to_text(until),
        "pause_reason": str(state.reason) if paused else None,
        "message": state.message if paused else None,
        "checked_at": state.checked_at and to_text(state.checked_at),
    }


@app.command()
def pause(context: typer.Context, name: Name, as_json: Json = False, quiet: Quiet = False) -> int:
    """Stop using an account until it is resumed; its jobs wait and lose no attempt.

    Example: convsync accounts pause acme/sms
    """
    given = bootstrap.services(context.obj)
    account = _account(given, name)
    given.store.accounts.pause(
        account, PauseReason.OPERATOR, "paused by hand", None, given.clock.now()
    )
    console = Console(as_json, quiet)
    console.document({"account": name, "state": "paused"})
    console.say(f"{name} is paused; `convsync accounts resume {name}` resumes it")
    return 0


@app.command()
def resume(context: typer.Context, name: Name, as_json: Json = False, quiet: Quiet = False) -> int:
    """Use an account again, after one cheap request has shown that it works.

    Example: convsync accounts resume acme/sms
    """
    given = bootstrap.services(context.obj)
    account = _account(given, name)
    console = Console(as_json, quiet)
    [checkup] = bootstrap.check(given, [account], CHECK_S)
    if checkup.error is not None:
        state = _document(given, account, given.clock.now())["state"]
        console.document({"account": name, "state": state, "made_due": 0})
        raise checkup.error
    due = _set_free(given, account)
    console.document({"account": name, "state": "ok", "made_due": due})
    console.say(f"{name} works; {due} waiting jobs are due")
    return 0


def _set_free(given: Services, account: Account) -> int:
    now = given.clock.now()
    with given.store.transaction():
        given.store.accounts.resume(account.workspace, account.channel, now)
        return given.store.queue.make_due(account.workspace, now)


def _account(given: Services, name: str) -> Account:
    accounts = {account.name: account for account in given.settings.accounts}
    if name in accounts:
        return accounts[name]
    typed = "/".join(map(shown, name.split("/")))
    raise NotFound(f"there is no account {typed!r}", f"known: {', '.join(accounts) or 'none'}")
