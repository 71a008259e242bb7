"""Celery: the bell. What has to be done stands in PostgreSQL (`tenancy.due`); a message only says «look»."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("michisuji")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_an_unsafe_database_role(**_: Any) -> None:
    """Celery has no other door before the first task; a web process does the same in `config.wsgi`.

    SystemExit, because Celery logs any other exception of a signal and goes on.
    """
    from tenancy.walls import require_safe_role  # needs the apps to be loaded

    try:
        require_safe_role()
    except Exception as problem:
        raise SystemExit(f"The worker does not start: {problem}") from problem
