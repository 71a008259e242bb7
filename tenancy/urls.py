"""Addresses of a firm: `/<firm>/…`."""

from django.urls import path

from tenancy import views

app_name = "tenancy"
urlpatterns = [
    path("", views.public_page, name="public"),
    path("privacy/", views.privacy, name="privacy"),
]
