"""Jobs through the API: `firms/<firm>/jobs/<id>/`, and the file when it is done."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from reports.models import Job
from reports.registry import known
from reports.views import file_response, job_for
from tenancy.api.docs import refusals
from tenancy.api.door import Door
from tenancy.permissions import Access
from tenancy.responses import problem


class JobData(serializers.Serializer[Job]):
    """A job. `progress` runs from 0 to 1; `result_url` is null until it is done."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Job.State.choices)
    progress = serializers.FloatField(min_value=0, max_value=1)
    message = serializers.CharField()
    result_url = serializers.URLField(allow_null=True)


def job_data(request: Request, firm: str, job: Job) -> dict[str, Any]:
    """The job as every door answers it."""
    address = reverse("reports_api:file", args=[firm, job.pk])
    job.result_url = request.build_absolute_uri(address) if job.is_done else None  # type: ignore[attr-defined]
    return JobData(job).data


@extend_schema(tags=["作業"])
class OneJob(Door):
    access = Access("jobs.read")

    @extend_schema(
        operation_id="jobs_read",
        summary="作業の進みぐあい",
        responses={200: JobData, **refusals(401, 403, 404)},
    )
    def get(self, request: Request, firm: str, job: UUID) -> Response:
        return Response(job_data(request, firm, job_for(self.visit, job)))


class Pdf(BaseRenderer):
    """Lets a client ask for application/pdf; the file itself is answered as it is."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None
    render_style = "binary"


@extend_schema(tags=["作業"])
class File(Door):
    access = Access("jobs.read")
    renderer_classes = [Pdf, JSONRenderer]

    @extend_schema(
        operation_id="jobs_file",
        summary="できあがったファイル",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **refusals(401, 403, 404)},
    )
    def get(self, request: Request, firm: str, job: UUID) -> HttpResponse:
        found = job_for(self.visit, job)
        kind = known(found.name)
        if kind is not None and kind.write is not None:  # no document: it is fetched in the browser
            raise Http404
        return file_response(found, problem(404))


app_name = "reports_api"
urlpatterns = [
    path("jobs/<uuid:job>/", OneJob.as_view(), name="job"),
    path("jobs/<uuid:job>/file/", File.as_view(), name="file"),
]
