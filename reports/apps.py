from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "jobs and documents"

    def ready(self) -> None:
        from reports import tasks  # noqa: F401  (declares the kind of due work, also where no worker runs)

        autodiscover_modules("documents")
