"""A month at a glance: its places, who waits for it, who may be whom. Read by the firm's people.

Numbers are the whole firm's; names are only those that the reader may see. The same queries for any number of rows.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from consultations.calc import months
from consultations.calc.likeness import Face, digits, domain_of, likeness
from consultations.free_times import MonthView, month_view
from consultations.models import Consultation, Task, WaitlistEntry
from consultations.models.booking import AskedFor
from consultations.office import in_the_office
from consultations.states import TAKES_PLACE, State
from tenancy import clock
from tenancy.models.company import bare_name
from tenancy.scope import Scope, current_scope

SUSPECTS_AT_MOST = 20


@dataclass(frozen=True)
class Seat:
    """A place of the month by its number: free, or whose. `hidden`: of a company that the reader does not see."""

    number: int
    row: Consultation | None = None
    hidden: bool = False

    @property
    def is_done(self) -> bool:
        return self.row is not None and self.row.state in (State.COMPLETED, State.NO_SHOW)


@dataclass(frozen=True)
class Like:
    """Somebody who may be the same company, and why: `alike` says in what."""

    name: str
    alike: tuple[str, ...]
    session: Consultation | None = None


@dataclass(frozen=True)
class Waiting:
    """An entry of the queue, by its turn. `entry` None: of a company that the reader does not see."""

    position: int
    entry: WaitlistEntry | None
    has_offer: bool
    like: tuple[Like, ...]


@dataclass(frozen=True)
class Glance:
    """The month. `settled`: places of sessions that stand, were held or missed, or were given back too late; `freed`:
    how often one became free again."""

    view: MonthView
    seats: tuple[Seat, ...]
    settled: int
    held: int
    offered: int
    freed: int
    waiting: tuple[Waiting, ...]

    @property
    def before(self) -> date:
        return months.after(self.view.month, -1)

    @property
    def after(self) -> date:
        return months.after(self.view.month)


def glance_of(month: date) -> Glance:
    """The month as the scope in force may see it."""
    scope = current_scope()
    with in_the_office():
        view = month_view(month)
        taking = list(Consultation.objects.taking(month).select_related("consultant__user"))
        freed = Consultation.objects.given_back(month).count()
        waiting = _waiting(month, scope, taking)
    states = [row.state for row in taking]
    held, offered = states.count(State.HELD), states.count(State.OFFERED)
    settled = len(states) - held - offered
    return Glance(view, _seats(view, taking, scope), settled, held, offered, freed, waiting)


def _seats(view: MonthView, taking: list[Consultation], scope: Scope) -> tuple[Seat, ...]:
    """One for each of the cap's numbers, and those above it that were given before the cap was lowered."""
    of_number = {row.number: row for row in taking}
    numbers = [*range(1, view.cap + 1), *sorted(each for each in of_number if each and each > view.cap)]
    return tuple(_seat(number, of_number.get(number), scope) for number in numbers)


def _seat(number: int, row: Consultation | None, scope: Scope) -> Seat:
    if row is not None and not may_see(row, scope):
        return Seat(number, hidden=True)
    return Seat(number, row)


def may_see(row: AskedFor, scope: Scope) -> bool:
    """As `visible_to`, for a row that is there already."""
    if scope.sees_whole_firm or row.company_id is None or row.company_id in scope.companies:
        return True
    return isinstance(row, Consultation) and row.consultant_id == scope.membership_id


# ── Who waits, and who may be whom ──


def face_of(row: AskedFor) -> Face:
    return Face(bare_name(row.company_name), row.phone, row.email)


def _waiting(month: date, scope: Scope, taking: list[Consultation]) -> tuple[Waiting, ...]:
    entries = list(WaitlistEntry.objects.for_month(month))
    offers = Consultation.objects.live().filter(entry__in=entries, state=State.OFFERED)
    offered = set(offers.values_list("entry", flat=True))
    known = [row for row in (*taking, *entries) if may_see(row, scope)]
    return tuple(
        Waiting(
            position,
            each if may_see(each, scope) else None,
            each.pk in offered,
            tuple(_alike(each, known)),
        )
        for position, each in enumerate(entries, start=1)
    )


def _alike(row: AskedFor, others: list[AskedFor]) -> list[Like]:
    """Those of the others that may be the same company but are not known to be. Who stands beside their own offer is
    the same person, not a suspect."""
    face = face_of(row)
    found = []
    for other in others:
        if other.pk == row.pk or other.email == row.email or _told_apart(row, other):
            continue
        if alike := likeness(face, face_of(other)):
            session = other if isinstance(other, Consultation) else None
            found.append(Like(other.company_name, alike, session))
    return found


def _told_apart(row: AskedFor, other: AskedFor) -> bool:
    """Somebody of the firm has said which company each of them is."""
    return row.company_id is not None and other.company_id is not None


def suspects_of(shown: Consultation, scope: Scope) -> list[Like]:
    """Other sessions and entries of the queue that may be of the same company. In the office. Two queries."""
    same = Q(month=shown.month, state__in=TAKES_PLACE) | Q(company_name__iexact=shown.company_name)
    if domain := domain_of(shown.email):
        same |= Q(email__iendswith=f"@{domain}")
    if digits(shown.phone):
        same |= Q(phone=shown.phone)
    sessions = Consultation.objects.visible_to(scope).exclude(state=State.EXPIRED).exclude(pk=shown.pk)
    others = list(sessions.filter(same).order_by("-starts_at")[: 5 * SUSPECTS_AT_MOST])
    entries = [each for each in WaitlistEntry.objects.waiting() if may_see(each, scope)]
    return _alike(shown, [*others, *entries])[:SUSPECTS_AT_MOST]


# ── What comes next ──


def coming(scope: Scope, count: int) -> list[Consultation]:
    """The next sessions that stand, the soonest first; also one that is going on. In the office. One query."""
    rows = Consultation.objects.visible_to(scope).filter(state=State.CONFIRMED, ends_at__gt=clock.now())
    return list(rows.with_people().order_by("starts_at", "pk")[:count])


def open_tasks(scope: Scope) -> list[Task]:
    """What waits for somebody, as far as it is about what they may see. In the office. One query."""
    return [each for each in Task.objects.open() if _may_see_task(each, scope)]


def _may_see_task(task: Task, scope: Scope) -> bool:
    about: AskedFor | None = task.consultation or task.entry
    return about is None or may_see(about, scope)


def session_in_sight(pk: UUID, scope: Scope) -> Consultation | None:
    """The session, if the scope may see it. In the office. One query."""
    rows = Consultation.objects.visible_to(scope).with_people().select_related("booked_by__user", "entry")
    found: Consultation | None = rows.filter(pk=pk).first()
    return found
