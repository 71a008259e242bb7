"""What sessions add to the pages of one company: to the owner's home, the firm's 概要, the timeline; and the tab."""

from django.urls import reverse

from consultations import addresses
from consultations.free_times import desk_of_firm
from consultations.labels import month_label
from consultations.models import Consultation, NextAction
from consultations.own import coming, months_seen, sessions
from consultations.states import State
from tenancy.door import Visit
from tenancy.extensions import Content, company_home_panel, company_panel, company_tab
from tenancy.models import Company
from tenancy.templatetags.michisuji import jdate, jtime
from tenancy.timeline import Happening, timeline_source

NEXT_STEPS = 3


def own_next(visit: Visit, company: Company) -> Content:
    """The next session, or how to book one; and what was agreed and is still to be done."""
    found = sessions(coming(company)[:1])
    may_book = visit.may("company_consultations.book")
    values: dict[str, object] = {
        "next": found[0] if found else None,
        "agreed": list(NextAction.objects.open().filter(company=company)[:NEXT_STEPS]),
        "may_book": may_book,
    }
    if found and may_book:
        token = addresses.manage_token(found[0].row)
        values["manage_url"] = reverse("consultations:manage", args=[visit.firm.slug, token])
    if not found:
        values |= {
            "cap": desk_of_firm().cap,
            "months": [(month_label(each.month), each.direct) for each in months_seen()],
        }
    return Content(values)


def next_of_company(visit: Visit, company: Company) -> Content:
    """The next session and what was agreed, for the firm. Five queries at most."""
    found = sessions(coming(company)[:1])
    agreed = list(NextAction.objects.open().filter(company=company)[:NEXT_STEPS])
    return Content({"next": found[0] if found else None, "agreed": agreed, "company": company})


def happened(visit: Visit, company: Company, count: int) -> list[Happening]:
    """Booked, held, given back, summed up: one query. The company's own people are led to their own pages."""
    rows = Consultation.objects.filter(company=company, confirmed_at__isnull=False).order_by("-created_at")
    found: list[Happening] = []
    for row in rows[:count]:
        found += _of(row, _url(visit, company, row))
    return sorted(found, key=lambda each: each.at, reverse=True)[:count]


def _of(row: Consultation, url: str) -> list[Happening]:
    when = f"{jdate(row.starts_at)} {jtime(row.starts_at)}"
    found = [
        Happening(row.confirmed_at or row.created_at, f"オンライン相談・壁打ちを予約しました({when})", url)
    ]
    if row.state in (State.COMPLETED, State.NO_SHOW):
        held = row.state == State.COMPLETED
        what = "オンライン相談・壁打ちを行いました" if held else "オンライン相談・壁打ちはご欠席でした"
        found.append(Happening(row.starts_at, what, url))
    if row.state in (State.CANCELLED, State.CANCELLED_LATE) and row.ended_at:
        found.append(Happening(row.ended_at, f"オンライン相談・壁打ちを取り消しました({when})", url))
    if row.summary_sent_at:
        found.append(Happening(row.summary_sent_at, "オンライン相談・壁打ちのまとめをお送りしました", url))
    return found


def _url(visit: Visit, company: Company, row: Consultation) -> str:
    if visit.may("consultations.read"):
        return reverse("consultations:detail", args=[visit.firm.slug, row.pk])
    return reverse("consultations:own_detail", args=[visit.firm.slug, company.pk, row.pk])


timeline_source("consultations", permission="company_consultations.read", newest=happened)
company_home_panel(
    "consultations",
    permission="company_consultations.read",
    template="consultations/own/_home.html",
    build=own_next,
    place="side",
    order=10,
)
company_panel(
    "consultations",
    permission="consultations.read",
    template="consultations/own/_company.html",
    build=next_of_company,
    order=30,
)
company_tab(
    "consultations",
    "相談",
    permission="company_consultations.read",
    url_name="consultations:of_company",
    order=30,
)
