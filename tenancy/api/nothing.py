"""What stands at the addresses of a firm where no door is."""

from typing import Any

from django.http import Http404
from django.urls import re_path
from rest_framework.request import Request

from tenancy.api.door import Door
from tenancy.permissions import Access


class Nothing(Door):
    """Guarded like a private door, so that strangers cannot tell by the answer where doors are; behind it is a 404."""

    access = Access("home.read")
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


# Ends with a slash as every address does: who forgets it is led to the one that has it.
urlpatterns = [re_path(r"^(?:.*/)?$", Nothing.as_view())]
