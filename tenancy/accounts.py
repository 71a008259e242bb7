"""How django-allauth behaves here: by invitation only."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No self sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
