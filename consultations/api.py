"""Sessions through the API: `firms/<firm>/consultations/`. The same rules and actions as the pages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from consultations import addresses
from consultations.actions import refusals
from consultations.actions.asking import Asked
from consultations.actions.booking import book, cancel
from consultations.calc import months
from consultations.forms import AskForm, SlotField
from consultations.free_times import FreeTime, free_times, month_view, this_and_next
from consultations.models import Consultation
from consultations.models.booking import ConsultationQuerySet, Kind
from consultations.office import in_the_office
from consultations.states import CLIENT, FIRM, NotFromHere, State
from consultations.views.asking import MAILS
from diagnosis.addresses import RESULT
from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.api import docs
from tenancy.api.docs import KEY
from tenancy.api.door import Door
from tenancy.api.paging import Orders, PageQuery, ordering_field, page_of, paged
from tenancy.api.problems import Conflict
from tenancy.door import Visit
from tenancy.fields import LineField
from tenancy.forms import NumberField
from tenancy.limits import seconds_left, within
from tenancy.links import read_token
from tenancy.locks import is_busy
from tenancy.models import Company, Membership, PrivacyNotice
from tenancy.permissions import VISITOR, Access, Limit
from tenancy.scope import current_scope
from tenancy.views.shared import company_of

# Counted for visitors only. Twenty programs of one address at the same moment are all counted before any is answered:
# hence other counters than those of the pages.
BOOKS = (
    Limit("consultations.api.tries", 240, 3600),
    Limit("consultations.api.address", 60, 3600, only_made=True),
)
READS = (Limit("consultations.api.read", 600, 600, method="GET"),)
MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")

FULL = "この月の枠は、すべて埋まりました。waitlist_url のページで、キャンセル待ちに加わっていただけます。"
TAKEN = "この日時は、ご予約いただけなくなりました。slots から、ほかの日時をお選びください。"
ONCE_A_MONTH = (
    "この会社は、その月のご予約をすでにお持ちです。変更や取り消しは、メールのリンクからお願いします。"
)
NOT_WELCOME = "このメールアドレスからのお申し込みは承れません。お電話でお問い合わせください。"
LAPSED = "期限が過ぎています。もう一度、ご予約からお願いします。"
TOO_LATE = "開始の時刻を過ぎているため、取り消せません。"
NOT_FROM_HERE = "いまの状態からは取り消せません。"
NO_DIAGNOSIS = "簡易診断が見つかりません。結果のページのリンク(result_url)をご指定ください。"
THIS_OR_NEXT = "今月か来月を、YYYY-MM の形で指定してください。"


class TooBusy(exceptions.APIException):
    """The month's lock could not be had: many book at this moment."""

    status_code = 503
    wait = 3
    words = "お申し込みが集中しています。少し待ってから、もう一度お試しください。"


# ── What is answered ──


class MonthData(serializers.Serializer[Any]):
    """A month's places. `left` is never below 0, also where the number of places was lowered."""

    month = serializers.CharField(help_text="YYYY-MM")
    cap = serializers.IntegerField(help_text="定員(社)")
    taken = serializers.IntegerField(help_text="埋まっている枠")
    left = serializers.IntegerField(help_text="残りの枠")
    waiting = serializers.IntegerField(help_text="キャンセル待ちの社数")
    direct = serializers.IntegerField(help_text="残りの枠のうち、待たずに予約できる数")
    is_open = serializers.BooleanField(help_text="いま予約を受け付けているか")
    opens_at = serializers.DateTimeField(help_text="受付が始まる日時")


class SlotData(serializers.Serializer[Any]):
    """A free time. `slot` is what `bookings` takes."""

    slot = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    consultant = serializers.CharField(help_text="担当者の名前")
    fields_of_work = serializers.CharField(help_text="担当者の得意分野")


