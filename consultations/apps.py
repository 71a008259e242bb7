from django.apps import AppConfig


class ConsultationsConfig(AppConfig):
    name = "consultations"
    verbose_name = "オンライン相談・壁打ち"

    def ready(self) -> None:
        """Declare the kinds of due work in every process: the web puts what the worker does."""
        from consultations import tasks  # noqa: F401
        from consultations.addresses import FEED
        from tenancy.links import lasts_until_revoked

        lasts_until_revoked(FEED)  # a calendar asks for it again and again
