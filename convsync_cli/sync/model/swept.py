"""What queuing all leads came to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of the leads of a workspace up to the id ``last``.

    Of the ``eligible`` ones some were ``queued``, some were live already, some had succeeded
    inside the window. ``not_syncable`` leads have nothing to be found by.
    """

    last: str
    eligible: int = 0
    not_syncable: int = 0
    queued: int = 0
    already_queued: int = 0
    recent: int = 0

    def __add__(self, later: "Swept") -> "Swept":
        return Swept(
            later.last,
            self.eligible + later.eligible,
            self.not_syncable + later.not_syncable,
            self.queued + later.queued,
            self.already_queued + later.already_queued,
            self.recent + later.recent,
        )
