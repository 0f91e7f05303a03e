"""HTML mail as plain text.

The tree is lexbor's, by way of selectolax. A tree builder that follows the HTML standard can be
made to work for ever: deep nesting is quadratic, so are the attributes of a tag (900 KB of them
take 20 s), and formatting tags that are never closed are opened anew in every block (34 KB of them
make a million elements). Anybody may mail us anything. So formatting tags, which carry no layout,
are taken out first; and a mail with too many, too deep or too full tags is only stripped of them:
it loses its layout, never its text.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# A newsletter has a few thousand tags, nests a few dozen deep, and has a dozen attributes in a tag.
MOST_TAGS = 20_000
DEEPEST = 500
MOST_ATTRIBUTES = 500

_HIDDEN = frozenset({"script", "style", "head", "title", "template", "xml", "-comment"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"})
_BLOCKS = _PARAGRAPHS | {
    *("address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "dir"),
    *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr"),
    *("html", "legend", "li", "main", "menu", "nav", "ol", "option", "section", "summary", "table"),
    *("tbody", "textarea", "tfoot", "thead", "tr", "ul"),
}
_CELLS = frozenset({"td", "th"})
_KEPT_LINES = frozenset({"pre", "textarea"})
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_FORMATTING = re.compile(  # the HTML standard, 13.2.4.3; not <a>, whose address is kept
    r"<(?=[/bcefinstu])/?(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)"
    r"(?:[\s/](?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)?>",
    re.IGNORECASE,
)
# A bracket before another begins no tag; before a formatting tag that is taken out it would.
_BRACKETS = re.compile(r"(?<!<)<{2,}")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*)")
_ATTRIBUTES = re.compile(  # the HTML standard, 13.2.5.32 to 13.2.5.39
    r"(?:[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>]*+))?+)"
    rf"{{0,{MOST_ATTRIBUTES}}}+[\s/]*+"
)
_UNSEEN_PARTS = re.compile(
    r"<(script|style|title)\b.*?(?:</\1[^>]*>?|\Z)|<!--.*?(?:-->|\Z)", re.S | re.I
)
_TAGS = re.compile(r"(?:<[a-zA-Z/!?][^<>]*+>?+\s*+)++")

# Marks for the layout stand among the texts: control characters, taken out of what comes in.
_LINE, _PARAGRAPH, _BREAK, _ITEM = "\1", "\2", "\3", "\4"
_UNSEEN = re.compile("[\0-\6\xad\u034f\u200b\u2060\ufeff]")
_BLANKS = re.compile(r"\s+")
_ITEMS = re.compile("\4[\1-\4]*")
# What runs of marks come to, in this order: a mark that adds nothing to the one beside it goes.
_SETTLED = (
    (_LINE * 2, _LINE),
    (_BREAK + _LINE, _BREAK),
    (_BREAK * 3, _BREAK * 2),
    (_BREAK + _PARAGRAPH, _PARAGRAPH),
    (_LINE + _PARAGRAPH, _PARAGRAPH),
    (_PARAGRAPH + _LINE, _PARAGRAPH),
    (_PARAGRAPH + _BREAK, _PARAGRAPH),
    (_PARAGRAPH * 2, _PARAGRAPH),
)
_WRITTEN = (
    (_LINE + _BREAK * 2, "\n\n"),
    (_PARAGRAPH, "\n\n"),
    (_BREAK, "\n"),
    (_LINE, "\n"),
)

# What people write into HTML without escaping it: "Rep <rep@example.com>", "<https://example.com>".
_BARE_ADDRESS = re.compile(r"<(?=https?://|(?!!--)[^\s<>=@]{1,64}@)")
_SCHEME = re.compile(r"(?:https?://(?:www\.)?|mailto:)", re.IGNORECASE)


def from_html(html: str) -> str:
    """Give the readable text of an HTML mail, in linear time whatever the mail is.

    Blocks and ``<br>`` make lines, with at most one empty line in a row; list items begin with
    "- "; a link keeps its text, followed by ``<address>`` where that differs and is of the web or
    of mail. Scripts, styles, titles and comments are left out; images too.
    """
    html = html.encode("utf-8", "replace").decode("utf-8")
    html = _BRACKETS.sub(lambda run: "&lt;" * (len(run[0]) - 1) + "<", html)
    html = _BARE_ADDRESS.sub("&lt;", html)
    html = _FORMATTING.sub("", html)
    return _laid_out(_read(html) if _is_tame(html) else _stripped(html))


def _is_tame(html: str) -> bool:
    """Whether a tree builder can be trusted with it: not too many tags, none too deep or too full.

    Whether a tag stands in a comment or in another's attribute is not asked, so that nothing can
    hide one: all are looked at, as long as they do not overlap so much that this takes long too.
    """
    opened: dict[str, int] = {}
    depth = looked_at = 0
    for count, tag in enumerate(_TAG.finditer(html)):
        name, start = tag[2].lower(), tag.end()
        if not tag[1]:
            opened[name] = opened.get(name, 0) + 1
            depth += name not in _VOID
        elif opened.get(name):  # what was not opened closes nothing
            opened[name] -= 1
            depth -= name not in _VOID
        end = start if html.startswith(">", start) else _end_of_attributes(html, start)
        looked_at += end - start
        if count > MOST_TAGS or depth > DEEPEST or looked_at > 2 * len(html):
            return False
        if not html.startswith(">", end) and end < len(html):
            return False
    return True


def _end_of_attributes(html: str, start: int) -> int:
    """Where the attributes of a tag end: at its bracket, unless there are too many."""
    found = _ATTRIBUTES.match(html, start)
    return found.end() if found else start


def _stripped(html: str) -> Iterator[str]:
    bare = _TAGS.sub(_LINE, _UNSEEN_PARTS.sub("", _without_marks(html)))
    yield unescape(bare)


def _read(html: str) -> Iterator[str]:
    from selectolax.lexbor import LexborHTMLParser  # slow to load, and only runs need it

    root = LexborHTMLParser(html).root
    if root is not None:
        yield from _pieces(root)


def _pieces(root: "LexborNode") -> Iterator[str]:
    """The texts below a node between marks for their layout, walked without recursion."""
    node: LexborNode | None = root
    kept = 0
    while node is not None:
        kept += node.tag in _KEPT_LINES
        yield from _opening(node, kept > 0)
        if node.child is not None and node.tag not in _HIDDEN:
            node = node.child
            continue
        while node is not None:
            kept -= node.tag in _KEPT_LINES
            yield from _closing(node)
            if node.next is not None:
                break
            node = node.parent
        node = node.next if node is not None else None


def _opening(node: "LexborNode", kept: bool) -> Iterator[str]:
    tag = node.tag
    if tag == "-text":
        text = _without_marks(node.text_content or "")
        yield text.replace("\n", _BREAK) if kept else text
    elif tag == "br":
        yield _BREAK
    elif tag in _BLOCKS:
        yield _PARAGRAPH if tag in _PARAGRAPHS else _LINE
        if tag == "li":
            yield _ITEM


def _closing(node: "LexborNode") -> Iterator[str]:
    tag = node.tag
    if tag in _BLOCKS:
        yield _PARAGRAPH if tag in _PARAGRAPHS else _LINE
    elif tag in _CELLS:
        yield " "
    elif tag == "a":
        yield _target(node)


def _target(link: "LexborNode") -> str:
    """Where a link leads, unless its text says so or it leads nowhere on the web or by mail."""
    target = _without_marks(link.attributes.get("href") or "").replace("\n", "").strip()
    if not _SCHEME.match(target) or _bare(link.text().strip()) == _bare(target):
        return ""
    return f" <{target}>"


def _bare(address: str) -> str:
    if address[:7].lower() == "mailto:":
        address = address.partition("?")[0]
    return _SCHEME.sub("", address, count=1).rstrip("/").lower()


def _without_marks(text: str) -> str:
    return _UNSEEN.sub("", text)


def _laid_out(pieces: Iterator[str]) -> str:
    """The text with its marks written out, in a few passes of ``replace``: a match a mark would
    take seconds where there are millions.

    A block ends a line that was not ended yet, a paragraph leaves a gap, a break always ends.
    """
    text = _BLANKS.sub(" ", "".join(pieces))
    for mark in (_LINE, _PARAGRAPH, _BREAK, _ITEM):
        text = text.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    text = _ITEMS.sub("- ", text)
    for run, mark in _SETTLED:
        while run in text:
            text = text.replace(run, mark)
    for mark, written in _WRITTEN:
        text = text.replace(mark, written)
    return text.strip()
