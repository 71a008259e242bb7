"""Sessions through the API: `firms/<firm>/consultations/`. The same rules and actions as the pages."""

from typing import Any

app_name = "consultations_api"
urlpatterns: list[Any] = []
