"""Who a lead is at GoHighLevel: contacts are looked for, never created."""

from collections.abc import Mapping

from convsync_cli.sync.api import Api
from convsync_cli.sync.errors import Rejected, Unknown
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.providers.gohighlevel.requests import Location
from convsync_cli.sync.providers.gohighlevel.rows import contact
from convsync_cli.sync.shape import mapping, rows, text

_MALFORMED = (400, 422)  # how an id is refused that is none of theirs, and a filter they cannot use
_FURTHER = {AddressKind.EMAIL: "additionalEmails", AddressKind.PHONE: "additionalPhones"}


async def exists(api: Api, location: Location, id: str) -> bool:
    """Whether the location has a contact of that id."""
    try:
        await api.ask(location.contact(id))
    except Unknown:
        return False
    except Rejected as error:
        if error.status not in _MALFORMED:
            raise
        return False
    return True


async def find(api: Api, location: Location, lead: Lead) -> Contact | None:
    """The contact that has one of the lead's emails, else one of its phones, else either beside
    its main ones."""
    for kind, parameter in ((AddressKind.EMAIL, "email"), (AddressKind.PHONE, "number")):
        for value in lead.values(kind):
            found = await _duplicate(api, location, parameter, value)
            if found is not None:
                return found
    return await _search(api, location, lead)


async def _duplicate(api: Api, location: Location, parameter: str, value: str) -> Contact | None:
    request = location.duplicate(parameter, value)
    row = mapping(await api.ask(request), request.label).get("contact")
    if not isinstance(row, Mapping) or text(row.get("id")) is None:
        return None
    found = contact(row)
    values = {address.value for address in found.addresses}
    return found if not values or value in values else None  # a filter may be ignored


async def _search(api: Api, location: Location, lead: Lead) -> Contact | None:
    """The contact that has one of the lead's addresses among its additional ones.

    Filters by number work now and then, and are refused at other times: then nobody is found.
    """
    wanted = [(_FURTHER[a.kind], a.value) for a in lead.addresses if a.value is not None]
    if not wanted:
        return None
    request = location.contacts_with(wanted)
    try:
        answer = mapping(await api.ask(request), request.label)
    except Rejected as error:
        if error.status not in _MALFORMED:
            raise
        return None
    known = {value for _, value in wanted}
    for row in rows(answer.get("contacts"), request.label):
        if isinstance(row, Mapping) and text(row.get("id")) is not None:
            found = contact(row)
            if known & {address.value for address in found.addresses}:
                return found
    return None
