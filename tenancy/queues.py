"""A look at the broker, for /readyz and the operator."""

import redis
from django.conf import settings


def broker_is_up() -> bool:
    """Whether Redis or Valkey answers within 0.3 s."""
    client = redis.Redis.from_url(_plain_url(), socket_connect_timeout=0.3, socket_timeout=0.3)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _plain_url() -> str:
    """Celery writes a socket's address as redis+socket://, the client as unix://."""
    return str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)
