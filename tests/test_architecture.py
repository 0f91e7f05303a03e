"""The shape of the program: who may import whom, how long things are, what the README names."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import convsync_cli
from convsync_cli.cli import COMMANDS

PACKAGE = Path(convsync_cli.__file__).parent
ROOT = PACKAGE.parent
NAME = PACKAGE.name

LONGEST_FILE = 350
LONGEST_FUNCTION = 50

LONG_FILES = {
    "sandbox/gohighlevel.py",  # one file per simulated provider
    "sandbox/emailbison.py",
}
LONG_FUNCTIONS = {
    ("sync/engines/sqlite/schema.py", "create_jobs"),  # tables, to be read as tables
    ("sync/engines/sqlite/schema.py", "create_archive"),
}
CLOCKS = {
    "sync/clock.py",
    "sync/engines/sqlite/connection.py",  # sleeps while another process writes
    "sync/engines/sqlite/runlock.py",  # sleeps while another run frees orphans
    "sync/commits.py",  # sleeps between transactions
    "commands/looking.py",  # sleeps between looks
}
FOREIGN_TO_SYNC = {"typer", "rich", "click"}
PROVIDER_FILES = {"__init__", "requests", "rows", "conversation", "news", "feed"}
FURTHER_FILES = {"gohighlevel": {"people", "mark"}}  # who a lead is there; feed would be too long
VALUES = {"model", "limits", "errors", "instant"}


@cache
def sources() -> dict[str, ast.Module]:
    """Every file of the package by its path, parsed."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def module_of(path: str) -> str:
    """The dotted name of a file inside the package: ``sync.http``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(tree: ast.AST) -> Iterator[str]:
    """All that a file imports anywhere, also inside functions: modules, or names in modules."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                raise AssertionError("relative imports hide who imports whom")


def loaded(tree: ast.Module) -> Iterator[str]:
    """The same, without what is imported for its types only."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imported(node)


def ours(names: Iterator[str]) -> set[str]:
    """The modules of ours among them, or that they are names of; without the package's name."""
    known = {module_of(path) for path in sources()}
    stripped = {name.removeprefix(f"{NAME}.") for name in names if name.startswith(f"{NAME}.")}
    return {name if name in known else name.rpartition(".")[0] for name in stripped} & known


def inside(package: str) -> dict[str, set[str]]:
    """For each file under a folder, all that it imports."""
    found = {
        path: set(imported(tree)) for path, tree in sources().items() if path.startswith(package)
    }
    assert found, f"there is nothing under {package}"
    return found


LAYERS = ("edge", "joints", "services", "adapters", "ports", "rules", "values")


@cache
def layers() -> dict[str, str]:
    """The layer of each file, as the table in ARCHITECTURE.md says."""
    table = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## ")[1]
    found: dict[str, str] = {}
    layer = ""
    for line in table.splitlines():
        match line.strip("| ").split(" | ") if line.startswith("| ") else []:
            case [str(first), str(files), _]:
                layer = first.split(",")[0]
            case [str(files), _]:
                pass
            case _:
                continue
        for path in _matching(re.findall(r"`([^`]+)`", files)):
            assert path not in found, f"{path} stands in the table twice"
            found[path] = layer
    return found


def _matching(patterns: list[str]) -> Iterator[str]:
    """The files that some names in a cell mean; a name without a folder is in the first one's."""
    folder = ""
    for pattern in patterns:
        head, _, name = pattern.rstrip("/").rpartition("/")
        folder = folder or head.split("/")[0]
        everything = pattern.endswith(("/", "*"))
        place = head or (folder if f"{folder}/{name}" in sources() else "")
        whole = re.escape(f"{place}/{name}".lstrip("/"))
        shape = re.sub(r"<\w+>", "[a-z_]+", whole).replace(r"\*", "[a-z_]+.py")
        for path in sources():
            if re.fullmatch(shape, path) or (everything and re.match(f"{shape}/", path)):
                yield path


def test_every_file_stands_in_the_table_of_layers() -> None:
    missing = {path for path in sources() if not path.endswith(("__init__.py", "__main__.py"))}
    assert missing - layers().keys() == set()


def test_imports_point_downwards() -> None:
    paths = {module_of(path): path for path in sources()}
    upwards = [
        f"{path} ({layer}) imports {paths[module]} ({layers()[paths[module]]})"
        for path, layer in layers().items()
        for module in ours(imported(sources()[path]))
        if {layer, layers().get(paths[module], "beside")} <= {*LAYERS}
        and LAYERS.index(layers()[paths[module]]) < LAYERS.index(layer)
    ]
    assert upwards == []


def offences(files: dict[str, set[str]], forbidden: set[str]) -> list[str]:
    """Which files import what they must not: a module, or anything in a package, of ours or not."""
    return [
        f"{path} imports {name}"
        for path, names in files.items()
        for name in sorted(names)
        for each in forbidden
        if name == each or name.startswith(f"{each}.")
    ]


def test_sync_knows_neither_the_command_line_nor_the_terminal() -> None:
    assert offences(inside("sync/"), FOREIGN_TO_SYNC) == []


def test_sync_imports_nothing_of_ours_but_sync() -> None:
    strange = [
        f"{path} imports {name}"
        for path, names in inside("sync/").items()
        for name in names
        if name.startswith(f"{NAME}.") and not name.startswith(f"{NAME}.sync")
    ]
    assert strange == []


