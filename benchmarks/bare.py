# ruff: noqa: DJ008  (nobody prints these rows)
"""The rival of `benchmarks.pages`: a bare Django application over the same rows.

No middleware, no session, no row security, no scope: plain tables (copies, see `benchmarks.pages`), the ORM, one plain
template for each page. What we take longer than this is the price of the house.
"""

import os
from pathlib import Path
from typing import Any

import dj_database_url
import django
from django.conf import settings
from django.core.paginator import Paginator
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=600)},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LANGUAGE_CODE="ja",
    TIME_ZONE="Asia/Tokyo",
    USE_TZ=True,
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bare",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [Path(__file__).parent / "bare_templates"],
        }
    ],
)
django.setup()

from django.db import models  # noqa: E402  (needs the settings)
from django.shortcuts import get_object_or_404, render  # noqa: E402


class Person(models.Model):
    name = models.TextField()

    class Meta:
        app_label, db_table, managed = "bare", "tenancy_user", False


class Member(models.Model):
    user = models.ForeignKey(Person, models.DO_NOTHING)

    class Meta:
        app_label, db_table, managed = "bare", "bare_membership", False


class Company(models.Model):
    firm_id = models.BigIntegerField()
    name = models.TextField()
    kana = models.TextField()
    location = models.TextField()
    support_status = models.TextField()
    consultant = models.ForeignKey(Member, models.DO_NOTHING, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "bare", "bare_company", False


class Diagnosis(models.Model):
    id = models.UUIDField(primary_key=True)
    company_name = models.TextField()
    contact_name = models.TextField()
    answers = models.JSONField()
    facts = models.JSONField()
    result = models.JSONField()
    submitted_at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "bare", "bare_diagnosis", False


class Comment(models.Model):
    diagnosis = models.ForeignKey(Diagnosis, models.DO_NOTHING)
    text = models.TextField()

    class Meta:
        app_label, db_table, managed = "bare", "bare_comment", False


class Job(models.Model):
    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField()
    state = models.TextField()
    message = models.TextField()

    class Meta:
        app_label, db_table, managed = "bare", "bare_job", False


class Profile(models.Model):
    legal_name = models.TextField()
    phone = models.TextField()

    class Meta:
        app_label, db_table, managed = "bare", "bare_firmprofile", False


def companies(request: HttpRequest, firm: int) -> HttpResponse:
    """50 companies of a firm with their consultants."""
    rows = (
        Company._default_manager.filter(firm_id=firm)
        .select_related("consultant__user")
        .order_by("kana", "id")
    )
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(request, "companies.html", {"page": page})


def result(request: HttpRequest, diagnosis: Any) -> HttpResponse:
    """A stored result with everything in it: firm, comment and job beside it."""
    found = get_object_or_404(Diagnosis, pk=diagnosis)
    context = {
        "diagnosis": found,
        "comment": Comment._default_manager.filter(diagnosis=found).order_by("-id").first(),
        "job": Job._default_manager.filter(subject=found.pk).first(),
        "profile": Profile._default_manager.first(),
    }
    return render(request, "result.html", context)


urlpatterns = [path("companies/<int:firm>/", companies), path("result/<uuid:diagnosis>/", result)]
application = get_wsgi_application()
