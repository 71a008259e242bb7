"""Settings, read top to bottom. Every environment variable is documented where it is read.

There is one configuration: what is tested is what runs. `./script/server` and `./script/test` set the variables for the
embedded engines; on servers the operator sets them (docs/operations.md). Unsafe production settings refuse to start.
"""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def required(name: str, purpose: str) -> str:
    """The environment variable `name`; refuses to start without it."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set ({purpose}). ./script/server sets everything up.")
    return value


# ── Where it is reached ──
# PUBLIC_URL: what people type. https → secure cookies, HSTS, redirect; plain http only for this machine itself.
# Links in mails come from it, never from the Host header.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://localhost:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
HTTPS = _public.scheme == "https"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
if not HTTPS and _public.hostname not in ("localhost", "127.0.0.1", "::1"):
    raise ImproperlyConfigured("PUBLIC_URL must start with https:// unless it is localhost.")
ALLOWED_HOSTS = [_public.hostname or "localhost"] if HTTPS else list(LOCAL_HOSTS)
# INTERNAL_HOSTS: further host names, comma separated, for health checks inside a private network.
ALLOWED_HOSTS += [host for host in os.environ.get("INTERNAL_HOSTS", "").split(",") if host]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# TRUSTED_PROXIES: how many reverse proxies of ours append to X-Forwarded-For (0: the peer's own address counts).
TRUSTED_PROXIES = int(os.environ.get("TRUSTED_PROXIES", "0"))

# ── Secrets ──
# SECRET_KEY: ≥ 50 random characters; signs links and sessions. Changing it alone ends every link that was sent.
SECRET_KEY = required("SECRET_KEY", "a long random text")
if HTTPS and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5):
    raise ImproperlyConfigured("SECRET_KEY is too weak: at least 50 random characters.")
# OLD_SECRET_KEYS: earlier keys, comma separated; what they signed is still accepted. So a key can be changed in peace.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("OLD_SECRET_KEYS", "").split(",") if key]
DEBUG = False  # one behaviour everywhere: error pages are the ones people see

# ── Where it keeps things ──
# DATA_DIR: files made here when no S3 bucket is named, collected static files, development engines.
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")).resolve()
# DATABASE_URL: PostgreSQL as the runtime role (no superuser, no BYPASSRLS; checked at start-up).
# DATABASE_OWNER_URL: the role that owns the tables; set it for `migrate` only.
_MIGRATING = len(sys.argv) > 1 and sys.argv[1] in ("migrate", "createcachetable")
_owner_url = os.environ.get("DATABASE_OWNER_URL", "")
_database_url = _owner_url if _MIGRATING and _owner_url else required("DATABASE_URL", "postgres://…")
DATABASES: dict[str, Any] = {"default": dict(dj_database_url.parse(_database_url, conn_max_age=600))}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Cursors on the server cost two more round trips for each list of choices, and no transaction pooler keeps them.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "options": "-c lock_timeout=3000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000",
    "client_encoding": "UTF8",
    "connect_timeout": 3,
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must be postgres://…: row security is one of the two walls.")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# REDIS_URL: Redis or Valkey; holds only the Celery queue.
REDIS_URL = required("REDIS_URL", "redis://…")

# ── Guards ──
# WITHOUT_GUARD: the test suite switches one guard off to see a test fail (`./script/test --without NAME`).
RUNNING_TESTS = "pytest" in sys.modules
WITHOUT_GUARD = os.environ.get("WITHOUT_GUARD", "") if RUNNING_TESTS else ""

# ── What it is made of ──
INSTALLED_APPS = [
    "django.forms",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "config.static.CollectedStatic",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "tenancy",
    "notices",
    "reports",
    "diagnosis",
    "consultations",
    "config",  # no models: the one command that knows all apps (load_demo)
]
MIDDLEWARE = [
    "tenancy.middleware.RequestIdMiddleware",
    "csp.middleware.CSPMiddleware",  # before whatever may refuse a request: also its answer carries the policy
    "django.middleware.security.SecurityMiddleware",
    "tenancy.edges.EdgesMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenancy.edges.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenancy.middleware.ScopeMiddleware",  # innermost: one request, one transaction, one scope
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenancy.context.shell",
                "notices.context.bell",
            ],
            "builtins": ["tenancy.templatetags.michisuji"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# ── Language and time ──
LANGUAGE_CODE = "ja"
TIME_ZONE = "Asia/Tokyo"
USE_I18N = True
USE_TZ = True

# ── Static files and media ──
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# S3_BUCKET: where made files are kept in production (S3-compatible; with S3_ENDPOINT_URL, S3_REGION and the usual
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY). Without it files stay in DATA_DIR/media.
S3_BUCKET = os.environ.get("S3_BUCKET", "")
_S3_STORAGE: dict[str, Any] = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": S3_BUCKET,
        "endpoint_url": os.environ.get("S3_ENDPOINT_URL") or None,
        "region_name": os.environ.get("S3_REGION") or None,
        "default_acl": None,
        "file_overwrite": False,
        "querystring_auth": True,
    },
}
if S3_BUCKET:
    from botocore.config import Config  # slow to import, and only here is it needed

    # A storage that hangs must end before the patience of gunicorn and of a lease does.
    _S3_STORAGE["OPTIONS"]["client_config"] = Config(
        connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 2}
    )
_DISK_STORAGE = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
STORAGES: dict[str, Any] = {
    "default": _S3_STORAGE if S3_BUCKET else _DISK_STORAGE,
    "staticfiles": {"BACKEND": "config.static.StaticStorage"},
}
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "br", "woff2", "map")
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "/_files_are_never_served_by_address/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# ── People ──
AUTH_USER_MODEL = "tenancy.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "entrance"
ACCOUNT_ADAPTER = "notices.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = (
    "none"  # accounts come from an invitation to the address, there is no self sign-up
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True  # no box: how long it lasts is SESSION_COOKIE_AGE
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
    "request_login_code": "20/m/ip,5/15m/key",
}
# Signing in with a code by mail, for a company's own people: the firm's side wants a password (tenancy.account).
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# The second factor: an app that makes codes, and recovery codes for the day it is lost.
MFA_ADAPTER = "tenancy.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "道筋 Michisuji"
MFA_TOTP_TOLERANCE = 1  # half a minute: clocks of phones differ, and people type slowly
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SESSION_ENGINE = "tenancy.sessions"
# What it opens on the firm's side ends earlier: tenancy.sessions.
SESSION_COOKIE_AGE = 30 * 24 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True

# ── Cache: PostgreSQL, so that limits hold across processes without another engine ──
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# ── Transport and headers ──
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"  # the address of a signed link never leaves the house
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# ── Mail ──
# EMAIL_URL: smtp://user:password@host:587 (STARTTLS) or smtps://…:465. Without it mails are kept in the firm's mail
# log and go nowhere else: how the demo works.
EMAIL_URL = os.environ.get("EMAIL_URL", "")
_mail = urlsplit(EMAIL_URL)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_URL else 'dummy'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or 587
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.username or "", _mail.password or ""
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
EMAIL_TIMEOUT = 15
# MAIL_FROM: the envelope and From address of this installation; Reply-To is always the firm.
DEFAULT_FROM_EMAIL = os.environ.get("MAIL_FROM", "michisuji@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# ── Jobs ──
# DUE_LEASE_SECONDS: how long a worker that fell silent keeps its work; it renews three times in that time.
DUE_LEASE_SECONDS = float(os.environ.get("DUE_LEASE_SECONDS", "30"))
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "mail"
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
# QUEUE_PREFIX: keeps two installations apart that share one Redis.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "global_keyprefix": os.environ.get("QUEUE_PREFIX", "michisuji:"),
    "max_retries": 0,  # a bell that cannot be rung now is rung by the next sweep
    "interval_start": 0,
    "socket_connect_timeout": 0.3,
    "socket_timeout": 5,
}
CELERY_BEAT_SCHEDULE = {"look-for-what-is-due": {"task": "tenancy.sweep", "schedule": 15.0}}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# ── API ──
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenancy.api.authentication.DoorAuthentication"],
    # Who may what is declared on the view and checked at the door (tenancy.middleware), pages and API alike.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenancy.api.parsers.CarefulJSONParser"],
    "EXCEPTION_HANDLER": "tenancy.api.problems.problem_details",
    "DEFAULT_SCHEMA_CLASS": "tenancy.api.schema.DoorSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "道筋 Michisuji API",
    "VERSION": "1",
    "DESCRIPTION": (
        "`Authorization: Bearer <トークン>` を付けてご利用ください。エラーは RFC 9457 の形式"
        "(`application/problem+json`)で、`detail` に日本語の説明が入ります。"
    ),
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenancy.api.schema.without_docstrings",
    ],
    "ENUM_NAME_OVERRIDES": {
        "DiagnosisState": "diagnosis.models.Diagnosis.State",
        "JobState": "reports.models.Job.State",
        "DiagnosisOrigin": "diagnosis.models.Diagnosis.Origin",
        "ConsultationOrigin": "consultations.models.Consultation.Origin",
        "ConsultationState": "consultations.states.State",
    },
}

# ── Logs: one JSON line each, with request, firm and actor, never personal data ──
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "tenancy.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "level": "CRITICAL", "propagate": False},
        # gunicorn names the address of a request that it could not answer: as everywhere, without what opens it.
        "gunicorn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "fontTools": {"level": "ERROR"},
        "weasyprint": {"level": "ERROR"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
