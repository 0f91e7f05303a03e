"""An account: the credential with which one channel of one workspace is read."""

from dataclasses import dataclass
from typing import Any

from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.message import Channel


@dataclass(frozen=True, slots=True)
class Account:
    """What the configuration says of one ``[workspaces.W.CHANNEL]`` table.

    ``base_url`` is an origin, without a slash at its end. ``options`` is the provider's own
    ``Settings`` value, whose module is ``sync/providers/<provider>``. With ``discover``, people
    that the provider vouches for become leads.
    """

    workspace: str
    channel: Channel
    provider: str
    base_url: str
    rate: Rate
    options: Any
    discover: bool = False

    @property
    def name(self) -> str:
        """How people and logs call it: ``workspace/channel``."""
        return f"{self.workspace}/{self.channel}"
