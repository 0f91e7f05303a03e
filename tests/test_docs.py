"""The documentation: what it says is what the program does, and where it points there is something.

``sh`` blocks are run, ``toml`` blocks loaded, generated parts made anew and compared. ``console``
blocks are only read: every command and option in them must exist.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from convsync_cli import settings
from convsync_cli.cli import COMMANDS
from convsync_cli.sync import providers
from convsync_cli.sync.errors import Exit
from tests.commands.operator import Operator, on_duty
from tests.docs import commands, configuration, screenshots
from tests.docs.__main__ import makers, prepare
from tests.docs.examples import same_shape
from tests.docs.pages import DOCS, ROOT, anchors, fences, filled, links, pages, prose

PAGES = [page.relative_to(ROOT).as_posix() for page in pages()]
LONGEST_README = 110  # lines: a page
WITHOUT_JSON = {"demo"}

_TYPED = re.compile(r"(?<![\w/.@-])convsync(?: [^\n`|;&()<>]+)?")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody whose leads are synced, as the examples show them."""
    with on_duty(tmp_path_factory.mktemp("docs")) as operator:
        prepare(operator)
        yield operator


@pytest.mark.parametrize("page", PAGES)
def test_what_is_generated_is_fresh(page: str, operator: Operator) -> None:
    assert filled(read(page), makers(operator)) == read(page), "run script/docs"


def test_links_examples_and_commands_are_found_at_all() -> None:
    """Else the tests that follow them would pass without having seen one."""
    texts = [read(page) for page in PAGES]
    examples = [fence for text in texts for fence in fences(text) if fence.language == "toml"]
    assert len([link for text in texts for link in links(text)]) > 50
    assert len(examples) > 5
    assert len([typed for text in texts for typed in typed_in(text)]) > 100


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in links(read(page)):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            ahead += [page.parent / link.split("#")[0] for link in links(page.read_text("utf-8"))]
    assert {page.resolve() for page in pages()} - reached == set()


def test_every_command_is_documented() -> None:
    headings = anchors(read("docs/commands.md"))
    assert {command.typed.replace(" ", "-") for command in commands.every()} <= headings


def test_the_json_of_every_command_is_documented() -> None:
    assert set(COMMANDS) - WITHOUT_JSON <= anchors(read("docs/json.md"))


def test_an_example_with_another_key_is_noticed() -> None:
    known = {"leads": [{"lead": "a", "age_s": 1}], "due": None}
    assert same_shape(known, {"leads": [{"lead": "b", "age_s": 0.5}], "due": "x"})
    assert same_shape(known, {"leads": [], "due": 1})
    for other in (
        {"leads": [{"lead": "b"}], "due": None},
        {"leads": [{"lead": "b", "age_s": "1"}], "due": None},
        {"due": None, "leads": [{"lead": "b", "age_s": 1}]},
        {"leads": [{"lead": "b", "age_s": 1}], "due": None, "more": 1},
    ):
        assert not same_shape(known, other)


def test_every_exit_code_is_documented() -> None:
    told = re.findall(r"^\| ([\d, ]+) \|", read("docs/json.md"), re.MULTILINE)
    documented = {int(code) for codes in told for code in codes.split(",")}
    assert documented == {*Exit, 129, 130, 143}


def test_every_key_of_the_configuration_is_documented() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", read("docs/configuration.md"), re.MULTILINE))
    tables = set(re.findall(r"\[[\w.]*?(\w+)\]`", read("docs/configuration.md")))
    assert {"database", "rate", "token", "region"} <= configuration.keys()
    assert configuration.keys() - documented - tables - {"workspaces"} == set()


def test_every_provider_has_its_page() -> None:
    index = read("docs/providers.md")
    for name in providers.names():
        page = read(f"docs/providers/{name}.md")
        assert f"(providers/{name}.md)" in index
        assert f"<!-- made by script/docs: provider {name} -->" in page
        assert "## What cannot be known" in page


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_the_configuration_can_be_used(page: str, tmp_path: Path) -> None:
    for fence in fences(read(page)):
        if fence.language == "toml":
            file = tmp_path / "convsync.toml"
            file.write_text(fence.text, encoding="utf-8")
            loaded = settings.load(str(file), {"HOME": str(tmp_path)})
            assert loaded.accounts or loaded.workspaces or "[workspaces" not in fence.text


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_that_is_named_exists(page: str) -> None:
    for typed in typed_in(read(page)):
        words, options = parsed(typed)
        assert words in commands.helps(), f"{page}: {typed}"
        known = commands.helps()[words] + commands.helps()[()]
        missing = [each for each in options if not re.search(rf"{each}\b", known)]
        assert missing == [], f"{page}: {typed}"


def typed_in(text: str) -> list[str]:
    """Every command line of ours in a page: in its blocks, and within sentences."""
    inline = re.findall(r"`(convsync [^`]+)`", text)
    blocks = [each.text for each in fences(text) if each.language in ("sh", "console")]
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    found = [match[0] for line in (*inline, *lines) for match in _TYPED.finditer(line)]
    return [each for each in found if each.strip() != "convsync"]


def parsed(typed: str) -> tuple[tuple[str, ...], list[str]]:
    """The command that a line names, and its options."""
    try:
        words = shlex.split(typed.replace("…", ""))[1:]
    except ValueError:  # a quote that ends on another line
        words = typed.split()[1:]
    options = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    plain = [word for word in words if re.fullmatch(r"[a-z-]+", word) and word[0] != "-"]
    below = {each.words for each in commands.every()}
    named = tuple(plain[:2]) if tuple(plain[:2]) in below else tuple(plain[:1])
    return named if not plain or named in below else ("unknown", *plain), options


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert parsed("convsync jobs list --state failed") == (("jobs", "list"), ["--state"])
    assert parsed("convsync enqueue - --quiet")[0] == ("enqueue",)
    assert parsed("convsync jbos list")[0] not in commands.helps()


@pytest.mark.parametrize("name", screenshots.PICTURES)
def test_pictures_load_nothing_and_show_what_the_program_shows(
    name: str, operator: Operator
) -> None:
    path = screenshots.IMAGES / f"{name}.svg"
    told, shown = (
        words(ElementTree.fromstring(svg))
        for svg in (path.read_text("utf-8"), screenshots.drawn(operator)[name])
    )
    assert not re.search(r"url\((?!#)|<image|<script|@import|xlink", path.read_text("utf-8"))
    ours = {each for each in shown if each.isalpha() and each.islower()} - said(operator)
    assert len(ours & told) >= 0.8 * len(ours) > 3, "run script/screenshots"


def said(operator: Operator) -> set[str]:
    """All words that people said."""
    channels = (("acme", "sms"), ("acme", "email"))
    messages = [each for channel in channels for each in operator.world.expected(*channel)]
    return {word for each in messages for word in f"{each.subject} {each.text}".split()}


def words(svg: ElementTree.Element) -> set[str]:
    """All words of a picture."""
    texts = [each.text or "" for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    return set(" ".join(texts).replace("\xa0", " ").split())


def test_the_readme_is_a_page() -> None:
    readme = read("README.md")
    assert len(readme.splitlines()) <= LONGEST_README
    assert [each for each in links(readme) if each.endswith(".svg")] == [
        "docs/images/status.svg",
        "docs/images/show.svg",
    ]


def test_nothing_that_is_documented_is_unfinished() -> None:
    for page in PAGES:
        assert not re.search(r"\b(TODO|TBD|FIXME|coming soon)\b", prose(read(page)), re.IGNORECASE)
    assert DOCS / "getting-started.md" in pages()
