"""Do the tests notice? Each deliberate fault is put into a copy of the tree and its test run there.

``python -m tests.torture.mutants`` prints a table and exits 1 if any fault survives its test.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.torture.mutations import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("convsync_cli", "tests", "pyproject.toml")
LONGEST_S = 180.0
KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"


def mutated(mutant: Mutant, source: str) -> str:
    """The text with the fault in it.

    Raises:
        ValueError: what it replaces is not there exactly once.
    """
    for before, after in mutant.changes:
        if source.count(before) != 1:
            raise ValueError(f"{mutant.file}: {source.count(before)} times: {before!r}")
        source = source.replace(before, after)
    return source


def verdict(mutant: Mutant) -> tuple[str, float]:
    """Whether its test fails because of the fault, and how long that took."""
    began = time.monotonic()
    with _copy() as tree:
        file = tree / mutant.file
        file.write_text(mutated(mutant, file.read_text()))
        code = _test(tree, [mutant.test])
    return {0: SURVIVED, 1: KILLED}.get(code, BROKEN), time.monotonic() - began


def sound(tests: Iterable[str]) -> bool:
    """Whether the tests pass in a copy without a fault: or else their failing proves nothing."""
    with _copy() as tree:
        return _test(tree, list(dict.fromkeys(tests))) == 0


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="convsync-mutant-") as folder:
        tree = Path(folder)
        for name in COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, tree / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, tree / name)
        yield tree


def _test(tree: Path, tests: list[str]) -> int:
    """Run tests in a tree; returns pytest's exit code: 0 passed, 1 failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    limit = LONGEST_S * (1 + len(tests) // 4)
    try:
        ended = subprocess.run(
            command, cwd=tree, env=env, capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return 1  # a test that does not end does not pass
    if ended.returncode not in (0, 1):
        print(ended.stdout.decode()[-2000:], file=sys.stderr)
    return ended.returncode


def main() -> int:
    """Try every fault, or those whose names contain a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only faults whose names contain one of these")
    parser.add_argument("--beside", type=int, default=2, help="how many at a time")
    options = parser.parse_args()
    wanted = [
        mutant
        for mutant in MUTANTS
        if not options.words or any(word in mutant.name for word in options.words)
    ]
    if not sound(mutant.test for mutant in wanted):
        print("a test fails without any fault; nothing is proven")
        return 1
    survivors = 0
    with ThreadPoolExecutor(options.beside) as pool:
        for mutant, (word, seconds) in zip(wanted, pool.map(verdict, wanted), strict=True):
            survivors += word != KILLED
            test = mutant.test.rpartition("::")[2]
            print(f"{word:9} {seconds:5.1f} s  {mutant.name:58}  {test}", flush=True)
    print(f"{len(wanted) - survivors} of {len(wanted)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
