"""Which static files are collected: ours, and of the wheels only what a page uses; and what they are called."""

from functools import cache

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


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


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's. A name is looked up once for each process: a page names twenty files, and none changes."""

    url = cache(CompressedManifestStaticFilesStorage.url)
