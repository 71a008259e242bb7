"""Signing in: of django-allauth only the pages that exist here. There is no self sign-up."""

from allauth.account import views
from django.urls import path, re_path
from django.views.decorators.cache import never_cache

from tenancy.edges import no_sooner_than

# Writing the mail takes 0.03 s, and up to 0.3 s more while the broker is away; an unknown address takes none of it.
RESET_SECONDS = 0.4

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", never_cache(views.account_inactive), name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),  # says that it is closed
    path("reauthenticate/", never_cache(views.reauthenticate), name="account_reauthenticate"),
    path("password/change/", never_cache(views.password_change), name="account_change_password"),
    path(
        "password/reset/",
        never_cache(no_sooner_than(RESET_SECONDS, views.password_reset)),
        name="account_reset_password",
    ),
    path("password/reset/done/", never_cache(views.password_reset_done), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        never_cache(views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        never_cache(views.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
]
