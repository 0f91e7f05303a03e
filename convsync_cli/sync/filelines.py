"""The lines of a file of people or messages in any encoding, never more than one in memory."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from convsync_cli.sync.errors import UsageError

LONGEST = 1024 * 1024  # bytes of a line
_CHUNK = 64 * 1024

_KINDS = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"SQLite format 3\0": "a database",
    b"\x7fELF": "a program",
    b"\xff\xfe\0\0": "UTF-32 text",
}
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its end; ``text`` is None where it is longer than allowed."""

    number: int
    text: str | None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used; ``reason`` holds nothing of what is written in it."""

    line: int
    reason: str


def opening(lines: Iterator[Line], hint: str = "") -> Line:
    """The first line that is not blank.

    Raises:
        UsageError: there is none, which ``hint`` helps with; or it begins a JSON array.
    """
    first = next((line for line in lines if line.text is None or line.text.strip()), None)
    if first is None:
        raise UsageError("the file is empty", hint)
    if (first.text or "").lstrip().startswith("["):
        raise UsageError("the file is a JSON array, not JSONL", "try: jq -c '.[]' FILE")
    return first


def json_object(text: str) -> dict[str, Any] | str:
    """The JSON object that a line holds, or what is wrong with it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "not JSON"
    return data if isinstance(data, dict) else "not a JSON object"


def lines(stream: BinaryIO, longest: int = LONGEST) -> Iterator[Line]:
    """Read the lines of a file in UTF-8 or UTF-16; a line that is no UTF-8 is taken for cp1252.

    Lines end with LF, CR or CRLF and are counted from 1; ``longest`` is in bytes.

    Raises:
        UsageError: the file is not text.
    """
    for number, line in enumerate(_split(_utf8(stream), longest), 1):
        yield Line(number, None if line is None else _decoded(line))


def _utf8(stream: BinaryIO) -> Iterator[bytes]:
    chunks = iter(lambda: stream.read(_CHUNK), b"")
    head = b""
    while len(head) < 4096 and (chunk := next(chunks, b"")):
        head += chunk
    _refuse_binary(head)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _transcoded(chain([head], chunks))
    return chain([head.removeprefix(codecs.BOM_UTF8)], chunks)


def _refuse_binary(head: bytes) -> None:
    kind = next((kind for magic, kind in _KINDS.items() if head.startswith(magic)), None)
    controls = len(head) - len(head.translate(None, _CONTROLS))
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Compressed and other binary data has one in ten; text with a few stray ones is text.
    if kind or (controls >= 16 and controls > len(head) / 20 and not wide):
        what = kind or "binary data"
        raise UsageError(f"the file is {what}, not CSV or JSONL", "export it as CSV in UTF-8")


def _transcoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _split(chunks: Iterator[bytes], longest: int) -> Iterator[bytes | None]:
    held, too_long = b"", False
    for chunk in filter(None, chunks):
        parts = (held + chunk).splitlines(keepends=True)
        held = b"" if parts[-1].endswith(b"\n") else parts.pop()  # a CR may be half of a CRLF
        for part in parts:
            yield None if too_long or len(part) > longest else part
            too_long = False
        if len(held) > longest:
            held, too_long = held[-1:], True
    if held or too_long:
        yield None if too_long else held


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
