"""Forgetting, looked at from outside: no byte of anybody is left in the file or beside it."""

import random
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.engines.sqlite import SqliteStore, open_store
from convsync_cli.sync.errors import Locked
from convsync_cli.sync.model.finding import Level
from convsync_cli.sync.model.job import Effort, JobState, Settlement
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.placing import Priority, Terms
from convsync_cli.sync.model.progress import Walk

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNELS = {"gohighlevel": Channel.SMS, "emailbison": Channel.EMAIL}
PEOPLE = 80
SIZES = (2, 30, 300, 1_200, 3_000)  # words: the last ones need pages of their own


@dataclass(frozen=True)
class Person:
    """Somebody whose mark is in all that is theirs: no two marks begin alike, since an index keeps
    of a word only what differs from the one before."""

    mark: str
    phone: str
    lead: str = ""

    @property
    def traces(self) -> tuple[bytes, ...]:
        return tuple(map(str.encode, (self.mark, self.phone.lstrip("+"), self.lead)))


def person(number: int) -> Person:
    start = random.Random(number).randbytes(4).hex()
    return Person(f"{start}canary{number:03d}q", f"+1202{number * 7919 % 10**7:07d}")


class Office:
    """A database with a past: pages were split, messages grew, jobs failed, and all mixed."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.chance = random.Random(1)
        self.now = NOON
        self.people = [self._take_in(person(number)) for number in range(PEOPLE)]

    def _take_in(self, each: Person) -> Person:
        told = Contact(
            name=f"Name {each.mark}",
            company=f"Company {each.mark}",
            addresses=(
                addresses.email(f"{each.mark}@example.com"),
                addresses.phone(each.phone, None),
            ),
            handles=(Handle("gohighlevel", f"c-{each.mark}"),),
        )
        return Person(
            each.mark, each.phone, self.store.leads.learn("acme", told, CHANNELS, self.now).lead
        )

    def lives(self, pages: int) -> None:
        """Let some time pass."""
        for number in range(pages):
            self.now += timedelta(seconds=1)
            each = self.chance.choice(self.people)
            lead = self.store.leads.lead(each.lead)
            assert lead is not None
            channel = self.chance.choice(list(Channel))
            page = [self._message(each, channel) for _ in range(self.chance.randrange(1, 4))]
            self.store.archive.save_page(
                lead, channel, page, Walk(self.now, f"cursor {each.mark}"), self.now
            )
            if number % 25 == 0:
                self._fail_a_job(each)
            if number % 100 == 0:
                self.store.checkpoint()

    def _message(self, each: Person, channel: Channel) -> Message:
        """New, or one that was told before and has become longer or shorter."""
        words = f"{each.mark} " * self.chance.choice(SIZES)
        return Message(
            channel,
            "provider",
            f"{self.chance.randrange(40)}-{each.mark}",
            self.chance.choice(list(Direction)),
            self.now,
            words,
            sender=f"{each.mark}@example.com",
            recipient=each.phone,
            subject=f"{each.mark}, hello",
            thread=f"thread {each.mark}",
            message_id=None,
            source=f"<p>{words}</p>",
            source_type="text/html",
            attachments=(f"https://example.com/{each.mark}.pdf",),
        )

    def _fail_a_job(self, each: Person) -> None:
        terms = Terms(Priority.MANUAL, 0.0, 3, self.now)
        self.store.intake.enqueue([each.lead], terms)
        later = self.now + timedelta(seconds=90)
        claim = self.store.queue.claim(1, ["acme"], self.now, later)
        assert claim is not None
        failed = Settlement("failed", JobState.FAILED, code="bug", error=f"about {each.mark}")
        self.store.queue.settle(1, claim, failed, Effort(1, 2, f"/{each.mark}"), self.now)

    def forgets(self, people: Sequence[Person]) -> None:
        gone = self.store.erasure.forget([each.lead for each in people])
        assert gone == [each.lead for each in people]
        self.people = [each for each in self.people if each not in people]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "convsync.db"


@pytest.fixture
def office(path: Path) -> Iterator[Office]:
    with closing(open_store(str(path), create=True, patience_ms=50)) as store:
        store._connection.execute("PRAGMA synchronous=OFF")
        # What some builds of SQLite do by themselves must not be what makes the tests pass.
        store._connection.execute("PRAGMA secure_delete=OFF")
        office = Office(store)
        office.lives(600)
        yield office


def left(path: Path, people: Sequence[Person]) -> set[bytes]:
    """What of people is found in the files, read by another process: our locks stay ours."""
    files = [str(each) for each in path.parent.glob(f"{path.name}*")]
    held = subprocess.run(["cat", *files], capture_output=True, check=True).stdout
    return {trace for each in people for trace in each.traces if trace in held}


def test_nothing_is_left_of_who_was_forgotten(office: Office, path: Path) -> None:
    gone = office.people[::4]
    assert left(path, gone) == {trace for each in gone for trace in each.traces}
    office.forgets(gone)
    assert left(path, gone), "or the test could not see what is left when it is not scrubbed"
    assert office.store.erasure.scrub()
    assert left(path, gone) == set()
    assert left(path, office.people) == {t for each in office.people for t in each.traces}


def test_nothing_is_left_after_more_has_happened(office: Office, path: Path) -> None:
    gone = office.people[:10]
    office.forgets(gone)
    office.store.erasure.scrub()
    office.lives(100)
    assert left(path, gone) == set()


def test_one_after_the_other_is_forgotten(office: Office, path: Path) -> None:
    gone = office.people[:3]
    for each in gone:
        office.forgets([each])
        office.store.erasure.scrub()
    assert left(path, gone) == set()


def test_the_index_knows_the_words_of_those_who_stay(office: Office) -> None:
    gone = office.people[::4]
    office.forgets(gone)
    office.store.erasure.scrub()
    db = office.store._connection
    db.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, messages_fts, row)")
    words = {term for (term,) in db.rows("SELECT term FROM words WHERE term LIKE '%canary%'")}
    assert words == {each.mark for each in office.people}
    db.execute("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")


def test_rows_are_overwritten_even_before_they_are_scrubbed(office: Office, path: Path) -> None:
    """So that less is left where a forgetting is cut short and the next run folds the log."""
    office.store.erasure.scrub()
    each = office.people[5]
    office.forgets([each])
    office.store.checkpoint()
    found = left(path, [each])
    assert each.phone.lstrip("+").encode() not in found
    assert each.lead.encode() not in found


def test_the_file_is_sound_and_as_it_was_made(office: Office) -> None:
    office.forgets(office.people[::2])
    office.store.erasure.scrub()
    findings = [each for each in office.store.examine() if each.level is Level.PROBLEM]
    assert findings == []
    for pragma in ("application_id", "user_version", "journal_mode", "foreign_keys"):
        with_it = office.store._connection.value(f"PRAGMA {pragma}")
        fresh = office.store._connection.path
        with closing(open_store(fresh)) as other:
            assert with_it == other._connection.value(f"PRAGMA {pragma}")


def test_no_table_holds_a_row_of_theirs(office: Office) -> None:
    """Whatever tables there will be: what has a ``lead_id`` goes with its lead."""
    gone = office.people[:5]
    office.forgets(gone)
    db = office.store._connection
    tables = [name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    theirs = [
        table
        for table in tables
        if "lead_id" in {column for _, column, *_ in db.rows(f"PRAGMA table_info({table})")}
    ]
    assert {"jobs", "addresses", "handles", "messages", "lead_syncs", "rollups"} <= set(theirs)
    for table in theirs:
        for each in gone:
            assert db.rows(f"SELECT 1 FROM {table} WHERE lead_id = ?", (each.lead,)) == []


class TestAReader:
    """Somebody who reads keeps the log alive; that is said, and can be finished later."""

    def test_it_is_unfinished_as_long_as_somebody_reads(self, office: Office, path: Path) -> None:
        gone = office.people[:3]
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM leads").fetchone()
            office.forgets(gone)
            assert not office.store.erasure.scrub()
            assert office.store.erasure.unfinished
            assert left(path, gone)
            told = [each for each in office.store.examine() if each.subject == "forgotten"]
            assert [(each.level, each.remedy) for each in told] == [
                (Level.WARNING, "convsync leads forget --finish")
            ]
        assert office.store.erasure.scrub()
        assert left(path, gone) == set()
        assert not any(each.subject == "forgotten" for each in office.store.examine())

    def test_who_reads_on_reads_what_there_is(self, office: Office, path: Path) -> None:
        with closing(open_store(str(path))) as other:
            assert other.leads.count("acme") == len(office.people)
            gone = office.people[:3]
            office.forgets(gone)
            office.store.erasure.scrub()
            assert other.leads.count("acme") == len(office.people)
            assert left(path, gone) == set()


def test_a_writer_that_does_not_end_stops_it_and_it_can_be_finished(
    office: Office, path: Path
) -> None:
    gone = office.people[:3]
    office.forgets(gone)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked):
            office.store.erasure.scrub()
        writer.execute("ROLLBACK")
    assert office.store.erasure.unfinished
    assert office.store.erasure.scrub()
    assert left(path, gone) == set()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are seen on Linux only")
def test_the_copy_that_is_written_meanwhile_is_beside_the_file(office: Office, path: Path) -> None:
    """Not in memory, which it may not fit into, nor where other people's files are."""
    seen: set[str] = set()
    office.store._connection.raw.set_progress_handler(lambda: seen.update(_open_files()), 1_000)
    office.store.erasure.scrub()
    office.store._connection.raw.set_progress_handler(None, 0)
    copies = {each for each in seen if "etilqs" in each}
    assert copies
    assert {str(Path(each).parent) for each in copies} == {str(path.parent)}


def test_a_key_is_made_when_somebody_is_forgotten_first(office: Office) -> None:
    db = office.store._connection
    assert db.rows("SELECT * FROM forgetting") == []
    office.forgets(office.people[:1])
    (key,) = db.rows("SELECT key FROM forgetting")[0]
    office.forgets(office.people[:1])
    assert (len(key), db.rows("SELECT key FROM forgetting")) == (32, [(key,)])
    hashes = db.rows("SELECT hash, person FROM forgotten")
    assert len(hashes) == 6
    assert {len(hash) for hash, _ in hashes} == {64}
    assert len({person for _, person in hashes}) == 2


def _open_files() -> Iterator[str]:
    for each in Path("/proc/self/fd").iterdir():
        try:
            yield str(each.readlink())
        except OSError:
            continue
