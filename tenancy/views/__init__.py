"""The house's own pages, by room. `config.urls` names those without a firm here."""

from tenancy.views.doors import (
    bad_request,
    entrance,
    forbidden,
    healthz,
    not_found,
    product,
    readyz,
    server_error,
    theme,
)

__all__ = [
    "bad_request",
    "entrance",
    "forbidden",
    "healthz",
    "not_found",
    "product",
    "readyz",
    "server_error",
    "theme",
]
