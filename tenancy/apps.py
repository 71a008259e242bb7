from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class TenancyConfig(AppConfig):
    name = "tenancy"
    verbose_name = "firms, companies, people"

    def ready(self) -> None:
        from tenancy import checks  # noqa: F401  (registers the start-up checks)

        autodiscover_modules("panels")  # what business apps hang into our pages: tenancy.extensions
        autodiscover_modules("failures")  # what the operator must hear of: tenancy.operating
