"""What the オンライン相談・壁打ち adds to the house's pages: who comes and what waits, and what a leaving consultant
hands over. The panels of a company stand in `panels_company`."""

from consultations import (
    panels_company,  # noqa: F401  (a company's own pages)
    panels_public,  # noqa: F401  (the firm's public page)
)
from consultations.actions.firm import hand_over_sessions, hand_over_tasks, sessions_of, tasks_of
from consultations.calc import months
from consultations.glance import coming, glance_of, open_tasks
from consultations.models import Consultation
from consultations.office import in_the_office
from tenancy import clock
from tenancy.door import Visit
from tenancy.extensions import Content, home_panel
from tenancy.people import burden
from tenancy.scope import current_scope
from tenancy.templatetags.michisuji import jtime

SHOWN = 5


def sessions_and_tasks(visit: Visit) -> Content | None:
    """The next sessions and what waits for somebody. Nothing where there is neither. Two queries."""
    scope = current_scope()
    with in_the_office():
        rows, tasks = coming(scope, SHOWN), open_tasks(scope)
    if not rows and not tasks:
        return None
    values = {
        "rows": rows,
        "tasks": tasks[:SHOWN],
        "more_tasks": max(0, len(tasks) - SHOWN),
        "may_edit": visit.may("consultations.edit"),
    }
    return Content(values, thought=_thought(rows) + _asked(len(tasks)))


def _thought(rows: list[Consultation]) -> str:
    today = [row for row in rows if months.day_of(row.starts_at) == clock.today()]
    if not today:
        return ""
    if len(today) == 1:
        return f"本日{jtime(today[0].starts_at)}に{today[0].company_name}様の相談があります。"
    first = today[0]
    return f"本日は相談が{len(today)}件あります(最初は{jtime(first.starts_at)}の{first.company_name}様)。"


def _asked(count: int) -> str:
    return f"相談について、ご対応いただきたいことが{count}件あります。" if count else ""


def places_of_month(visit: Visit) -> Content:
    """This month's places, as the list shows them."""
    month = clock.today().replace(day=1)
    return Content({"glance": glance_of(month), "month": month})


home_panel(
    "consultations",
    permission="consultations.read",
    template="consultations/firm/_home.html",
    build=sessions_and_tasks,
    order=10,
)
home_panel(
    "places",
    permission="consultations.read",
    template="consultations/firm/_home_places.html",
    build=places_of_month,
    place="side",
    order=10,
)
burden("sessions", "これからの相談", count=sessions_of, move=hand_over_sessions)
burden("tasks", "ご対応いただきたいこと(相談)", count=tasks_of, move=hand_over_tasks)
