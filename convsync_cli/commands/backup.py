"""`backup`: a consistent copy while everything runs."""

import os
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Destination; overwritten if it exists.")
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write a consistent copy of the database. Works while it is in use.

    Example: convsync backup /var/backups/convsync.db
    """
    given = bootstrap.services(context.obj)
    given.output(file)
    given.store.backup(file)
    size = os.stat(file).st_size
    console = Console(as_json, quiet)
    console.document({"file": file, "bytes": size})
    console.say(f"{file}: {size / 1e6:.1f} MB")
    return 0
