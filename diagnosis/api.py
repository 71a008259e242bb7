"""The 簡易診断 through the API: `firms/<firm>/diagnoses/`. The same rules and actions as the pages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.actions import Respondent, request_report, save_answers, start_diagnosis, submit_diagnosis
from diagnosis.addresses import result_token, result_url
from diagnosis.calc import validate
from diagnosis.forms import WhoForm
from diagnosis.models import NAMELESS, Comment, Diagnosis
from diagnosis.questionnaire import current
from diagnosis.views.visitor import STARTS
from reports.api import JobData, job_data
from tenancy.api.docs import KEY, refusals
from tenancy.api.door import Door
from tenancy.api.paging import Orders, PageQuery, ordering_field, page_of, paged
from tenancy.api.problems import by_field
from tenancy.locks import lock_company
from tenancy.models import Company, PrivacyNotice
from tenancy.permissions import VISITOR, Access
from tenancy.responses import problem
from tenancy.scope import change_scope
from tenancy.views.shared import company_of

NOT_SUBMITTED = "回答がまだ終わっていないため、レポートを作成できません。"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

ORDERS: Orders = {
    "started_at": "started_at",
    "submitted_at": Coalesce(F("submitted_at"), Value(_NEVER)),
    "overall": Coalesce(F("overall"), Value(-1), output_field=Diagnosis._meta.get_field("overall")),
    "grade": "grade",
    "company_name": "company_name",
}


class RespondentData(serializers.Serializer[Diagnosis]):
    company_name = serializers.CharField()
    contact_name = serializers.CharField()
    email = serializers.CharField()
    industry = serializers.CharField()
    employees = serializers.IntegerField(allow_null=True)


class DiagnosisRowData(serializers.Serializer[Diagnosis]):
    """A diagnosis as lists answer it. `overall`, `grade`, `submitted_at` are empty until it is submitted."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Diagnosis.State.choices)
    origin = serializers.ChoiceField(Diagnosis.Origin.choices)
    company = serializers.IntegerField(source="company_id", allow_null=True, help_text="支援先企業の番号")
    company_name = serializers.CharField()
    grade = serializers.CharField()
    overall = serializers.FloatField(allow_null=True)
    bottleneck = serializers.CharField()
    started_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)


class ResultData(serializers.Serializer[Any]):
    """The result as `docs/algorithms/diagnosis.md` defines it. Scores have one decimal; null: not to be told."""

    axis_scores = serializers.DictField(child=serializers.FloatField(allow_null=True))
    stage_scores = serializers.DictField(child=serializers.FloatField(allow_null=True))
    element_scores = serializers.DictField(child=serializers.FloatField(allow_null=True))
    raw_total = serializers.FloatField()
    strategy_grade = serializers.CharField(allow_null=True)
    cap = serializers.FloatField()
    gate_applied = serializers.ListField(child=serializers.CharField())
    overall = serializers.FloatField()
    grade = serializers.CharField()
    bottleneck_stage = serializers.CharField(allow_null=True)
    axis_levels = serializers.DictField(child=serializers.CharField(allow_null=True))
    stage_levels = serializers.DictField(child=serializers.CharField(allow_null=True))
    detectors = serializers.ListField(child=serializers.CharField())
    next_steps = serializers.ListField(child=serializers.CharField())


class DiagnosisData(DiagnosisRowData):
    """A diagnosis, whole. `comment` is the consultant's newest one, '' without."""

    questionnaire_version = serializers.CharField()
    respondent = RespondentData(source="*")
    answers = serializers.DictField(help_text="設問の記号 → 0〜4(該当なしは null)")
    facts = serializers.DictField(help_text="確認事項の記号 → 選択肢の値(複数回答は配列、該当なしは null)")
    result = ResultData(allow_null=True)
    comment = serializers.CharField()
    result_url = serializers.URLField(
        allow_null=True, help_text="結果のページへの署名付きリンク(180日間有効)"
    )


