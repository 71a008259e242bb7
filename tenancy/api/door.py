"""The class every API view is made of."""

from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.views import APIView

from tenancy.api.idempotency import once
from tenancy.api.problems import TooLarge
from tenancy.door import Visit
from tenancy.middleware import visit_of
from tenancy.permissions import Access


class Door(APIView):
    """An API view. `access` says what it needs, as one Access or by method; a POST honours `Idempotency-Key` by itself.

    The middleware has opened the transaction and the scope; what raises is rolled back and answered as a problem.
    """

    access: ClassVar[Access | dict[str, Access]]
    metadata_class = None
    largest_body = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "post" in vars(cls):
            cls.post = once(cls.post)  # type: ignore[attr-defined]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.largest_body:
            raise TooLarge

    @property
    def visit(self) -> Visit:
        """Who came through the firm's door."""
        return visit_of(self.request._request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: an `Allow` here would tell a thing that is forbidden from one that does not exist."""
        return {}
