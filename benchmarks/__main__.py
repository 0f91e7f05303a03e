"""``python -m benchmarks [--large] [NAME…]``: run all families of figures, or those named."""

import platform
import sqlite3
import tempfile
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from time import perf_counter

from benchmarks.measure import HEADER

FAMILIES = (
    "start_up",
    "enqueue_stream",
    "enqueue_all",
    "beside_a_run",
    "claim_and_settle",
    "status",
    "one_lead",
    "rates",
    "slow_disk",
    "ways",
)


def main() -> None:
    """Run what was asked for and print a line per figure."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAMILIES))
    parser.add_argument("--large", action="store_true", help="also what takes minutes")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}\n{HEADER}")
    started = perf_counter()
    for name in options.names or FAMILIES:
        with tempfile.TemporaryDirectory(prefix="convsync-benchmark-") as folder:
            for figure in import_module(f"benchmarks.{name}").figures(Path(folder), options.large):
                print(figure.line(), flush=True)
    print(f"in {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
