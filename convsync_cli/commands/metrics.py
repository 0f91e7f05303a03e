"""`metrics`: the numbers of `status` for Prometheus."""

from dataclasses import asdict
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console, write
from convsync_cli.exposition import render
from convsync_cli.measures import measures
from convsync_cli.sync.wholefile import write_whole

READABLE = 0o644  # node_exporter reads it as another user; it holds counts only

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Replace this file (mode 0644)."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Print the numbers of `status` for Prometheus. Use --output for its textfile collector.

    Example: convsync metrics --output /var/lib/node_exporter/convsync.prom
    """
    given = bootstrap.services(context.obj)
    given.output(output)
    metrics = list(measures(given, given.clock.now()))
    text = render(metrics)
    if output is not None:
        write_whole(output, text, READABLE)
    console = Console(as_json, quiet)
    console.document({"output": output, "metrics": [asdict(each) for each in metrics]})
    if output is not None:
        console.say(f"{len(metrics)} metrics written to {output}")
    elif not as_json:
        write(text.removesuffix("\n"))
    return 0
