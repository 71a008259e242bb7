"""Start-up checks: every view says what it needs."""

from collections.abc import Callable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from tenancy.permissions import Access

# Other people's views, which run without a scope and see no tenant's data.
FOREIGN_MODULES = ("allauth.", "django.views.static")


def patterns(
    resolver: URLResolver | None = None, prefix: str = ""
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every (route, view) of the URL resolver."""
    for each in (resolver or get_resolver()).url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route, each.callback
        else:
            yield from patterns(each, route)


def declared(view: Callable[..., Any]) -> Any:
    """The view's `access`, as it stands there; None where there is none."""
    return getattr(getattr(view, "cls", None) or getattr(view, "view_class", view), "access", None)


@register()
def every_view_says_what_it_needs(**_: Any) -> list[CheckMessage]:
    """An Error for each view of ours without `access`."""
    return [
        Error(f"/{route} does not declare what it needs: @access(…).", id="tenancy.E001", obj=view)
        for route, view in patterns()
        if not _is_foreign(view) and not _is_declared(declared(view))
    ]


def _is_declared(access: Any) -> bool:
    return isinstance(access, Access) or (isinstance(access, dict) and bool(access))


def _is_foreign(view: Callable[..., Any]) -> bool:
    return (getattr(view, "view_class", view).__module__ + ".").startswith(FOREIGN_MODULES)
