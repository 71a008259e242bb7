"""設定: deleting the firm with all it has."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from notices.forms_leaving import DeletionForm
from notices.leaving import order_deletion, take_deletion_back
from tenancy.leaving import WrongName, losses
from tenancy.middleware import visit_of
from tenancy.models import FirmDeletion
from tenancy.permissions import access


@access("firm.delete", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def firm_delete(request: HttpRequest, firm: str) -> HttpResponse:
    """What will be lost; the order, for who types the firm's name; while it stands, until when it can be taken back."""
    visit = visit_of(request)
    form = DeletionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            order_deletion(firm=visit.firm, typed=form.cleaned_data["name"], actor=visit.membership)
            messages.warning(request, "会社の削除を承りました。予定の日までは取り消せます。")
            return redirect("notices:firm_delete", firm)
        except WrongName:
            form.add_error("name", "会社の名称と一致しません。上に表示されているとおりに入力してください。")
    context = {"form": form, "losses": losses(), "order": FirmDeletion.objects.first()}
    return render(request, "notices/firm_delete.html", context, status=422 if form.errors else 200)


@access("firm.delete", fresh=True)
@require_POST
def firm_stays(request: HttpRequest, firm: str) -> HttpResponse:
    """Take the order back. A second click finds none."""
    visit = visit_of(request)
    if take_deletion_back(firm=visit.firm, actor=visit.membership):
        messages.success(request, "会社の削除を取り消しました。これまでどおりお使いいただけます。")
    return redirect("notices:firm_delete", firm)
