"""Which static files are collected: ours, and of the wheels only what a page uses."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class CollectedStatic(StaticFilesConfig):
    """Leaves out what wheels bring along and no page asks for; compressing it would take half a minute."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "rest_framework",
        "account",
        "redoc",
        "swagger-ui-es-bundle*",
        "swagger-ui-standalone-preset*",
        "swagger-ui.js*",
        "htmx-4*",
        "htmax-*",
        "django_htmx/ext/*",
    ]
