# One image for web, workers, beat and migrate; docker-compose.yml says which command runs where.

FROM python:3.11-slim-bookworm AS wheels
COPY requirements.txt .
RUN pip wheel --no-cache-dir --no-deps --require-hashes --requirement requirements.txt --wheel-dir /wheels

FROM python:3.11-slim-bookworm
# What WeasyPrint draws with, and the Japanese font of the reports (docs/architecture.md). The font cache is made here,
# because the running container cannot write one.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
        fonts-morisawa-bizud-gothic fonts-morisawa-bizud-mincho \
    && fc-cache --system-only \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps --no-index /wheels/*.whl
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin michisuji

WORKDIR /app
COPY . .
# The static files and the bytecode are part of the image. collectstatic reads no database and no queue, but settings
# refuse to start without their names: these live for one line only.
ENV DATA_DIR=/app/var PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN SECRET_KEY=for-this-line-only DATABASE_URL=postgres://nobody@nowhere/nothing REDIS_URL=redis://nowhere \
        python manage.py collectstatic --noinput \
    && python -m compileall -q . \
    && chmod -R a+rX /app # whatever umask the checkout was made with

USER michisuji
# The file system is read-only at work: what libraries want to cache goes to the tmpfs.
# INTERNAL_HOSTS: the name by which the health check knocks.
ENV HOME=/tmp XDG_CACHE_HOME=/tmp/.cache INTERNAL_HOSTS=127.0.0.1
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# WEB_CONCURRENCY says how many processes; each has four threads, each thread a database connection (config/gunicorn.py).
CMD ["gunicorn", "config.wsgi", "--config=python:config.gunicorn", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", \
     "--timeout=60", "--graceful-timeout=30", "--max-requests=5000", "--max-requests-jitter=500"]
