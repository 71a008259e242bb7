"""Client companies: `firms/<firm>/companies/`. The same form and the same actions as the pages."""

from typing import Any

from django.db.models import F, IntegerField, Value
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tenancy.actions import NumberTaken, create_company, update_company
from tenancy.api.docs import KEY, refusals
from tenancy.api.door import Door
from tenancy.api.paging import Orders, PageQuery, ordering_field, page_of, paged
from tenancy.forms import CompanyForm
from tenancy.models import Company, Site
from tenancy.permissions import Access
from tenancy.views.shared import company_of

# Names are read in the order of their kana; what has none stands first.
ORDERS: Orders = {
    "kana": "kana",
    "name": "name",
    "employees": Coalesce(F("employees"), Value(-1), output_field=IntegerField()),
    "support_status": "support_status",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "id": "id",
}


class SiteData(serializers.ModelSerializer[Site]):
    class Meta:
        model = Site
        fields = ("id", "name")


class CompanyData(serializers.Serializer[Company]):
    """A company as it is answered."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kana = serializers.CharField()
    corporate_number = serializers.CharField(allow_null=True)
    industry = serializers.CharField()
    employees = serializers.IntegerField(allow_null=True)
    location = serializers.CharField()
    representative = serializers.CharField()
    support_status = serializers.ChoiceField(Company.Support.choices)
    consultant = serializers.IntegerField(
        source="consultant_id", allow_null=True, help_text="担当のメンバーの番号"
    )
    sites = SiteData(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CompanyInput(serializers.Serializer[Company]):
    """The types of what may be sent; what the values may be, CompanyForm says, as it does on the pages."""

    name = serializers.CharField(help_text="会社名")
    kana = serializers.CharField(required=False, allow_blank=True, help_text="フリガナ")
    corporate_number = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="法人番号(13桁)"
    )
    industry = serializers.CharField(required=False, allow_blank=True)
    employees = serializers.IntegerField(required=False, allow_null=True)
    location = serializers.CharField(required=False, allow_blank=True)
    representative = serializers.CharField(required=False, allow_blank=True)
    support_status = serializers.ChoiceField(Company.Support.choices, required=False)
    consultant = serializers.IntegerField(required=False, allow_null=True, help_text="担当のメンバーの番号")


CompanyPage = page_of(CompanyData)


class CompanyQuery(PageQuery):
    """What narrows down the list of companies."""

    q = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="会社名・フリガナ・所在地の一部"
    )
    support_status = serializers.ChoiceField(Company.Support.choices, required=False)
    consultant = serializers.IntegerField(required=False, min_value=1, help_text="担当のメンバーの番号")
    ordering = ordering_field(ORDERS, "kana")


@extend_schema(tags=["支援先企業"])
class Companies(Door):
    access = {"GET": Access("company_data.read"), "POST": Access("companies.edit")}

    @extend_schema(
        operation_id="companies_list",
        summary="支援先企業の一覧",
        parameters=[CompanyQuery],
        responses={200: CompanyPage, **refusals(400, 401, 403, 404)},
    )
    def get(self, request: Request, firm: str) -> Response:
        query = CompanyQuery.of(request)
        rows = Company.objects.listed().search(query.get("q", "")).prefetch_related("sites")
        for name in ("support_status", "consultant"):
            if name in query:
                rows = rows.filter(**{name: query[name]})
        return paged(request, rows, query, ORDERS, _present)

    @extend_schema(
        operation_id="companies_create",
        summary="支援先企業を登録する",
        parameters=[KEY],
        request=CompanyInput,
        responses={201: CompanyData, **refusals(400, 401, 403, 404, 409, 422)},
    )
    def post(self, request: Request, firm: str) -> Response:
        form = _checked(request, Company(), partial=False)
        try:
            company = create_company(values=form.values(), actor=self.visit.membership)
        except NumberTaken:
            raise _taken(form) from None
        return Response(_present(company), status=201)


@extend_schema(tags=["支援先企業"])
class OneCompany(Door):
    access = {"GET": Access("company_data.read"), "PATCH": Access("companies.edit")}

    @extend_schema(
        operation_id="companies_read",
        summary="支援先企業",
        responses={200: CompanyData, **refusals(401, 403, 404)},
    )
    def get(self, request: Request, firm: str, company: int) -> Response:
        return Response(_present(company_of(company)))

    @extend_schema(
        operation_id="companies_update",
        summary="支援先企業を変更する",
        description="送った項目だけを変更します。",
        request=CompanyInput,
        responses={200: CompanyData, **refusals(400, 401, 403, 404)},
    )
    def patch(self, request: Request, firm: str, company: int) -> Response:
        form = _checked(request, company_of(company), partial=True)
        values = {name: value for name, value in form.values().items() if name in request.data}
        try:
            changed = update_company(
                company=form.instance, values=values, seen=None, actor=self.visit.membership
            )
        except NumberTaken:
            raise _taken(form) from None
        return Response(_present(changed))


def _present(company: Company) -> dict[str, Any]:
    return CompanyData(company).data


def _checked(request: Request, company: Company, *, partial: bool) -> CompanyForm:
    """The pages' form, filled with what was sent over what is stored. Raises ValidationError with all that is wrong."""
    typed = CompanyInput(data=request.data, partial=True)
    ill_typed = {} if typed.is_valid() else dict(typed.errors)
    rest = CompanyInput(
        data={name: value for name, value in request.data.items() if name not in ill_typed}, partial=True
    )
    rest.is_valid(raise_exception=True)
    stored = {name: company.serializable_value(name) for name in CompanyForm.Meta.fields}
    form = CompanyForm({**stored, **rest.validated_data}, instance=company)
    if not form.is_valid() or ill_typed:
        raise _refused(form, **ill_typed)
    return form


def _taken(form: CompanyForm) -> ValidationError:
    form.say_number_is_taken()
    return _refused(form)


def _refused(form: CompanyForm, **ill_typed: Any) -> ValidationError:
    """What the form says; of a field whose type was wrong, that."""
    said = {name: [str(each) for each in messages] for name, messages in form.errors.items()}
    return ValidationError({**said, **ill_typed})
