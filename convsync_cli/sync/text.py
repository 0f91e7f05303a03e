"""HTML mail as plain text, and (from ``quotes``) the new part of a mail.

House rule: every step is one linear pass over the text, because anybody may mail us anything. No
tree is built. Tree builders follow the HTML standard, which lets 34 KB of formatting tags grow to
a million elements (1.1 GB and 4.5 s in lexbor) and makes deep nesting quadratic; ARCHITECTURE.md
has the measurements. What is lost by it is the exact shape of broken markup, never its text.

Between the passes, marks stand for layout: control characters, which were taken out of the input.
``str.replace`` is used wherever it will do: it costs a tenth of a regular expression.
"""

import re
from collections.abc import Iterator
from html import unescape

from convsync_cli.sync.quotes import unquoted

__all__ = ["from_html", "unquoted"]

_MARKS = "\1\2\3\4\5\6"
_LINK, _LINKED, _LINE, _PARAGRAPH, _ITEM, _BREAK = tuple(_MARKS)
_UNSEEN = "\0\xad\u034f\u200b\u2060\ufeff"
_BLANKS = "\t\n\v\f\r\x85\xa0\u2002\u2003\u2009\u200a\u2028\u2029\u202f\u3000"

# Beyond this many tags or character references it is no mail but an attack (a newsletter has a few
# thousand): the rest is not worth a layout. Keeps 10 MB of nothing but tags below a second.
_MOST = 100_000

# An element whose content is no text ends at its end tag or, like a comment, with the document.
# `head` and Outlook's `xml` need theirs, and a head none of a body's elements before it.
# The first look-ahead is for speed alone.
_HIDDEN = re.compile(
    r"<(?=[!?/hstx])(?:!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?)"
    r"|(script|style|title)(?=[\s/>])[^>]*+>?(?:[^<]++|<(?!/\1[\s/>]))*+(?:</\1[^>]*+>?)?"
    r"|head(?=[\s>])(?:[^<]++|<(?!/?(?:head|body|p|div|table|span|br|a)[\s/>]))*+</head[^>]*+>?"
    r"|xml(?=[\s>])(?:[^<]++|<(?!/?xml[\s/>]))*+</xml[^>]*+>?"
    r"|[!?][^>]*+>?|/>)",
    re.IGNORECASE,
)
_PRE = re.compile(r"<(pre|textarea)(?=[\s>])(?:[^<]++|<(?!/\1[\s>]))*+", re.IGNORECASE)

# As in the standard, a quote opens a value only after "="; one that is never closed opens none.
# Unlike it, "Rep <rep@example.com>" and "<https://example.com>", when not escaped, are text.
_TAG = re.compile(
    rf"<(?!https?://|[^\s<>=@]*+@)(/?[a-zA-Z][^\s/>{_BREAK}]*+)"
    rf"((?:[^>=]++|=[ {_BREAK}]?(?:\"[^\"]*+\"|'[^']*+')?+)*+)(?:>|\Z)"
)
_TAGS = re.compile(r"(?:<[a-zA-Z/][^>]*+>? ?)++")
_HREF = re.compile(
    rf"(?:^|[ /\"'{_BREAK}])href ?= ?(?:\"([^\"]*)\"|'([^']*)'|([^ >]+))", re.IGNORECASE
)
_ANCHOR = re.compile(f"{_LINK}([^{_LINK}{_LINKED}]*){_LINKED}?")
_REFERENCE = re.compile(
    r"&(?:#(?:[0-9]{1,7}(?![0-9])|[xX][0-9a-fA-F]{1,6}(?![0-9a-fA-F]));?"
    r"|[a-zA-Z][a-zA-Z0-9]{1,31};|[a-zA-Z][a-zA-Z0-9]{1,5})"
)
_ITEMS = re.compile(f"{_ITEM}[{_LINE}{_PARAGRAPH}{_ITEM}{_BREAK} ]*")
_GAP = re.compile(f"{_BREAK}?{_LINE}?{_PARAGRAPH}[{_LINE}{_PARAGRAPH}]*")
_SCHEME = re.compile(r"(?:https?://(?:www\.)?|mailto:)", re.IGNORECASE)

_LINES = (
    "address article aside body caption center dd details dialog dir div dl dt fieldset figcaption"
    " figure footer form header hr html legend li main menu nav ol option section summary table"
    " tbody tfoot thead tr ul"
)
_PARAGRAPHS = "blockquote h1 h2 h3 h4 h5 h6 p pre"


