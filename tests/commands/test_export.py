"""`export`: every message once, safe to open, whole or not there."""

import csv
import io
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.commands.operator import (
    EXPORT_KEYS,
    PROGRAM,
    Operator,
    differences,
    eventually,
    mode_of,
)
from tests.commands.terminal import shown

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FORMULAS = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


def table(text: str) -> list[list[str]]:
    """The rows of a CSV."""
    return list(csv.reader(io.StringIO(text, newline="")))


def leftovers(operator: Operator) -> list[str]:
    """Files in the operator's folder that nobody asked for."""
    known = {"convsync.toml", "data", "out.jsonl", "out.csv"}
    return [name for name in os.listdir(operator.folder) if name not in known]


# What comes out


def test_every_message_is_one_line_with_the_promised_keys_in_their_order(synced: Operator) -> None:
    result = synced.runs("export").ended(0)
    assert {tuple(message) for message in result.lines} == {tuple(EXPORT_KEYS)}
    assert [m["id"] for m in result.lines] == sorted(m["id"] for m in result.lines)
    assert {type(m["id"]) for m in result.lines} == {int}
    moments = {m["sent_at"] for m in result.lines}
    assert None in moments
    assert all(MOMENT.fullmatch(moment) for moment in moments - {None})
    assert {m["direction"] for m in result.lines} == {"inbound", "outbound"}
    assert result.stderr == b""
    assert differences(synced) == differences(synced, "globex") == []


def test_a_csv_holds_the_same_under_the_same_names(synced: Operator) -> None:
    lines = synced.runs("export").ended(0).lines
    header, *rows = table(synced.runs("export", "--format", "csv", "--raw").ended(0).out)
    assert header == EXPORT_KEYS
    wanted = [["" if cell is None else str(cell) for cell in m.values()] for m in lines]
    assert rows == wanted


def test_no_cell_of_a_csv_is_taken_for_a_formula(synced: Operator) -> None:
    ids = [id for (id,) in synced.asks("SELECT id FROM messages LIMIT ?", len(FORMULAS))]
    for id, formula in zip(ids, FORMULAS, strict=True):
        synced.tampers("UPDATE messages SET body = ?, subject = ? WHERE id = ?", *[formula] * 2, id)
    _, *safe = table(synced.runs("export", "--format", "csv").ended(0).out)
    assert not [cell for row in safe for cell in row if cell.startswith(tuple("=+-@\t\r"))]
    body = EXPORT_KEYS.index("body")
    told = {int(row[0]): row[body] for row in safe}
    assert [told[id] for id in ids] == [f"'{formula}" for formula in FORMULAS]
    _, *raw = table(synced.runs("export", "--format", "csv", "--raw").ended(0).out)
    assert {row[body] for row in raw} >= set(FORMULAS)
    lines = {m["id"]: m["body"] for m in synced.runs("export").lines}
    assert [lines[id] for id in ids] == FORMULAS


@pytest.mark.parametrize("form", [("csv",), ("csv", "--raw"), ("jsonl",)])
@pytest.mark.parametrize("output", [(), ("--output", "/dev/stdout")])
def test_a_terminal_is_driven_by_no_message_and_a_pipe_gets_it_exactly(
    synced: Operator, form: tuple[str, ...], output: tuple[str, ...]
) -> None:
    hostile = "a\x1b[2J\x9b31mb\u202ec\x07"
    synced.tampers("UPDATE messages SET body = ?, subject = ?", hostile, hostile)
    told = shown(synced, "export", "--format", *form, *output, env={"TERM": "dumb"})
    assert told.code == 0
    assert "2J" in told.written
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", told.written)
    piped = synced.runs("export", "--format", *form).ended(0).out
    assert (hostile if form[0] == "csv" else json.dumps(hostile)[1:-1]) in piped


def test_only_the_leads_and_the_workspace_asked_for(synced: Operator) -> None:
    one, other = synced.lead("away"), synced.lead("bounced")
    both = synced.runs("export", "--lead", one, "--lead", other).ended(0).lines
    assert {m["lead"] for m in both} == {one, other}
    mail = synced.person("away").emails[0]
    assert {m["lead"] for m in synced.runs("export", "--lead", mail).ended(0).lines} == {one}
    globex = synced.runs("export", "--workspace", "globex").ended(0).lines
    assert {m["workspace"] for m in globex} == {"globex"}
    synced.runs("export", "--lead", "nobody@example.com").ended(4)
    synced.runs("export", "--lead", one, "--workspace", "globex").ended(4)
    synced.runs("export", "--workspace", "nowhere").ended(4)


