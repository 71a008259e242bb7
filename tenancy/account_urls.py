"""Signing in and the own account. Of django-allauth only the pages that exist here. There is no self sign-up."""

from allauth.account import views
from django.urls import path, re_path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenancy.edges import no_sooner_than
from tenancy.views import account, signing_in

# Writing the mail takes 0.03 s, and up to 0.3 s more while the broker is away; an unknown address takes none of it.
MAIL_SECONDS = 0.4

urlpatterns = [
    path("", account.overview, name="account"),
    path("login/", signing_in.login, name="account_login"),
    path(
        "login/code/",
        no_sooner_than(MAIL_SECONDS, signing_in.request_code),
        name="account_request_login_code",
    ),
    path(
        "login/code/confirm/",
        no_sooner_than(MAIL_SECONDS, signing_in.confirm_code),
        name="account_confirm_login_code",
    ),
    path("login/second-factor/", signing_in.second_factor, name="mfa_authenticate"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", never_cache(views.account_inactive), name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),  # says that it is closed
    path("reauthenticate/", signing_in.reauthenticate, name="account_reauthenticate"),
    path("name/", account.name, name="account_name"),
    path("email/", no_sooner_than(MAIL_SECONDS, account.email), name="account_change_email"),
    path("email/sent/", account.email_sent, name="account_email_sent"),
    path(
        "email/confirm/<str:token>/", never_cache(account.email_confirm), name="account_confirm_email_change"
    ),
    path("sessions/", account.sessions, name="account_sessions"),
    path("second-factor/", account.second_factor, name="mfa_index"),
    path("second-factor/set-up/", account.second_factor_set_up, name="mfa_activate_totp"),
    path("second-factor/remove/", account.second_factor_remove, name="mfa_deactivate_totp"),
    path("second-factor/codes/", account.recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/codes/file/", account.recovery_codes_file, name="mfa_download_recovery_codes"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path(
        "password/reset/",
        never_cache(no_sooner_than(MAIL_SECONDS, views.password_reset)),
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

# Django's form views take a PUT for a POST, and its views tell their methods to whoever asks: no page here means that.
for each in urlpatterns:
    each.callback = require_http_methods(["GET", "HEAD", "POST"])(each.callback)