class BookingData(serializers.Serializer[Consultation]):
    """A booking. `expires_at`: until when it is to be confirmed; null in every state but held and offered."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(State.choices)
    kind = serializers.ChoiceField(Kind.choices)
    origin = serializers.ChoiceField(Consultation.Origin.choices)
    month = serializers.SerializerMethodField(help_text="YYYY-MM")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    consultant = serializers.CharField(source="consultant_name", help_text="担当者の名前")
    company = serializers.IntegerField(source="company_id", allow_null=True, help_text="支援先企業の番号")
    company_name = serializers.CharField()
    contact_name = serializers.CharField()
    email = serializers.CharField()
    topic = serializers.CharField()
    corporate_number = serializers.CharField()
    diagnosis = serializers.UUIDField(source="diagnosis_id", allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def get_month(self, row: Consultation) -> str:
        return f"{row.month:%Y-%m}"


# ── What is sent ──


class SlotQuery(serializers.Serializer[Any]):
    """Which month's times."""

    month = serializers.CharField(required=False, help_text="今月か来月(YYYY-MM)。なければ両方")


class BookingInput(serializers.Serializer[Any]):
    """The types only; what the values may be, BookingForm says."""

    slot = serializers.CharField(help_text="`slots` が返した値")
    kind = serializers.ChoiceField(Kind.choices)
    company_name = serializers.CharField()
    contact_name = serializers.CharField()
    email = serializers.CharField(help_text="確認のメールをお送りする宛先")
    topic = serializers.CharField(required=False, allow_blank=True, help_text="気になること")
    corporate_number = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="法人番号(13桁)"
    )
    diagnosis = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="添える簡易診断。結果のページのリンク(`result_url`)かそのトークン。メンバーは番号(`id`)でも",
    )
    company = serializers.IntegerField(
        required=False, allow_null=True, help_text="支援先企業の番号。会社のメンバーだけが使えます。"
    )


class CancelInput(serializers.Serializer[Any]):
    reason = serializers.CharField(
        required=False, allow_blank=True, help_text="理由(200文字まで。会社のメンバーだけが使えます)"
    )


class BookingForm(AskForm):
    """The pages' form, for programs: it waits for nobody's hand, and sending it is the consent (see the door)."""

    seed = None  # type: ignore[assignment]
    trap = None  # type: ignore[assignment]
    consent = None  # type: ignore[assignment]
    privacy_version = None  # type: ignore[assignment]
    slot = SlotField()
    corporate_number = NumberField()
    diagnosis = LineField(label="簡易診断", max_length=500, required=False)
    company = forms.IntegerField(required=False)

    def asked_by(self, visit: Visit, company: Company | None, diagnosis: Diagnosis | None) -> Asked:
        """What the action needs, of a valid form. The version of the notice is kept of what a visitor consented to."""
        given = self.cleaned_data
        names = ("company_name", "contact_name", "email", "topic", "kind")
        return Asked(
            **{name: given[name] for name in names},
            corporate_number=given["corporate_number"] or "",
            company=company,
            diagnosis=diagnosis,
            privacy_version=None if visit.membership else self.present_version,
        )


class CancelForm(forms.Form):
    reason = LineField(label="理由", max_length=200, required=False)


ORDERS: Orders = {"starts_at": "starts_at", "created_at": "created_at", "company_name": "company_name"}


class BookingQuery(PageQuery):
    """What narrows down the list of bookings."""

    month = serializers.RegexField(
        f"^{MONTH.pattern}$",
        required=False,
        help_text="YYYY-MM",
        error_messages={"invalid": "YYYY-MM の形で指定してください。"},
    )
    state = serializers.ChoiceField(State.choices, required=False)
    company = serializers.IntegerField(required=False, min_value=1, help_text="支援先企業の番号")
    ordering = ordering_field(ORDERS, "-starts_at")


# ── Places and times ──


@extend_schema(tags=["オンライン相談・壁打ち"])
class Month(Door):
    access = Access(VISITOR, limits=READS)

    @extend_schema(
        operation_id="consultations_month",
        summary="月の枠",
        description="トークンなしでお使いいただけます。",
        responses={200: MonthData, **docs.refusals(401, 404, 429)},
    )
    def get(self, request: Request, firm: str, month: str) -> Response:
        if not MONTH.fullmatch(month):
            raise Http404
        view = month_view(first_of(month))
        return Response(MonthData({**vars(view), "left": view.left, "month": month}).data)


