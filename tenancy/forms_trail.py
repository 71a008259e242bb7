"""Narrowing the audit trail down. Nonsense in the address narrows nothing."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from tenancy.models import Company, Invitation, Membership, Trail
from tenancy.models.trail import TrailQuerySet
from tenancy.permissions import COMPANY_ROLES
from tenancy.trail import VISITOR
from tenancy.trail_words import ACTS, THINGS, groups, label_of_act

_OTHERS = (("company", "支援先企業の方"), (VISITOR, "お客様(リンク)"), ("system", "システム"))
_GROUP = "group:"


class TrailFilter(forms.Form):
    """Who, what, at which company, when, and words over people, the kinds of things, acts and companies."""

    q = forms.CharField(
        label="お名前・対象・操作・企業名", required=False, max_length=100, widget=forms.SearchInput
    )
    who = forms.ChoiceField(label="だれが", required=False)
    act = forms.ChoiceField(label="何を", required=False)
    company = forms.CharField(label="支援先企業", required=False, max_length=100)
    since = forms.DateField(label="いつから", required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label="いつまで", required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["who"].choices = [("", "すべて"), *_people(), *_OTHERS]  # type: ignore[attr-defined]
        self.fields["act"].choices = [("", "すべて"), *_acts()]  # type: ignore[attr-defined]
        self.full_clean()

    @property
    def active(self) -> bool:
        return any(self._given(name) for name in self.fields)

    def rows(self) -> TrailQuerySet:
        """The rows that are meant, newest first. Runs no query."""
        found: TrailQuerySet = Trail.objects.newest_first()
        if q := self._given("q"):
            found = found.filter(_about(q))
        if who := self._given("who"):
            found = found.filter(_by(who))
        if act := self._given("act"):
            of_group = [name for name, words in ACTS.items() if f"{_GROUP}{words.group}" == act]
            found = found.filter(act__in=of_group or [act])
        if company := self._given("company"):
            found = found.filter(_at(company))
        return self._in_period(found)

    def _in_period(self, rows: TrailQuerySet) -> TrailQuerySet:
        if since := self._given("since"):
            rows = rows.filter(at__gte=_midnight(since))
        if until := self._given("until"):
            rows = rows.filter(at__lt=_midnight(until + timedelta(days=1)))
        return rows

    def _given(self, name: str) -> Any:
        return getattr(self, "cleaned_data", {}).get(name)


def _people() -> list[tuple[str, str]]:
    """Who works or worked for the firm, or looked in. One query."""
    members = Membership.objects.filter(company=None).select_related("user").order_by("user__name", "pk")
    named = {str(member.user_id): str(member.user) for member in members}  # who looks in may have worked here
    return list(named.items())


def _acts() -> list[tuple[str, list[tuple[str, str]]]]:
    return [(group, [(f"{_GROUP}{group}", f"{group}のすべて"), *found]) for group, found in groups().items()]


def _about(words: str) -> Q:
    """Each word in what a kind of thing or an act is called, or in a company's or a member's name. Nothing has to be
    decrypted."""
    asked = Q()
    for word in words.split():
        subjects = [name for name, thing in THINGS.items() if word in thing.label]
        acts = [name for name in ACTS if word in label_of_act(name)]
        asked &= Q(subject__in=subjects) | Q(act__in=acts) | _at(word) | _with(word)
    return asked


def _with(name: str) -> Q:
    """What a member of this name did, and what happened to them as one or as somebody invited."""
    members = Membership.objects.filter(user__name__icontains=name)
    invited = Invitation.objects.filter(name__icontains=name)
    return Q(user_id__in=members.values("user_id")) | _about_any(members) | _about_any(invited)


def _about_any(rows: "QuerySet[Any]") -> Q:
    ids = rows.annotate(text=Cast("pk", CharField())).values("text")
    return Q(subject=rows.model._meta.label_lower, subject_id__in=ids)


def _at(company: str) -> Q:
    """By the company's number, or by words in its name."""
    if company.isascii() and company.isdigit() and len(company) < 19:
        return Q(company_id=int(company))
    return Q(company_id__in=Company.objects.search(company).values("pk"))


def _by(who: str) -> Q:
    return {
        "company": Q(role__in=COMPANY_ROLES),
        VISITOR: Q(role=VISITOR),
        "system": Q(user_id=None, role=""),
    }.get(who) or Q(user_id=int(who))


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
