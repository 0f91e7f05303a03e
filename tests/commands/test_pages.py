"""`export --format html`: pages that people can open, and that do nothing else."""

import base64
import hashlib
import re
import signal
from html.parser import HTMLParser

from tests.commands.operator import Operator, eventually, mode_of
from tests.commands.test_export import leftovers, many, table


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and the text that people see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.seen: list[str] = []
        self.style = ""
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        return "".join(self.seen)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "style" and not self.style:
            self.style = data
        else:
            self.seen.append(data)


HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a", "b", "bdi", "span"),
    *("article", "header", "footer", "mark", "time", "details", "summary", "ul", "li", "table"),
    *("thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "dir", "datetime"}
HOSTILE = "<script>alert(1)</script></p><img src=http://x.example/y onerror='a()'>\"'&lt; \x1b[2J"


def test_each_lead_with_messages_has_a_page_and_the_index_lists_them(synced: Operator) -> None:
    told = synced.runs("export", "--format", "html", "-o", "pages", "--json").ended(0).json
    assert list(told) == ["messages", "format", "output", "pages"]
    lines = synced.runs("export").lines
    leads = {message["lead"] for message in lines}
    assert (told["messages"], told["pages"]) == (len(lines), len(leads))
    folder = synced.folder / "pages"
    assert {path.name for path in folder.iterdir()} == {
        "index.html", *(f"{lead}.html" for lead in leads)
    }  # fmt: skip
    assert mode_of(folder) == 0o700
    assert {mode_of(path) for path in folder.iterdir()} == {0o600}
    listed = Page((folder / "index.html").read_text())
    links = [attrs["href"] for tag, attrs in listed.elements if tag == "a"]
    assert sorted(map(str, links)) == sorted(f"{lead}.html" for lead in leads)
    assert f"{len(lines):,} messages on {len(leads)} pages" in listed.text
    assert "more leads have no page" in listed.text


def test_a_page_holds_the_conversation_and_what_may_be_missing(synced: Operator) -> None:
    lead = synced.lead("bounced")
    told = Page(synced.runs("export", "--format", "html", "--lead", lead).ended(0).out)
    messages = synced.runs("show", lead, "--json").json["messages"]
    articles = [attrs["class"] or "" for tag, attrs in told.elements if tag == "article"]
    assert [each.split()[0] for each in articles] == [m["direction"] for m in messages]
    trouble = [m["status"] in ("failed", "bounced", "undelivered") for m in messages]
    assert ["trouble" in each for each in articles] == trouble
    assert any(trouble)
    for message in messages:
        for line in message["body"].splitlines():
            assert line in told.text
    assert "sms: complete as of" in told.text
    assert synced.person("bounced").name in told.text


def test_a_page_runs_nothing_and_loads_nothing_whatever_a_message_holds(synced: Operator) -> None:
    lead = synced.lead("hostile")
    synced.tampers(
        "UPDATE messages SET body = ?1, subject = ?1, sender = ?1, status = ?1,"
        " direction = 'inbound', attachments = json_array(?1) WHERE lead_id = ?2",
        f"{HOSTILE}\n\nOn Mon, 5 Jan 2026, a@b.co wrote:\n> {HOSTILE}",
        lead,
    )
    synced.tampers("UPDATE leads SET name = ?1, company = ?1 WHERE id = ?2", HOSTILE, lead)
    synced.runs("export", "--format", "html", "--lead", lead, "-o", "pages/").ended(0)
    written = list((synced.folder / "pages").iterdir())
    assert written
    for path in written:
        raw = path.read_text()
        page = Page(raw)
        assert {tag for tag, _ in page.elements} <= HARMLESS
        links = [attrs.pop("href", None) for tag, attrs in page.elements if tag == "a"]
        assert set(links) <= {"index.html", f"{lead}.html"}
        assert {name for _, attrs in page.elements for name in attrs} <= ATTRIBUTES
        assert "\x1b" not in raw
        assert HOSTILE.replace("\x1b", "") in page.text


def test_a_page_allows_nothing_but_its_own_style(synced: Operator) -> None:
    told = synced.runs("export", "--format", "html", "--lead", synced.lead("away")).ended(0)
    page = Page(told.out)
    (policy,) = (a["content"] for _, a in page.elements if a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_filters_narrow_every_format(synced: Operator) -> None:
    lead = synced.lead("two mailboxes")
    options = ["--lead", lead, "--channel", "email", "--direction", "inbound", "--until", "1h"]
    lines = synced.runs("export", *options).ended(0).lines
    assert {(m["channel"], m["direction"]) for m in lines} == {("email", "inbound")}
    _, *rows = table(synced.runs("export", "--format", "csv", *options).ended(0).out)
    assert len(rows) == len(lines)
    page = synced.runs("export", "--format", "html", *options).ended(0).out
    assert page.count("<article") == len(lines)
    assert "The options limit" in page
    told = synced.runs("export", "-o", "pages", "--format", "html", "-w", "globex", "--json").json
    globex = synced.runs("export", "-w", "globex").lines
    assert (told["messages"], told["pages"]) == (len(globex), len({m["lead"] for m in globex}))


def test_a_lead_that_was_asked_for_has_a_page_even_without_a_message(operator: Operator) -> None:
    lead = operator.lead("silent")
    told = Page(operator.runs("export", "--format", "html", "--lead", lead).ended(0).out).text
    assert "No message" in told
    assert "sms: never read to its end" in told
    empty = operator.runs("export", "--format", "html", "-o", "pages").ended(0).out
    assert empty == "0 messages on 0 pages written to pages\n"
    index = Page((operator.folder / "pages" / "index.html").read_text()).text
    assert re.search(r"(\d+) more leads have no page, .*; \1 of them were never read", index)


def test_pages_replace_an_earlier_export_and_nothing_else(synced: Operator) -> None:
    export = ["export", "--format", "html", "-o", "pages"]
    synced.runs(*export).ended(0)
    synced.runs(*export, "-w", "globex").ended(0)
    kept = {path.name for path in (synced.folder / "pages").iterdir()}
    assert f"{synced.lead('away')}.html" not in kept
    (synced.folder / "pages" / "mine.txt").write_text("mine")
    refused = synced.runs(*export, "--json").ended(14)
    assert refused.error["code"] == "output"
    assert (synced.folder / "pages" / "mine.txt").read_text() == "mine"
    (synced.folder / "file").write_text("mine")
    synced.runs("export", "--format", "html", "-o", "file").ended(14)
    synced.runs("export", "--format", "html", "-o", "no/where").ended(14)
    assert sorted(leftovers(synced)) == ["file", "pages"]


def test_pages_that_are_stopped_leave_the_old_ones_as_they_were(synced: Operator) -> None:
    synced.runs("export", "--format", "html", "-o", "pages", "-w", "globex").ended(0)
    before = {path.name: path.read_bytes() for path in (synced.folder / "pages").iterdir()}
    many(synced)
    running = synced.starts("export", "--format", "html", "-o", "pages")
    eventually(lambda: [name for name in leftovers(synced) if name != "pages"])
    running.gets(signal.SIGTERM)
    assert running.ends(10).code in (-signal.SIGTERM, 143)
    assert leftovers(synced) == ["pages"]
    assert {p.name: p.read_bytes() for p in (synced.folder / "pages").iterdir()} == before


def test_many_pages_need_a_folder(synced: Operator) -> None:
    for each in ([], ["--lead", synced.lead("away"), "--lead", synced.lead("bounced")]):
        told = synced.runs("export", "--format", "html", *each).ended(2)
        assert "--output FOLDER" in told.err
