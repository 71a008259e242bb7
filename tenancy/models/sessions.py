"""Signed-in browsers."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from tenancy.models.people import User


class Session(AbstractBaseSession):
    """A browser's session, as Django's, and beside it in columns what its person may see of it in the list of the own
    sessions. No address, and of the browser only the plain word that the list shows. `firms`: when it was last used in
    which firm (id → seconds), so that a firm's admin sees what was used there and nothing of anywhere else."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    device = models.CharField(max_length=40, blank=True)
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    firms = models.JSONField(default=dict)

    seen_here: datetime | None = None  # when it was last used in the firm that `sessions_in` was asked about

    class Meta:
        pass

    @classmethod
    def get_session_store_class(cls) -> Any:
        """As Django wants it of a session's model."""
        from tenancy.sessions import SessionStore  # the store names this model

        return SessionStore
