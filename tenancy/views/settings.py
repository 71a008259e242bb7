"""設定: what a firm's admin sets."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenancy import actions, sessions
from tenancy.editing import ChangedMeanwhile
from tenancy.forms import PersonForm, PrivacyForm, ProfileForm, RulesForm, TokenForm
from tenancy.middleware import visit_of
from tenancy.models import ApiToken, Firm, FirmProfile, PrivacyNotice, PublicPerson
from tenancy.passages import blocks
from tenancy.permissions import access
from tenancy.trail_reading import history_of


@access("firm.settings")
@require_safe
def settings(request: HttpRequest, firm: str) -> HttpResponse:
    """The way to each of the settings."""
    return render(request, "tenancy/settings.html")


# ── 公開ページ ──


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def public(request: HttpRequest, firm: str) -> HttpResponse:
    """What the firm says about itself, and the people on the page in their order."""
    profile = FirmProfile.objects.first()
    if request.method != "POST":
        return _public(request, ProfileForm(instance=profile))
    form = ProfileForm(request.POST, instance=profile)
    if not form.is_valid():
        return _public(request, form, status=422)
    try:
        actions.update_profile(
            values=form.values(), seen=form.cleaned_data["seen"], actor=visit_of(request).membership
        )
    except ChangedMeanwhile as meanwhile:
        again = form.again(FirmProfile.objects.first())
        return _public(request, again, status=409, meanwhile=meanwhile)
    messages.success(request, "公開ページを保存しました。")
    return redirect("tenancy:settings_public", firm)


def _public(request: HttpRequest, form: Any, *, status: int = 200, **context: Any) -> HttpResponse:
    people = list(PublicPerson.objects.all())
    context |= {
        "form": form,
        "people": people,
        "events": history_of(*FirmProfile.objects.all(), *people),
    }
    return render(request, "tenancy/settings_public.html", context, status=status)


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def person_new(request: HttpRequest, firm: str) -> HttpResponse:
    """Put somebody on the public page."""
    return _person(request, firm, PublicPerson())


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def person_edit(request: HttpRequest, firm: str, person: int) -> HttpResponse:
    """Change what the public page says about somebody."""
    return _person(request, firm, get_object_or_404(PublicPerson, pk=person))


def _person(request: HttpRequest, firm: str, person: PublicPerson) -> HttpResponse:
    form = PersonForm(request.POST if request.method == "POST" else None, instance=person)
    if request.method == "POST" and form.is_valid():
        try:
            actions.save_person(person=form.instance, actor=visit_of(request).membership)
            messages.success(request, f"「{person.name}」さんを保存しました。")
            return redirect("tenancy:settings_public", firm)
        except actions.NameTaken:
            form.add_error("name", "同じお名前の方が、すでに載っています。")
    context = {"form": form, "person": PublicPerson.objects.filter(pk=person.pk).first()}
    return render(request, "tenancy/person_form.html", context, status=422 if form.errors else 200)


@access("firm.settings")
@require_POST
def person_move(request: HttpRequest, firm: str, person: int) -> HttpResponse:
    """One place up (`to=up`) or down."""
    row = get_object_or_404(PublicPerson, pk=person)
    actions.move_person(person=row, up=request.POST.get("to") == "up", actor=visit_of(request).membership)
    return redirect("tenancy:settings_public", firm)


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def person_remove(request: HttpRequest, firm: str, person: int) -> HttpResponse:
    """Take somebody off the public page, after asking."""
    row = get_object_or_404(PublicPerson, pk=person)
    if request.method != "POST":
        return render(request, "tenancy/person_remove.html", {"person": row})
    actions.remove_person(person=row, actor=visit_of(request).membership)
    messages.success(request, f"「{row.name}」さんを公開ページから外しました。")
    return redirect("tenancy:settings_public", firm)


# ── 個人情報の取扱い ──


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def privacy(request: HttpRequest, firm: str) -> HttpResponse:
    """The present words, and all versions; publishing makes a new version."""
    versions = list(PrivacyNotice.objects.all())
    now = versions[0] if versions else PrivacyNotice(version=0)
    shown = {"summary": now.summary, "text": now.text, "after": now.version}
    form = PrivacyForm(request.POST) if request.method == "POST" else PrivacyForm(initial=shown)
    meanwhile = False
    if request.method == "POST" and form.is_valid():
        notice = actions.publish_privacy_notice(**form.cleaned_data, actor=visit_of(request).membership)
        if notice is not None:
            messages.success(request, f"{notice}を公開しました。")
            return redirect("tenancy:settings_privacy", firm)
        meanwhile, form = True, PrivacyForm(initial={**form.cleaned_data, "after": now.version})
    status = 409 if meanwhile else 422 if form.errors else 200
    context = {
        "form": form,
        "versions": versions,
        "now": now,
        "meanwhile": meanwhile,
        "events": history_of(*versions),
    }
    return render(request, "tenancy/settings_privacy.html", context, status=status)


@access("firm.settings")
@require_safe
def privacy_version(request: HttpRequest, firm: str, version: int) -> HttpResponse:
    """One version, as it was or is published."""
    notice = get_object_or_404(PrivacyNotice, version=version)
    return render(request, "tenancy/privacy_version.html", {"notice": notice, "blocks": blocks(notice.text)})


# ── 見られる範囲とログイン ──


@access("firm.settings", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest, firm: str) -> HttpResponse:
    """What consultants see, and whether the firm's people sign in with a second factor."""
    row = Firm.objects.get(pk=visit_of(request).firm.pk)
    form = RulesForm(request.POST if request.method == "POST" else None, instance=row)
    if not form.is_valid():
        return _rules(request, form, status=422 if form.errors else 200)
    try:
        actions.update_rules(
            firm=visit_of(request).firm,
            values=form.values(),
            seen=form.cleaned_data["seen"],
            actor=visit_of(request).membership,
            has_second_factor=sessions.has_second_factor(request),
        )
    except actions.LocksOneselfOut:
        form.add_error("requires_second_factor", "先に、ご自身の2段階認証を設定してください。")
        return _rules(request, form, status=422)
    except ChangedMeanwhile as meanwhile:
        again = form.again(Firm.objects.get(pk=row.pk))
        return _rules(request, again, status=409, meanwhile=meanwhile)
    messages.success(request, "見られる範囲とログインの決まりを保存しました。")
    return redirect("tenancy:settings_rules", firm)


