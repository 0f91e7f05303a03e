"""Examples of the JSON that commands print: made by the program, on the sandbox.

Ids, times and counts differ from one time to the next, so an example is made anew only where its
shape is another: what scripts rely on are names and types.
"""

import getpass
import json
import re
import shlex
import socket
from itertools import zip_longest
from typing import Any

from tests.commands.operator import Operator, Result
from tests.docs.pages import fences

LONGEST_TEXT = 60
FOLDER, USER, HOST = "/home/ops", "ops", "office"
FIRST = 1  # of a list; the rest looks the same


def example(operator: Operator, arguments: str, before: str) -> str:
    """What a command prints with ``--json``, or a line of what it streams without.

    In ``arguments`` the word LEAD is a lead's address, and ``!`` at the beginning means the error
    on stderr.
    """
    wants_error = arguments.startswith("!")
    typed = [_word(operator, each) for each in shlex.split(arguments.removeprefix("!"))]
    ended = operator.runs(*typed)
    printed = ended.err if wants_error else ended.out
    lines = printed.splitlines() or [""]
    document = _parsed(_elsewhere(printed if "--json" in typed else lines[0], operator), ended)
    code = f"    # exit code {ended.code}" if ended.code else ""
    command = f"```console\n$ convsync {shlex.join(typed)}{code}\n```"
    stands = shown(before)
    if before.startswith(command) and stands is not None and same_shape(document, stands):
        return before
    told = json.dumps(_shortened(document), indent=2, ensure_ascii=False)
    told = re.sub(r"\{\s*([^{}\[\]]{1,60}?)\s*\}", _on_one_line, told)
    return f"{command}\n\n```json\n{told}\n```"


def _parsed(printed: str, ended: Result) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        raise AssertionError(f"no JSON: {ended}") from None


def _elsewhere(printed: str, operator: Operator) -> str:
    """The same without what is of this machine: its folders, its user, its name."""
    printed = printed.replace(str(operator.folder), FOLDER)
    printed = printed.replace(f" by {getpass.getuser()} ", f" by {USER} ")
    return re.sub(rf"\b{re.escape(socket.gethostname())}\b", HOST, printed)


def _on_one_line(found: re.Match[str]) -> str:
    return "{" + " ".join(found[1].split()) + "}"


def _word(operator: Operator, word: str) -> str:
    return operator.person("pictures").emails[0] if word == "LEAD" else word


def shown(part: str) -> Any:
    """The document that an example shows; None where there is none yet."""
    return next((json.loads(each.text) for each in fences(part) if each.language == "json"), None)


def same_shape(one: Any, other: Any) -> bool:
    """Whether two documents have the same names in the same order, and types; null fits all."""
    match one, other:
        case (None, _) | (_, None):
            return True
        case dict(), dict():
            return list(one) == list(other) and all(same_shape(one[n], other[n]) for n in one)
        case list(), list():
            if not one or not other:
                return True
            pairs = zip_longest(one[:FIRST], other[:FIRST], fillvalue=None)
            return all(same_shape(a, b) for a, b in pairs)
    return _kind(one) == _kind(other)


def _kind(value: Any) -> type:
    """A JSON type; whole numbers and fractions are one."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _shortened(document: Any) -> Any:
    match document:
        case dict():
            return {name: _shortened(value) for name, value in document.items()}
        case list():
            return [_shortened(each) for each in document[:FIRST]]
        case str() if len(document) > LONGEST_TEXT:
            return document[: LONGEST_TEXT - 1].rstrip() + "…"
    return document
