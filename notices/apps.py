from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"
    verbose_name = "mails and notices"

    def ready(self) -> None:
        from notices import (
            actions,
            tasks,  # noqa: F401  (declares the kinds of due work, also where no worker runs)
        )
        from tenancy import letters

        letters.deliver_by(actions)