@extend_schema(tags=["オンライン相談・壁打ち"])
class Slots(Door):
    access = Access(VISITOR, limits=READS)

    @extend_schema(
        operation_id="consultations_slots",
        summary="空いている日時",
        description=(
            "今月と来月の、空いている日時のすべてを1ページで返します(`next` と `previous` はいつも null)。"
            "枠が埋まった月の日時も含みます。受付がまだ始まっていない月は空です。"
            "トークンなしでお使いいただけます。"
        ),
        parameters=[SlotQuery],
        responses={200: page_of(SlotData), **docs.refusals(400, 401, 404, 429)},
    )
    def get(self, request: Request, firm: str) -> Response:
        query = SlotQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = _wanted(query.validated_data.get("month"))
        times = [each for month in wanted for each in _times_of(month)]
        return Response({"next": None, "previous": None, "results": [_slot(each) for each in times]})


def first_of(month: str) -> date:
    """The first day of `YYYY-MM`."""
    return date.fromisoformat(f"{month}-01")


def _wanted(month: str | None) -> tuple[date, ...]:
    """The months asked for. Raises ValidationError for any but this and the next."""
    shown = this_and_next()
    if month is None:
        return shown
    found = tuple(each for each in shown if f"{each:%Y-%m}" == month)
    if not found:
        raise ValidationError({"month": [THIS_OR_NEXT]})
    return found


def _times_of(month: date) -> list[FreeTime]:
    if not month_view(month).is_open:
        return []
    return free_times(max(month, clock.today()), months.last_day(month))


def _slot(time: FreeTime) -> dict[str, Any]:
    return SlotData(
        {
            "slot": str(time.slot),
            "starts_at": time.starts,
            "ends_at": time.ends,
            "consultant": time.consultant,
            "fields_of_work": time.fields_of_work,
        }
    ).data


# ── Bookings ──


def full_problem() -> OpenApiResponse:
    """The 409 of a month without a place says where to wait for one."""
    return OpenApiResponse(
        inline_serializer(
            "FullProblem",
            {
                "type": serializers.CharField(),
                "title": serializers.CharField(),
                "status": serializers.IntegerField(),
                "detail": serializers.CharField(),
                "waitlist_url": serializers.URLField(
                    required=False, help_text="枠が埋まっているとき:キャンセル待ちのページ"
                ),
            },
        ),
        "競合(満席・日時が埋まった・同じ会社の同じ月の二つめ)",
    )


@extend_schema(tags=["オンライン相談・壁打ち"])
class Bookings(Door):
    access = {"GET": Access("company_consultations.read"), "POST": Access(VISITOR, limits=BOOKS)}

    @extend_schema(
        operation_id="consultations_bookings_list",
        summary="ご予約の一覧",
        description="会社のメンバーには見られる範囲のすべてを、支援先企業の方には自社のものを返します。",
        parameters=[BookingQuery],
        responses={200: page_of(BookingData), **docs.refusals(400, 401, 403, 404)},
    )
    def get(self, request: Request, firm: str) -> Response:
        query = BookingQuery.of(request)
        names = _names()
        with _in_sight() as rows:
            if "state" in query:
                rows = rows.standing(query["state"])
            if "company" in query:
                rows = rows.filter(company=query["company"])
            if "month" in query:
                rows = rows.filter(month=first_of(query["month"]))
            return paged(request, rows, query, ORDERS, lambda row: _present(row, names))

    @extend_schema(
        operation_id="consultations_bookings_create",
        summary="予約を申し込む",
        description=(
            "枠と日時を30分おさえ、確認のメールをお送りします。メールのリンクで確認されると確定します。"
            "トークンなしでもお使いいただけます(回数の制限があります)。"
            "トークンなしで送ることは、この会社の「個人情報の取扱い」への同意となり、"
            "そのときの版を記録します。ご本人の同意を得てからお送りください。"
        ),
        parameters=[KEY],
        request=BookingInput,
        responses={
            201: BookingData,
            **docs.refusals(400, 401, 403, 404, 422, 429, 503),
            (409, "application/problem+json"): full_problem(),
        },
    )
    def post(self, request: Request, firm: str) -> Response:
        visit = self.visit
        may = visit.may("consultations.edit") or visit.may("company_consultations.book")
        if visit.membership and not may:
            raise PermissionDenied
        form = _checked(request)
        asked = form.asked_by(visit, _company(form, visit), _diagnosis(form, visit))
        if visit.membership is None:
            _require_few_mails(asked.email)
        with _refusals(firm), transaction.atomic():
            booked = book(
                id=uuid4(),
                slot=form.cleaned_data["slot"],
                asked=asked,
                origin=Consultation.Origin.API,
                actor=visit.membership,
            )
        return Response(_present(booked, _names()), status=201)