class RespondentInput(serializers.Serializer[Any]):
    """Who answered. The types only; what the values may be, WhoForm says, as it does on the pages."""

    company_name = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    contact_name = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    email = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    industry = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    employees = serializers.IntegerField(required=False, allow_null=True)
    consent = serializers.BooleanField(
        required=False,
        help_text="個人情報の取扱いへの同意。トークンなしでお名前かメールを送るときは true が必要です。",
    )


class DiagnosisInput(serializers.Serializer[Any]):
    company = serializers.IntegerField(required=False, allow_null=True, help_text="支援先企業の番号")
    respondent = RespondentInput(required=False, allow_null=True)
    answers = serializers.DictField(help_text="設問の記号 → 0〜4(該当なしは null)。すべての設問が必要です。")
    facts = serializers.DictField(help_text="確認事項の記号 → 選択肢の値。すべての確認事項が必要です。")


class RespondentForm(WhoForm):
    """The pages' form, for programs: a name may be missing; only a visitor who gives personal values has to consent."""

    def __init__(self, sent: Mapping[str, Any], *, is_member: bool) -> None:
        notice = PrivacyNotice.objects.first()
        version = notice.version if notice else 0
        super().__init__({**sent, "privacy_version": version}, present_version=version)
        self.is_member = is_member
        for name in ("company_name", "consent"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        personal = cleaned.get("contact_name") or cleaned.get("email")
        if personal and not cleaned.get("consent") and not self.is_member:
            self.add_error("consent", self.fields["consent"].error_messages["required"])
        return cleaned

    def respondent(self, company: Company | None) -> Respondent:
        """What was given; name, industry and size of a known company where they are missing."""
        given = self.cleaned_data
        return Respondent(
            company_name=given["company_name"] or (company.name if company else NAMELESS),
            contact_name=given["contact_name"],
            email=given["email"],
            industry=given["industry"] or (company.industry if company else ""),
            employees=_first(given["employees"], company.employees if company else None),
            privacy_version=self.present_version if given["consent"] else None,
        )


class DiagnosisQuery(PageQuery):
    """What narrows down the list of diagnoses."""

    company = serializers.IntegerField(required=False, min_value=1, help_text="支援先企業の番号")
    grade = serializers.ChoiceField([grade.grade for grade in current().grades], required=False)
    state = serializers.ChoiceField(Diagnosis.State.choices, required=False)
    origin = serializers.ChoiceField(Diagnosis.Origin.choices, required=False)
    q = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="会社名などの一部")
    ordering = ordering_field(ORDERS, "-started_at")


@extend_schema(tags=["簡易診断"])
class Diagnoses(Door):
    access = {"GET": Access("company_diagnoses.read"), "POST": Access(VISITOR, limits=STARTS)}

    @extend_schema(
        operation_id="diagnoses_list",
        summary="簡易診断の一覧",
        parameters=[DiagnosisQuery],
        responses={200: page_of(DiagnosisRowData), **refusals(400, 401, 403, 404)},
    )
    def get(self, request: Request, firm: str) -> Response:
        query = DiagnosisQuery.of(request)
        rows = Diagnosis.objects.search(query.get("q", "")).defer("answers", "facts", "result")
        for name in ("company", "grade", "state", "origin"):
            if name in query:
                rows = rows.filter(**{name: query[name]})
        return paged(request, rows, query, ORDERS, lambda row: DiagnosisRowData(row).data)

    @extend_schema(
        operation_id="diagnoses_create",
        summary="簡易診断を回答し、結果を受け取る",
        description="トークンなしでも、1時間に5件までお使いいただけます。",
        parameters=[KEY],
        request=DiagnosisInput,
        responses={201: DiagnosisData, **refusals(400, 401, 403, 404, 409, 422, 429)},
    )
    def post(self, request: Request, firm: str) -> Response:
        may = self.visit.may("diagnoses.edit") or self.visit.may("company_diagnoses.take")
        if self.visit.membership and not may:
            raise PermissionDenied
        given = DiagnosisInput(data=request.data)
        if not given.is_valid():
            raise ValidationError(_all_wrong(given))
        return Response(_present(self._submitted(given.validated_data), firm), status=201)

    def _submitted(self, given: Mapping[str, Any]) -> Diagnosis:
        """Start, answer and submit in one go, with the actions of the pages; an owner's is of the own company. Raises
        ValidationError, Http404."""
        member = self.visit.membership
        company_id = given.get("company") or (member.company_id if member else None)
        company = None if company_id is None else lock_company(company_of(company_id).pk)
        form = _checked(given, is_member=member is not None)
        diagnosis = start_diagnosis(origin=Diagnosis.Origin.API, company=company, actor=member)
        change_scope(link=diagnosis.pk)  # a visitor sees no other
        save_answers(diagnosis=diagnosis, answers=given["answers"], facts=given["facts"])
        return submit_diagnosis(diagnosis=diagnosis, respondent=form.respondent(company), actor=member)


