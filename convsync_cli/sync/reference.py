"""How people name a lead: an id, an email, a phone, or ``provider:external-id``.

``workspace/`` may stand in front. The text alone decides what it is, so that the same word means
the same lead in every command.
"""

from collections.abc import Mapping

from convsync_cli.sync import addresses
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.leadid import is_lead_id
from convsync_cli.sync.model.query import Query

Regions = Mapping[str, str | None]


def queries(text: str, regions: Regions, workspace: str | None = None) -> list[Query]:
    """All exact look-ups that a LEAD as typed can mean; none where it cannot be a lead.

    ``regions`` has every configured workspace with its region for phone numbers that are written
    without a country; ``workspace`` narrows to one of them.
    """
    text = text.strip()
    head, slash, rest = text.partition("/")
    if slash and (head in regions or is_lead_id(rest.strip())):
        if workspace not in (None, head):
            return []
        text, workspace = rest.strip(), head
    if is_lead_id(text):
        return [Query("id", text, "", workspace)]
    if "@" in text:
        return _address(AddressKind.EMAIL, {addresses.mail_value(text)}, workspace)
    provider, colon, external_id = text.partition(":")
    if colon and provider.isidentifier():
        return [Query("handle", external_id, provider.lower(), workspace)] if external_id else []
    asked = [regions.get(workspace)] if workspace else set(regions.values())
    return _address(
        AddressKind.PHONE, {addresses.phone_value(text, region) for region in asked}, workspace
    )


def _address(kind: AddressKind, values: set[str | None], workspace: str | None) -> list[Query]:
    return [Query("address", value, kind, workspace) for value in values if value is not None]
