"""The companion for browsers: Datasette on the very file, with the queries that we ship."""

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.commands.operator import AT_ONCE, Operator, on_duty
from tests.docs.__main__ import prepare
from tests.docs.pages import DOCS

METADATA = DOCS / "datasette" / "metadata.yaml"
WITHIN_S = 60


def queries() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(METADATA.read_text("utf-8"))["databases"]["convsync"]
    return told


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody whose leads are synced."""
    with on_duty(tmp_path_factory.mktemp("datasette")) as operator:
        prepare(operator)
        yield operator


def asks(operator: Operator, path: str, *options: str, **query: str) -> Any:
    """The rows that Datasette answers with, without a server."""
    address = f"/convsync/{path}.json?" + urlencode({"_shape": "array", **query})
    return json.loads(gets(address, *(options or (str(operator.database),))))


def gets(address: str, *options: str) -> str:
    """What stands at an address, whatever it is."""
    command = [sys.executable, "-m", "datasette", *options, "--metadata", str(METADATA)]
    ended = subprocess.run(
        [*command, "--get", address], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


@pytest.mark.parametrize("name", queries()["queries"])
def test_every_query_answers(name: str, operator: Operator) -> None:
    lead = operator.person("pictures").emails[0]
    found = asks(operator, name, lead=lead, words="thursday OR (")
    assert isinstance(found, list)
    assert "error" not in found


def test_every_table_can_be_looked_at(operator: Operator) -> None:
    tables = {
        table["name"]
        for table in json.loads(gets("/convsync.json", str(operator.database)))["tables"]
        if not table["hidden"]
    }
    assert set(queries()["tables"]) <= tables
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = pool.map(lambda name: gets(f"/convsync/{name}", str(operator.database)), tables)
        assert all("</table>" in page or "0 records" in page for page in pages)


def test_a_conversation_is_whole_by_id_email_and_phone(operator: Operator) -> None:
    person, lead = operator.person("pictures"), operator.lead("pictures")
    (count,) = operator.asks("SELECT count(*) FROM messages WHERE lead_id = ?", lead)[0]
    for typed in (lead, person.emails[0].upper(), person.phones[0]):
        assert len(asks(operator, "conversation", lead=typed)) == count > 3


def test_who_waits_for_an_answer_is_who_the_list_of_leads_says(operator: Operator) -> None:
    told = operator.runs("leads", "list", "--awaiting-reply", "--json").ended(0).json["leads"]
    waiting = asks(operator, "awaiting_reply")
    assert {each["lead"] for each in waiting} == {each["lead"] for each in told} != set()


def test_what_is_found_holds_the_words(operator: Operator) -> None:
    found = asks(operator, "find", words="details attached")
    assert found
    assert all(re.search("details", each["body"], re.IGNORECASE) for each in found)


def test_all_tables_and_columns_that_are_named_exist(operator: Operator) -> None:
    for table, told in queries()["tables"].items():
        columns = {name for _, name, *_ in operator.asks(f"PRAGMA table_info({table})")}
        named = {
            *told.get("facets", ()),
            *filter(None, map(told.get, ("sort_desc", "label_column"))),
        }
        assert columns, table
        assert named <= columns


def test_the_live_file_shows_what_is_still_in_the_log_and_stays_as_it_is(
    operator: Operator,
) -> None:
    with contextlib.closing(sqlite3.connect(operator.database)) as holder:
        holder.execute("SELECT count(*) FROM leads").fetchone()  # so that the log stays
        operator.runs(
            "leads", "add", "-w", "acme", "--name", "In The Log", "--email", "log@example.com"
        )
        before = operator.database.read_bytes()
        assert b"log@example.com" not in before
        assert asks(operator, "leads", name="In The Log")
        assert not asks(operator, "leads", "-i", str(operator.database), name="In The Log")
        assert operator.database.read_bytes() == before


def test_a_copy_can_be_immutable(operator: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "convsync.db"
    operator.runs("backup", str(copy)).ended(0)
    assert asks(operator, "freshness", "-i", str(copy)) == asks(operator, "freshness")
