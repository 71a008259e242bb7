"""Two companies that are the same: choose, look, merge, take back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tenancy import merging
from tenancy.extensions import company_tabs
from tenancy.keeping import shown_name
from tenancy.middleware import visit_of
from tenancy.models import Company
from tenancy.permissions import access
from tenancy.views.shared import company_of

FOUND_AT_MOST = 20
PER_PAGE = 50
_NONE_TO_UNDO = (
    "取り消せる統合はありません。30日を過ぎたか、すでに取り消されたか、ほかの方が担当する企業です。"
    "お困りのときは、担当の方か管理者へお尋ねください。"
)


@access("companies.edit")
@require_safe
def choose(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Which company is the same as this one: those that look like it, or what is searched for."""
    row, words = company_of(company), request.GET.get("q", "").strip()[:100]
    others = Company.objects.listed().exclude(pk=row.pk)
    if words:
        found = others.search(words).order_by("kana", "name", "pk")
    else:
        found = others.perhaps_the_same(name=row.name, corporate_number=row.corporate_number)
    context = {
        "company": row,
        "company_tabs": company_tabs(visit_of(request), row, "overview"),
        "words": words,
        "found": found[:FOUND_AT_MOST],
    }
    return render(request, "tenancy/merge_choose.html", context)


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, firm: str, company: int, other: int) -> HttpResponse:
    """What would move, row by row; then the merge. `gone` in the form is the company that was shown."""
    kept, gone = _company(company), _company(other)
    if kept == gone or kept.merged_into_id or gone.merged_into_id:
        messages.error(request, "この組み合わせでは統合できません。もう一度お選びください。")
        return redirect("tenancy:merge", firm, kept.merged_into_id or kept.pk)
    if kind := request.GET.get("kind"):
        return _rows(request, kept, gone, kind)
    if request.method != "POST" or request.POST.get("gone") != str(gone.pk):
        context = {"company": kept, "gone": gone, "preview": merging.preview(kept, gone)}
        status = 422 if request.method == "POST" else 200
        return render(request, "tenancy/merge_confirm.html", context, status=status)
    try:
        merging.merge(kept=kept, gone=gone, actor=visit_of(request).membership)
        messages.success(request, f"「{gone.name}」を「{kept.name}」に統合しました。")
    except merging.NotMergeable as problem:
        messages.error(request, str(problem))
    return redirect("tenancy:company", firm, kept.pk)


def _rows(request: HttpRequest, kept: Company, gone: Company, kind: str) -> HttpResponse:
    """All rows of a kind that would move, a page at a time."""
    found = merging.rows_of(kind, kept, gone)
    if found is None:
        raise Http404
    label, rows = found
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    names = [shown_name(row, row.on_merge.shown) for row in page]
    context = {"company": kept, "gone": gone, "label": label, "names": names, "page_obj": page, "kind": kind}
    return render(request, "tenancy/merge_rows.html", context)


@access("companies.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Take the latest merge back, after saying what goes back and what stays. `merge` in the form is what was shown."""
    row = company_of(company)
    done = merging.latest(row)
    gone = Company.objects.filter(pk=done.gone_id).first() if done else None
    if done is None or gone is None:  # another consultant's company is taken back by who may see it
        messages.error(request, _NONE_TO_UNDO)
        return redirect("tenancy:company", firm, row.pk)
    if request.method != "POST" or request.POST.get("merge") != str(done.pk):
        context = {"company": row, "done": done, "gone": gone}
        status = 422 if request.method == "POST" else 200
        return render(request, "tenancy/merge_undo.html", context, status=status)
    try:
        merging.take_back(done=done, actor=visit_of(request).membership)
        messages.success(request, f"統合を取り消し、「{gone.name}」を元に戻しました。")
    except merging.NotMergeable as problem:
        messages.error(request, str(problem))
    return redirect("tenancy:company", firm, row.pk)


def _company(pk: int) -> Company:
    found: Company = get_object_or_404(Company, pk=pk)
    return found
