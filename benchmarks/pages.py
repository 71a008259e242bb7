"""The result page and the company list against a bare Django view of the same rows; 10 and 10,000 companies.

    ./benchmarks/run pages

Both run in gunicorn with two workers of four threads on loopback, over the same PostgreSQL. Requests alternate between
the two, so that whatever else the machine does hits both alike.
"""

import http.client
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.ground import ADMIN, FIRM, ROOT, machine, p50, prepare, say
from config.processes import Child, Program, stop_all, wait_until

SIZES = (10, 10_000)
REQUESTS = 200
WARM_UP = 20
GOAL = 3.0
COPIES = {
    "bare_company": "tenancy_company",
    "bare_membership": "tenancy_membership",
    "bare_firmprofile": "tenancy_firmprofile",
    "bare_diagnosis": "diagnosis_diagnosis",
    "bare_comment": "diagnosis_comment",
    "bare_job": "reports_job",
}


@dataclass(frozen=True)
class Page:
    """One comparison. `says`: a text both pages must contain, so that nobody measures an error page."""

    name: str
    ours: str
    bare: str
    says: str
    cookie: str = ""


@dataclass(frozen=True)
class Measured:
    ours: list[float]
    bare: list[float]
    our_bytes: int
    bare_bytes: int


# ── Rows ──


def grow_to(firm_id: int, size: int) -> None:
    """Let the firm have `size` companies."""
    from tenancy.models import Company, Membership
    from tenancy.scope import Scope, open_scope

    with open_scope(Scope.of_firm(firm_id)):
        consultant = Membership.objects.order_by("pk").first()
        there = Company.objects.count()
        Company.objects.bulk_create(
            [_company(number, consultant) for number in range(there, size)], batch_size=1000
        )


def _company(number: int, consultant: Any) -> Any:
    from tenancy.models import Company

    return Company(
        firm_id=consultant.firm_id,
        name=f"株式会社 計測{number:05}",
        kana=f"ケイソク{number:05}",
        location="埼玉県さいたま市浦和区高砂三丁目",
        support_status="client",
        consultant=consultant,
        search_text=f"計測{number:05} ケイソク 埼玉県さいたま市",
        bare_name=f"計測{number:05}",
    )


def copy_for_the_rival(firm_id: int) -> None:
    """The same rows in tables without row security, with the same indexes. As the owner, in the firm's scope."""
    with psycopg2.connect(_libpq(os.environ["DATABASE_OWNER_URL"])) as owner, owner.cursor() as cursor:
        scope = {"app.user": "0", "app.firm": str(firm_id), "app.companies": "*", "app.link": str(_nil())}
        for name, value in scope.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        for copy, table in COPIES.items():
            cursor.execute(f"DROP TABLE IF EXISTS {copy}")
            cursor.execute(f"CREATE TABLE {copy} (LIKE {table} INCLUDING INDEXES)")
            cursor.execute(f"INSERT INTO {copy} SELECT * FROM {table}")
    owner.close()
    _analyze()


def _analyze() -> None:
    owner = psycopg2.connect(_libpq(os.environ["DATABASE_OWNER_URL"]))
    owner.autocommit = True
    with owner.cursor() as cursor:
        cursor.execute("ANALYZE")
    owner.close()


def _libpq(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)


def _nil() -> Any:
    from tenancy.scope import NO_LINK

    return NO_LINK


# ── Requests ──


