from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"
    verbose_name = "mails and notices"

    def ready(self) -> None:
        from notices import tasks  # noqa: F401  (declares the kinds of due work, also where no worker runs)
        from notices.actions import queue_mail
        from tenancy import letters

        letters.deliver_by(queue_mail)