def test_an_empty_archive_is_an_empty_export(operator: Operator) -> None:
    assert operator.runs("export").ended(0).stdout == b""
    assert table(operator.runs("export", "--format", "csv").ended(0).out) == [EXPORT_KEYS]


def test_wrong_usage_is_2(synced: Operator) -> None:
    wrong = [["--format", "xml"], ["--json"], ["x"], ["--no-such"]]
    for _, result in synced.runs_each(["export", *each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"


def test_utf8_comes_out_whatever_the_language(synced: Operator) -> None:
    narrow = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    assert synced.runs("export", env=narrow).ended(0).stdout == synced.runs("export").stdout


@pytest.mark.parametrize("form", ["jsonl", "csv", "jsonl --output /dev/stdout"])
def test_a_reader_who_has_had_enough_is_no_error(synced: Operator, form: str) -> None:
    result = synced.pipes(f"convsync export --format {form} | head -1").ended(0)
    assert result.stderr == b""
    assert result.out.count("\n") == 1


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync export" in operator.runs("export", "--help").ended(0).out


# Into a file


def test_a_file_holds_the_same_and_is_private(synced: Operator) -> None:
    output = synced.folder / "out.jsonl"
    told = synced.runs("export", "--output", "out.jsonl", "--json").ended(0)
    assert list(told.json) == ["messages", "format", "output"]
    wanted = synced.runs("export").stdout
    assert told.json == {
        "messages": wanted.count(b"\n"), "format": "jsonl", "output": "out.jsonl",
    }  # fmt: skip
    assert output.read_bytes() == wanted
    assert mode_of(output) == 0o600
    assert leftovers(synced) == []
    words = synced.runs("export", "-o", "out.jsonl").ended(0)
    assert words.out == f"{told.json['messages']} messages written to out.jsonl\n"
    assert synced.runs("export", "-o", "out.jsonl", "--quiet").ended(0).stdout == b""


def test_a_file_that_cannot_be_written_is_14_and_leaves_nothing(synced: Operator) -> None:
    result = synced.runs("export", "-o", "nowhere/out.csv", "--json").ended(14)
    assert result.error["code"] == "output"
    assert result.stdout == b""
    (synced.folder / "out.csv").mkdir()
    synced.runs("export", "-o", "out.csv").ended(14)
    assert leftovers(synced) == []


def test_a_damaged_database_is_told_as_one_and_leaves_nothing(synced: Operator) -> None:
    with synced.database.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size // 3)
        file.write(os.urandom(size // 3))
    for form in ("jsonl", "csv", "html"):
        told = synced.runs("export", "--format", form, "-o", f"out.{form}", "--json").ended(14)
        assert told.error["code"] == "database"
    assert leftovers(synced) == []
    assert synced.runs("export", "--json", "-o", "out.csv").ended(14).error["code"] == "database"


def test_a_disk_that_fills_up_leaves_the_old_file_as_it_was(synced: Operator) -> None:
    output = synced.folder / "out.csv"
    output.write_text("the old one")
    ended = subprocess.run(
        [*PROGRAM, "export", "--format", "csv", "-o", "out.csv"],
        cwd=synced.folder,
        env=synced.environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 14, ended
    assert b"Traceback" not in ended.stderr
    assert ended.stderr.startswith(b"convsync: cannot write out.csv")
    assert output.read_text() == "the old one"
    assert leftovers(synced) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_export_that_is_stopped_leaves_the_old_file_as_it_was(
    synced: Operator, number: signal.Signals
) -> None:
    output = synced.folder / "out.jsonl"
    output.write_text("the old one")
    many(synced)
    running = synced.starts("export", "-o", "out.jsonl")
    eventually(lambda: leftovers(synced))
    running.gets(number)
    result = running.ends(10)
    assert output.read_text() == "the old one"
    if number != signal.SIGKILL:
        assert result.code in (-number, 128 + number)  # a shell calls both 128 + number
        assert result.stderr == b""
        assert leftovers(synced) == []


def many(operator: Operator) -> None:
    """Copy the archive until an export of it takes a while."""
    with closing(sqlite3.connect(operator.database)) as connection:
        for trigger in ("ai", "ad", "au"):
            connection.execute(f"DROP TRIGGER messages_{trigger}")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(messages)")]
        kept = ", ".join(c for c in columns if c not in ("id", "external_id"))
        connection.execute(
            f"INSERT INTO messages ({kept}) SELECT {kept} FROM messages,"
            " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
            " SELECT i FROM n)"
        )
        connection.commit()


def test_a_device_is_written_to_as_it_is(synced: Operator) -> None:
    told = synced.runs("export", "-o", "/dev/stdout", "-q").ended(0)
    assert told.stdout == synced.runs("export").stdout
    assert os.path.exists("/dev/stdout")
