"""Whether leads never read are cheaper to read by a walk through everything: arithmetic.

What an account holds beside our leads' messages is not known here, and a walk passes it too: so a
walk must promise to cost half as much.
"""

from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.load import Load

TYPICAL = 20  # messages of a lead, as long as none has been read
CAUTION = 2


def requests(costs: Costs, load: Load) -> int:
    """Requests of a walk through everything; what unread leads say is taken from the others."""
    read = load.leads - load.unread
    each = load.messages / read if read > 0 else TYPICAL
    messages = load.messages + load.unread * each
    people = -(-load.leads // costs.fill_people) if costs.fill_people else 0
    return max(1, -(-round(messages) // costs.fill_messages) + people)


def one_by_one(costs: Costs, load: Load) -> int:
    """Requests to read the leads that nobody has tried to read."""
    return load.untried * (costs.per_lead + costs.look_up)


def is_cheaper(costs: Costs, load: Load) -> bool:
    """Whether a walk through everything is cheaper than the untried leads one by one."""
    return one_by_one(costs, load) > CAUTION * requests(costs, load)