def _rules(request: HttpRequest, form: Any, *, status: int, **context: Any) -> HttpResponse:
    context |= {"form": form, "has_second_factor": sessions.has_second_factor(request)}
    return render(request, "tenancy/settings_rules.html", context, status=status)


# ── APIトークン ──


@access("firm.settings", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest, firm: str) -> HttpResponse:
    """All tokens of the firm. A new one acts as the person who makes it; its text is shown in this answer only."""
    member = visit_of(request).membership
    assert member is not None  # the door let only a member in
    form = TokenForm(request.POST if request.method == "POST" else None)
    text = ""
    if request.method == "POST" and form.is_valid():
        token, text = actions.create_api_token(membership=member, actor=member, **form.cleaned_data)
        text = "" if token.revoked_at else text  # sent once more, long after
        form = TokenForm()
    found = ApiToken.objects.select_related("membership__user").order_by("-created_at", "-pk")
    context = {"form": form, "tokens": found, "text": text}
    return render(request, "tenancy/settings_tokens.html", context, status=422 if form.errors else 200)


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: HttpRequest, firm: str, token: int) -> HttpResponse:
    """Revoke a token, after saying what stops working."""
    row = get_object_or_404(ApiToken, pk=token)
    if request.method != "POST":
        return render(request, "tenancy/token_revoke.html", {"token_row": row})
    actions.revoke_api_token(token=row, actor=visit_of(request).membership)
    messages.success(request, f"「{row.name}」のトークンを失効しました。")
    return redirect("tenancy:settings_tokens", firm)