def session_cookie() -> str:
    """A signed-in administrator's cookie."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from tenancy.models import User
    from tenancy.sessions import SessionStore

    user, session = User.objects.get(email=ADMIN), SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def pages(firm_id: int, cookie: str) -> list[Page]:
    """What is compared: the first submitted diagnosis as a visitor opens it, the list as an administrator does."""
    from django.urls import reverse

    from diagnosis.addresses import result_token
    from diagnosis.models import Diagnosis
    from tenancy.scope import Scope, open_scope

    with open_scope(Scope.of_firm(firm_id)):
        diagnosis = Diagnosis.objects.submitted().earliest("submitted_at")
        result = reverse("diagnosis:result", args=[FIRM, result_token(diagnosis)])
    return [
        Page("result page", result, f"/result/{diagnosis.pk}/", diagnosis.company_name),
        Page(
            "company list",
            reverse("tenancy:companies", args=[FIRM]),
            f"/companies/{firm_id}/",
            "計測",
            cookie,
        ),
    ]


def measure(page: Page, ports: tuple[int, int]) -> Measured:
    """Alternate between ours and the rival; the warm-up is not counted."""
    sides: tuple[list[float], list[float]] = ([], [])
    sizes = [0, 0]
    for number in range(WARM_UP + REQUESTS):
        for side, path in enumerate((page.ours, page.bare)):
            seconds, sizes[side] = ask(ports[side], path, page)
            if number >= WARM_UP:
                sides[side].append(seconds)
    return Measured(*sides, *sizes)


def ask(port: int, path: str, page: Page) -> tuple[float, int]:
    """Seconds and bytes of one request. Raises ValueError unless the page says what it must."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Cookie": page.cookie, "Host": "localhost"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    if answer.status != 200 or page.says not in body.decode():
        raise ValueError(f"{path} answered {answer.status} without {page.says!r}")
    return seconds, len(body)


# ── Servers ──


@contextmanager
def served(rival: str = "benchmarks.bare") -> Iterator[tuple[tuple[int, int], list[Child]]]:
    """Ours and the rival, each with two sync workers; their ports and processes."""
    ports = _free_port(), _free_port()
    runtime = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    children = [
        _gunicorn("ours", "config.wsgi", ports[0], runtime),
        _gunicorn("bare", rival, ports[1], runtime),
    ]
    try:
        if not wait_until(lambda: all(map(_listens, ports)), seconds=30):
            raise RuntimeError("\n".join(line for child in children for line in child.last_lines()))
        yield ports, children
    finally:
        stop_all(children)


def _gunicorn(name: str, application: str, port: int, env: Mapping[str, str]) -> Child:
    options = (
        "--workers",
        "2",
        "--config",
        "python:config.gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "warning",
    )
    argv = (sys.executable, "-m", "gunicorn", application, *options)
    return Child(Program(name, argv, Path(env["DATA_DIR"]) / "log" / f"{name}.log", env, cwd=ROOT))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def memory_of(child: Child) -> int:
    """The highest peak of a worker of this gunicorn, in MiB (Linux)."""
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    peaks = [_peak(Path(f"/proc/{pid}/status").read_text()) for pid in children]
    return max(peaks) // 1024


def _peak(status: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


# ── Main ──


def main() -> int:
    """Prints the table; 1 when a goal is missed."""
    prepare()
    from tenancy.models import Firm

    firm_id, cookie, met = Firm.objects.get(slug=FIRM).pk, session_cookie(), True
    say(f"{machine()}\n{'':34}{'ours':>10}{'bare':>10}{'ratio':>8}   bytes (ours / bare)")
    for size in SIZES:
        grow_to(firm_id, size)
        copy_for_the_rival(firm_id)
        with served() as (ports, children):
            for page in pages(firm_id, cookie):
                met &= report(page, size, measure(page, ports))
            say(
                f"peak memory of a worker: ours {memory_of(children[0])} MiB, bare {memory_of(children[1])} MiB"
            )
    return 0 if met else 1


def report(page: Page, size: int, measured: Measured) -> bool:
    """One line of the table; whether the goal is met."""
    ours, bare = p50(measured.ours), p50(measured.bare)
    name, sizes = f"{page.name}, {size:,} companies", f"{measured.our_bytes:,} / {measured.bare_bytes:,}"
    verdict = "" if ours / bare <= GOAL else f"   ← goal {GOAL}× missed"
    say(f"{name:34}{ours:7.1f} ms{bare:7.1f} ms{ours / bare:7.2f}×   {sizes}{verdict}")
    return ours / bare <= GOAL


if __name__ == "__main__":
    sys.exit(main())
