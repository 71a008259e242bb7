"""Asking for what others may want too: counted, done in a transaction of its own, or said why not."""

from collections.abc import Callable
from dataclasses import dataclass
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
from consultations.views import acting
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


@dataclass(frozen=True)
class Said(acting.Said):
    """And what a visitor is offered instead. `go`: `wait` for the `month`, or `book` in it."""

    go: str = ""
    month: date | None = None
    kind: str = "due"  # of the notice
    phone: bool = False  # the telephone number belongs to it
    new_seed: bool = False  # the form's own id is of no use any more
    mailed: bool = False  # a mail went out that says more


KEPT = "ご記入の内容はそのまま残っています。"
BUSY = Said(
    "混み合っています。もう一度お試しください",
    f"お申し込みが重なっており、受け付けられませんでした。{KEPT}少し時間をおいて、もう一度ボタンを押してください。",
    status=503,
)
TAKEN = Said(
    "お選びの時刻は、ほかの方のご予約が入りました",
    f"{KEPT}ほかの時刻をお選びください。",
)
ALREADY = Said(
    "この月のご予約を、すでに承っています",
    "ご予約は、1社につき月に1回までとしています。ご入力のメールアドレスへ、ご予約の確認・変更ができるリンクを"
    "お送りしました。ほかの月の日時は、このままお選びいただけます。",
    phone=True,
    mailed=True,
)
NOT_HERE = Said(
    "このお申し込みは、オンラインではお受けできませんでした",
    "恐れ入りますが、お電話でご相談ください。",
    phone=True,
)
OLD_FORM = Said(
    "もう一度、ボタンを押してください",
    f"画面の有効期限が過ぎていました。{KEPT}",
    new_seed=True,
)
TOO_OFTEN = Said(
    "短い時間に多くのお申し込みがありました",
    f"{KEPT}1時間ほどたってから、もう一度お試しください。",
    status=429,
    phone=True,
)
MAILED_OFTEN = Said(
    "このメールアドレスでのお申し込みが、今日お受けできる回数に達しました",
    f"{KEPT}明日もう一度お試しください。",
    status=429,
    phone=True,
)
WAITING = Said(
    "すでにキャンセル待ちにご登録いただいています",
    "ご登録のときにお送りしたメールのリンクから、現在の順番のご確認と、お取り消しができます。",
    kind="good",
    phone=True,
)


def attempt(request: HttpRequest, form: AskForm, limit: Limit, act: Callable[[], T]) -> T | Said:
    """Do it in the office, as often as the limits allow; or say why not.

    Counts the address and the mail before, and gives both back where nothing was made and no mail went out.
    """
    where, mail = limits.address_of(request), form.cleaned_data["email"]
    if not within(limit, where):
        return TOO_OFTEN
    if not within(MAILS, mail):
        give_back(limit, where)
        return MAILED_OFTEN
    done = _done_or_said(visit_of(request), form, act)
    if isinstance(done, Said):
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
        with acting.writing(office):
            return act()
    except refusals.Refused as problem:
        with open_scope(office):
            return _words_for(problem, form)
    except acting.Busy:
        return BUSY
    except IntegrityError as problem:
        if "_pkey" not in str(problem):
            raise
        return OLD_FORM  # the form was opened at another firm


def _words_for(problem: refusals.Refused, form: AskForm) -> Said:
    """The words for it; where a mail says more than the page may, the mail as well."""
    match problem:
        case refusals.Full():
            return _full(problem.month)
        case refusals.StillFree():
            return _still_free(problem.month)
        case refusals.AlreadyThisMonth():
            tell_already(first=problem.first, once=form.seed_id)
            return ALREADY
        case refusals.QueueFull():
            waiting.tell_full(month=problem.month, asked=form.asked())
            return _queue_full(problem.month)
        case refusals.AlreadyWaiting():
            return WAITING
        case refusals.NotWelcome():
            return NOT_HERE
        case refusals.TimeTaken():
            return TAKEN
    raise problem


def _full(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}は、たったいま満席になりました",
        f"{KEPT}キャンセル待ちに登録するか、ほかの月の日時をお選びください。",
        go="wait",
        month=month,
    )


def _still_free(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}には、いまご予約いただける日があります",
        "お待ちいただかなくても、空いている日時をお選びいただけます。"
        "ご記入の内容は、そのままお持ちいただけます。",
        go="book",
        month=month,
        kind="good",
    )


def _queue_full(month: date) -> Said:
    following = months.after(month)
    opens = labels.moment_label(month_view(following).opens_at)
    return Said(
        f"{labels.month_label(month)}は、キャンセル待ちも満員です",
        f"{labels.month_label(following)}分の受付は、{opens}に始まります。受付開始のお知らせをご希望の場合は、"
        "いまお送りしたメールのリンクからお申し付けください。",
        phone=True,
        mailed=True,
    )
