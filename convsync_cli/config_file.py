"""A configuration file as it was read: its tables, and errors that say where in it they are.

House rule: an error names the key and what is wanted there, never the value that was found, since
any value may be a credential in the wrong place.
"""

import os
import re
import stat
import tomllib
from typing import Any

from convsync_cli.sync.errors import ConfigError, cause

MAX_BYTES = 1 << 20
_LONGEST_KEY_SHOWN = 24  # longer than every key of ours, shorter than every token of theirs


class Document:
    """The file: its absolute path, its text, and whether its mode keeps everyone else out."""

    __slots__ = ("path", "private", "text")

    def __init__(self, path: str, text: str, private: bool) -> None:
        self.path = path
        self.text = text
        self.private = private

    def beside(self, path: str) -> str:
        """A path as the file means it: relative to the folder that the file is in."""
        return os.path.join(os.path.dirname(self.path), path)


class Table:
    """A table of the file and its dotted key."""

    __slots__ = ("document", "keys", "values")

    def __init__(self, document: Document, keys: tuple[str, ...], values: dict[str, Any]) -> None:
        self.document = document
        self.keys = keys
        self.values = values

    def allow(self, *known: str) -> None:
        """Refuse every key that is not among ``known``.

        Raises:
            ConfigError: naming the unknown key and the nearest known one.
        """
        for key in self.values:
            if key not in known:
                raise self.refused(key, "is not a known key", nearest(key, known))

    def table(self, key: str) -> "Table":
        """The table at ``key``; an empty one where there is none.

        Raises:
            ConfigError: something other than a table is there.
        """
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong_type(key, "a table", value, f"write [{self._dotted(key)}]")
        return Table(self.document, (*self.keys, key), value)

    def string(self, key: str, example: str = '"…"') -> str:
        """The text at ``key``, which must be there; ``example`` shows how it is written.

        Raises:
            ConfigError: nothing, no text, or an empty one is there.
        """
        hint = f"write {key} = {example}"
        if key not in self.values:
            raise self.refused(key, "is missing", hint)
        value = self.values[key]
        if not isinstance(value, str):
            raise self.wrong_type(key, "text in quotes", value, hint)
        if not value.strip():
            raise self.refused(key, "is empty", hint)
        return value

    def argv(self, key: str) -> tuple[str, ...]:
        """A program and its arguments at ``key``, which must be there.

        Raises:
            ConfigError: it is no list of texts, or one without a program.
        """
        hint = f'write {key} = ["program", "argument"]; there is no shell'
        if key not in self.values:
            raise self.refused(key, "is missing", hint)
        argv = self.values[key]
        if not isinstance(argv, list):
            raise self.wrong_type(key, "a list", argv, hint)
        if not argv or not argv[0] or not all(isinstance(a, str) and "\0" not in a for a in argv):
            raise self.refused(key, "must be a program and its arguments, all text", hint)
        return tuple(argv)

    def boolean(self, key: str, default: bool) -> bool:
        """A key that is true or false, or ``default`` where it is missing.

        Raises:
            ConfigError: it is something else.
        """
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong_type(
                key, "true or false", value, f"write {key} = true, without quotes"
            )
        return value

    def wrong_type(self, key: str, wanted: str, value: object, hint: str) -> ConfigError:
        """The error for a value of the wrong type."""
        return self.refused(key, f"must be {wanted}, but is {type_of(value)}", hint)

    def refused(self, key: str, problem: str, hint: str) -> ConfigError:
        """The error for ``key`` of this table: file, line, dotted key, problem."""
        from convsync_cli.toml_lines import line_of

        line = line_of(self.document.text, (*self.keys, key))
        place = f"{self.document.path}, line {line}" if line else self.document.path
        return ConfigError(f"{place}: {self._dotted(key)} {problem}", hint)

    def _dotted(self, key: str) -> str:
        return ".".join((*self.keys, shown(key)))


def read(path: str) -> Table:
    """Read a TOML file of at most ``MAX_BYTES``; a byte order mark is forgiven.

    Raises:
        ConfigError: there is no such file, it cannot be read, or it is not TOML.
    """
    try:
        path = os.path.abspath(path)
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"there is no configuration file at {path}", "run `convsync init` to start one"
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            f"{path} is a folder, not a configuration file", "name the file"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise ConfigError(
            f"{path} cannot be read: {cause(error)}", "check the path and its permissions"
        ) from None
    document = Document(
        path, _text(path, content), private=not mode & (stat.S_IRWXG | stat.S_IRWXO)
    )
    return Table(document, (), _parsed(document))


def _text(path: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_BYTES >> 20} MiB: not a configuration file",
            "name the right file",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: the file is not UTF-8", "save it in the encoding UTF-8"
        ) from None


def _parsed(document: Document) -> dict[str, Any]:
    try:
        return tomllib.loads(document.text)
    except RecursionError:
        raise ConfigError(f"{document.path} is nested too deeply", "remove the nesting") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(document, str(error)) from None
    except ValueError:  # int() refuses more than some thousand digits
        raise ConfigError(
            f"{document.path} holds a number that is too long", "shorten the number"
        ) from None


def _syntax_error(document: Document, said: str) -> ConfigError:
    """Word tomllib's error, without the pieces of the file that it quotes."""
    place = document.path
    if found := re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", said):
        line = found[1] or str(document.text.rstrip().count("\n") + 1)
        place, said = f"{place}, line {line}", said[: found.start()]
    said = re.sub(r"\(.*\)|'[^']{2,}'|\"[^\"]{2,}\"", "…", said, flags=re.DOTALL)
    return ConfigError(
        f"{place}: not valid TOML: {said}", 'keys are written key = "value", tables [name]'
    )


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A hint that names the known word nearest to ``name``, or all of them."""
    from difflib import get_close_matches

    if close := get_close_matches(name[:_LONGEST_KEY_SHOWN], known, n=1, cutoff=0.5):
        return f'did you mean "{close[0]}"?'
    return f"known here: {', '.join(known) or 'none'}"


def type_of(value: object) -> str:
    """What a TOML value is, in words, without saying which."""
    words = {
        bool: "true or false",
        int: "a number",
        float: "a number with a fraction",
        str: "text",
        list: "a list",
        dict: "a table",
    }
    return words.get(type(value), "a date or time")


def shown(key: str) -> str:
    """A key as an error may show it: a token or an address that stands in its place is left out."""
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+", key)
    return key if plain and len(key) <= _LONGEST_KEY_SHOWN else "…"
