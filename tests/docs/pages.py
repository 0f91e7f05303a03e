"""The pages of the documentation, as text: their generated parts, shell, links and headings.

A generated part stands between ``<!-- made by script/docs: MAKER ARGUMENTS -->`` and
``<!-- end -->``; what stands around it is written by hand.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

Maker = Callable[[str, str], str]
"""From a maker's arguments and the part as it stands to what the part should be."""

_PART = re.compile(
    r"(?P<begin><!-- made by script/docs: (?P<name>[a-z-]+) ?(?P<arguments>.*?) -->\n)"
    r"(?P<body>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
_FENCE = re.compile(
    r"^(?P<mark>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=mark)[ ]*$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<(?:img|a)\b[^>]*\b(?:src|href)=\"([^\"]+)\"")
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code: its language, the rest of its first line, its text, and where it begins."""

    language: str
    options: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page for people who use convsync."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def filled(text: str, makers: dict[str, Maker]) -> str:
    """A page with its generated parts made anew."""

    def made(part: re.Match[str]) -> str:
        body = makers[part["name"]](part["arguments"].strip(), part["body"].strip("\n"))
        return f"{part['begin']}\n{body.strip()}\n\n{part['end']}"

    return _PART.sub(made, text)


def fences(text: str) -> Iterator[Fence]:
    """The blocks of code of a page, in order."""
    for found in _FENCE.finditer(text):
        language, _, options = found["info"].strip().partition(" ")
        yield Fence(language, options, found["text"], text.count("\n", 0, found.start()) + 1)


def prose(text: str) -> str:
    """A page without its code."""
    return _CODE.sub("", _FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead."""
    return [found[1] or found[2] for found in _LINK.finditer(prose(text))]


def anchors(text: str) -> set[str]:
    """What a link may name behind ``#``: GitHub's names of the headings."""
    headings = [found[1] for found in _HEADING.finditer(_FENCE.sub("", text))]
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {each.strip().replace(" ", "-") for each in plain}