def from_html(html: str) -> str:
    """Give the readable text of an HTML mail, in linear time whatever the mail is.

    Blocks and ``<br>`` make lines, with at most one empty line in a row; list items begin with
    "- "; a link keeps its text, followed by ``<address>`` where that differs and is of the web or
    of mail. Scripts, styles, titles and comments are left out; images too.
    """
    html = _HIDDEN.sub("", _without(_MARKS + _UNSEEN, html))
    pieces = _TAG.split(_folded(_with_kept_lines(html)), _MOST)
    if len(pieces) > 3 * _MOST:
        pieces[-1] = _TAGS.sub(_LINE, pieces[-1])
    targets = _put_marks(pieces)
    decoded = _Decoded()
    text = _REFERENCE.sub(lambda match: decoded[match[0]], "".join(pieces), _MOST)
    text = _ANCHOR.sub(lambda match: _link(match[1], next(targets)), text).replace(_LINKED, "")
    return _laid_out(_folded(_without(_UNSEEN, text)))


def _without(characters: str, text: str) -> str:
    for character in characters:
        text = text.replace(character, "")
    return text


def _folded(text: str) -> str:
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    while "  " in text:  # each pass halves the longest run
        text = text.replace("  ", " ")
    return text


def _with_kept_lines(html: str) -> str:
    """Turn the line ends that are meant as such into marks, so that folding leaves them."""
    lower = html.lower()
    if "<pre" not in lower and "<textarea" not in lower:
        return html
    return _PRE.sub(lambda match: match[0].replace("\n", _BREAK), html, _MOST)


def _put_marks(pieces: list[str]) -> Iterator[str]:
    """Put marks for the tags in ``[text, name, attributes, text, …]``; give the links' targets."""
    mark_of = _Marks()
    marks = [mark_of[name] for name in pieces[1::3]]
    targets = [_target(pieces[3 * i + 2]) for i, mark in enumerate(marks) if mark == _LINK]
    pieces[1::3] = marks
    pieces[2::3] = [""] * len(marks)
    return iter(targets)


def _mark_of_each_name() -> Iterator[tuple[str, str]]:
    for mark, names in ((_LINE, _LINES), (_PARAGRAPH, _PARAGRAPHS), (" ", "td th")):
        for name in names.split():
            yield from ((name, mark), ("/" + name, mark))
    yield from (("br", _BREAK), ("/br", _BREAK), ("li", _LINE + _ITEM))
    yield from (("a", _LINK), ("/a", _LINKED))


_MARK_OF = dict(_mark_of_each_name())


class _Marks(dict[str, str]):
    """The mark that a tag's name stands for, learnt as names are met, so that each costs once."""

    def __missing__(self, name: str) -> str:
        self[name] = mark = _MARK_OF.get(name.lower(), "")
        return mark


class _Decoded(dict[str, str]):
    """What a character reference stands for, learnt as references are met."""

    def __missing__(self, reference: str) -> str:
        self[reference] = character = unescape(reference)
        return character


def _target(attributes: str) -> str:
    """Give the address that a link leads to, or "" where it is none of the web or of mail."""
    found = _HREF.search(attributes[:20_000]) if attributes else None
    if found is None:
        return ""
    target = _REFERENCE.sub(_attribute_reference, found[1] or found[2] or found[3] or "")
    target = "%20".join(_without(_BREAK, target).split())
    return target if _SCHEME.match(target) else ""


def _attribute_reference(match: re.Match[str]) -> str:
    # In "?a=1&copy=2" nothing is a reference: in attributes the standard asks for the semicolon.
    return unescape(match[0]) if match[0].endswith(";") else match[0]


def _link(text: str, target: str) -> str:
    shown = text.rstrip(_MARKS + " ")
    if not target or _bare(shown.lstrip(_MARKS + " ")) == _bare(target):
        return text
    return f"{shown} <{target}>{text[len(shown) :]}"


def _bare(address: str) -> str:
    if address[:7].lower() == "mailto:":
        address = address.partition("?")[0]
    return _SCHEME.sub("", address, 1).rstrip("/").lower()


def _laid_out(text: str) -> str:
    """Turn the marks into lines: a block breaks a line that is not broken yet, a `<br>` always."""
    if _ITEM in text:
        text = _ITEMS.sub("- ", text)
    for mark in (_LINE, _PARAGRAPH, _BREAK):
        text = text.replace(" " + mark, mark)
    for mark in (_LINE, _PARAGRAPH, _BREAK):
        text = text.replace(mark + " ", mark)
    while _LINE * 2 in text:
        text = text.replace(_LINE * 2, _LINE)
    text = _GAP.sub("\n\n", text) if _PARAGRAPH in text else text
    text = text.replace(_BREAK + _LINE, "\n").replace(_LINE, "\n").replace(_BREAK, "\n")
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()
