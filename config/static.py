"""Which static files are collected: ours, and of the wheels only what a page uses."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class CollectedStatic(StaticFilesConfig):
    """Leaves out what wheels bring along and no page asks for; compressing it would only take time."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "rest_framework",
        "account",
        "htmx-4*",
        "htmax-*",
        "django_htmx/ext/*",
    ]
