"""Which jobs a run claims: one for every free slot, from the workspaces that can be worked for.

House rule: a job whose process died may have killed it, so it runs alone and takes no other down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from convsync_cli.sync.clock import Clock
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.lanes import Lanes, look
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.job import Claim, Effort, JobState, Settlement
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.ports import Store

LEASE_MARGIN_S = 30.0  # a lease outlives its job's deadline, so that only the dead lose theirs
HOOKS_AT_ONCE = 4  # beside the other jobs: neither kind holds up the other, however slow it is

WAITS = Settlement(
    "released", JobState.PENDING, free=True, code="lost", error="waits to be run alone"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker works: jobs at once, and seconds for one job."""

    concurrency: int
    job_timeout_s: float

    @property
    def lease_s(self) -> float:
        """Seconds that a claim lasts."""
        return self.job_timeout_s + LEASE_MARGIN_S


@dataclass(frozen=True, slots=True)
class Free:
    """Slots without a job: for those that ask providers, and for programs beside them."""

    jobs: int = 0
    hooks: int = 0

    def __bool__(self) -> bool:
        return self.jobs > 0 or self.hooks > 0


@dataclass(slots=True)
class Claiming:
    """The claims of one run for the ``accounts`` of every workspace; some may have ``hooks``."""

    store: Store
    clock: Clock
    pace: Pace
    accounts: Mapping[str, Sequence[Account]]
    hooks: bool
    spent: set[str] = field(default_factory=set)  # workspaces whose rate limit outlasts the run
    _alone: bool = False
    _has_programs: bool = True  # until a look shows none left of a configuration that had hooks

    def free(self, jobs: int, programs: int) -> Free:
        """The slots that are left where so many ``jobs`` and ``programs`` run."""
        self._alone = self._alone and jobs + programs > 0
        if self._alone:
            return Free()
        return Free(
            self.pace.concurrency - jobs, HOOKS_AT_ONCE - programs if self._has_programs else 0
        )

    def left_by(self, claim: Claim) -> Free:
        """The slot that a job leaves, where another may have it."""
        if self._alone:
            return Free()
        return Free(hooks=1) if claim.kind == Kind.INBOUND_HOOK else Free(jobs=1)

    def claim(self, run: int, free: Free, *, busy: bool) -> tuple[Lanes, list[Claim]]:
        """Claim for every free slot at once; ``busy`` is whether others run."""
        now = self.clock.now()
        lanes = look(self.accounts, self.store.accounts.held_up(now), now).without(self.spent)
        claims = self._claims(run, lanes.open, free.jobs, busy)
        if free.hooks > 0:  # a program needs no account: every workspace's may be run
            everywhere = tuple(self.accounts)
            programs = self._claims(run, everywhere, free.hooks, busy or bool(claims), hooks=True)
            self._has_programs = bool(self.hooks or programs)
            claims += programs
        return lanes, claims

    def opening(self, lanes: Lanes, deadline: Deadline) -> float | None:
        """Seconds until a workspace with due jobs opens within the deadline; None if none does."""
        soon = {name: wait for name, wait in lanes.opens_in.items() if deadline.allows(wait)}
        due = self.store.queue.due(tuple(soon), self.clock.now())
        return min(soon.values()) if due else None

    def _claims(
        self, run: int, workspaces: Sequence[str], most: int, busy: bool, *, hooks: bool = False
    ) -> list[Claim]:
        now = self.clock.now()
        lease_until = now + timedelta(seconds=self.pace.lease_s)
        claims: list[Claim] = []
        while workspaces and len(claims) < most and not self._alone:
            claim = self.store.queue.claim(run, workspaces, now, lease_until, hooks=hooks)
            if claim is None:
                break
            self._alone = claim.suspect
            if claim.suspect and (busy or claims):  # it waits until the others have ended
                self.store.queue.settle(run, claim, WAITS, Effort(), now)
            else:
                claims.append(claim)
        return claims
