"""One synced lead: CPU of the runner for two requests and forty messages."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks.child import Used, used
from benchmarks.measure import CONVSYNC, Figure, alternate, below, environment
from benchmarks.served import Plan, Served, serving
from benchmarks.stores import Home

LEADS = 400
FEW = 10  # what a run costs before it reaches its pace is taken off by a run of so many
ROUNDS = 3
_BARE = "from benchmarks.bare_sync import entry; entry()"


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """Against httpx, json and an upsert that do the same against the same server."""
    with serving(Plan(workspaces=1, leads=LEADS, messages=40)) as served:
        many, few = served.home(folder / "many"), served.home(folder / "few", FEW)
        run(few.copied("warm.db"), served)
        number = count()

        def ours() -> float:
            all_of_it = run(many.copied("ours.db"), served)
            return all_of_it.cpu_s - run(few.copied("ours.db"), served).cpu_s

        def bare() -> float:
            all_of_it = run_bare(served, folder / f"bare-{next(number)}.db", LEADS)
            return all_of_it.cpu_s - run_bare(served, folder / f"bare-{next(number)}.db", FEW).cpu_s

        leads = LEADS - FEW
        took, bare_took = (taken / leads * 1e3 for taken in alternate(ROUNDS, ours, bare))
    name = "CPU of one synced lead / httpx + json + upsert"
    yield Figure(name, took, bare_took, "ms", below(5, "ms"))


def run(home: Home, served: Served, *options: str) -> Used:
    """What a `convsync run` used; its database is deleted."""
    arguments = ["run", *(options or ("--max-seconds", "60"))]
    told = used(CONVSYNC, arguments, environment(home) | served.tokens())
    home.removed()
    return told


def run_bare(served: Served, database: Path, leads: int) -> Used:
    """What the bare counterpart used for so many leads of the first account."""
    account = served.accounts[0]
    arguments = [served.url, account.token, account.location, str(database)]
    return used(_BARE, [*arguments, *account.contacts[:leads]], os.environ)
