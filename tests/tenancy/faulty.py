"""Addresses that go wrong on purpose, beside the real ones: what the request's transaction must survive."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real
from tenancy.middleware import visit_of
from tenancy.models import Company
from tenancy.permissions import Access, access

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def _half_done(request: HttpRequest) -> None:
    Company.objects.create(firm=visit_of(request).firm, name="半分")


@access("companies.edit")
def raises(request: HttpRequest, firm: str) -> HttpResponse:
    _half_done(request)
    raise RuntimeError


@access("companies.edit")
def answers_500(request: HttpRequest, firm: str) -> HttpResponse:
    _half_done(request)
    return HttpResponse(status=503)


@access("companies.read")
def renders_late(request: HttpRequest, firm: str) -> TemplateResponse:
    template = engines["django"].from_string("{% for each in companies %}[{{ each.name }}]{% endfor %}")
    return TemplateResponse(request, template, {"companies": Company.objects.order_by("-name")})


@access("companies.edit")
def renders_badly(request: HttpRequest, firm: str) -> TemplateResponse:
    _half_done(request)
    return TemplateResponse(
        request, engines["django"].from_string("{{ broken.first.second }}{% include missing %}")
    )


@access("companies.read")
def streams(request: HttpRequest, firm: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(each.name for each in Company.objects.all())


class Refuses(APIView):
    access = Access("companies.edit")

    def post(self, request: Request, firm: str) -> Response:
        _half_done(request)
        raise ValidationError({"name": ["会社名を入力してください。"]})


@access("companies.edit")
def works(request: HttpRequest, firm: str) -> HttpResponse:
    _half_done(request)
    return HttpResponse("ok")


urlpatterns = [
    path("<slug:firm>/faulty/raises/", raises),
    path("<slug:firm>/faulty/503/", answers_500),
    path("<slug:firm>/faulty/late/", renders_late),
    path("<slug:firm>/faulty/badly/", renders_badly),
    path("<slug:firm>/faulty/streams/", streams),
    path("<slug:firm>/faulty/works/", works),
    path("api/v1/firms/<slug:firm>/faulty/", Refuses.as_view()),
    *real,
]
