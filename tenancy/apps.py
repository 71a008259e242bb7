from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class TenancyConfig(AppConfig):
    name = "tenancy"
    verbose_name = "firms, companies, people"

    def ready(self) -> None:
        from tenancy import (
            checks,  # noqa: F401  (registers the start-up checks)
            words,
        )

        words.speak()  # before any form is made

        # What business apps hang into our pages (tenancy.extensions), their first steps, their words in the trail
        # (tenancy.trail_words), how long they keep what (tenancy.retention), and what the operator must hear of
        # (tenancy.operating).
        autodiscover_modules(
            "panels", "first_steps", "trail_words", "retention", "failures", "operator_words"
        )
