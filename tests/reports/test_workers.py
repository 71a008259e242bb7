"""Real workers that are killed, and a broker that is away (architecture.md §5)."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from django.test import Client

from config.embedded import start_valkey, valkey_url
from config.processes import Child, Program, stop_all, wait_until
from notices.actions import queue_mail
from notices.models import Mail
from reports.models import Job
from reports.tasks import render
from tenancy import due
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House
from tests.reports import papers
from tests.reports.test_jobs import ask, files, the_job

pytestmark = pytest.mark.django_db(transaction=True)

LEASE_SECONDS = 2
DEADLINE = 60


@pytest.fixture
def start_worker(media: Path, tmp_path: Path) -> Iterator[Callable[[], Child]]:
    """Starts workers like the product's own, on the tests' database, with a lease that runs out soon."""
    here = connection.settings_dict
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{here['NAME']}").geturl()
    env = {
        **os.environ,
        "DATABASE_URL": address,
        "DATA_DIR": str(tmp_path),
        "DUE_LEASE_SECONDS": str(LEASE_SECONDS),
        papers.FOLDER: str(tmp_path / "papers"),
    }
    argv = (
        *(sys.executable, "-m", "celery", "--app", "config", "worker"),
        *("--concurrency", "1", "--queues", "reports,public_reports,mail", "--loglevel", "WARNING"),
        *("--include", "tests.reports.papers", "--without-gossip", "--without-mingle"),
    )
    started: list[Child] = []

    def start() -> Child:
        started.append(Child(Program("worker", argv, tmp_path / "worker.log", env=env)))
        return started[-1]

    yield start
    stop_all(started)


def kill_9(worker: Child) -> None:
    worker.kill_group()
    assert worker.wait(seconds=5) == -signal.SIGKILL


def eventually(true: Callable[[], bool], worker: Child) -> None:
    """Wait as long as it may take, ringing for what is due as beat does."""

    def rung() -> bool:
        due.sweep()
        return true() or worker.exit_code() is not None

    assert wait_until(rung, seconds=DEADLINE, interval=0.1), worker.last_lines(40)
    assert true(), worker.last_lines(40)


def mails(house: House) -> list[Mail]:
    with open_scope(house.scope):
        return list(Mail.objects.all())


@pytest.mark.parametrize("moment", ["while the pages are set", "between the file and the end of the job"])
def test_a_worker_killed_in_the_middle_costs_nothing(
    michisuji: House, media: Path, wish: Path, start_worker: Callable[[], Child], moment: str
) -> None:
    while_set = moment == "while the pages are set"
    (wish / ("long" if while_set else "hold")).touch()
    ask(michisuji)
    first = start_worker()
    if while_set:
        eventually(lambda: the_job(michisuji).progress == 0.3, first)
    else:
        eventually(lambda: papers.noted("done") == 1, first)
        assert len(files(media)) == 1
    kill_9(first)
    assert the_job(michisuji).state == "running"
    killed_at = time.monotonic()
    (wish / ("long" if while_set else "hold")).unlink()

    second = start_worker()
    eventually(lambda: the_job(michisuji).is_done and not Due.objects.exists(), second)
    assert time.monotonic() - killed_at < DEADLINE
    job = the_job(michisuji)
    assert job.attempts >= 2
    assert files(media) == [media / job.file]
    sent = mails(michisuji)
    assert [(each.state, each.attempts) for each in sent] == [("sent", 1)]


# ── The broker is away ──


class Broker:
    """A broker of our own that can be started late."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.child = folder, None

    child: Child | None

    def start(self) -> None:
        self.child = start_valkey(self.folder, log=self.folder / "valkey.log")

    def stop(self) -> None:
        stop_all([self.child] if self.child else [])
        self.child = None

    def waiting(self, queue: str) -> int:
        prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
        with redis.Redis(unix_socket_path=str(self.folder / "valkey.sock")) as client:
            return int(client.llen(f"{prefix}{queue}"))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """This process's Celery speaks to a broker that is not there yet."""
    with tempfile.TemporaryDirectory(prefix="mb-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the engines run as another user where tests run as root
        monkeypatch.setattr(current_app.conf, "broker_url", valkey_url(folder))
        monkeypatch.setattr(current_app, "_pool", None)
        monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
        own = Broker(folder)
        yield own
        own.stop()


def test_a_broker_that_is_away_is_noticed_by_nobody_and_hears_of_it_later(
    michisuji: House, media: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    job = ask(michisuji)
    with open_scope(michisuji.scope):
        queue_mail(
            key="k",
            template="diagnosis_resume",
            to="chiba@a.example",
            context={"expires_label": "明日", "resume_url": "http://x/"},
        )
    assert [each.message for each in caplog.records].count("bell not rung") == 1
    assert Due.objects.count() == 2
    assert due.sweep() == 0

    broker.start()
    assert due.sweep() == 2
    assert (broker.waiting("reports"), broker.waiting("mail")) == (1, 1)
    render(michisuji.firm.pk, str(job.pk))
    assert the_job(michisuji).is_done


def test_a_member_sees_no_error_while_the_broker_is_away(
    michisuji: House, as_: Callable[[str], Client], broker: Broker
) -> None:
    job = ask(michisuji)
    with open_scope(michisuji.scope):
        Job.objects.update(state="failed")
    Due.objects.all().delete()
    answer = as_("馬場").post(f"/michisuji/jobs/{job.pk}/again/", follow=True)
    assert answer.status_code == 200
    assert "順番を待っています" in answer.content.decode()
    broker.start()
    broker.stop()
    broker.start()
    assert due.sweep() == 1
    assert broker.waiting("reports") == 1


def test_the_lease_is_thirty_seconds_unless_told_otherwise() -> None:
    assert due.LEASE.total_seconds() == float(os.environ.get("DUE_LEASE_SECONDS", "30"))
