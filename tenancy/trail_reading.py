"""Reading the audit trail: rows of the table as people read them.

The queries are counted per page, not per row: one for the people, one for the companies, one for the keys of personal
values, and one for each kind of thing that occurs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models

from tenancy.models import Company, Membership, Trail
from tenancy.permissions import COMPANY_ROLES, FIRM_SIDE, OPERATOR
from tenancy.personal import Forgotten, keys_for, opened
from tenancy.templatetags.michisuji import jdate, jtime
from tenancy.trail import VISITOR
from tenancy.trail_words import THINGS, field_of, in_order, label_of_field, label_of_subject, sentence_of

ERASED = "(消去済み)"
EMPTY = "(空)"
GONE = "(削除済み)"
THE_SYSTEM, THE_VISITOR, FORMER = "システム", "お客様(リンク)", "以前のメンバー"
_ROLES = dict(Membership.Role.choices)
# In the details of what an import has brought: its author could have written anything.
BROUGHT_IN = "brought_in"
_TRUTH = {True: "はい", False: "いいえ"}

Members = Mapping[int, Membership]


# ── On the thing itself ──


@dataclass(frozen=True)
class Event:
    """Something that happened to a thing. `who` is '' for somebody of the firm whom the reader does not know by name:
    the firm did it."""

    at: datetime
    who: str
    what: str


def history_of(
    *rows: models.Model,
    limit: int = 5,
    visitor: str = THE_VISITOR,
    leave_out: Callable[[Trail], bool] = lambda act: False,
) -> list[Event]:
    """The latest changes of a thing (or of several), newest first: when, who, what. Two queries, whatever the number.

    People of a company read it too: they know each other by name, and the firm as the firm. No values are shown.
    """
    found = Trail.objects.of(*rows).newest_first()[:limit]
    acts = [act for act in found if not leave_out(act)]
    members = _by_user(_members(users={act.user_id for act in acts}))
    return [Event(act.at, _who(act, members, visitor), _what(act)) for act in acts]


def _what(act: Trail) -> str:
    """The sentence, and which fields were changed."""
    changed = in_order(act.subject, act.changes or act.details.get("fields", ()))
    names = [label_of_field(act.subject, name) for name in changed]
    told = f"({'、'.join(names)})" if names and act.act.startswith(("update.", "rename.")) else ""
    return sentence_of(act.act, act.details) + told


def require_readable(act: Trail) -> None:
    """That a page can show a row that somebody else wrote (an import): nobody could take it out of the trail again.
    Raises what reading it raises."""
    if act.subject in THINGS:
        THINGS[act.subject].model._meta.pk.to_python(act.subject_id)
    for model in (Membership, Company):
        list(_ids_of(model, act))
    _how(act)
    _what(act)


# ── The page ──


@dataclass(frozen=True)
class Shown:
    """A field that was changed, as people read it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """A row of the trail as people read it. `how`: (API), 代理入力 and the like; `url` '' where the thing is gone."""

    at: datetime
    who: str
    role: str
    how: tuple[str, ...]
    what: str
    kind: str
    name: str
    url: str
    company: str
    changes: tuple[Shown, ...]


def entries_of(rows: Iterable[Trail], slug: str) -> list[Entry]:
    """The rows as entries, for those who may read the firm's trail."""
    acts = list(rows)
    known = _Known.of(acts)
    return [_entry(act, known, slug) for act in acts]


@dataclass(frozen=True)
class _Known:
    """What the rows name, looked up once."""

    by_user: Members
    by_id: Members
    companies: Mapping[int, str]
    things: Mapping[tuple[str, str], Any]
    keys: Mapping[str, bytes]

    @classmethod
    def of(cls, acts: Sequence[Trail]) -> "_Known":
        named = {id for act in acts for id in _ids_of(Membership, act)}
        members = _members(users={act.user_id for act in acts}, ids=named)
        of_acts = {act.company_id for act in acts} | {id for act in acts for id in _ids_of(Company, act)}
        return cls(
            by_user=_by_user(members),
            by_id={member.pk: member for member in members},
            companies=dict(Company.objects.filter(pk__in=of_acts - {None}).values_list("pk", "name")),
            things=dict(_things(acts)),
            keys=keys_for(value for act in acts for pair in act.changes.values() for value in pair),
        )


def _members(*, users: Iterable[int | None], ids: Iterable[int] = ()) -> list[Membership]:
    """The firm's members among these people and memberships. One query."""
    asked = models.Q(user_id__in={user for user in users if user}) | models.Q(pk__in=set(ids))
    return list(Membership.objects.filter(asked).select_related("user"))


