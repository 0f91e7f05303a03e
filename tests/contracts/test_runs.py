"""``Runs``: a row for every run."""

from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.ports import Store

from .conftest import Agency, at

COUNTS = {"claimed": 3, "messages": {"new": 1, "changed": 0, "unchanged": 2}}


def begin(store: Store, when: float = 0) -> int:
    return store.runs.start("host", 42, 50.5, at(when))


def last(store: Store) -> PastRun:
    run = store.runs.last()
    assert run is not None
    return run


def test_without_a_run_there_is_no_last_one(agency: Agency) -> None:
    assert agency.store.runs.last() is None


def test_a_run_that_goes_on_has_no_end(agency: Agency) -> None:
    run = begin(agency.store)
    assert last(agency.store).document() == {
        "run": run,
        "host": "host",
        "pid": 42,
        "started_at": "2026-03-01T12:00:00.000Z",
        "ended_at": None,
        "budget_s": 50.5,
        "reason": None,
    }


def test_a_run_that_ended_says_how(agency: Agency, neighbour: Agency) -> None:
    run = begin(agency.store)
    agency.store.runs.finish(run, "drained", COUNTS, at(7))
    told = last(neighbour.store)
    assert (told.ended_at, told.reason, told.counts) == (at(7), "drained", COUNTS)
    assert told.document() | COUNTS == told.document()


def test_the_newest_run_is_the_last_even_if_an_older_one_ends_later(agency: Agency) -> None:
    first, second = begin(agency.store), begin(agency.store)
    agency.store.runs.finish(first, "drained", COUNTS, at(7))
    assert second > first
    assert last(agency.store).run == second


def test_a_clock_set_back_does_not_make_an_old_run_the_last(agency: Agency) -> None:
    begin(agency.store, 3600)
    second = begin(agency.store, 0)
    assert last(agency.store).run == second


def test_recent_runs_are_those_since_a_moment_newest_first(agency: Agency) -> None:
    runs = [begin(agency.store, when) for when in (0, 5, 10)]
    agency.store.runs.finish(runs[1], "drained", COUNTS, at(7))
    newest, older = agency.store.runs.recent(at(5))
    assert (newest.run, newest.started_at, newest.ended_at) == (runs[2], at(10), None)
    assert (older.run, older.ended_at, older.counts) == (runs[1], at(7), COUNTS)
    assert (older.host, older.budget_s) == ("host", 50.5)


def test_who_began_a_run_is_remembered(agency: Agency, neighbour: Agency) -> None:
    agency.store.runs.start("host", 1, 9, at(0), user="ann", attended=True)
    agency.store.runs.start("host", 1, 9, at(0))
    told = [(run.user, run.attended) for run in neighbour.store.runs.recent(at(0))]
    assert told == [("", False), ("ann", True)]


def test_ending_one_run_ends_no_other(agency: Agency) -> None:
    first = begin(agency.store)
    begin(agency.store)
    agency.store.runs.finish(first, "drained", COUNTS, at(7))
    assert last(agency.store).ended_at is None


def test_old_runs_are_forgotten_oldest_first_up_to_a_limit(agency: Agency) -> None:
    for when in range(5):
        begin(agency.store, when)
    forgotten = [agency.store.runs.prune(at(before), 2) for before in (3, 3, 3, 5)]
    assert forgotten == [2, 1, 0, 2]
    assert agency.store.runs.last() is None


def test_a_run_that_started_at_that_moment_is_kept(agency: Agency) -> None:
    begin(agency.store, 10)
    assert agency.store.runs.prune(at(10), 9) == 0


def test_a_number_is_never_given_twice(agency: Agency) -> None:
    run = begin(agency.store)
    agency.store.runs.prune(at(1), 9)
    assert begin(agency.store) > run


def test_the_newest_runs_come_first(agency: Agency) -> None:
    runs = [begin(agency.store, when) for when in range(4)]
    agency.store.runs.finish(runs[2], "drained", COUNTS, at(7))
    told = agency.store.runs.newest(3)
    assert [each.run for each in told] == runs[:0:-1]
    assert told[1].counts == COUNTS
    assert agency.store.runs.newest(0) == []