def test_no_provider_knows_another() -> None:
    files = inside("sync/providers/")
    names = {_provider(path) for path in files} - {"__init__"}
    for path in files:
        own = _provider(path)
        others = {f"{NAME}.sync.providers.{name}" for name in names - {own}}
        assert offences({path: files[path]}, others) == []
    assert offences(files, {f"{NAME}.sync.engines"}) == []


def _provider(path: str) -> str:
    """Whose file this is: a provider is a folder."""
    return path.split("/")[2].removesuffix(".py")


def test_whoever_knows_one_provider_knows_all() -> None:
    files: dict[str, set[str]] = {}
    for path in inside("sync/providers/"):
        if path.count("/") > 2:
            files.setdefault(_provider(path), set()).add(Path(path).stem)
    assert len(files) >= 5
    others = {name: found - PROVIDER_FILES for name, found in files.items()}
    assert all(found >= PROVIDER_FILES for found in files.values()), files
    assert {name: found for name, found in others.items() if found} == FURTHER_FILES


def test_nobody_above_names_a_provider_or_an_engine() -> None:
    """They are found by their names, so that another one is one more file and no ``if``."""
    named = {
        module_of(path)
        for path in sources()
        if path.startswith(("sync/providers/", "sync/engines/"))
    }
    above = {
        path: ours(imported(tree)) & (named - {"sync.providers", "sync.engines"})
        for path, tree in sources().items()
        if not path.startswith(("sync/providers/", "sync/engines/", "sandbox/"))
    }
    assert {path: names for path, names in above.items() if names} == {}


def test_values_import_nothing_but_values() -> None:
    allowed = {f"{NAME}.sync.{each}" for each in VALUES}
    strange = [
        f"{path} imports {name}"
        for path, names in inside("sync/model/").items()
        for name in names
        if name.startswith(NAME)
        and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    ]
    assert strange == []
    for alone in ("errors", "instant", "limits", "clock", "retry"):
        assert ours(imported(sources()[f"sync/{alone}.py"])) == set(), alone


def test_services_know_ports_and_no_engine_provider_or_http_library() -> None:
    services = [p for p in sources() if p.startswith("sync/") and p.count("/") == 1]
    services += [p for p in sources() if p.startswith("sync/jobs/")]
    assert "sync/worker.py" in services
    client = {"sync/http.py", "sync/wire.py", "sync/refusals.py", "sync/clients.py"}
    files = {path: set(imported(sources()[path])) for path in services if path not in client}
    foreign = {"httpx", "sqlite3", "sqlite_utils", "tenacity"}
    adapters = {f"{NAME}.sync.engines", f"{NAME}.sync.providers", f"{NAME}.sync.http"}
    assert offences(files, foreign | adapters) == []


def test_only_the_clock_reads_time() -> None:
    files = {
        path: set(imported(tree))
        for path, tree in sources().items()
        if not path.startswith("sandbox/") and path not in CLOCKS
    }
    assert offences(files, {"time"}) == []
    readers = {"now", "utcnow", "today"}
    reading = [
        f"{path}:{node.lineno}"
        for path, tree in sources().items()
        if not path.startswith("sandbox/") and path != "sync/clock.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in readers
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date")
    ]
    assert reading == []


def test_those_who_may_sleep_do_not_read_the_time() -> None:
    for path in CLOCKS - {"sync/clock.py"}:
        source = ast.unparse(sources()[path])
        for reading in ("time.time", "monotonic(", "perf_counter", "time_ns"):
            assert reading not in source, f"{path} reads {reading}"


def test_the_sandbox_knows_the_standard_library_only() -> None:
    strange = [
        f"{path} imports {name}"
        for path, names in inside("sandbox/").items()
        for name in names
        if not name.startswith(f"{NAME}.sandbox")
        and name != f"{NAME}"
        and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert strange == []


def test_only_the_demo_knows_the_sandbox() -> None:
    files = {
        path: set(imported(tree))
        for path, tree in sources().items()
        if not path.startswith("sandbox/") and path != "commands/demo.py"
    }
    assert offences(files, {f"{NAME}.sandbox"}) == []


def test_imports_go_in_no_circle() -> None:
    graph = {
        module_of(path): ours(loaded(tree)) - {module_of(path)} for path, tree in sources().items()
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " → ".join((*above[above.index(module) :], module))
        if module not in done:
            for each in sorted(graph[module]):
                visit(each, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    assert len(done) == len(graph) > 50


def test_no_file_is_long() -> None:
    lengths = {
        path: len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    long = {path for path, lines in lengths.items() if lines > LONGEST_FILE}
    assert long - LONG_FILES == set()
    assert LONG_FILES - long == set(), "no longer long: take it off the list"


def test_no_function_is_long() -> None:
    long = {
        (path, node.name)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    # The signature of a command is its list of options: only what follows it counts.
    long = {each for each in long if _body(*each) > LONGEST_FUNCTION}
    assert long - LONG_FUNCTIONS == set()
    assert LONG_FUNCTIONS - long == set(), "no longer long: take it off the list"


def _body(path: str, name: str) -> int:
    (node, *_) = [
        node
        for node in ast.walk(sources()[path])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    return (node.end_lineno or 0) - node.body[0].lineno + 1


def test_every_file_says_in_its_first_line_what_it_is() -> None:
    silent = [path for path, tree in sources().items() if not ast.get_docstring(tree)]
    assert silent == []


def test_a_command_is_a_file() -> None:
    assert list(COMMANDS) == list(dict.fromkeys(COMMANDS))
    for module in COMMANDS.values():
        tree = sources()[f"commands/{module}.py"]
        assert "app = typer.Typer(" in ast.unparse(tree)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_is_in_the_readme(command: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"convsync {command}" in readme or f"`{command}" in readme
