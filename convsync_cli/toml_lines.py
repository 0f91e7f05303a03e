"""Where a key is in a TOML text; tomllib does not say, and only errors need it."""

import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|(?P<newline>\n)"
    r"|[^\"'#\[\]{}\n]+"
    r"|.",
    re.DOTALL,
)
_KEY_PART = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)\s*([.=\]]?)""")


def line_of(text: str, key: Sequence[str]) -> int | None:
    """Find the line, from 1, on which a key or else the nearest table around it is written.

    ``text`` is valid TOML. Returns None where neither is found, as for an empty key.
    """
    lines = _lines(text)
    for length in range(len(key), 0, -1):
        if line := lines.get(tuple(key[:length])):
            return line
    return None


def _lines(text: str) -> dict[tuple[str, ...], int]:
    written: dict[tuple[str, ...], int] = {}
    implied: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, statement in _statements(text):
        if statement.startswith("["):
            path = table = _key(statement.lstrip("["))
        else:
            path = table + _key(statement)
        written.setdefault(path, line)
        for length in range(1, min(len(path), 8)):  # ours are at most five deep
            implied.setdefault(path[:length], line)
    return implied | written


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or ``key = value`` with its line; one that spans several lines counts once."""
    line, depth, statement = 1, 0, ""
    for token in _TOKEN.finditer(text + "\n"):
        if token["newline"] and depth <= 0:
            if statement.strip():
                yield line - statement.count("\n"), statement.strip()
            statement = ""
        elif not token["comment"]:
            statement += token[0]
        depth += bool(token["open"]) - bool(token["close"])
        line += token[0].count("\n")


def _key(statement: str) -> tuple[str, ...]:
    """The dotted key at the start of a statement; escapes in quoted parts stay as written."""
    parts: list[str] = []
    position = 0
    while found := _KEY_PART.match(statement, position):
        parts.append(found[1].strip("\"'") if found[1][0] in "\"'" else found[1])
        position = found.end()
        if found[2] != ".":
            break
    return tuple(parts)
