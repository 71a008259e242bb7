"""The page that an invitation's link opens: who invites whom to what, and one button."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from tenancy import people
from tenancy.face import face_of
from tenancy.forms_people import AcceptForm
from tenancy.middleware import visit_of
from tenancy.models import Invitation, Membership, User
from tenancy.permissions import FIRM_ROLES, VISITOR, Limit, access
from tenancy.responses import refusal
from tenancy.scope import Scope, open_scope
from tenancy.sign_in import sign_in

_TRIES = Limit("invitation", count=30, seconds=3600)


@dataclass(frozen=True)
class Told:
    """What the page says about the place; read in the firm's scope, which the link's holder has not."""

    place: str
    inviter: str  # with where they work; the firm, where nobody is known any more
    has_account: bool


@access(VISITOR, link=people.LINK, limits=(_TRIES,))
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Accept it: signed in as the one who is invited, or as somebody new. Anything else is said, and how to go on."""
    link = visit_of(request).link
    row = Invitation.objects.filter(pk=link.id).first() if link else None
    if row is None or not link or not link.is_version(row.version):
        return _gone(request)
    mine = isinstance(request.user, User) and request.user.email == row.email
    if row.state == Invitation.State.ACCEPTED and mine:
        return _to_place(row)
    if not row.is_open:
        return _gone(request)
    form = _form(request, row)
    if request.method == "POST" and (mine or form.is_valid()):
        return _accept(request, row, form)
    return _page(request, row, form, 409 if request.method == "POST" else 200)


def _gone(request: HttpRequest) -> HttpResponse:
    """The same for whatever reason; most often it is the old mail of somebody who has joined long since."""
    return refusal(request, 410, site=face_of(request), signs_in=True)


def _form(request: HttpRequest, row: Invitation) -> AcceptForm:
    data = request.POST if request.method == "POST" and not request.user.is_authenticated else None
    initial = {"name": row.name}
    return AcceptForm(data, email=row.email, needs_password=row.role in FIRM_ROLES, initial=initial)


def _accept(request: HttpRequest, row: Invitation, form: AcceptForm) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    typed = {} if user else form.cleaned_data
    try:
        member = people.accept(invitation=row, user=user, **typed)
    except people.OtherAddress:
        return _page(request, row, form, 409)
    except people.Closed:
        return _gone(request)
    if user is None:
        sign_in(request, member.user, with_password=bool(typed["password"]))
    if member.company_id == row.company_id:
        messages.success(request, "ご参加ありがとうございます。")
    else:
        messages.info(request, "すでに会社のメンバーとして登録されているため、そのままお使いになれます。")
    return redirect(_place_of(member))


def _page(request: HttpRequest, row: Invitation, form: AcceptForm, status: int = 200) -> HttpResponse:
    told = _told(row)
    context = {
        "invitation": row,
        "told": told,
        "form": form,
        "login_url": f"{reverse('account_login')}?{urlencode({'next': request.path})}",
        "other": request.user.is_authenticated and request.user.email != row.email,
        "optional": row.role not in FIRM_ROLES,
    }
    status = 422 if form.errors else status
    return render(request, "tenancy/invitation.html", context, status=status)


def _told(row: Invitation) -> Told:
    with open_scope(Scope.of_firm(row.firm_id)):
        full = Invitation.objects.select_related("company", "invited_by__user", "firm").get(pk=row.pk)
        has_account = User.objects.filter(email=row.email).exists()
        return Told(str(full.company or full.firm), _inviter(full), has_account)


def _inviter(row: Invitation) -> str:
    by = row.invited_by
    return f"{by.user}様({row.firm if by.is_firm_side else row.company})" if by else str(row.firm)


def _to_place(row: Invitation) -> HttpResponseRedirect:
    return redirect("tenancy:home", row.firm.slug)


def _place_of(member: Membership) -> str:
    if member.company_id is None:
        return reverse("tenancy:home", args=[member.firm.slug])
    return reverse("tenancy:company_home", args=[member.firm.slug, member.company_id])
