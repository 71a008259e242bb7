"""The firm's public face on the error pages that a visitor may meet: whom to telephone, and the way back."""

import re

from django.db import Error
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve

from tenancy.context import PublicSite, site_of
from tenancy.door import Closed, enter_firm
from tenancy.permissions import VISITOR, Access, access_of
from tenancy.responses import is_api
from tenancy.scope import Scope, open_scope


def resolved(request: HttpRequest) -> ResolverMatch | None:
    """The view that the address leads to, None if it leads nowhere."""
    try:
        return resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return None


def face_of(request: HttpRequest) -> PublicSite | None:
    """What the firm in the address shows everybody on its public page anyway. Three queries in a scope of its own.

    None at members' addresses, where «missing» and «forbidden» must be the same bytes; at the API; where no firm is
    named; and when the database is what failed. An address that leads nowhere says nothing about anything, so there
    the firm may be named.
    """
    slug = _visited(request)
    if not slug:
        return None
    try:
        with open_scope(Scope(), told=False):
            return site_of(enter_firm(request, slug, Access(VISITOR)))
    except (Closed, Error):
        return None


def _visited(request: HttpRequest) -> str:
    """The firm's slug in an address of visitors, or in one that leads nowhere; else ''."""
    match = resolved(request)
    if is_api(request):
        return ""
    if match is None:
        named = re.match(r"/([-\w]+)/", request.path_info, re.ASCII)
        return named[1] if named else ""
    access = access_of(match.func, request.method or "GET")
    is_visitors = access is not None and access.permission == VISITOR
    return str(match.kwargs["firm"]) if is_visitors else ""
