"""支援先企業: the list, one company, its sites."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from tenancy import actions, clock
from tenancy.editing import ChangedMeanwhile
from tenancy.extensions import company_panels, company_tabs
from tenancy.forms import CompanyFilter, CompanyForm, SiteForm
from tenancy.middleware import visit_of
from tenancy.models import Company, Site
from tenancy.permissions import access
from tenancy.tables import csv_response, xlsx_response
from tenancy.timeline import page_of
from tenancy.views.shared import company_of

PER_PAGE = 50
HEADS = (
    *("会社名", "フリガナ", "法人番号", "業種", "従業員数", "所在地", "代表者", "支援状況", "担当"),
    *("最後の面談", "登録日", "更新日", "保管した日"),
)


@access("companies.read")
@require_safe
def companies(request: HttpRequest, firm: str) -> HttpResponse:
    """The list: searched, filtered, sorted and paged by its address. As many queries for 20 companies as for 2,000."""
    form = CompanyFilter(request.GET)
    page = form.page(request.GET.get("page"), PER_PAGE)
    context = {"form": form, "page_obj": page, "sort": form.order, "active": form.active}
    return render(request, "tenancy/companies.html", context)


@access("companies.export")
@require_safe
def companies_csv(request: HttpRequest, firm: str) -> HttpResponse:
    """What the list's address asks for, all pages of it, as CSV."""
    return csv_response(f"支援先企業_{clock.today():%Y%m%d}.csv", HEADS, _table(request))


@access("companies.export")
@require_safe
def companies_excel(request: HttpRequest, firm: str) -> HttpResponse:
    """The same as an Excel file."""
    return xlsx_response(f"支援先企業_{clock.today():%Y%m%d}.xlsx", HEADS, _table(request))


def _table(request: HttpRequest) -> list[list[object]]:
    rows = CompanyFilter(request.GET).companies().select_related("consultant__user")
    return [
        [
            *(row.name, row.kana, row.corporate_number or "", row.industry, row.employees),
            *(row.location, row.representative, row.get_support_status_display()),
            str(row.consultant.user) if row.consultant else "",
            *(row.last_contact_on, timezone.localdate(row.created_at), timezone.localdate(row.updated_at)),
            timezone.localdate(row.archived_at) if row.archived_at else None,
        ]
        for row in rows
    ]


@access("companies.read")
@require_safe
def company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """概要: facts, sites, and what the apps have to say about it."""
    return _overview(request, _company(company), SiteForm())


def _company(pk: int) -> Company:
    return company_of(pk, Company.objects.select_related("consultant__user"))


def _overview(request: HttpRequest, company: Company, site_form: SiteForm, status: int = 200) -> HttpResponse:
    visit = visit_of(request)
    panels = company_panels(visit, company)
    context = {
        "company": company,
        "company_tabs": company_tabs(visit, company, "overview"),
        "facts": _facts(company),
        "sites": company.sites.all(),
        "site_form": site_form,
        "main_panels": [panel for panel in panels if panel.place == "main"],
        "side_panels": [panel for panel in panels if panel.place == "side"],
    }
    return render(request, "tenancy/company.html", context, status=status)


def _facts(company: Company) -> list[dict[str, object]]:
    rows: list[tuple[str, object]] = [
        ("フリガナ", company.kana),
        ("法人番号", company.corporate_number),
        ("業種", company.industry),
        ("従業員数", company.get_employees_display()),
        ("所在地", company.location),
        ("代表者", company.representative),
        ("担当", company.consultant.user if company.consultant else None),
    ]
    return [{"label": label, "value": value or None} for label, value in rows]


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def company_new(request: HttpRequest, firm: str) -> HttpResponse:
    """Register a company; companies that may be the same are proposed once before it is saved."""
    visit = visit_of(request)
    if request.method != "POST":
        return _form(request, CompanyForm(initial={"consultant": visit.membership}))
    form = CompanyForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    perhaps = _perhaps_the_same(form)
    if perhaps:
        return _form(request, form, perhaps=perhaps)
    try:
        made = actions.create_company(
            values=form.values(), actor=visit.membership, once=form.cleaned_data["once"]
        )
    except actions.NumberTaken:
        form.say_number_is_taken()
        return _form(request, form, status=422)
    return _after(request, made, f"「{made.name}」を登録しました。")


def _after(request: HttpRequest, company: Company, done: str) -> HttpResponse:
    """To the company; to the list where it is in somebody else's charge now and out of this person's sight."""
    visit = visit_of(request)
    if visit.scope.sees_whole_firm or company.consultant == visit.membership:
        messages.success(request, done)
        return redirect("tenancy:company", visit.firm.slug, company.pk)
    messages.success(request, f"{done}担当がほかの方になったため、一覧には表示されません。")
    return redirect("tenancy:companies", visit.firm.slug)


