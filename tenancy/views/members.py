"""Members of the firm: inviting, roles, handing over, ends. For the firm's admins."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenancy import people, second_factor
from tenancy.forms_people import TOO_MANY, HandOverForm, InviteForm, MemberForm
from tenancy.middleware import member_of
from tenancy.models import Company, Invitation, Membership
from tenancy.permissions import access
from tenancy.sessions import sessions_in
from tenancy.views.shared import says_when_busy

_INVITE_ANEW = "もう一度ご参加いただくには、新しくご招待ください。"
_OVER = f"このご招待は、すでに終わっています。{_INVITE_ANEW}"
PER_PAGE = 50
_LAST_ADMIN = "管理者がいなくなるため、変えられません。先に、ほかの方を管理者にしてください。"


@access("firm.members")
@require_safe
def members(request: HttpRequest, firm: str) -> HttpResponse:
    """Who works for the firm, who did, and who is invited; of the former 50 a page."""
    page = Paginator(Membership.objects.of_the_firm(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "with_second_factor": second_factor.set_up_by(row.user_id for row in page),
        "invitations": Invitation.objects.waiting().filter(company=None),
        "invitable": people.MANAGES["firm.members"],
        "me": member_of(request),
    }
    return render(request, "tenancy/settings_members.html", context)


@access("firm.members", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, firm: str) -> HttpResponse:
    """Invite somebody to work for the firm."""
    data = request.POST if request.method == "POST" else None
    form = InviteForm(data, roles=people.MANAGES["firm.members"], initial={"role": "consultant"})
    if request.method == "POST" and form.is_valid():
        try:
            made = people.invite(**form.cleaned_data, company=None, actor=member_of(request))
            messages.success(request, f"{made.name}さん({made.email})に、ご招待をお送りします。")
            return redirect("tenancy:settings_members", firm)
        except people.AlreadyThere:
            form.say_already_there()
        except people.TooMany:
            form.say_too_many()
    return render(request, "tenancy/member_invite.html", {"form": form}, status=422 if form.errors else 200)


@access("firm.members", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def member(request: HttpRequest, firm: str, colleague: int) -> HttpResponse:
    """Somebody's role and title, and what they are in charge of."""
    row = _member(colleague)
    data = request.POST if request.method == "POST" else None
    form = MemberForm(data, initial={"role": row.role, "title": row.title})
    if request.method == "POST" and form.is_valid():
        try:
            people.change_member(member=row, **form.cleaned_data, actor=member_of(request))
            messages.success(request, f"{row.user}さんの役割を保存しました。")
            return redirect("tenancy:settings_members", firm)
        except people.LastAdmin:
            form.add_error("role", _LAST_ADMIN)
        except people.Ended:
            messages.warning(
                request, f"{row.user}さんの参加は終わっているため、変えられません。{_INVITE_ANEW}"
            )
            return redirect("tenancy:member", firm, colleague)
    return _member_page(request, row, form)


def _member_page(request: HttpRequest, row: Membership, form: MemberForm) -> HttpResponse:
    burdens = people.burdens_of(row)
    context = {
        "form": form,
        "member": row,
        "has_second_factor": second_factor.is_set_up(row.user),
        "burdens": burdens,
        "burdened": any(number for _, number in burdens),
        "in_charge": Company.objects.listed().filter(consultant=row).exists(),
        "sessions": sessions_in(row.firm_id, row.user),
        "own_session": request.session.session_key,
        "own": row == member_of(request),
    }
    return render(request, "tenancy/member.html", context, status=422 if form.errors else 200)


@access("firm.members", fresh=True)
@require_POST
def member_sign_out(request: HttpRequest, firm: str, colleague: int) -> HttpResponse:
    """Sign a colleague out wherever they have been in this firm: for a lost device, and for who has left."""
    row = _member(colleague)
    own = request.session.session_key
    number = people.sign_out(member=row, but=own, actor=member_of(request))
    done = f"{row.user}さんを、{number}台の端末でログアウトしました。"
    messages.success(request, done if number else "ログアウトする端末は、ほかにありませんでした。")
    return redirect("tenancy:member", firm, row.pk)


@access("firm.members", fresh=True)
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, firm: str, colleague: int) -> HttpResponse:
    """Everything that somebody is in charge of goes to somebody else, in one act."""
    row = _member(colleague)
    form = HandOverForm(request.POST if request.method == "POST" else None, leaving=row)
    if request.method == "POST" and form.is_valid():
        try:
            return _hand_over(request, firm, row, form.cleaned_data)
        except people.LastAdmin:
            form.add_error("end", _LAST_ADMIN)
    context = {"form": form, "member": row, "burdens": people.burdens_of(row)}
    return render(request, "tenancy/member_hand_over.html", context, status=422 if form.errors else 200)


def _hand_over(request: HttpRequest, firm: str, row: Membership, clean: dict[str, Any]) -> HttpResponse:
    actor, to = member_of(request), clean["to"]
    if clean["end"]:
        people.end_membership(member=row, actor=actor)
    moved = people.hand_over(leaving=row, to=to, actor=actor)
    told = "、".join(f"{label} {number}件" for label, number in moved.items() if number)
    messages.success(
        request,
        f"{row.user}さんから{to.user}さんへ引き継ぎました({told or '引き継ぐものはありませんでした'})。",
    )
    return redirect("tenancy:settings_members", firm)


@access("firm.members", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def member_end(request: HttpRequest, firm: str, colleague: int) -> HttpResponse:
    """End somebody's place in the firm, after saying what stays without anybody."""
    row = _member(colleague)
    context = {"member": row, "burdens": [each for each in people.burdens_of(row) if each[1]]}
    if request.method != "POST":
        return render(request, "tenancy/member_end.html", context)
    try:
        people.end_membership(member=row, actor=member_of(request))
    except people.LastAdmin:
        return render(request, "tenancy/member_end.html", {**context, "refused": _LAST_ADMIN}, status=422)
    messages.success(request, f"{row.user}さんの参加を終えました。")
    return redirect("tenancy:settings_members", firm)


@access("firm.members", fresh=True)
@require_POST
def invitation_again(request: HttpRequest, firm: str, invite: UUID) -> HttpResponse:
    """A new link to the firm; the former one ends."""
    again(request, get_object_or_404(Invitation, pk=invite, company=None))
    return redirect("tenancy:settings_members", firm)


@access("firm.members")
@require_POST
def invitation_revoke(request: HttpRequest, firm: str, invite: UUID) -> HttpResponse:
    """Take an invitation to the firm back."""
    take_back(request, get_object_or_404(Invitation, pk=invite, company=None))
    return redirect("tenancy:settings_members", firm)


def again(request: HttpRequest, invitation: Invitation) -> None:
    """Send it anew and say so."""
    try:
        sent = people.send_again(invitation=invitation, actor=member_of(request))
    except people.TooMany:
        messages.warning(request, TOO_MANY)
        return
    if sent:
        messages.success(request, f"{invitation.name}さんに、新しいリンクをお送りします。")
    else:
        messages.warning(request, _OVER)


def take_back(request: HttpRequest, invitation: Invitation) -> None:
    """Revoke it and say so."""
    if people.revoke(invitation=invitation, actor=member_of(request)):
        messages.success(
            request, f"{invitation.name}さんへのご招待を取り消しました。リンクは開けなくなります。"
        )
    else:
        messages.warning(request, _OVER)


def _member(pk: int) -> Membership:
    found: Membership = get_object_or_404(Membership.objects.of_the_firm(), pk=pk)
    return found
