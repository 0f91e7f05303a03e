"""The filter language of ``POST /contacts/search``, as far as it works live."""

from collections.abc import Callable, Mapping

from convsync_cli.sandbox.rows import Person

Test = Callable[[Person], bool]


class Unsearchable(Exception):
    """The server refuses this filter."""


def matcher(body: Mapping[str, object]) -> Test:
    """The test that a search body asks for: its free text and all of its filters."""
    words = str(body.get("query") or "").lower()
    if len(words) > 75:
        raise Unsearchable("query must be shorter than or equal to 75 characters")
    filters = body.get("filters") or []
    if not isinstance(filters, list):
        raise Unsearchable("filters must be an array")
    tests = [_test(one) for one in filters]
    return lambda person: words in _text(person) and all(test(person) for test in tests)


def _test(told: object) -> Test:
    if not isinstance(told, dict):
        raise Unsearchable("each filter must be an object")
    if "group" in told:
        return _group(told)
    field, operator, value = str(told.get("field")), told.get("operator"), told.get("value")
    if field not in _FIELDS:
        raise Unsearchable(f"Invalid filter field {field}")
    if field == "phone":
        return _phone(operator, str(value))
    return _compared(_FIELDS[field], operator, str(value or "").lower())


def _group(told: Mapping[str, object]) -> Test:
    members = told.get("filters")
    if told["group"] not in ("AND", "OR") or not isinstance(members, list):
        raise Unsearchable("Invalid filter group")
    tests = [_test(one) for one in members]
    every = all if told["group"] == "AND" else any
    return lambda person: every(test(person) for test in tests)


def _compared(values: Callable[[Person], tuple[str, ...]], operator: object, value: str) -> Test:
    def has(person: Person) -> bool:
        return any(value == one.lower() for one in values(person))

    def contains(person: Person) -> bool:
        return any(value in one.lower() for one in values(person))

    tests: dict[object, Test] = {
        "eq": has,
        "not_eq": lambda person: not has(person),
        "contains": contains,
        "not_contains": lambda person: not contains(person),
        "exists": lambda person: any(values(person)),
        "not_exists": lambda person: not any(values(person)),
    }
    if operator not in tests:
        raise Unsearchable(f"Invalid filter operator {operator}")
    return tests[operator]


def _phone(operator: object, value: str) -> Test:
    """Unreliable as live: finds main numbers in E.164 only, and refuses additional ones."""

    def test(person: Person) -> bool:
        if value in person.phones[1:]:
            raise Unsearchable("Invalid value for field phone")
        return operator == "eq" and value == next(iter(person.phones), None)

    return test


def _text(person: Person) -> str:
    return " ".join((person.name, person.emails[0], *person.phones[:1])).lower()


_FIELDS: dict[str, Callable[[Person], tuple[str, ...]]] = {
    "email": lambda person: person.emails[:1],
    "additionalEmails": lambda person: person.emails[1:],
    "phone": lambda person: person.phones[:1],
    "firstName": lambda person: (person.first,),
    "lastName": lambda person: (person.last,),
    "companyName": lambda person: (person.company,),
    "tags": lambda person: person.tags,
    "id": lambda person: (person.contact or "",),
}
