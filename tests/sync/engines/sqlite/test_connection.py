"""One connection: private file, patient locks, real transactions, errors in words."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from convsync_cli.sync.engines.sqlite import SCHEMA_VERSION, open_store
from convsync_cli.sync.engines.sqlite.connection import APPLICATION_ID, Connection, create_private
from convsync_cli.sync.errors import DatabaseError, Locked
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Walk

NOBODY = 65534
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with one table of notes."""
    file = str(tmp_path / "notes.db")
    create_private(file)
    with closing(Connection(file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE notes (text TEXT NOT NULL UNIQUE) STRICT")
    return file


@pytest.fixture
def db(path: str) -> Iterator[Connection]:
    with closing(Connection(path)) as connection:
        yield connection


@pytest.fixture
def other(path: str) -> Iterator[Connection]:
    """Another process, with little patience."""
    with closing(Connection(path, patience_ms=5)) as connection:
        yield connection


def write(db: Connection, text: str) -> None:
    db.execute("INSERT INTO notes VALUES (?)", (text,))


def notes(db: Connection) -> list[str]:
    return [text for (text,) in db.rows("SELECT text FROM notes ORDER BY rowid")]


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@contextmanager
def fault(*words: str) -> Iterator[None]:
    """What happens inside is an error in one line for people, with a hint, and with these words."""
    with pytest.raises(DatabaseError) as caught:
        yield
    for word in words:
        assert word in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


class TestTransactions:
    def test_a_transaction_holds_the_write_lock_from_its_first_moment(
        self, db: Connection, other: Connection
    ) -> None:
        with db.transaction(), pytest.raises(Locked), other.transaction():
            pass

    def test_who_read_first_can_still_write(self, db: Connection, other: Connection) -> None:
        """A deferred transaction would fail here: its view is of before the other's write."""
        with db.transaction():
            notes(db)
            with pytest.raises(Locked), other.transaction():
                write(other, "theirs")
            write(db, "ours")
        assert notes(other) == ["ours"]

    def test_readers_do_not_wait_for_a_writer(self, db: Connection, other: Connection) -> None:
        with db.transaction():
            write(db, "not yet")
            assert notes(other) == []

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
    def test_whatever_ends_it_nothing_of_it_stays(
        self, db: Connection, error: type[BaseException]
    ) -> None:
        with pytest.raises(error), db.transaction():
            write(db, "undone")
            raise error
        with db.transaction():
            write(db, "kept")
        assert notes(db) == ["kept"]

    def test_a_statement_that_fails_takes_the_rest_with_it(self, db: Connection) -> None:
        with pytest.raises(sqlite3.IntegrityError), db.transaction():
            write(db, "twice")
            write(db, "twice")
        assert notes(db) == []

    def test_rows_that_fail_take_the_rest_with_them(self, db: Connection) -> None:
        with pytest.raises(sqlite3.IntegrityError), db.transaction():
            db.executemany("INSERT INTO notes VALUES (?)", [("a",), ("b",), ("a",)])
        assert notes(db) == []

    def test_an_inner_one_that_fails_undoes_itself_only(self, db: Connection) -> None:
        with db.transaction():
            write(db, "before")
            with pytest.raises(ZeroDivisionError), db.transaction():
                write(db, "inside")
                raise ZeroDivisionError
            write(db, "after")
        assert notes(db) == ["before", "after"]

    def test_levels_are_undone_each_on_its_own(self, db: Connection) -> None:
        with db.transaction():
            with db.transaction():
                write(db, "second")
                with pytest.raises(ZeroDivisionError), db.transaction():
                    write(db, "third")
                    raise ZeroDivisionError
            with db.transaction():
                write(db, "second again")
        assert notes(db) == ["second", "second again"]

    def test_an_inner_one_is_undone_with_the_outer(self, db: Connection) -> None:
        with pytest.raises(ZeroDivisionError), db.transaction():
            with db.transaction():
                write(db, "inside")
            raise ZeroDivisionError
        assert notes(db) == []

    def test_nothing_is_committed_before_the_outer_one_ends(
        self, db: Connection, other: Connection
    ) -> None:
        with db.transaction():
            with db.transaction():
                write(db, "inside")
            assert notes(other) == []
        assert notes(other) == ["inside"]

    def test_what_is_open_when_the_connection_closes_is_undone(
        self, path: str, other: Connection
    ) -> None:
        connection = Connection(path)
        connection.execute("BEGIN IMMEDIATE")
        write(connection, "undone")
        connection.close()
        assert notes(other) == []


class TestWaiting:
    def test_who_comes_second_waits_for_the_first(self, path: str, db: Connection) -> None:
        waiting = Event()
        patient = Connection(path)
        asked: list[str] = []

        def watch(statement: str) -> None:
            asked.append(statement)
            if asked.count("BEGIN IMMEDIATE") > 1:  # it was refused, and asks again
                waiting.set()

        patient.raw.set_trace_callback(watch)

        def write_late() -> None:
            with patient.transaction():
                write(patient, "second")

        with db.transaction():
            thread = Thread(target=write_late)
            thread.start()
            assert waiting.wait(30)
            write(db, "first")
        thread.join(30)
        assert notes(db) == ["first", "second"]
        patient.close()

    def test_who_waits_in_vain_is_told_so(self, path: str, db: Connection) -> None:
        with (
            closing(Connection(path, patience_ms=3)) as impatient,
            db.transaction(),
            pytest.raises(Locked) as caught,
        ):
            impatient.execute("BEGIN IMMEDIATE")
        assert path in caught.value.message
        assert caught.value.hint

    def test_who_waited_in_vain_can_try_again(self, db: Connection, other: Connection) -> None:
        with db.transaction(), pytest.raises(Locked), other.transaction():
            pass
        with other.transaction():
            write(other, "later")
        assert notes(db) == ["later"]

    def test_without_patience_there_is_still_one_try(self, path: str) -> None:
        with closing(Connection(path, patience_ms=0)) as hasty, hasty.transaction():
            write(hasty, "at once")


class TestSettings:
    def test_a_commit_is_on_the_disk(self, db: Connection) -> None:
        assert db.value("PRAGMA synchronous") == 2

    def test_what_belongs_together_stays_together(self, db: Connection) -> None:
        assert db.value("PRAGMA foreign_keys") == 1

    def test_the_log_grows_until_it_is_folded_into_the_file(self, tmp_path: Path) -> None:
        path = str(tmp_path / "convsync.db")
        with closing(open_store(path, create=True)) as store, closing(Connection(path)) as db:
            assert db.value("PRAGMA wal_autocheckpoint") == 0
            db.execute("CREATE TABLE filler (text TEXT)")
            for _ in range(20):
                db.execute("INSERT INTO filler VALUES (zeroblob(400000))")
            grown = os.stat(f"{path}-wal").st_size
            store.checkpoint()
            assert grown > 4_000_000 > os.stat(f"{path}-wal").st_size

    @pytest.mark.parametrize(
        "name", ["a b.db", "ü.db", "a%20b.db", "what?.db", "no#1.db", "a&b=c.db"]
    )
    def test_any_path_is_that_path(self, tmp_path: Path, name: str) -> None:
        open_store(str(tmp_path / name), create=True).close()
        assert {entry.name for entry in tmp_path.iterdir()} == {name}


class TestPrivacy:
    @pytest.fixture(autouse=True)
    def careless(self) -> Iterator[None]:
        """A user whose files are open to everybody by default."""
        before = os.umask(0)
        yield
        os.umask(before)

    def test_only_the_owner_reads_the_file_and_all_that_stands_beside_it(
        self, tmp_path: Path
    ) -> None:
        store = open_store(str(tmp_path / "convsync.db"), create=True)
        lock = store.lock_run(False)
        assert lock is not None
        modes = {entry.name: mode(entry) for entry in tmp_path.iterdir()}
        lock.release()
        store.close()
        assert modes == dict.fromkeys(
            [f"convsync.db{end}" for end in ("", "-wal", "-shm", "-run", "-alive")], 0o600
        )

    def test_only_the_owner_enters_a_folder_that_is_made(self, tmp_path: Path) -> None:
        open_store(str(tmp_path / "data" / "convsync.db"), create=True).close()
        assert mode(tmp_path / "data") == 0o700

    def test_a_folder_that_was_there_keeps_its_mode(self, tmp_path: Path) -> None:
        (tmp_path / "shared").mkdir(0o750)
        open_store(str(tmp_path / "shared" / "convsync.db"), create=True).close()
        assert mode(tmp_path / "shared") == 0o750

    def test_a_file_that_was_there_keeps_its_content(self, tmp_path: Path) -> None:
        path = str(tmp_path / "convsync.db")
        for _ in range(2):
            with closing(open_store(path, create=True)) as store:
                started = store.runs.last()
                store.runs.start("host", 1, 50, NOON)
        assert started is not None


class TestErrors:
    def test_a_file_that_is_missing(self, tmp_path: Path) -> None:
        path = str(tmp_path / "convsync.db")
        with fault("no database at", path):
            open_store(path)
        assert not os.path.exists(path)

    def test_a_folder_that_is_missing(self, tmp_path: Path) -> None:
        with fault("no database at"):
            open_store(str(tmp_path / "nowhere" / "convsync.db"))

    @pytest.mark.parametrize("create", [True, False])
    def test_a_folder_in_its_place(self, tmp_path: Path, create: bool) -> None:
        with fault("cannot open", str(tmp_path)):
            open_store(str(tmp_path), create=create)

    def test_a_file_in_the_place_of_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with fault("cannot", "convsync.db"):
            open_store(str(tmp_path / "file" / "convsync.db"), create=True)

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("Dear diary, " * 500)
        with fault("not a convsync database", str(path)):
            open_store(str(path))
        assert path.read_text().startswith("Dear diary")

    def test_another_programs_database(self, path: str) -> None:
        with fault("belongs to another program", path):
            open_store(path)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (2,)

    def test_another_programs_database_before_its_first_table(self, tmp_path: Path) -> None:
        path = str(tmp_path / "theirs.db")
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA application_id=77")
        with fault("belongs to another program"):
            open_store(path)

    def test_a_database_of_a_newer_convsync(self, tmp_path: Path) -> None:
        path = str(tmp_path / "convsync.db")
        open_store(path, create=True).close()
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        with fault("newer convsync", str(SCHEMA_VERSION + 1)):
            open_store(path)

    def test_a_damaged_file(self, tmp_path: Path) -> None:
        path = tmp_path / "convsync.db"
        open_store(str(path), create=True).close()
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\xff" * 4000 + whole[4100:])
        with fault("is damaged", str(path)):
            open_store(str(path))

    @pytest.mark.parametrize("damaged", ["TABLE notes", "a text"])
    def test_letters_that_are_damaged(self, path: str, db: Connection, damaged: str) -> None:
        """Of the tables, which SQLite then quotes, or of what is in one."""
        with db.transaction():
            write(db, "a text")
        db.checkpoint()
        db.close()
        file = Path(path)
        file.write_bytes(file.read_bytes().replace(damaged.encode(), b"\xff" * len(damaged)))
        with fault("is damaged", path), closing(Connection(path)) as reader:
            reader.rows("SELECT * FROM notes")

    @pytest.mark.parametrize("statement", ["SELEC 1", "SELECT * FROM nowhere"])
    def test_a_mistake_of_ours_is_no_fault_of_the_file(
        self, db: Connection, statement: str
    ) -> None:
        with pytest.raises(sqlite3.OperationalError):
            db.execute(statement)

    def test_a_database_that_may_only_be_read(self, db: Connection) -> None:
        db.execute("PRAGMA query_only=ON")  # SQLite answers as for a read-only file
        with fault("is read-only", db.path), db.transaction():
            write(db, "in vain")

    def test_a_file_and_folder_of_somebody_else(self) -> None:
        with folder_of_nobody() as folder:
            path = str(folder / "convsync.db")
            open_store(path, create=True).close()
            os.chmod(path, 0o400)
            os.chmod(folder, 0o500)
            with fault(path), closing(open_store(path)) as store:
                store.runs.start("host", 1, 50, NOON)

    def test_a_folder_in_which_nothing_may_be_made(self) -> None:
        with folder_of_nobody() as folder:
            os.chmod(folder, 0o500)
            with fault("cannot create"):
                open_store(str(folder / "convsync.db"), create=True)

    def test_a_run_in_a_folder_in_which_nothing_may_be_made(self) -> None:
        with folder_of_nobody() as folder:
            store = open_store(str(folder / "convsync.db"), create=True)
            os.chmod(folder, 0o500)
            with fault("cannot open"):
                store.lock_run(False)
            store.close()


class TestAFullDisk:
    def test_it_is_said_in_words_and_undone(self, db: Connection) -> None:
        with db.transaction():
            write(db, "before")
        limit(db)
        with fault("is full", db.path), db.transaction():
            fill(db)
        assert notes(db) == ["before"]

    def test_it_undoes_the_outer_transaction_too(self, db: Connection) -> None:
        limit(db)
        with fault("is full"), db.transaction():
            write(db, "outside")
            with db.transaction():
                fill(db)
        assert notes(db) == []

    def test_when_there_is_space_again_work_goes_on(self, db: Connection) -> None:
        limit(db)
        with fault("is full"), db.transaction():
            fill(db)
        db.execute("PRAGMA max_page_count=1000000")
        with db.transaction():
            write(db, "after")
        assert notes(db) == ["after"]

    def test_others_can_still_read(self, db: Connection, other: Connection) -> None:
        limit(db)
        with fault("is full"), db.transaction():
            fill(db)
        assert notes(other) == []

    @pytest.mark.parametrize("pages", range(1, 9))
    def test_a_page_that_did_not_fit_moved_no_cursor(self, tmp_path: Path, pages: int) -> None:
        """At whichever write the disk is full, a page and its cursor are stored both or neither."""
        path = str(tmp_path / "convsync.db")
        store = open_store(path, create=True)
        contact = Contact(handles=(Handle("gohighlevel", "c1"),))
        learnt = store.leads.learn("acme", contact, {"gohighlevel": Channel.SMS}, NOON)
        lead = store.leads.lead(learnt.lead)
        assert lead is not None
        limit(store._connection, pages)
        page = [
            Message(Channel.SMS, "p", str(i), Direction.INBOUND, NOON, "x" * 3000) for i in range(9)
        ]
        with fault("is full"):
            store.archive.save_page(lead, Channel.SMS, page, Walk(NOON, "page 2"), NOON)
        assert list(store.archive.conversation(lead.id)) == []
        assert store.archive.syncs(lead.id)[Channel.SMS].cursor is None
        store.close()


def limit(db: Connection, further: int = 0) -> None:
    """Let the database grow by so many pages and no more."""
    db.execute(f"PRAGMA max_page_count={db.value('PRAGMA page_count') + further}")


def fill(db: Connection) -> None:
    for i in range(1000):
        write(db, f"{i} " * 1000)


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """A folder, and for as long as it is used nobody's rights: root is stopped by no mode."""
    folder = Path(tempfile.mkdtemp(prefix="convsync-"))
    me = os.geteuid()
    if me == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(me)
        os.chmod(folder, 0o700)
        shutil.rmtree(folder)


def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "convsync.db"
    open_store(str(path), create=True).close()
    assert path.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4) == b"conv"
