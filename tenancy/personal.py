"""Personal values in the trail: sealed with a key of their person, so that they can be forgotten and the trail stays.

A model says which of its fields are personal (`PERSONAL`) and whose (`whose()`). A value is sealed with the key of
that person, which is made on first use. `forget` destroys the key: what it sealed is unreadable from then on, in every
row at once, though no row of the trail has changed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.db import models

from tenancy.models import PersonKey
from tenancy.scope import current_scope, whole_firm

_SEALED = "sealed"


class Forgotten(LookupError):
    """The key of this value is gone."""


def is_personal(subject: models.Model | type[models.Model], name: str) -> bool:
    """Whether the model declares this field to say something about a person."""
    return name in getattr(subject, "PERSONAL", ())


def seal(person: str, values: Iterable[Any], *, company_id: int | None) -> list[Any]:
    """The values, each sealed with the person's key; what is empty stays as it is. No query where all are empty, else
    one, and two more for a person's first."""
    given = list(values)
    if all(value in (None, "") for value in given):
        return given
    fernet = Fernet(_key_of(person, company_id))
    return [value if value in (None, "") else _sealed(fernet, person, value) for value in given]


def is_sealed(value: Any) -> bool:
    """Whether it is a value as `seal` leaves it, whoever can still open it."""
    return isinstance(value, dict) and set(value) == {_SEALED, "person"}


def keys_for(values: Iterable[Any]) -> dict[str, bytes]:
    """The keys that still exist for these sealed values, by person. One query, none where nothing is sealed."""
    people = {value["person"] for value in values if is_sealed(value)}
    if not people:
        return {}
    rows = PersonKey.objects.filter(person__in=people).values_list("person", "key")
    return {person: bytes(key) for person, key in rows}


def opened(value: Any, keys: Mapping[str, bytes]) -> Any:
    """A value as it was before `seal`. Raises Forgotten."""
    if not is_sealed(value):
        return value
    try:
        return json.loads(Fernet(keys[value["person"]]).decrypt(value[_SEALED].encode()))
    # InvalidToken: forgotten, and a later value made another key. ValueError: what is no key at all.
    except (KeyError, InvalidToken, ValueError) as gone:
        raise Forgotten(value["person"]) from gone


def holders(words: str, changes: Iterable[Mapping[str, Iterable[Any]]]) -> Counter[str]:
    """Whose keys open values in which `words` stand, and how many such values. One query; each value is opened once."""
    keys = {person: bytes(key) for person, key in PersonKey.objects.values_list("person", "key").iterator()}
    wanted, found = words.casefold(), Counter[str]()
    for value in (each for change in changes for pair in change.values() for each in pair if is_sealed(each)):
        with suppress(Forgotten):
            found[value["person"]] += wanted in str(opened(value, keys)).casefold()
    return +found


def forget(person: str) -> bool:
    """Destroy the person's key; False where there is none. For good: the rows stay, their values cannot be read."""
    with _all_keys():
        return bool(PersonKey.objects.filter(person=person).delete()[0])


def _sealed(fernet: Fernet, person: str, value: Any) -> dict[str, str]:
    text = json.dumps(value, ensure_ascii=False)
    return {"person": person, _SEALED: fernet.encrypt(text.encode()).decode()}


def _key_of(person: str, company_id: int | None) -> bytes:
    """The person's key; of two that make one at the same moment the first one counts for both: the second INSERT waits
    for the first transaction, writes nothing, and the next statement reads what that one has committed."""
    with _all_keys():
        keys = PersonKey.objects.filter(person=person).values_list("key", flat=True)
        found = keys.first()
        if found is None:
            fresh = PersonKey(
                firm_id=current_scope().firm_id or 0,
                person=person,
                company_id=company_id,
                key=Fernet.generate_key(),
            )
            PersonKey.objects.bulk_create([fresh], ignore_conflicts=True)
            found = keys.get()
    return bytes(found)


@contextmanager
def _all_keys() -> Iterator[None]:
    """A person of a company writes with the key that the firm has made for them; no key reaches a page."""
    if current_scope().sees_whole_firm:
        yield
        return
    with whole_firm():
        yield
