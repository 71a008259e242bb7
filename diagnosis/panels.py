"""What the 簡易診断 adds to the house's pages: new ones on the home page, a tab and a panel for each company."""

from uuid import UUID

from django.urls import reverse

from diagnosis.models import Comment, Diagnosis
from diagnosis.outcome import outcome_of
from tenancy.door import Visit
from tenancy.extensions import Content, company_home_panel, company_panel, company_tab, home_panel
from tenancy.models import Company
from tenancy.timeline import Happening, timeline_source

SHOWN = 5
LATEST = 3  # when nothing waits


def new_diagnoses(visit: Visit) -> Content:
    """Those that nobody has looked at, or that wait to be taken over; the latest ones when nothing waits.

    Three queries at most.
    """
    submitted = Diagnosis.objects.submitted()
    to_do = submitted.to_do()
    shown = list(to_do.as_rows()[:SHOWN])
    if not shown:
        return Content({"latest": list(submitted.as_rows()[:LATEST])})
    unseen = submitted.unseen().count()
    thought = f"新しい簡易診断が{unseen}件届いています。" if unseen else ""
    return Content({"rows": shown, "more": to_do.count() - len(shown)}, thought=thought)


def latest_of_company(visit: Visit, company: Company) -> Content:
    """The newest diagnosis of the company, if there is one, and how many there are. Two queries."""
    rows = Diagnosis.objects.submitted().filter(company=company)
    return Content({"latest": rows.as_rows().first(), "count": rows.count(), "company": company})


def own_latest(visit: Visit, company: Company) -> Content:
    """The company's newest result, with its pictures, and how many there are. Two queries."""
    rows = Diagnosis.objects.submitted().filter(company=company)
    latest = rows.first()
    outcome = outcome_of(latest) if latest else None
    return Content(
        {
            "latest": latest,
            "outcome": outcome,
            "count": rows.count(),
            "may_take": visit.may("company_diagnoses.take"),
        }
    )


company_home_panel(
    "diagnosis",
    permission="company_diagnoses.read",
    template="diagnosis/own/_home.html",
    build=own_latest,
    order=20,
)


def happened(visit: Visit, company: Company, count: int) -> list[Happening]:
    """Answered, and commented: two queries. The company's own people are led to their own pages."""
    own = Diagnosis.objects.submitted().filter(company=company)
    answered = own.order_by("-submitted_at").only("submitted_at", "grade")[:count]
    comments = Comment.objects.filter(company=company, version=1).order_by("-created_at")
    at_firm, slug = visit.may("diagnoses.read"), visit.firm.slug

    def url(pk: UUID) -> str:
        if at_firm:
            return reverse("diagnosis:detail", args=[slug, pk])
        return reverse("diagnosis:own_detail", args=[slug, company.pk, pk])

    found = [
        Happening(row.submitted_at, f"簡易診断に回答がありました(総合評価 {row.grade})", url(row.pk))
        for row in answered
        if row.submitted_at
    ]
    found += [
        Happening(row.created_at, "簡易診断にコメントしました", url(row.diagnosis_id))
        for row in comments[:count]
    ]
    return found


timeline_source("diagnosis", permission="company_diagnoses.read", newest=happened)
home_panel(
    "diagnosis",
    permission="diagnoses.read",
    template="diagnosis/firm/_home.html",
    build=new_diagnoses,
    order=20,
)
company_panel(
    "diagnosis",
    permission="diagnoses.read",
    template="diagnosis/firm/_company.html",
    build=latest_of_company,
    order=20,
)
company_tab(
    "diagnosis", "診断", permission="company_diagnoses.read", url_name="diagnosis:of_company", order=20
)
