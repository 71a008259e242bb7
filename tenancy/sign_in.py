"""Signing somebody in who has just proven who they are in another way than by the sign-in page."""

from allauth.account.internal.flows.login import record_authentication
from django.contrib import auth
from django.http import HttpRequest

from tenancy import sessions
from tenancy.models import User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def sign_in(request: HttpRequest, user: User, *, with_password: bool) -> None:
    """Begin a session of `user`, with a new key. `with_password`: they have just chosen one; otherwise a mail to their
    address proved who they are, as a code by mail does."""
    auth.login(request, user, backend=BACKEND)
    sessions.note_device(request)
    record_authentication(request, user, method="password" if with_password else "code", email=user.email)
