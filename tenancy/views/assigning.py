"""Who is in charge of which companies: many at once. For the firm's admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tenancy import people
from tenancy.forms import CompanyFilter
from tenancy.forms_people import AssignForm
from tenancy.middleware import member_of
from tenancy.permissions import access
from tenancy.views.companies import PER_PAGE


@access("companies.assign")
@require_http_methods(["GET", "HEAD", "POST"])
def assign(request: HttpRequest, firm: str) -> HttpResponse:
    """The list, filtered by its address as ever, with a box at each company; afterwards the same list again."""
    form = AssignForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        chosen = [company.pk for company in form.cleaned_data["companies"]]
        people.assign(companies=chosen, to=form.member, actor=member_of(request))
        whose = f"{form.member.user}さんに" if form.member else "「なし」に"
        messages.success(request, f"{len(chosen)}社の担当を、{whose}しました。")
        return redirect(request.get_full_path())
    return _page(request, form)


def _page(request: HttpRequest, form: AssignForm) -> HttpResponse:
    narrow = CompanyFilter(request.GET)
    page = narrow.page(request.GET.get("page"), PER_PAGE)
    context = {"form": form, "filter": narrow, "page_obj": page, "sort": narrow.order}
    status = 422 if form.errors else 200
    return render(request, "tenancy/companies_assign.html", context, status=status)
