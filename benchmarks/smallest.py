"""The smallest Typer app that inserts one row: what start-up is measured against."""

import sqlite3

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def enqueue(database: str, lead: str) -> None:
    """Insert one row, as durably as convsync does, and say so."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=FULL")
    with connection:
        connection.execute("INSERT INTO asked (lead) VALUES (?)", (lead,))
    connection.close()
    print("queued")
