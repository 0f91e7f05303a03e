"""Leads from a CSV or JSONL file, row by row: what cannot be used is reported, the rest goes on."""

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, BinaryIO

from convsync_cli.sync import leadcolumns
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.filelines import LONGEST, BadLine, Line, json_object, lines, opening
from convsync_cli.sync.leadcolumns import Columns
from convsync_cli.sync.model.lead import Contact

# A quote that closes later than this many lines is taken for one that was never closed. A file that
# has made us put back too many lines is broken throughout: then only these few are looked at.
_LONGEST_RECORD, _LONGEST_IN_BROKEN = 200, 3
_MOST_PUT_BACK = 10_000
_DELIMITERS = (",", ";", "\t")
_SHOWN_COLUMNS = 30
_DATA = re.compile(r"@|[0-9](?:[^0-9]?[0-9]){6}")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """A person, and the line of the file on which the row begins, counted from 1."""

    line: int
    contact: Contact


def rows(
    stream: BinaryIO, region: str | None, providers: Collection[str]
) -> Iterator[Row | BadLine]:
    """Read the leads of a CSV or JSONL file, with the memory that one row needs.

    Empty rows are skipped. A short row lacks its last cells (Excel leaves empty ones out); a
    long one is bad, since its cells may stand in wrong columns.

    Args:
        stream: the file, or a pipe.
        region: ISO 3166 code of the country whose phone numbers are written without one.
        providers: those for which a column ``<provider>_id`` is known.

    Raises:
        UsageError: at once, where the file is empty, not text, or has no column that finds a lead.
    """
    source = _Source(lines(stream))
    first = opening(source)
    source.put_back([first])
    if (first.text or "").lstrip().startswith("{"):
        return _objects(source, region, tuple(providers))
    return _table(source, region, providers)


class _Source(Iterator[Line]):
    """Lines that can be put back; ``put_back_lines`` counts how many were."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._back: deque[Line] = deque()
        self.put_back_lines = 0

    def __next__(self) -> Line:
        return self._back.popleft() if self._back else next(self._lines)

    def put_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))
        self.put_back_lines += len(lines)


def _objects(
    source: Iterator[Line], region: str | None, providers: tuple[str, ...]
) -> Iterator[Row | BadLine]:
    columns_of = lru_cache(64)(lambda names: leadcolumns.columns(names, providers))
    for line in source:
        if line.text is None or line.text.strip():
            data = _object(line)
            if isinstance(data, dict):
                cells = [_texts(value) for value in data.values()]
                yield _row(line.number, leadcolumns.contact(columns_of(tuple(data)), cells, region))
            else:
                yield BadLine(line.number, data)


def _object(line: Line) -> dict[str, Any] | str:
    return "the line is longer than 1 MiB" if line.text is None else json_object(line.text)


def _texts(value: Any) -> list[str]:
    """Give the texts of a JSON value: itself, or those of a list, or an object's address."""
    if isinstance(value, list):
        return [text for part in value if not isinstance(part, list) for text in _texts(part)]
    if isinstance(value, dict):
        known = (value.get(key) for key in ("value", "email", "phone", "number", "address"))
        return [part for part in known if isinstance(part, str)]
    if isinstance(value, float):
        return [f"{value:.0f}"] if value.is_integer() else []
    if isinstance(value, str | int) and not isinstance(value, bool):
        return [_SURROGATES.sub("\ufffd", str(value))]
    return []


def _table(
    source: _Source, region: str | None, providers: Collection[str]
) -> Iterator[Row | BadLine]:
    delimiter, columns = _header(source, providers)
    return _table_rows(source, delimiter, columns, region)


def _table_rows(
    source: _Source, delimiter: str, columns: Columns, region: str | None
) -> Iterator[Row | BadLine]:
    for line in source:
        if line.text is not None and not line.text.strip():
            continue
        cells = _cells(line, source, delimiter)
        if isinstance(cells, str):
            yield BadLine(line.number, cells)
        elif any(map(str.strip, cells[len(columns) :])):
            yield BadLine(line.number, f"{len(cells)} cells in {len(columns)} columns")
        elif any(map(str.strip, cells)):
            told = leadcolumns.contact(columns, [[cell] for cell in cells], region)
            yield _row(line.number, told)


def _row(number: int, told: Contact | str) -> Row | BadLine:
    return BadLine(number, told) if isinstance(told, str) else Row(number, told)


def _header(source: _Source, providers: Collection[str]) -> tuple[str, Columns]:
    line = next(source)
    told = re.fullmatch(r"sep=([^\s\w])\s*", line.text or "")  # Excel's own first line
    line = next(source, line) if told else line
    delimiter = told[1] if told else _delimiter(line.text or "", providers)
    names = _cells(line, source, delimiter)
    if isinstance(names, str):
        raise UsageError(f"the first line of the file cannot be read: {names}")
    columns = leadcolumns.columns(names, providers)
    if not leadcolumns.can_find_a_lead(columns):
        raise _no_usable_column(names, columns, providers)
    return delimiter, columns


def _delimiter(header: str, providers: Collection[str]) -> str:
    """Choose the delimiter that makes most of the header."""

    def known(delimiter: str) -> tuple[int, int]:
        names = _lenient(header, delimiter) or []
        columns = leadcolumns.columns(names, providers)
        return sum(column is not None for column in columns), len(names)

    return max(_DELIMITERS, key=known)


def _no_usable_column(names: list[str], columns: Columns, providers: Collection[str]) -> UsageError:
    ids = ", ".join(f'"{provider}_id"' for provider in providers)
    hint = f'name a column "email", "phone" or one of {ids} in the first line'
    if not any(columns) or any(map(_DATA.search, names)):  # somebody's data: not to be repeated
        return UsageError("the first line of the file names no known column", hint)
    shown = ", ".join(name.strip()[:40] for name in names[:_SHOWN_COLUMNS])
    return UsageError(f"the file has no column that finds a lead; its columns are: {shown}", hint)


def _cells(first: Line, source: _Source, delimiter: str) -> list[str] | str:
    """Read the row that begins with ``first``, or tell what is wrong with it.

    Of a row whose quote is never closed only the first line is lost: the others are put back.
    """
    if first.text is None or "\0" in first.text:
        return "the line is longer than 1 MiB" if first.text is None else "it holds a NUL byte"
    taken: list[Line] = []
    try:
        record = _record(first.text, source, taken)
        return next(csv.reader(record, delimiter=delimiter, strict=True))
    except csv.Error as error:
        source.put_back(taken)
        if "field larger" in str(error):
            return "a cell is longer than 128 KiB"
        return _lenient(first.text, delimiter) or "a quote is not closed"


def _record(text: str, source: _Source, taken: list[Line]) -> Iterator[str]:
    """Give the lines that a row may take, as they are asked for."""
    size = 0
    broken = source.put_back_lines > _MOST_PUT_BACK
    yield text
    for line in islice(source, _LONGEST_IN_BROKEN if broken else _LONGEST_RECORD):
        taken.append(line)
        size += len(line.text or "")
        if line.text is None or "\0" in line.text or size > LONGEST:
            return
        yield line.text


def _lenient(line: str, delimiter: str) -> list[str] | None:
    """Read a row whose quotes are not as they should be; None where it does not end on its line."""
    reader = csv.reader([line, ""], delimiter=delimiter)
    try:
        cells = next(reader)
    except csv.Error:
        return None
    return cells if reader.line_num == 1 else None
