"""Addresses of the API that belong to the house: `/api/v1/…`."""

from django.urls import path

from tenancy.api import companies, docs

app_name = "api"
urlpatterns = [
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.docs, name="docs"),
    path("firms/<slug:firm>/companies/", companies.Companies.as_view(), name="companies"),
    path("firms/<slug:firm>/companies/<int:company>/", companies.OneCompany.as_view(), name="company"),
]
