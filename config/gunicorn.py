"""How gunicorn serves, here and in the image: `gunicorn --config python:config.gunicorn config.wsgi`.

What differs between the two (address, number of processes, patience) is said on the command line.
"""

import socket
from typing import Any

# Threads, so that one slow answer keeps few waiting (docs/decisions/0008); each has a database connection.
worker_class = "gthread"
threads = 4
# No control socket, no access log: addresses can hold signed links.
control_socket_disable = True
accesslog = None

_SILENT_SECONDS = 3600  # when they are over, the kernel hands all of them over at once


def when_ready(server: Any) -> None:
    """A connection that sends nothing is not even accepted: it would hold a thread for seconds.

    Holds for an hour, and for as many as fit into gunicorn's backlog (2,048). Linux only.
    """
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        for listener in server.LISTENERS:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _SILENT_SECONDS)
