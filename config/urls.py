"""Every address. The reserved first words come before the firms' (tenancy.models.RESERVED_SLUGS)."""

from django.urls import include, path

from consultations.views.embed import embed
from tenancy import views

urlpatterns = [
    path("", views.product, name="product"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("theme/", views.theme, name="theme"),
    path("entrance/", views.entrance, name="entrance"),
    path("accounts/", include("tenancy.account_urls")),
    path("operator/", include("tenancy.operator_urls")),
    path("api/v1/", include("tenancy.api.urls")),
    path("embed/<slug:firm>/", embed, name="embed"),
    path("api/v1/firms/<slug:firm>/", include("consultations.api")),
    path("api/v1/firms/<slug:firm>/", include("diagnosis.api")),
    path("api/v1/firms/<slug:firm>/", include("reports.api")),
    path("api/v1/firms/<slug:firm>/", include("tenancy.api.nothing")),  # after all others
    path("<slug:firm>/", include("consultations.urls")),
    path("<slug:firm>/", include("diagnosis.urls")),
    path("<slug:firm>/", include("notices.urls")),
    path("<slug:firm>/", include("reports.urls")),
    path("<slug:firm>/", include("tenancy.urls")),
]

handler400 = "tenancy.views.bad_request"
handler403 = "tenancy.views.forbidden"
handler404 = "tenancy.views.not_found"
handler500 = "tenancy.views.server_error"