def _perhaps_the_same(form: CompanyForm) -> list[Company]:
    """At most five, unless the person has said 「それでも登録する」 or the same form was sent before."""
    clean = form.cleaned_data
    if clean["really"] or (clean["once"] and actions.made_by(clean["once"])):
        return []
    return list(
        Company.objects.perhaps_the_same(name=clean["name"], corporate_number=clean["corporate_number"])[:5]
    )


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def company_edit(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Change a company; somebody who changed it meanwhile is named, and what was typed stays."""
    row = _company(company)
    if request.method != "POST":
        return _form(request, CompanyForm(instance=row), company=row)
    form, name = CompanyForm(request.POST, instance=row), row.name
    if not form.is_valid():
        row.name = name  # the page's own heading shows what is stored
        return _form(request, form, company=row, status=422)
    try:
        changed = actions.update_company(
            company=row,
            values=form.values(),
            seen=form.cleaned_data["seen"],
            actor=visit_of(request).membership,
        )
    except actions.NumberTaken:
        form.say_number_is_taken()
        return _form(request, form, company=_company(company), status=422)
    except ChangedMeanwhile as meanwhile:
        fresh = _company(company)
        return _form(request, form.again(fresh), company=fresh, meanwhile=meanwhile, status=409)
    return _after(request, changed, "保存しました。")


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def company_archive(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """保管する, or back again, after saying what it means. The form says which of the two was meant."""
    row = _company(company)
    if request.method != "POST":
        return render(request, "tenancy/company_archive.html", {"company": row})
    archived = request.POST.get("to") != "list"
    actions.archive_company(company=row, archived=archived, actor=visit_of(request).membership)
    done = "保管しました。一覧の「保管済みも表示」で見られます。" if archived else "一覧に戻しました。"
    messages.success(request, f"「{row.name}」を{done}")
    return redirect("tenancy:company", firm, company)


@access("meetings.read")
@require_safe
def timeline(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """What happened, newest first; for the company's own people what is shared with them."""
    visit, its = visit_of(request), _company(company)
    asked = request.GET.get("page", "")
    page = page_of(visit, its, int(asked) if asked.isdecimal() and len(asked) < 4 else 1)
    context = {
        "company": its,
        "company_tabs": company_tabs(visit, its, "overview"),
        "rows": page.rows,
        "previous_url": f"?page={page.number - 1}" if page.number > 1 else None,
        "next_url": f"?page={page.number + 1}" if page.has_next else None,
    }
    return render(request, "tenancy/timeline.html", context)


def _form(request: HttpRequest, form: Any, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, "tenancy/company_form.html", {"form": form, **context}, status=status)


# ── 事業・拠点 ──


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def site_add(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Add a site to the company. Reloaded, it is the page with the form."""
    row, form = _company(company), SiteForm(request.POST)
    if request.method != "POST":
        return redirect("tenancy:company", firm, company)
    if not form.is_valid():
        return _overview(request, row, form, status=422)
    site = actions.add_site(company=row, name=form.cleaned_data["name"], actor=visit_of(request).membership)
    messages.success(request, f"「{site.name}」を追加しました。")
    return redirect("tenancy:company", firm, company)


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def site_edit(request: HttpRequest, firm: str, company: int, site: int) -> HttpResponse:
    """Rename a site."""
    row = _site(company, site)
    form = SiteForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        try:
            actions.rename_site(site=row, name=form.cleaned_data["name"], actor=visit_of(request).membership)
            return redirect("tenancy:company", firm, company)
        except actions.NameTaken:
            form.add_error("name", "同じ名前の事業・拠点があります。別の名前を入力してください。")
    context = {"form": form, "company": row.company, "site_row": row}
    return render(request, "tenancy/site_form.html", context, status=422 if form.errors else 200)


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def site_remove(request: HttpRequest, firm: str, company: int, site: int) -> HttpResponse:
    """Remove a site, after saying what goes with it."""
    row = _site(company, site)
    if request.method != "POST":
        return render(request, "tenancy/site_remove.html", {"company": row.company, "site_row": row})
    actions.remove_site(site=row, actor=visit_of(request).membership)
    messages.success(request, f"「{row.name}」を削除しました。")
    return redirect("tenancy:company", firm, company)


def _site(company: int, site: int) -> Site:
    rows = Site.objects.select_related("company").filter(company__merged_into=None)
    found: Site = get_object_or_404(rows, pk=site, company_id=company)
    return found