def _by_user(members: Iterable[Membership]) -> Members:
    return {member.user_id: member for member in members}


def _ids_of(model: type[models.Model], act: Trail) -> Iterator[int]:
    """Rows of `model` among the values of the changes: who was in charge before and after, of which company it was."""
    for name, pair in act.changes.items():
        field = field_of(act.subject, name)
        if field is not None and field.related_model is model:
            yield from (int(value) for value in pair if value)


def _things(acts: Sequence[Trail]) -> Iterator[tuple[tuple[str, str], Any]]:
    """The things that still exist, by kind and id. One query for each kind."""
    wanted: dict[str, set[str]] = {}
    for act in acts:
        wanted.setdefault(act.subject, set()).add(act.subject_id)
    for subject in wanted.keys() & THINGS.keys():
        kind = THINGS[subject]
        rows = kind.model._default_manager.select_related(*kind.related).filter(pk__in=wanted[subject])
        yield from (((subject, str(row.pk)), row) for row in rows)


def _entry(act: Trail, known: _Known, slug: str) -> Entry:
    thing = known.things.get((act.subject, act.subject_id))
    kind = THINGS.get(act.subject)
    return Entry(
        at=act.at,
        who=_who(act, known.by_user, THE_VISITOR) or FORMER,
        role=str(_ROLES.get(act.role, "")),
        how=_how(act),
        what=sentence_of(act.act, act.details),
        kind=label_of_subject(act.subject),
        name=kind.name(thing) if kind and thing is not None else "",
        url=kind.url(slug, thing) if kind and thing is not None else "",
        company=known.companies.get(act.company_id or 0, ""),
        changes=tuple(
            _shown(act, name, act.changes[name], known) for name in in_order(act.subject, act.changes)
        ),
    )


def _who(act: Trail, members: Members, visitor: str) -> str:
    """The person's name; '' for somebody of the firm whose membership cannot be seen or is gone.

    Of people who belong elsewhere and came as visitors no name is told: not every user is this firm's to know.
    """
    if act.user_id and act.user_id in members:
        return str(members[act.user_id].user)
    if act.role in FIRM_SIDE:
        return str(_ROLES[OPERATOR]) if act.role == OPERATOR else ""
    if act.role in COMPANY_ROLES:
        return FORMER
    return visitor if act.role == VISITOR or act.user_id else THE_SYSTEM


def _how(act: Trail) -> tuple[str, ...]:
    ways = {
        "代理入力": act.details.get("origin") == "on_behalf",
        "API": bool(act.details.get("by_token")) or act.details.get("origin") == "api",
        "取り込み": BROUGHT_IN in act.details,
    }
    return tuple(way for way, so in ways.items() if so)


def _shown(act: Trail, name: str, pair: Sequence[Any], known: _Known) -> Shown:
    before, after = (_text(act.subject, name, value, known) for value in pair)
    return Shown(label_of_field(act.subject, name), before, after)


def _text(subject: str, name: str, value: Any, known: _Known) -> str:
    try:
        value = opened(value, known.keys)
    except Forgotten:
        return ERASED
    if value in (None, "", [], {}):
        return EMPTY
    if isinstance(value, bool):
        return _TRUTH[value]
    field = field_of(subject, name)
    if field is not None and field.related_model is Membership:
        return str(known.by_id[value].user) if value in known.by_id else FORMER
    if field is not None and field.related_model is Company:
        return known.companies.get(value, GONE)
    try:
        return _words(field, value)
    except (ValueError, OverflowError):  # no day, or one beyond all days: as an archive's author wrote it
        return str(value)


def _words(field: "models.Field[Any, Any] | None", value: Any) -> str:
    """A value as people read it: the label of a choice, a day as a day, a list as its parts."""
    choices = dict(field.flatchoices) if field is not None else {}
    if isinstance(value, str) and isinstance(field, models.DateTimeField):
        moment = datetime.fromisoformat(value)
        return f"{jdate(moment)} {jtime(moment)}"
    if isinstance(value, str) and isinstance(field, models.DateField):
        return jdate(date.fromisoformat(value))
    if isinstance(value, str) and isinstance(field, models.TimeField):
        return value[:5]
    if isinstance(value, dict):
        return "、".join(f"{key}:{each}" for key, each in value.items())
    if isinstance(value, list):
        return "、".join(map(str, value))
    return str(choices.get(value, value))
