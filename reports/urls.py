"""Addresses of jobs: `/<firm>/jobs/…`."""

from django.urls import path

from reports import views, views_archive

app_name = "reports"
urlpatterns = [
    path("jobs/<uuid:job>/", views.job_fragment, name="job"),
    path("jobs/<uuid:job>/file/", views.download, name="file"),
    path("jobs/<uuid:job>/again/", views.again, name="again"),
    path("settings/export/", views_archive.export, name="export"),
    path("settings/import/", views_archive.bring_in, name="import"),
]
