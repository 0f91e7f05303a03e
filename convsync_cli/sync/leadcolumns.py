"""What the columns of a file of leads mean, and the contact that its cells tell about.

Columns are known by their names, whatever their case and separators. A bare "id" or "Contact Id"
is a provider's only where the other columns show whose export it is: a wrong id would show one
person's messages under another's name.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from convsync_cli.sync import addresses
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.lead import Contact, Handle


class Role(Enum):
    """What a column holds; of an address, one or a list of them."""

    NAME = auto()
    FIRST_NAME = auto()
    LAST_NAME = auto()
    COMPANY = auto()
    EMAIL = auto()
    EMAILS = auto()
    PHONE = auto()
    PHONES = auto()
    HANDLE = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column's role; for a handle its provider, and the form of an id that was not asked for."""

    role: Role
    provider: str = ""
    form: str | None = None


Columns = tuple[Column | None, ...]  # None: of no use to us
Cells = Sequence[Sequence[str]]  # the texts of each cell; a list only in JSON

_ROLES = {
    Role.NAME: "name fullname contactname leadname contact lead",
    Role.FIRST_NAME: "firstname givenname forename first",
    Role.LAST_NAME: "lastname surname familyname last",
    Role.COMPANY: "company companyname businessname business organization organisation"
    " organizationname accountname employer",
}
_WHOSE = "(?:work|business|primary|personal|secondary|other|contact|lead|main|direct|home)?"
_MAIL = "e?mail(?:address)?"
_PHONE = "(?:(?:mobile|cell|tele)?phone|mobile|cell|tel)(?:number|no)?"
_PATTERNS = {
    Role.EMAIL: re.compile(rf"{_WHOSE}{_MAIL}\d?"),
    Role.PHONE: re.compile(rf"{_WHOSE}{_PHONE}\d?"),
    Role.EMAILS: re.compile(rf"(?:{_WHOSE}|additional|all)(?:{_MAIL}e?s|additional{_MAIL})"),
    Role.PHONES: re.compile(rf"(?:{_WHOSE}|additional|all)(?:{_PHONE}s|additional{_PHONE})"),
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names.split()}
_FINDING = {Role.EMAIL, Role.EMAILS, Role.PHONE, Role.PHONES, Role.HANDLE}

_EXPLICIT = re.compile(r"\s*([a-z][a-z0-9_]*)\s*:\s*(?:lead|contact|external)?[ _-]?id\s*", re.I)
_ALIASES = {"ghl": "gohighlevel", "highlevel": "gohighlevel"}
_ID = r"\S{1,128}"

# providers/gohighlevel.md §2.6 has the form of its ids; Salesforce's, in like columns, begin "003".
_GOHIGHLEVEL_ID = r"(?!003(?:.{12}|.{15})$)[A-Za-z0-9]{15,64}"
_GOHIGHLEVEL = {"businessname", "created", "lastactivity", "tags", "additionalemails",
                "additionalphones"}  # fmt: skip
_EMAILBISON = {"id", "email", "first_name", "last_name"}
_EMAILBISON_ALSO = {"uuid", "lead_campaign_data", "overall_stats", "emails_sent"}
_EMAILBISON_ID = r"[0-9]{1,18}"

_LIST = re.compile(r"[,;|\n]")
_MOST_ADDRESSES = 100


def columns(names: Sequence[str], providers: Collection[str]) -> Columns:
    """Tell what each column holds, by the names of all.

    Args:
        providers: those for which ``<provider>_id`` is known; ``<provider>:id`` is for any.
    """
    own = _export_ids(names)
    return tuple(own.get(_key(name)) or _column(name, providers) for name in names)


def can_find_a_lead(columns: Columns) -> bool:
    """Tell whether there is a column by which leads are found: email, phone or a provider's id."""
    return any(column is not None and column.role in _FINDING for column in columns)


def contact(columns: Columns, cells: Cells, region: str | None) -> Contact | str:
    """Give what a row tells about a person, or a sentence on why it cannot be used."""
    texts: dict[Role, list[str]] = {role: [] for role in Role}
    handles: list[Handle] = []
    for column, cell in zip(columns, cells, strict=False):
        filled = [text.strip() for text in cell if text and not text.isspace()]
        if column is None or not filled:
            continue
        if column.role is not Role.HANDLE:
            texts[column.role] += filled
        elif re.fullmatch(column.form or _ID, filled[0]):
            handles.append(Handle(column.provider, filled[0]))
        elif column.form is None:
            return f"its {column.provider} id is not valid"
    return _contact(texts, handles, region)


def _contact(
    texts: dict[Role, list[str]], handles: list[Handle], region: str | None
) -> Contact | str:
    mails = texts[Role.EMAIL] + _listed(texts[Role.EMAILS])
    phones = texts[Role.PHONE] + _listed(texts[Role.PHONES])
    if len(mails) + len(phones) > _MOST_ADDRESSES:
        return f"more than {_MOST_ADDRESSES} addresses"
    found = [addresses.email(raw) for raw in mails]
    found += [addresses.phone(raw, region) for raw in phones]
    if not handles and all(address.value is None for address in found):
        return "no usable email, phone or provider id"
    parts = texts[Role.FIRST_NAME][:1] + texts[Role.LAST_NAME][:1]
    return Contact(
        name=_folded(texts[Role.NAME][:1] or parts),
        company=_folded(texts[Role.COMPANY][:1]),
        addresses=_distinct(found),
        handles=tuple(dict.fromkeys(handles)),
    )


def _listed(texts: list[str]) -> list[str]:
    parts = [part.strip() for text in texts for part in _LIST.split(text)]
    return [part for part in parts if part]


def _folded(texts: list[str]) -> str | None:
    return " ".join(" ".join(texts).split()) or None


def _distinct(found: list[Address]) -> tuple[Address, ...]:
    first: dict[tuple[object, str], Address] = {}
    for address in found:
        first.setdefault((address.kind, address.value or address.raw), address)
    return tuple(first.values())


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _column(name: str, providers: Collection[str]) -> Column | None:
    key = _key(name)
    explicit = _EXPLICIT.fullmatch(name)
    if explicit:
        provider = explicit[1].lower()
        return Column(Role.HANDLE, _ALIASES.get(provider, provider))
    for alias, provider in (*_ALIASES.items(), *((each, each) for each in providers)):
        if key in (f"{alias}id", f"{alias}contactid", f"{alias}leadid"):
            return Column(Role.HANDLE, provider)
    role = _ROLE_OF.get(key)
    role = role or next((r for r, pattern in _PATTERNS.items() if pattern.fullmatch(key)), None)
    return Column(role) if role else None


def _export_ids(names: Sequence[str]) -> dict[str, Column]:
    """Give the id column of a provider's own export, by its key, where this is one."""
    keys, exact = set(map(_key, names)), {name.strip().lower() for name in names}
    own = {}
    if len(keys & _GOHIGHLEVEL) >= 2 or {"firstname", "lastname", "phone", "email"} <= keys:
        own["contactid"] = Column(Role.HANDLE, "gohighlevel", _GOHIGHLEVEL_ID)
    if {"id", "locationid"} <= keys:  # an object of its API
        own["id"] = Column(Role.HANDLE, "gohighlevel", _GOHIGHLEVEL_ID)
    if exact >= _EMAILBISON and (
        exact & _EMAILBISON_ALSO or exact >= {"company", "title", "status"}
    ):
        own["id"] = Column(Role.HANDLE, "emailbison", _EMAILBISON_ID)
    return own
