from django.apps import AppConfig


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = "簡易診断"

    def ready(self) -> None:
        """Declare the kinds of due work in every process: the web puts what the worker does."""
        from diagnosis import tasks  # noqa: F401
