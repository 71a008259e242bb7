"""Where business apps hang their things into the house's pages, so that arrows keep pointing down.

An app registers in its `panels.py`, which is imported once when Django has started (like `documents.py`):

    from tenancy.extensions import Content, company_home_panel, company_panel, company_tab, home_panel, public_panel

    home_panel("diagnosis", permission="diagnoses.read", template="diagnosis/_home_panel.html", build=new_diagnoses)
    company_tab("diagnosis", "診断", permission="diagnoses.read", url_name="diagnosis:of_company", order=20)
    company_panel("diagnosis", permission="diagnoses.read", template="diagnosis/_company_panel.html", build=…)
    company_home_panel("diagnosis", permission="company_diagnoses.read", template="diagnosis/_own.html", build=…)
    public_panel("consultations", templates={"calls": "consultations/_public_call.html"}, build=…)

`build` runs inside the request's scope and says what its template gets as `content`; None leaves the panel out. A panel
is a `<section>` with an h2. Its queries count against the page: they must be the same number for any number of rows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from django.urls import reverse

from tenancy.door import Visit
from tenancy.models import Company

Place = Literal["main", "side"]
# Of the firm's public page: above the calls, beside the first call, in 「オンライン相談・壁打ちとは」.
PublicPlace = Literal["above", "calls", "about"]


@dataclass(frozen=True)
class Content:
    """What a panel shows. `thought`: one sentence for the top of the home page, only if somebody has to act."""

    values: Mapping[str, Any] = field(default_factory=dict)
    thought: str = ""


HomeBuild = Callable[[Visit], Content | None]
PublicBuild = Callable[[Visit], Mapping[str, Any] | None]
CompanyBuild = Callable[[Visit, Company], Content | None]
_B = TypeVar("_B")


@dataclass(frozen=True)
class Panel(Generic[_B]):
    """A registered panel."""

    name: str
    permission: str
    template: str
    build: _B
    place: Place
    order: int


@dataclass(frozen=True)
class PublicPanel:
    """What an app shows everybody on the firm's page: a template for each place, all with the same `content`."""

    templates: Mapping[PublicPlace, str]
    build: PublicBuild


@dataclass(frozen=True)
class Shown:
    """A panel that is shown on this page: include `template` with `content`."""

    template: str
    content: Mapping[str, Any]
    place: Place
    thought: str


@dataclass(frozen=True)
class Tab:
    """A screen of one company. Its address takes the firm's slug and the company's id."""

    key: str
    label: str
    permission: str
    url_name: str
    order: int


@dataclass(frozen=True)
class TabLink:
    """A tab as templates/components/tabs.html shows it."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class FirstStep:
    """What the admin of a new firm does first. Its address takes the firm's slug; `done` runs in the request's scope,
    with one query at most."""

    title: str
    body: str
    url_name: str
    done: Callable[[], bool]
    order: int


_public: dict[str, PublicPanel] = {}
_home: dict[str, Panel[HomeBuild]] = {}
_company: dict[str, Panel[CompanyBuild]] = {}
_company_home: dict[str, Panel[CompanyBuild]] = {}
_steps: dict[str, FirstStep] = {}
_tabs: dict[str, Tab] = {
    "overview": Tab("overview", "概要", "companies.read", "tenancy:company", 0),
    "members": Tab("members", "メンバー", "members.read", "tenancy:company_members", 90),
}


def public_panel(name: str, *, templates: Mapping[PublicPlace, str], build: PublicBuild) -> None:
    """Show something to everybody on the firm's public page. The same name again replaces it."""
    _public[name] = PublicPanel(templates, build)


def public_panels(visit: Visit) -> dict[PublicPlace, list[tuple[str, Mapping[str, Any]]]]:
    """For each place of the public page the templates to include, with their content."""
    shown: dict[PublicPlace, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for panel in _public.values():
        content = panel.build(visit)
        if content is None:
            continue
        for place, template in panel.templates.items():
            shown[place].append((template, content))
    return dict(shown)


def home_panel(
    name: str, *, permission: str, template: str, build: HomeBuild, place: Place = "main", order: int = 100
) -> None:
    """Show a panel on the consultants' home page. The same name again replaces it."""
    _home[name] = Panel(name, permission, template, build, place, order)


def company_panel(
    name: str, *, permission: str, template: str, build: CompanyBuild, place: Place = "main", order: int = 100
) -> None:
    """Show a panel on a company's 概要. The same name again replaces it."""
    _company[name] = Panel(name, permission, template, build, place, order)


def company_home_panel(
    name: str, *, permission: str, template: str, build: CompanyBuild, place: Place = "main", order: int = 100
) -> None:
    """Show a panel on the home page of a company's own people. The same name again replaces it."""
    _company_home[name] = Panel(name, permission, template, build, place, order)


def company_tab(key: str, label: str, *, permission: str, url_name: str, order: int = 100) -> None:
    """Add a screen to every company. `url_name` takes (firm's slug, company's id). The same key again replaces it."""
    _tabs[key] = Tab(key, label, permission, url_name, order)


def first_step(
    key: str, title: str, body: str, *, url_name: str, done: Callable[[], bool], order: int = 50
) -> None:
    """Show a step on the home page of a new firm. The same key again replaces it. Registered in `first_steps.py`."""
    _steps[key] = FirstStep(title, body, url_name, done, order)


def first_steps() -> list[FirstStep]:
    """The steps of a new firm, in their order."""
    return sorted(_steps.values(), key=lambda step: step.order)


def home_panels(visit: Visit) -> list[Shown]:
    """The panels of the home page that this member may see and that have something to show."""
    return list(_shown((panel, panel.build(visit)) for panel in _allowed(_home, visit)))


def company_panels(visit: Visit, company: Company) -> list[Shown]:
    """The panels of this company's 概要 that this member may see and that have something to show."""
    return list(_shown((panel, panel.build(visit, company)) for panel in _allowed(_company, visit)))


def company_home_panels(visit: Visit, company: Company) -> list[Shown]:
    """The panels of the company's own home that this member may see and that have something to show."""
    return list(_shown((panel, panel.build(visit, company)) for panel in _allowed(_company_home, visit)))


def company_tabs(visit: Visit, company: Company, current: str) -> list[TabLink]:
    """The screens of this company that this member may open. No query."""
    tabs = sorted(_tabs.values(), key=lambda tab: tab.order)
    return [
        TabLink(tab.label, reverse(tab.url_name, args=[visit.firm.slug, company.pk]), tab.key == current)
        for tab in tabs
        if visit.may(tab.permission)
    ]


def _allowed(panels: Mapping[str, Panel[_B]], visit: Visit) -> list[Panel[_B]]:
    mine = [panel for panel in panels.values() if visit.may(panel.permission)]
    return sorted(mine, key=lambda panel: panel.order)


def _shown(built: Iterator[tuple[Panel[_B], Content | None]]) -> Iterator[Shown]:
    for panel, content in built:
        if content is not None:
            yield Shown(panel.template, content.values, panel.place, content.thought)
