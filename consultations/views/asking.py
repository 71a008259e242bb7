"""Asking for what others may want too: counted, done in a transaction of its own, or said why not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from django.db import IntegrityError
from django.http import HttpRequest

from consultations import labels
from consultations.actions import refusals, waiting
from consultations.actions.telling import tell_already
from consultations.calc import months
from consultations.forms import AskForm
from consultations.free_times import month_view
from consultations.office import office_of
from consultations.views.acting import writing
from consultations.views.saying import MAILED_OFTEN, OLD_FORM, TOO_OFTEN, Busy, Said, words_for
from tenancy import limits
from tenancy.door import Visit
from tenancy.limits import give_back, within
from tenancy.middleware import visit_of
from tenancy.permissions import Limit
from tenancy.scope import open_scope

# At the door. Choosing a day is one of these too: it sends what was typed, so that nothing is lost.
TRIES = (Limit("consultations.book.tries", 120, 3600),)
# Counted here and not at the door: only what makes something counts, and whoever is over the limit keeps the page.
MADE = Limit("consultations.book.address", 10, 3600)
JOINED_FROM = Limit("consultations.waitlist.address", 10, 3600)
MAILS = Limit("consultations.book.mail", 5, 86_400)
PAUSE = Limit("consultations.hold.pause", 1, 60)

T = TypeVar("T")


def attempt(request: HttpRequest, form: AskForm, limit: Limit, act: Callable[[], T]) -> T | Said:
    """Do it in the office, as often as the limits allow; or say why not.

    Counts the address and the mail before, and gives back what nothing was made of: the mail unless one went out, the
    address unless the answer tells something about who typed nothing here.
    """
    where, mail = limits.address_of(request), form.cleaned_data["email"]
    if not within(limit, where):
        return TOO_OFTEN
    if not within(MAILS, mail):
        give_back(limit, where)
        return MAILED_OFTEN
    done = _done_or_said(visit_of(request), form, act)
    if isinstance(done, Said):
        if not (done.tells or done.mailed):
            give_back(limit, where)
        if not done.mailed:
            give_back(MAILS, mail)
    return done


def made_nothing(request: HttpRequest, form: AskForm, limit: Limit) -> None:
    """The same form sent twice: it counts once."""
    give_back(limit, limits.address_of(request))
    give_back(MAILS, form.cleaned_data["email"])


def _done_or_said(visit: Visit, form: AskForm, act: Callable[[], T]) -> T | Said:
    office = office_of(visit.scope)
    try:
        with writing(office):
            return act()
    except refusals.Refused as problem:
        with open_scope(office):
            return _words_for(problem, form)
    except Busy as problem:
        return words_for(problem)
    except IntegrityError as problem:
        if "_pkey" not in str(problem):
            raise
        return OLD_FORM  # the form was opened at another firm


def _words_for(problem: refusals.Refused, form: AskForm) -> Said:
    """The words for it; where a mail says more than the page may, the mail as well."""
    said = words_for(problem)
    match problem:
        case refusals.AlreadyThisMonth():
            tell_already(first=problem.first, once=form.seed_id)
            return replace(said, text=f"{said.text}{_MAILED_LINK}", mailed=True)
        case refusals.QueueFull():
            waiting.tell_full(month=problem.month, asked=form.asked())
            return replace(said, text=_when_it_opens(months.after(problem.month)), mailed=True)
    return said


_MAILED_LINK = "ご入力のメールアドレスへ、お申し込みの確認・変更ができるリンクをお送りしました。"


def _when_it_opens(month: date) -> str:
    opens = labels.moment_label(month_view(month).opens_at)
    return (
        f"{labels.month_label(month)}分の受付は、{opens}に始まります。受付開始のお知らせをご希望の場合は、"
        "お送りしたメールのリンクからお申し付けください。"
    )
