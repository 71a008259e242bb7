"""The door for gunicorn. It refuses to open over a database role that row security does not bind."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from django.db import connection  # noqa: E402  (needs the settings)

from tenancy.walls import require_safe_role  # noqa: E402  (needs the apps to be loaded)

require_safe_role()
# With --preload the processes are forked after this line: one connection in two of them would mix their scopes.
connection.close()
# What is loaded stays: the collector need not walk it, nor look after every few hundred objects of a rendered page
# (a fifth of a list's time).
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
