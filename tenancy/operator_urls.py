"""Pages of the operator of the installation: `/operator/…`."""

from django.urls import path

from tenancy.views import operator

app_name = "operator"
urlpatterns = [
    path("", operator.firms, name="firms"),
    path("firms/new/", operator.firm_new, name="firm_new"),
    path("firms/<int:firm_id>/enter/", operator.firm_enter, name="firm_enter"),
    path("firms/<int:firm_id>/leave/", operator.firm_leave, name="firm_leave"),
    path("health/", operator.health, name="health"),
    path("queues/", operator.queues, name="queues"),
    path("failures/", operator.failures, name="failures"),
    path("limits/", operator.limits, name="limits"),
]