@extend_schema(tags=["オンライン相談・壁打ち"])
class OneBooking(Door):
    access = Access("company_consultations.read")

    @extend_schema(
        operation_id="consultations_bookings_read",
        summary="ご予約",
        responses={200: BookingData, **docs.refusals(401, 403, 404)},
    )
    def get(self, request: Request, firm: str, booking: UUID) -> Response:
        return Response(_present(_found(booking), _names()))


@extend_schema(tags=["オンライン相談・壁打ち"])
class Cancelling(Door):
    access = Access("company_consultations.read")

    @extend_schema(
        operation_id="consultations_bookings_cancel",
        summary="ご予約を取り消す",
        description=(
            "お客様のご都合による取り消しです。前日17時までなら枠が空き、キャンセル待ちの方へご案内します。"
            "会社のメンバーは見られるすべてを、経営者は自社のものを取り消せます。"
        ),
        parameters=[KEY],
        request=CancelInput,
        responses={200: BookingData, **docs.refusals(400, 401, 403, 404, 409, 422, 503)},
    )
    def post(self, request: Request, firm: str, booking: UUID) -> Response:
        by = _canceller(self.visit)
        reason = _reason(request) if by == FIRM else ""
        row = _found(booking)
        with _refusals(firm), transaction.atomic():
            cancelled = cancel(consultation=row, by=by, reason=reason)
        return Response(_present(cancelled, _names()))


@contextmanager
def _in_sight() -> Iterator[ConsultationQuerySet]:
    """What who asks may see, as on the pages: on the firm's side also what they give themselves, whosever company it
    is; the walls know nothing of that."""
    scope = current_scope()
    if scope.side != "firm":
        yield Consultation.objects.all()
        return
    with in_the_office():
        yield Consultation.objects.visible_to(scope)


def _found(id: UUID) -> Consultation:
    with _in_sight() as rows:
        found: Consultation = get_object_or_404(rows, pk=id)
    return found


def _names() -> dict[int, str]:
    """What those who consult, or did, are called: a company's people do not see the firm's members. One query."""
    with in_the_office():
        return {each.pk: str(each.user) for each in Membership.objects.of_the_firm().named()}


def _present(row: Consultation, names: Mapping[int, str]) -> dict[str, Any]:
    """What has run out has, written down or not."""
    if row.has_lapsed:
        row.state, row.expires_at = State.EXPIRED, None
    row.consultant_name = names.get(row.consultant_id, "")  # type: ignore[attr-defined]
    return BookingData(row).data


def _canceller(visit: Visit) -> str:
    """Who cancels. Raises PermissionDenied."""
    if visit.may("consultations.edit"):
        return FIRM
    if visit.may("company_consultations.book"):
        return CLIENT
    raise PermissionDenied


def _reason(request: Request) -> str:
    """Raises ValidationError."""
    typed = CancelInput(data=request.data)
    typed.is_valid(raise_exception=True)
    form = CancelForm(typed.validated_data)
    if not form.is_valid():
        raise ValidationError(_said(form))
    return str(form.cleaned_data["reason"])