@extend_schema(tags=["簡易診断"])
class OneDiagnosis(Door):
    access = Access("company_diagnoses.read")

    @extend_schema(
        operation_id="diagnoses_read",
        summary="簡易診断",
        responses={200: DiagnosisData, **refusals(401, 403, 404)},
    )
    def get(self, request: Request, firm: str, diagnosis: UUID) -> Response:
        return Response(_present(get_object_or_404(Diagnosis, pk=diagnosis), firm))


@extend_schema(tags=["簡易診断"])
class Report(Door):
    access = Access("company_diagnoses.read")

    @extend_schema(
        operation_id="diagnoses_report",
        summary="レポート(PDF)を作成する",
        description="同じ内容のレポートがすでにあれば、その作業をお返しします。",
        parameters=[KEY],
        request=None,
        responses={202: JobData, **refusals(401, 403, 404, 409, 422)},
    )
    def post(self, request: Request, firm: str, diagnosis: UUID) -> Any:
        found = get_object_or_404(Diagnosis, pk=diagnosis)
        if found.state != Diagnosis.State.SUBMITTED:
            return problem(409, NOT_SUBMITTED)
        job = request_report(found, self.visit.membership)
        return Response(job_data(request, firm, job), status=202)


def _checked(given: Mapping[str, Any], *, is_member: bool) -> RespondentForm:
    """The valid form of the respondent. Raises ValidationError with everything that is wrong, also of the answers."""
    form = RespondentForm(given.get("respondent") or {}, is_member=is_member)
    errors = {id: [message] for id, message in validate(current(), given["answers"], given["facts"]).items()}
    errors |= by_field(dict(form.errors), "respondent")
    if errors:
        raise ValidationError(errors)
    return form


def _all_wrong(given: DiagnosisInput) -> dict[str, Any]:
    """What has the wrong type; and of the answers, when theirs are right, also what is wrong with their values."""
    found = dict(given.errors)
    if not {"answers", "facts"} & set(found):
        sent = given.initial_data
        found |= {id: [said] for id, said in validate(current(), sent["answers"], sent["facts"]).items()}
    return found


def _present(diagnosis: Diagnosis, firm: str) -> dict[str, Any]:
    """One query for the comment."""
    comment = Comment.objects.filter(diagnosis=diagnosis).first()
    diagnosis.comment = comment.text if comment else ""  # type: ignore[attr-defined]
    is_done = diagnosis.state == Diagnosis.State.SUBMITTED
    diagnosis.result_url = result_url(firm, result_token(diagnosis)) if is_done else None  # type: ignore[attr-defined]
    return DiagnosisData(diagnosis).data


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


app_name = "diagnosis_api"
urlpatterns = [
    path("diagnoses/", Diagnoses.as_view(), name="diagnoses"),
    path("diagnoses/<uuid:diagnosis>/", OneDiagnosis.as_view(), name="diagnosis"),
    path("diagnoses/<uuid:diagnosis>/report/", Report.as_view(), name="report"),
]
