"""The engines and the supervisor, through their own doors: real processes, watched with deadlines."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from config.embedded import ROOT, Claim, Engines
from config.processes import processes_with, wait_until

OURS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "PUBLIC_URL",
    "PORT",
    "SECRET_KEY",
    "MICHISUJI_RUN",
)
SHOW_URL = "import os; print(os.environ['DATABASE_URL'])"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a person who has set nothing but DATA_DIR."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**kept, "DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def background(
    environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts our Python with what it says going to `output`; what still lives at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, **extra: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "output").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *argv], cwd=ROOT, env={**environment, **extra}, stdout=output, stderr=output
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def says(tmp_path: Path) -> Callable[[str], bool]:
    """Whether the background process has said this within ten seconds."""
    return lambda text: wait_until(lambda: text in (tmp_path / "output").read_text(), seconds=10)


def run(env: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def a_supervisor_of(*programs: str) -> str:
    """The source of a process that supervises shell commands, each called by its first word."""
    return f"""
import os, sys
from pathlib import Path
from config.processes import Program
from config.supervisor import Console, StopRequest, Supervisor
stop, logs = StopRequest(), Path(os.environ["DATA_DIR"])
stop.listen()
Supervisor([
    Program(f"program{{number}}", ("sh", "-c", command), logs / f"{{number}}.log", patience=1)
    for number, command in enumerate({programs!r})
], Console()).run(stop)
"""


def test_a_taken_port_is_named_and_nothing_is_started(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run({**environment, "PORT": port}, "-m", "config.supervisor")
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_second_server_on_the_same_data_says_who_is_there(
    environment: dict[str, str], tmp_path: Path
) -> None:
    claim = Claim(tmp_path / "data")
    claim.write(kind="server", address="http://localhost:8000")
    try:
        done = run(environment, "-m", "config.supervisor")
    finally:
        claim.release()
    assert done.returncode == 1
    assert f"already runs on {tmp_path}/data: http://localhost:8000 (process {os.getpid()})" in done.stderr


def test_a_program_that_dies_is_shown_with_its_last_lines_and_started_again(
    background: Callable[..., subprocess.Popen[bytes]], says: Callable[[str], bool], tmp_path: Path
) -> None:
    dies_once = 'if mkdir "$DATA_DIR/second"; then echo alas; exit 3; fi; echo back; exec sleep 60'
    background("-c", a_supervisor_of("mkdir -p $DATA_DIR; exec sleep 60", dies_once))
    assert says("program1 died (exit code 3). Its last lines:")
    assert says("program1 │ alas")
    assert says("program1 │ back")


def test_sigterm_leaves_nothing_running_not_even_what_does_not_listen(
    background: Callable[..., subprocess.Popen[bytes]], says: Callable[[str], bool]
) -> None:
    deaf = 'trap "" TERM; sleep 60 & echo up; wait; sleep 60'
    process = background("-c", a_supervisor_of(deaf), MICHISUJI_RUN="sigterm-test")
    assert says("up")
    process.terminate()
    assert process.wait(10) == 0
    assert processes_with("MICHISUJI_RUN", "sigterm-test") == []


def test_a_killed_supervisor_takes_its_programs_along(
    background: Callable[..., subprocess.Popen[bytes]], says: Callable[[str], bool]
) -> None:
    process = background("-c", a_supervisor_of("echo up; exec sleep 60"), MICHISUJI_RUN="kill-test")
    assert says("up")
    process.kill()
    assert wait_until(lambda: processes_with("MICHISUJI_RUN", "kill-test") == [], seconds=5)


def test_commands_share_the_data_and_attach_to_the_engines_that_run(
    environment: dict[str, str], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    alone = run(environment, "-m", "config.embedded", "--tests", "--", sys.executable, "-c", SHOW_URL)
    assert alone.stdout.startswith("postgres://michisuji_app@/michisuji?host=")
    claim = Claim(data_dir)
    engines = Engines.start(data_dir, for_tests=True)
    try:
        claim.write(kind="server", environment=engines.environment())
        attached = run(environment, "-m", "config.embedded", "--", sys.executable, "-c", SHOW_URL)
    finally:
        engines.stop()
        claim.release()
    assert attached.stdout.strip() == engines.database_url


def test_the_runtime_role_is_bound_by_row_security_and_owns_nothing(tmp_path: Path) -> None:
    claim = Claim(tmp_path)
    engines = Engines.start(tmp_path, for_tests=True)
    try:
        with psycopg2.connect(engines.owner_url) as owner, owner.cursor() as cursor:
            cursor.execute("CREATE TABLE thing (id bigserial, name text)")
        with psycopg2.connect(engines.database_url) as app, app.cursor() as cursor:
            cursor.execute("INSERT INTO thing (name) VALUES ('a') RETURNING id")
            cursor.execute(
                "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
            assert cursor.fetchone() == (False, False, False)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("CREATE TABLE other (id bigint)")
        owner.close()
        app.close()
    finally:
        engines.stop()
        claim.release()


def test_engines_come_back_after_everything_was_killed(
    background: Callable[..., subprocess.Popen[bytes]], environment: dict[str, str], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    process = background("-m", "config.embedded", "--tests", "--", "sleep", "60")
    postmaster = data_dir / "postgres" / "postmaster.pid"
    state = data_dir / "running.json"
    assert wait_until(lambda: state.exists() and "kind" in json.loads(state.read_text()), seconds=20)
    postgres = int(postmaster.read_text().splitlines()[0])
    os.kill(postgres, signal.SIGKILL)
    process.kill()
    # A pid file that names a living stranger is what a reboot leaves behind.
    assert wait_until(lambda: not Path(f"/proc/{postgres}").exists(), seconds=5)
    postmaster.write_text(postmaster.read_text().replace(str(postgres), str(os.getpid()), 1))
    done = run(environment, "-m", "config.embedded", "--tests", "--", sys.executable, "-c", SHOW_URL)
    assert done.returncode == 0, done.stderr
    assert (
        processes_with("MICHISUJI_RUN", json.loads(state.read_text())["run"] if state.exists() else "") == []
    )
