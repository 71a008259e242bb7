"""How a page writes: in a transaction of its own, asked once more what stands, and with words for every refusal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse

from consultations import labels
from consultations.actions import refusals
from consultations.models import Consultation
from consultations.office import in_the_office
from consultations.states import NotFromHere
from diagnosis.views.visitor import gone
from tenancy.middleware import visit_of
from tenancy.permissions import Limit
from tenancy.responses import refusal
from tenancy.scope import Scope, open_scope

POSTS = (Limit("consultations.manage", 60, 3600),)
RETRY_AFTER = "3"

View = Callable[..., HttpResponse]
T = TypeVar("T")


class Busy(Exception):
    """So many wanted the month at once that the wait for it was given up. Nothing was written."""


class Gone(Exception):
    """The link opens nothing (any more)."""


NOT_DONE = (refusals.Refused, NotFromHere, Busy)


@dataclass(frozen=True)
class Said:
    """Why it could not be done, and what to do now."""

    title: str
    text: str
    status: int = 409
    offers_queue: bool = False


_SAID: dict[type[Exception], Said] = {
    Busy: Said(
        "ただいま、お申し込みが重なっています",
        "選ばれた内容は、このページに残っています。数秒おいてから、もう一度ボタンを押してください。",
        status=503,
    ),
    refusals.TimeTaken: Said(
        "選ばれた日時は、埋まってしまいました",
        "ひと足先に、ほかの方のご予約が入りました。下の空いている日時から、もう一度お選びください。",
    ),
    refusals.Lapsed: Said(
        "期限を過ぎたか、状態が変わりました",
        "この画面を開いたあとで期限を過ぎたか、別の画面で手続きが済んでいます。いまの状態は、このページのとおりです。",
        status=410,
    ),
    refusals.TooLate: Said(
        "この画面での変更は、締め切りました",
        "日時の変更は、前日の17時まで承っています。お急ぎのときは、お電話でご相談ください。",
    ),
    refusals.NotWelcome: Said(
        "この画面では承れませんでした",
        "恐れ入りますが、お電話でお問い合わせください。",
    ),
    NotFromHere: Said(
        "すでに手続きが済んでいます",
        "この画面を開いたあとで、状態が変わりました。いまの状態は、このページのとおりです。",
    ),
}
_OTHERWISE = Said("いまは承れませんでした", "画面を開き直して、もう一度お試しください。")


def words_for(problem: Exception) -> Said:
    """What is said about a refusal."""
    if isinstance(problem, refusals.Full):
        month = labels.month_label(problem.month)
        return Said(
            f"{month}は満席になりました",
            "ひと足先に、ほかの会社のご予約が入りました。別の月の日時をお選びいただくか、"
            "キャンセル待ちにご登録ください。",
            offers_queue=True,
        )
    if isinstance(problem, refusals.AlreadyThisMonth):
        month = labels.month_label(problem.first.month)
        return Said(
            f"{month}には、すでにご予約があります",
            "多くの方にお使いいただけるよう、1か月に1社1回でお願いしています。別の月の日時をお選びください。",
        )
    if isinstance(problem, refusals.StillFree):
        month = labels.month_label(problem.month)
        return Said(f"{month}に空きが出ました", "キャンセル待ちをせずに、そのままご予約いただけます。")
    if isinstance(problem, refusals.QueueFull):
        month = labels.month_label(problem.month)
        return Said(
            f"{month}のキャンセル待ちは、いっぱいになりました",
            "翌月の受付が始まったら、あらためてご予約ください。お急ぎのときは、お電話でご相談ください。",
        )
    if isinstance(problem, refusals.AlreadyWaiting):
        return Said(
            "すでにキャンセル待ちにご登録いただいています", "順番が来ましたら、メールでご案内します。"
        )
    return _SAID.get(type(problem), _OTHERWISE)


@contextmanager
def writing(scope: Scope) -> Iterator[None]:
    """The page's own transaction. Raises Busy where the month could not be had in time."""
    try:
        with open_scope(scope):
            yield
    except OperationalError as problem:
        if not refusals.is_busy(problem):
            raise
        raise Busy from problem


@contextmanager
def the_row(request: HttpRequest) -> Iterator[Consultation]:
    """The consultation of the link, with its people, in the office. Raises Gone, Busy."""
    visit = visit_of(request)
    with writing(visit.scope):
        found = Consultation.objects.opened_by(visit.link)
        if found is None:
            raise Gone
        with in_the_office():
            yield Consultation.objects.with_people().select_related("entry").get(pk=found.pk)


def by_link(view: View) -> View:
    """A view whose link may open nothing: then it is answered as every dead link is. Busy is said too."""

    @wraps(view)
    def wrapped(request: HttpRequest, firm: str, token: str) -> HttpResponse:
        try:
            return view(request, firm, token)
        except Gone:
            with open_scope(visit_of(request).scope):
                return gone(request)
        except Busy:  # where the view has nothing that was typed to show again
            return refusal(request, 503, int(RETRY_AFTER))

    return wrapped


def answered(response: HttpResponse, said: Said | None) -> HttpResponse:
    """With the status of what was said."""
    if said is not None:
        response.status_code = said.status
        if said.status == 503:
            response.headers["Retry-After"] = RETRY_AFTER
    return response


def acted_on(
    request: HttpRequest,
    act: Callable[[Consultation], T],
    otherwise: Callable[[Consultation, Said], HttpResponse],
) -> T | HttpResponse:
    """Do it in a transaction of its own; refused, the page again in another one, with why. Raises Gone."""
    try:
        with the_row(request) as row:
            return act(row)
    except NOT_DONE as problem:
        said = words_for(problem)
        with the_row(request) as row:
            return answered(otherwise(row, said), said)
