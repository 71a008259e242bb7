"""メンバー of a company: for its consultants, and for its owner, who invites staff and ends what is over."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenancy import people
from tenancy.door import Visit
from tenancy.extensions import company_tabs
from tenancy.forms_people import EndsOnForm, InviteForm
from tenancy.middleware import member_of, visit_of
from tenancy.models import Company, Invitation, Membership
from tenancy.permissions import OWNER, PARTNER, STAFF, access
from tenancy.views.members import PER_PAGE, again, take_back
from tenancy.views.shared import company_of


@access("members.read")
@require_safe
def members(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Who belongs to the company, and who is invited."""
    its, visit = company_of(company), visit_of(request)
    waiting = Invitation.objects.waiting().filter(company=its) if visit.may("staff.invite") else []
    rows = Membership.objects.of_company(its.pk)
    context = {
        "page_obj": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "invitations": waiting,
        "endable": endable(visit),
        "invitable": invitable(visit),
    }
    return render(request, "tenancy/company_members.html", _in_company(visit, its) | context)


def invitable(visit: Visit) -> frozenset[str]:
    """The roles in a company to which this member may invite."""
    return people.MANAGES["members.invite" if visit.may("members.invite") else "staff.invite"]


def endable(visit: Visit) -> frozenset[str]:
    """The roles in a company that this member may end: an owner not another owner's."""
    return people.MANAGES["members.invite"] if visit.may("members.invite") else frozenset({STAFF, PARTNER})


@access("staff.invite", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Invite somebody to the company."""
    its, visit = company_of(company), visit_of(request)
    data = request.POST if request.method == "POST" else None
    first = OWNER if OWNER in invitable(visit) else STAFF
    form = InviteForm(data, roles=invitable(visit), initial={"role": first})
    if request.method == "POST" and form.is_valid():
        try:
            made = people.invite(**form.cleaned_data, company=its, actor=member_of(request))
            messages.success(request, f"{made.name}さん({made.email})に、ご招待をお送りします。")
            return redirect("tenancy:company_members", firm, company)
        except people.AlreadyThere:
            form.say_already_there()
        except people.TooMany:
            form.say_too_many()
    context = _in_company(visit, its) | {"form": form}
    return render(request, "tenancy/company_invite.html", context, status=422 if form.errors else 200)


@access("staff.invite")
@require_http_methods(["GET", "HEAD", "POST"])
def member_end(request: HttpRequest, firm: str, company: int, member: int) -> HttpResponse:
    """End somebody's access to the company, after asking."""
    visit, row = visit_of(request), _member(request, company, member)
    if request.method != "POST":
        context = _in_company(visit, row.company) | {"member": row}  # type: ignore[arg-type]
        return render(request, "tenancy/company_member_end.html", context)
    people.end_membership(member=row, actor=member_of(request))
    messages.success(request, f"{row.user}さんの参加を終えました。次に開いたときから、ご覧になれません。")
    return redirect("tenancy:company_members", firm, company)


@access("members.invite", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def member_until(request: HttpRequest, firm: str, company: int, member: int) -> HttpResponse:
    """An external partner's last day."""
    visit, row = visit_of(request), _member(request, company, member, only=PARTNER)
    data = request.POST if request.method == "POST" else None
    form = EndsOnForm(data, initial={"ends_on": row.last_day})
    if request.method == "POST" and form.is_valid():
        people.set_end(member=row, ends_on=form.cleaned_data["ends_on"], actor=member_of(request))
        messages.success(request, f"{row.user}さんの参加の最後の日を保存しました。")
        return redirect("tenancy:company_members", firm, company)
    context = _in_company(visit, row.company) | {"member": row, "form": form}  # type: ignore[arg-type]
    return render(request, "tenancy/company_member_until.html", context, status=422 if form.errors else 200)


@access("staff.invite", fresh=True)
@require_POST
def invitation_again(request: HttpRequest, firm: str, company: int, invite: UUID) -> HttpResponse:
    """A new link to the company; the former one ends."""
    again(request, _invitation(request, company, invite))
    return redirect("tenancy:company_members", firm, company)


@access("staff.invite")
@require_POST
def invitation_revoke(request: HttpRequest, firm: str, company: int, invite: UUID) -> HttpResponse:
    """Take an invitation to the company back."""
    take_back(request, _invitation(request, company, invite))
    return redirect("tenancy:company_members", firm, company)


def _in_company(visit: Visit, company: Company) -> dict[str, object]:
    return {"company": company, "company_tabs": company_tabs(visit, company, "members")}


def _member(request: HttpRequest, company: int, pk: int, *, only: str = "") -> Membership:
    roles = {only} if only else endable(visit_of(request))
    rows = Membership.objects.active().filter(role__in=roles, company_id=company)
    found: Membership = get_object_or_404(rows.select_related("user", "company"), pk=pk)
    return found


def _invitation(request: HttpRequest, company: int, pk: UUID) -> Invitation:
    """An invitation that this member might have sent: an owner has no say over another owner's."""
    rows = Invitation.objects.filter(role__in=invitable(visit_of(request)), company_id=company)
    found: Invitation = get_object_or_404(rows, pk=pk)
    return found
