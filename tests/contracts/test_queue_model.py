"""The queue against a model of it: whatever happens in whatever order, both say the same.

The model is a dozen plain rules over a dictionary of jobs. A hypothesis state machine plays
operators, runners that work, die or come back from the dead, and a clock that jumps; after each
step every job of the store is compared with the model's.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.job import Claim, Job, JobState
from convsync_cli.sync.model.pause import LONGEST
from convsync_cli.sync.model.placing import Priority
from convsync_cli.sync.ports import Store

from .conftest import DAY_S, ENDINGS, Agency, Engine, at

STEPS = 10_000
STEPS_EACH = 100
WORKSPACES = ("acme", "beta")
LEADS_EACH = 3
WINDOW_S = 300.0
LEASE_S = 90.0
SOON_S = 1.0  # what is due by then need not be promoted
SLACK_S = 60.0
FARTHEST_S = LONGEST.total_seconds() + SLACK_S  # no lawful delay is longer
LIVE = {"pending", "running"}
WAITS_FOR_ACCOUNT = {"paused", "rate_limited"}


@dataclass
class Model:
    """A job as it has to be; times are seconds from noon, rounded as they are stored."""

    id: int
    workspace: str
    lead: str
    priority: int
    run_at: float
    max_attempts: int
    created_at: float
    requested_at: float
    state: str = "pending"
    attempts: int = 0
    claims: int = 0
    tries: int = 0
    rerun: bool = False
    lease_until: float | None = None
    finished_at: float | None = None
    code: str | None = None
    begun: bool = False

    def end(self, state: str, now: float, code: str | None = None) -> None:
        """A final end, unless it was asked for again meanwhile."""
        if self.rerun:
            self.wait(now, code)
            self.attempts = 0
        else:
            self.state, self.finished_at, self.lease_until, self.code = state, now, None, code

    def wait(self, due: float, code: str | None = None) -> None:
        self.state, self.run_at, self.code = "pending", due, code
        self.rerun, self.lease_until, self.finished_at = False, None, None

    def told(self) -> tuple[object, ...]:
        """What the store has to say of it."""
        return (
            self.workspace, self.lead, self.state, self.priority, moment(self.run_at),
            self.attempts, self.max_attempts, moment(self.lease_until), self.rerun,
            moment(self.created_at), moment(self.requested_at), moment(self.finished_at), self.code,
        )  # fmt: skip


def told(job: Job) -> tuple[object, ...]:
    return (
        job.workspace, job.lead, job.state, job.priority, job.run_at, job.attempts,
        job.max_attempts, job.lease_until, job.rerun, job.created_at, job.requested_at,
        job.finished_at, job.error_code,
    )  # fmt: skip


def moment(seconds: float | None) -> str | None:
    return None if seconds is None else to_text(at(seconds))


@dataclass
class Held:
    """A claim that somebody holds, rightly or not any more."""

    claim: Claim
    job: Model
    number: int  # the how manieth claim on the job it was

    @property
    def good(self) -> bool:
        return self.job.state == "running" and self.job.claims == self.number


delays = st.sampled_from([0.0, 0.001, 5.0, 60.0, 900.0, 3600.0])
leads = st.lists(st.integers(0, len(WORKSPACES) * LEADS_EACH - 1), min_size=1, max_size=4)
places = st.lists(st.integers(0, 11), min_size=1, max_size=5)  # 0: the newest job


class QueueMachine(RuleBasedStateMachine):
    """Operators, runners and clocks around one database."""

    open: ClassVar[Callable[[Path], Store]]
    folder: ClassVar[Path]
    steps: ClassVar[int] = 0
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(mkdtemp(dir=self.folder))
        self.agency = Agency(type(self).open(self.place))
        self.now = 0.0
        self.jobs: dict[int, Model] = {}
        self.held: list[Held] = []
        self.owed: set[str] = set()  # leads whose job was marked to run once more
        self.leads: list[str] = []

    def teardown(self) -> None:
        self.agency.store.close()

    @initialize()
    def begin(self) -> None:
        with self.agency.store.transaction():
            for workspace in WORKSPACES:
                self.leads += [self.agency.lead(workspace=workspace) for _ in range(LEADS_EACH)]

    # -- who asks

    @rule(
        asked=leads,
        priority=st.sampled_from(Priority),
        window=st.sampled_from([WINDOW_S, 0.0]),
        max_attempts=st.integers(1, 3),
    )
    def enqueue(
        self, asked: list[int], priority: Priority, window: float, max_attempts: int
    ) -> None:
        names = [self.leads[i] for i in asked]
        placed = self.agency.ask(
            *names, when=self.now, window_s=window, priority=priority, max_attempts=max_attempts
        )
        assert [each.lead for each in placed] == names
        answered: dict[str, str] = {}
        for each in placed:
            live, recent = self.live(each.lead), self.recent(each.lead, window)
            if each.lead in answered:  # the second mention of a lead
                assert each.answer in {"already_queued", "recent"}
                continue
            answered[each.lead] = each.answer
            self.seen[f"enqueue: {each.answer}"] += 1
            if live is None and recent is None:
                assert each.answer == "queued"
                self.add(each.job, each.lead, priority, max_attempts)
            elif live is None:
                assert recent is not None
                newest = self.jobs[each.job]
                assert (each.answer, newest.lead, newest.state) == (
                    "recent", recent.lead, "succeeded"
                )  # fmt: skip
                assert newest.requested_at == recent.requested_at
                assert each.age_s == max(0, round(self.now - recent.requested_at, 3))
            else:
                assert each.job == live.id
                self.ask_live(live, each.answer, priority)

    def ask_live(self, job: Model, answer: str, priority: Priority) -> None:
        if job.state == "running":
            assert answer == "already_queued"
            job.rerun, job.requested_at = True, self.now
            self.owed.add(job.lead)
        elif job.priority > priority or job.run_at > round(self.now + SOON_S, 3):
            assert answer == "promoted"
            job.priority, job.run_at = min(job.priority, priority), min(job.run_at, self.now)
            job.requested_at = self.now
        else:
            assert answer == "already_queued"
            if job.begun:
                job.requested_at = self.now

    @rule(workspace=st.sampled_from(WORKSPACES), most=st.sampled_from([None, None, 1]))
    def sweep(self, workspace: str, most: int | None) -> None:
        swept = self.agency.swept(self.now, workspace, most=most)
        mine = [lead for lead in self.leads if self.workspace(lead) == workspace]
        live = {lead for lead in mine if self.live(lead)}
        recent = {lead for lead in mine if self.recent(lead, WINDOW_S)} - live
        free = [lead for lead in mine if lead not in live | recent][:most]
        assert (swept.eligible, swept.not_syncable) == (len(mine), 0)
        assert (swept.already_queued, swept.recent) == (len(live), len(recent))
        assert swept.queued == len(free)
        new = [job for job in self.agency.jobs(workspace=workspace) if job.id not in self.jobs]
        assert sorted(str(job.lead) for job in new) == sorted(free)
        for job in new:
            self.add(job.id, str(job.lead), Priority.BULK, 3)
        self.seen["sweep: queued"] += len(free)

    # -- who works

    @rule(workspaces=st.sets(st.sampled_from([*WORKSPACES, "gamma"])))
    def claim(self, workspaces: set[str]) -> None:
        expected = self.next_of(workspaces)
        self.work(sorted(workspaces), expected)

    @precondition(lambda self: any(job.state == "pending" for job in self.jobs.values()))
    @rule()
    def claim_anything(self) -> None:
        self.work(WORKSPACES, self.next_of(WORKSPACES))

    def work(self, workspaces: Iterable[str], expected: Model | None) -> None:
        claim = self.agency.store.queue.claim(
            1, list(workspaces), at(self.now), at(self.now + LEASE_S)
        )
        assert (claim and claim.job) == (expected and expected.id)
        if claim is None or expected is None:
            return
        self.seen["claim"] += 1
        expected.state, expected.attempts = "running", expected.attempts + 1
        expected.claims, expected.begun = expected.claims + 1, True
        expected.lease_until = round(self.now + LEASE_S, 3)
        assert claim.suspect is (expected.code == "lost")
        assert (claim.attempt, claim.lead) == (expected.attempts, expected.lead)
        assert to_text(claim.requested_at) == moment(expected.requested_at)
        assert claim.attempt <= claim.max_attempts
        assert claim.token > max(
            (held.claim.token for held in self.held if held.job is expected), default=0
        )
        self.owed.discard(expected.lead)
        self.held.append(Held(claim, expected, expected.claims))

    @precondition(lambda self: any(job.state == "pending" for job in self.jobs.values()))
    @rule(asked=st.booleans(), end=st.sampled_from(["done", "done", "done", "failed"]))
    def work_on_what_comes_next(self, asked: bool, end: str) -> None:
        """A run as most are; somebody may ask for the lead meanwhile."""
        claims = len(self.held)
        self.claim_anything()
        if len(self.held) > claims:
            lead = self.leads.index(self.held[-1].job.lead)
            if asked:
                self.enqueue([lead], Priority.MANUAL, WINDOW_S, 3)
            self.finish(len(self.held) - 1, end)
            self.enqueue([lead], Priority.MANUAL, WINDOW_S, 3)

    @precondition(lambda self: any(job.state == "pending" for job in self.jobs.values()))
    @rule(asked=st.booleans(), end=st.sampled_from(["done", "failed"]))
    def come_back_from_the_dead(self, asked: bool, end: str) -> None:
        """A runner is stopped past its lease, another takes over, then the first goes on."""
        claims = len(self.held)
        self.claim_anything()
        if len(self.held) > claims:
            zombie = self.held[-1]
            if asked:
                self.enqueue([self.leads.index(zombie.job.lead)], Priority.MANUAL, WINDOW_S, 3)
            self.time_passes(LEASE_S + 1)
            self.rescue(False)
            self.claim_anything()
            self.finish(self.held.index(zombie), end)

    def settle(self, which: int, act: Callable[[Claim], bool]) -> Model | None:
        """End a claim; None where it is not held any more."""
        held = self.held.pop(which % len(self.held))
        held_on, asked = held.good, held.job.rerun
        assert act(held.claim) is held_on
        self.seen["settle" if held_on else "settle: stale"] += 1
        if not held_on:
            return None
        self.seen["settle: asked for meanwhile"] += asked
        held.job.tries += 1
        return held.job

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99), end=st.sampled_from(["done", "done", "failed"]))
    def finish(self, which: int, end: str) -> None:
        settlement = ENDINGS[end]
        job = self.settle(which, lambda c: self.agency.settle(c, settlement, self.now))
        if job is not None:
            job.end(settlement.state, self.now, settlement.code)

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99), delay=delays)
    def fail_and_heal(self, which: int, delay: float) -> None:
        """As a worker does: again later, or failed where the attempts are used up."""
        claim = self.held[which % len(self.held)].claim
        if claim.attempt >= claim.max_attempts:
            self.finish(which, "failed")
            return
        due = round(self.now + delay, 3)
        job = self.settle(which, lambda c: self.agency.retry_at(c, due, self.now))
        if job is not None:
            job.wait(due, "timeout")

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99), delay=delays, code=st.sampled_from(sorted(WAITS_FOR_ACCOUNT)))
    def snooze(self, which: int, delay: float, code: str) -> None:
        due = round(self.now + delay, 3)
        job = self.settle(which, lambda c: self.agency.snooze(c, due, self.now, code))
        if job is not None:
            job.wait(due, code)
            job.attempts -= 1

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99))
    def release(self, which: int) -> None:
        job = self.settle(which, lambda c: self.agency.release(c, self.now))
        if job is not None:
            job.wait(job.run_at)
            job.attempts -= 1

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 99))
    def crash(self, which: int) -> None:
        """Kill whoever holds a claim: nobody will ever settle it."""
        self.held.pop(which % len(self.held))

    @rule(orphaned=st.booleans())
    def rescue(self, orphaned: bool) -> None:
        latest = round(self.now + LEASE_S + SLACK_S, 3)
        lost = [
            job for job in self.all("running")
            if orphaned or not self.now <= (job.lease_until or 0) <= latest
        ]  # fmt: skip
        assert self.agency.rescue(self.now, orphaned=orphaned) == len(lost)
        for job in lost:
            job.tries, job.run_at = job.tries + 1, self.now
            if job.attempts >= job.max_attempts:
                job.end("failed", self.now, "lost")
            else:
                fresh = job.rerun
                job.wait(self.now, "lost")
                job.attempts = 0 if fresh else job.attempts
        for job in self.all("pending"):
            ahead = min(job.run_at, job.created_at) > round(self.now + SLACK_S, 3)
            if ahead or job.run_at > round(self.now + FARTHEST_S, 3):
                job.run_at = self.now
                job.created_at = min(job.created_at, self.now)
                job.requested_at = min(job.requested_at, self.now)
                self.seen["pulled back"] += 1
        self.seen["rescued"] += len(lost)

    # -- who repairs

    @rule(places=places)
    def cancel(self, places: list[int]) -> None:
        which = self.numbers(places)
        ended = [self.jobs[n] for n in sorted(set(which) & self.jobs.keys())
                 if self.jobs[n].state == "pending"]  # fmt: skip
        assert sorted(self.agency.store.queue.cancel(which, at(self.now))) == [j.id for j in ended]
        for job in ended:
            job.state, job.finished_at = "cancelled", self.now
            self.owed.discard(job.lead)

    @rule(places=places)
    def retry(self, places: list[int]) -> None:
        which = self.numbers(places)
        could = [self.jobs[n] for n in sorted(set(which) & self.jobs.keys())
                 if self.jobs[n].state in {"failed", "cancelled"}
                 and not self.live(self.jobs[n].lead)]  # fmt: skip
        done = self.agency.store.queue.retry(which, at(self.now))
        revived = [self.jobs[n] for n in done]
        assert {job.lead for job in revived} == {job.lead for job in could}  # one of each lead
        assert len(revived) == len({job.lead for job in revived})
        assert all(job in could for job in revived)
        for job in revived:
            job.wait(self.now)
            job.attempts, job.requested_at = 0, self.now
        self.seen["retried"] += len(revived)

    @rule(
        state=st.sampled_from(JobState), age=st.sampled_from([0, 60, 600]), limit=st.integers(1, 3)
    )
    def prune(self, state: JobState, age: float, limit: int) -> None:
        before = round(self.now - age, 3)
        old = sorted(
            (job for job in self.all(state) if job.finished_at is not None
             and job.finished_at < before and state not in LIVE),
            key=lambda job: job.finished_at or 0,
        )  # fmt: skip
        gone = self.agency.store.queue.prune(state, at(before), limit)
        assert gone == min(limit, len(old))
        left = {job.id for job in self.agency.jobs()}
        deleted = [job for job in self.jobs.values() if job.id not in left]
        assert len(deleted) == gone
        assert all(job in old for job in deleted)
        youngest = max((job.finished_at or 0 for job in deleted), default=0)
        assert all((job.finished_at or 0) >= youngest for job in old if job not in deleted)
        for job in deleted:
            del self.jobs[job.id]
        self.seen["pruned"] += gone

    @rule(workspace=st.sampled_from(WORKSPACES))
    def make_due(self, workspace: str) -> None:
        waiting = [
            job for job in self.all("pending")
            if job.workspace == workspace and job.code in WAITS_FOR_ACCOUNT
            and job.run_at > self.now
        ]  # fmt: skip
        assert self.agency.store.queue.make_due(workspace, at(self.now)) == len(waiting)
        for job in waiting:
            job.run_at = self.now

    # -- what just happens

    @rule(seconds=st.sampled_from([0.001, 1.0, 5.0, 30.0, 61.0, 91.0, 299.0, 300.0, 3600.0, DAY_S]))
    def time_passes(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 3)

    @rule(seconds=st.sampled_from([0.001, 0.001, 1.0, 1.0, 5.0, 30.0, 61.0, 301.0, 3600.0, DAY_S]))
    def the_clock_is_set_back(self, seconds: float) -> None:
        self.now = round(self.now - seconds, 3)

    @rule()
    def the_store_is_opened_again(self) -> None:
        self.agency.store.close()
        self.agency.store = type(self).open(self.place)

    # -- what always holds

    @invariant()
    def everything_holds(self) -> None:
        QueueMachine.steps += 1
        jobs = self.agency.jobs()
        self.a_lead_has_at_most_one_live_job(jobs)
        self.a_lead_that_was_asked_for_while_it_ran_is_never_forgotten(jobs)
        self.attempts_never_exceed_their_limit(jobs)
        self.every_job_is_as_the_model_says(jobs)
        self.what_is_counted_is_there()
        if QueueMachine.steps % 10 == 0:  # a query for each job
            self.every_try_is_written_down_once()

    def a_lead_has_at_most_one_live_job(self, jobs: list[Job]) -> None:
        live = Counter(job.lead for job in jobs if job.state in LIVE)
        assert set(live.values()) <= {1}

    def a_lead_that_was_asked_for_while_it_ran_is_never_forgotten(self, jobs: list[Job]) -> None:
        assert self.owed <= {job.lead for job in jobs if job.state in LIVE}

    def attempts_never_exceed_their_limit(self, jobs: list[Job]) -> None:
        assert all(0 <= job.attempts <= job.max_attempts for job in jobs)

    def every_job_is_as_the_model_says(self, jobs: list[Job]) -> None:
        assert {job.id: told(job) for job in jobs} == {
            job.id: job.told() for job in self.jobs.values()
        }

    def what_is_counted_is_there(self) -> None:
        depth = self.agency.store.overview.queue(at(self.now))
        counts = Counter(job.state for job in self.jobs.values())
        due = [job for job in self.all("pending") if job.run_at <= self.now]
        assert depth.by_state == {str(state): counts[state] for state in JobState}
        assert depth.due == len(due)
        assert self.agency.store.queue.due(WORKSPACES, at(self.now)) == len(due)

    def every_try_is_written_down_once(self) -> None:
        for job in self.jobs.values():
            assert len(self.agency.tries(job.id)) == job.tries

    # -- the model's own questions

    def add(self, number: int, lead: str, priority: Priority, max_attempts: int) -> None:
        assert number not in self.jobs
        self.jobs[number] = Model(
            number, self.workspace(lead), lead, priority, self.now, max_attempts, self.now, self.now
        )

    def numbers(self, places: list[int]) -> list[int]:
        """The numbers of the jobs at these places, and one that is nobody's."""
        newest = sorted(self.jobs, reverse=True)
        return [newest[place] for place in places if place < len(newest)] + [10**9]

    def all(self, state: str) -> list[Model]:
        return [job for job in self.jobs.values() if job.state == state]

    def workspace(self, lead: str) -> str:
        return WORKSPACES[self.leads.index(lead) // LEADS_EACH]

    def live(self, lead: str) -> Model | None:
        return next((j for j in self.jobs.values() if j.lead == lead and j.state in LIVE), None)

    def recent(self, lead: str, window: float) -> Model | None:
        """The newest success that was asked for inside the window."""
        inside = [
            job for job in self.all("succeeded")
            if job.lead == lead and round(abs(self.now - job.requested_at), 3) < window
        ]  # fmt: skip
        return max(inside, key=lambda job: job.requested_at, default=None)

    def next_of(self, workspaces: Iterable[str]) -> Model | None:
        running = Counter(job.workspace for job in self.all("running"))
        due = [
            job for job in self.all("pending")
            if job.run_at <= self.now and job.workspace in workspaces
        ]  # fmt: skip
        return min(
            due,
            key=lambda job: (job.priority, running[job.workspace], job.run_at, job.id),
            default=None,
        )


def test_the_queue_does_what_the_model_says_whatever_happens(
    engine: Engine, tmp_path: Path
) -> None:
    class Bound(QueueMachine):
        pass

    Bound.open, Bound.folder = staticmethod(engine), tmp_path
    QueueMachine.steps = 0
    QueueMachine.seen.clear()
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=STEPS // STEPS_EACH + 40,
            stateful_step_count=STEPS_EACH,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert QueueMachine.steps >= STEPS
    often = {event for event, times in QueueMachine.seen.items() if times >= 5}
    assert often == {
        "enqueue: queued", "enqueue: promoted", "enqueue: already_queued", "enqueue: recent",
        "sweep: queued", "claim", "settle", "settle: stale", "settle: asked for meanwhile",
        "rescued", "pulled back", "retried", "pruned",
    }  # fmt: skip
