"""What happened with a company, newest first, from sources that the apps register.

As panels (tenancy.extensions), in an app's `panels.py`:

    from tenancy.timeline import Happening, timeline_source

    timeline_source("diagnosis", permission="company_diagnoses.read", newest=happened)

A source runs inside the request's scope, gets the visit (who asks: a company's own people hear only of what is shared
with them) and answers with at most `count` of its newest happenings: one query, whatever there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tenancy.door import Visit
from tenancy.models import Company

PER_PAGE = 20
MOST_PAGES = 50


@dataclass(frozen=True)
class Happening:
    """One line. `at`: when; `what`: in words, without what a person wrote in confidence; `url`: where to read it."""

    at: datetime
    what: str
    url: str = ""
    more: str = ""
    whole_day: bool = False  # the day is known, the hour is not


Newest = Callable[[Visit, Company, int], list[Happening]]


@dataclass(frozen=True)
class Source:
    """Where happenings come from, and what a reader needs to be told of them."""

    permission: str
    newest: Newest


@dataclass(frozen=True)
class Page:
    """A page of the timeline; `number` counts from 1."""

    rows: list[Happening]
    number: int
    has_next: bool


_sources: dict[str, Source] = {}


def timeline_source(name: str, *, permission: str, newest: Newest) -> None:
    """Add a source. The same name again replaces it."""
    _sources[name] = Source(permission, newest)


def happened(visit: Visit, company: Company, count: int) -> list[Happening]:
    """The newest `count` happenings that this member may hear of. One query for each source."""
    found: list[Happening] = []
    for source in _sources.values():
        if visit.may(source.permission):
            found += source.newest(visit, company, count)
    return sorted(found, key=lambda each: each.at, reverse=True)[:count]


def page_of(visit: Visit, company: Company, number: int, per_page: int = PER_PAGE) -> Page:
    """A page, read from the newest on: exact also where many things happened at one moment. Far back it ends."""
    number = min(max(number, 1), MOST_PAGES)
    rows = happened(visit, company, number * per_page + 1)
    shown = rows[(number - 1) * per_page : number * per_page]
    return Page(shown, number, has_next=len(rows) > number * per_page and number < MOST_PAGES)