def _checked(request: Request) -> BookingForm:
    """The form, filled with what was sent. Raises ValidationError with all that is wrong."""
    typed = BookingInput(data=request.data)
    ill_typed = {} if typed.is_valid() else dict(typed.errors)
    sent = request.data if isinstance(request.data, Mapping) else {}
    names = [name for name in map(str, typed.fields) if name in sent and name not in ill_typed]
    notice = PrivacyNotice.objects.first()
    form = BookingForm(
        {name: "" if sent[name] is None else str(sent[name]) for name in names},
        present_version=notice.version if notice else 0,
    )
    said = {} if form.is_valid() else _said(form)
    if said or ill_typed:
        raise ValidationError({**said, **ill_typed})
    return form


def _said(form: forms.Form) -> dict[str, list[str]]:
    return {name: [str(each) for each in messages] for name, messages in form.errors.items()}


def _require_few_mails(email: str) -> None:
    """Whoever gives somebody else's address must not fill their mailbox. A refusal gives its count back, because it is
    rolled back. Raises Throttled."""
    if not within(MAILS, email):
        raise exceptions.Throttled(wait=seconds_left(MAILS))


def _company(form: BookingForm, visit: Visit) -> Company | None:
    """The company it is for: an owner's own, or the one that somebody of the firm names. Raises Http404."""
    member = visit.membership
    if member is None:
        return None
    if member.company_id is not None:
        return company_of(member.company_id)
    named = form.cleaned_data["company"]
    return None if named is None else company_of(named)


def _diagnosis(form: BookingForm, visit: Visit) -> Diagnosis | None:
    """The diagnosis to go along. An id names what a member may see; it proves nothing about a visitor, who has to show
    the signed link of the result. Raises ValidationError, with the same words whatever is wrong with it."""
    text = form.cleaned_data["diagnosis"]
    if not text:
        return None
    link = read_token(RESULT, _token_in(text))
    if link is not None:
        with in_the_office():
            found = Diagnosis.objects.submitted().opened_by(link)
    else:
        id = _uuid(text) if visit.membership else None
        found = Diagnosis.objects.submitted().filter(pk=id).first() if id else None
    if found is None:
        raise ValidationError({"diagnosis": [NO_DIAGNOSIS]})
    return found


def _token_in(text: str) -> str:
    """The token itself, or the one in the address of a result."""
    return urlsplit(text).path.rstrip("/").rpartition("/")[2]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


WORDS: dict[type[ValueError], str] = {
    refusals.TimeTaken: TAKEN,
    refusals.AlreadyThisMonth: ONCE_A_MONTH,
    refusals.NotWelcome: NOT_WELCOME,
    refusals.Lapsed: LAPSED,
    refusals.TooLate: TOO_LATE,
    NotFromHere: NOT_FROM_HERE,
}


@contextmanager
def _refusals(firm: str) -> Iterator[None]:
    """Why it cannot be had, as a problem."""
    try:
        yield
    except refusals.Full as full:
        raise Conflict(FULL, waitlist_url=addresses.waitlist_url(firm, full.month)) from full
    except tuple(WORDS) as refused:
        raise Conflict(WORDS[type(refused)]) from refused
    except OperationalError as problem:
        if not is_busy(problem):
            raise
        raise TooBusy from problem


app_name = "consultations_api"
_ROOT = "consultations/"
urlpatterns = [
    path(f"{_ROOT}months/<str:month>/", Month.as_view(), name="month"),
    path(f"{_ROOT}slots/", Slots.as_view(), name="slots"),
    path(f"{_ROOT}bookings/", Bookings.as_view(), name="bookings"),
    path(f"{_ROOT}bookings/<uuid:booking>/", OneBooking.as_view(), name="booking"),
    path(f"{_ROOT}bookings/<uuid:booking>/cancel/", Cancelling.as_view(), name="cancel"),
]
