"""`enqueue-all`: queue every lead that can be synced, or a read of what changed."""

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet, WithHistory, Workspace, count, duration
from convsync_cli.console import Console
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.model.placing import Priority
from convsync_cli.sync.model.swept import Swept
from convsync_cli.sync.sweep import enqueue_all, enqueue_changed

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    workspace: Workspace = None,
    not_synced_for: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Only leads not synced for this long.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="At most N leads.")
    ] = None,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Read only what changed, from each account's feed."),
    ] = False,
    with_history: WithHistory = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Queue nothing; print what it would cost.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Queue all leads to be synced. Leads without an address or id are skipped.

    Example: convsync enqueue-all --workspace acme --not-synced-for 1h

    With --changed, one job per workspace and channel reads what changed since the last read: one
    request if nothing did. The first such job reads everything.
    """
    if changed and (not_synced_for or limit or with_history):
        raise UsageError(
            "--changed is about accounts, not leads: it cannot be combined with"
            " --not-synced-for, --limit or --with-history"
        )
    age = None if not_synced_for is None else duration(not_synced_for, "--not-synced-for")
    given = bootstrap.services(context.obj)
    only = given.workspace(workspace)
    if plan:
        return _plan(given, only, Console(as_json, quiet), not_synced_for or limit)
    workspaces = {w.name: tuple(w.providers) for w in given.settings.narrowed(only).workspaces}
    if changed:
        swept = enqueue_changed(given.store, workspaces, given.terms(Priority.LISTED))
    else:
        before = None if age is None else given.clock.now() - timedelta(seconds=age)
        terms = partial(given.terms, Priority.BULK, with_history=with_history)
        swept = enqueue_all(given.store, workspaces, before, limit, terms)
    _print(Console(as_json, quiet), swept)
    return 0


def _print(console: Console, swept: Swept) -> None:
    counts = {
        "eligible": swept.eligible,
        "queued": swept.queued,
        "already_queued": swept.already_queued,
        "recent": swept.recent,
        "not_syncable": swept.not_syncable,
    }
    console.document(counts)
    console.say(", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()))


def _plan(given: Services, workspace: str | None, console: Console, narrowed: object) -> int:
    from convsync_cli.view.plan import print_plan  # costs more to import than all the rest

    if narrowed:
        raise UsageError(
            "--plan is about all leads: it cannot be combined with --not-synced-for or --limit"
        )
    return print_plan(given, workspace, console)
