"""`python -m config.supervisor`: the whole product under one process, until Ctrl-C or SIGTERM.

PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name servers), the migrations, the demo, then web, worker and
beat. Why it is ours and not a library: docs/decisions/0002-a-small-supervisor-of-our-own.md.
"""

import contextlib
import hashlib
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TextIO

from config.embedded import (
    ROOT,
    RUN_VARIABLE,
    Claim,
    DataDirInUse,
    EngineError,
    Engines,
    base_environment,
    data_dir_of,
)
from config.processes import Child, Program, stop_all

QUEUES: Final = "kpi,reports,public_reports,mail"
DEMO_PASSWORD: Final = "michisuji-demo"
# Accounts of the demo, as far as their roles can do something yet.
DEMO_ACCOUNTS: Final = (
    ("admin@demo.example", "firm admin of michisuji"),
    ("consultant@demo.example", "consultant of michisuji"),
    ("owner@demo.example", "owner of つむぎ野工務店, a client of michisuji"),
    ("staff@demo.example", "staff of the same company"),
    ("partner@demo.example", "external partner of the same company"),
    ("owner2@demo.example", "owner of ときわ蔵, another client of michisuji"),
    ("rival@demo.example", "firm admin of aoba, another tenant"),
)
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_STEADY_AFTER: Final = 30.0
_TICK: Final = 0.1


class StartFailed(Exception):
    """The product cannot start; the message tells a person why and what to do."""


class StopRequest:
    """Remembers that somebody asked us to stop; signals do nothing else, so nothing is cut in half."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """From now on Ctrl-C, SIGTERM and a closed terminal are such requests."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.ask())

    def ask(self) -> None:
        self.asked = True


class Console:
    """What the person who started us reads."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out

    def say(self, text: str) -> None:
        # The terminal may be gone before we are; stopping cleanly matters more than saying so.
        with contextlib.suppress(OSError):
            print(text, file=self._out, flush=True)

    def say_lines(self, name: str, lines: list[str]) -> None:
        for line in lines:
            self.say(f"{name:>9} │ {line}")


# --- keeping programs alive ----------------------------------------------------------------------------------


class Keeper:
    """Keeps one program running: starts it again when it dies, each time a little later."""

    def __init__(
        self, program: Program, console: Console, *, child: Child | None = None, aloud: bool = True
    ) -> None:
        """`child` is the program if it already runs; else it starts at the first `look`.

        Only what an `aloud` one writes is passed on to the console while it lives.
        """
        self.program = program
        self.child = child
        self._aloud = aloud
        self._console = console
        self._deaths_in_a_row = 0
        self._start_at = 0.0

    def look(self) -> None:
        """Pass on what it has said; notice its death; start it when its time has come."""
        if self.child is None:
            if time.monotonic() >= self._start_at:
                self.child = Child(self.program)
            return
        code = self.child.exit_code()
        if self._aloud:
            self._console.say_lines(self.program.name, self.child.new_lines())
        if code is not None:
            self._bury(self.child, code)

    def _bury(self, child: Child, code: int) -> None:
        child.kill_group()
        steady = time.monotonic() - child.started > _STEADY_AFTER
        self._deaths_in_a_row = 1 if steady else self._deaths_in_a_row + 1
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (self._deaths_in_a_row - 1))
        self._console.say(f"✗ {self.program.name} died ({_in_words(code)}). Its last lines:")
        self._console.say_lines(self.program.name, child.last_lines())
        self._console.say(f"  Starting it again in {delay:g} s. Whole log: {self.program.log}")
        self.child, self._start_at = None, time.monotonic() + delay


class Supervisor:
    """Keeps all programs running until it is asked to stop."""

    def __init__(
        self, programs: list[Program], console: Console, *, engines: list[Child] | None = None
    ) -> None:
        """`engines` already run; they are stopped last, because the others need them to stop cleanly."""
        self._engines = [Keeper(child.program, console, child=child, aloud=False) for child in engines or []]
        self._programs = [Keeper(program, console) for program in programs]

    def look(self) -> None:
        """One round over all of them."""
        for keeper in (*self._engines, *self._programs):
            keeper.look()

    def run(self, stop: StopRequest, *, on_tick: Callable[[], None] = lambda: None) -> None:
        """Look at all, again and again, until `stop` is asked for; then stop the programs, not the engines."""
        try:
            while not stop.asked:
                self.look()
                on_tick()
                time.sleep(_TICK)
        finally:
            stop_all(_living(self._programs))

    def engine_children(self) -> list[Child]:
        """The engines as they are now, some perhaps restarted."""
        return _living(self._engines)


def _living(keepers: list[Keeper]) -> list[Child]:
    return [keeper.child for keeper in keepers if keeper.child is not None]


def _in_words(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


# --- the product's programs ----------------------------------------------------------------------------------


def _program(name: str, argv: tuple[str, ...], env: Mapping[str, str], **how: signal.Signals) -> Program:
    log = Path(env["DATA_DIR"]) / "log" / f"{name}.log"
    return Program(name, argv, log, env, cwd=ROOT, **how)


def product_programs(env: Mapping[str, str]) -> list[Program]:
    """Web, worker and beat; they get the runtime role only, never the owner of the tables."""
    runtime = {name: value for name, value in env.items() if name != "DATABASE_OWNER_URL"}
    heartbeat = ("--worker-tmp-dir", "/dev/shm") if Path("/dev/shm").is_dir() else ()
    web = ["-m", "gunicorn", "config.wsgi", "--config", "python:config.gunicorn", *heartbeat]
    web += ["--workers", "2", "--preload", "--bind", f"127.0.0.1:{env['PORT']}"]
    web += ["--graceful-timeout", "4", "--log-level", "warning"]
    # As root Celery warns about pickled messages, which settings refuse anyway.
    celery = ["-W", "ignore:You're running the worker", "-m", "celery", "--quiet", "-A", "config"]
    worker = ["worker", "-Q", QUEUES, "--concurrency", "2", "-n", f"michisuji-{env['PORT']}@%h"]
    worker += ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    beat = [
        "beat",
        "--pidfile=",
        "--schedule",
        f"{env['DATA_DIR']}/celerybeat-schedule",
        "--loglevel",
        "WARNING",
    ]
    return [
        _program("web", (sys.executable, *web), runtime, orphan_signal=signal.SIGTERM),
        # Killed, not asked: a polite end takes minutes with the broker gone. Its tasks are done again, once.
        _program("worker", (sys.executable, *celery, *worker), runtime, orphan_signal=signal.SIGKILL),
        _program("beat", (sys.executable, *celery, *beat), runtime, orphan_signal=signal.SIGTERM),
    ]


# --- what has to be done before they start -------------------------------------------------------------------


def _run_steps(steps: list[Program], stop: StopRequest) -> None:
    """Run them side by side to their end; raises StartFailed with the last lines of one that fails."""
    children = [Child(step) for step in steps]
    try:
        while not stop.asked and sum(_is_done(child) for child in children) < len(children):
            time.sleep(_TICK / 2)
    finally:
        stop_all(children)


def _is_done(step: Child) -> bool:
    """Raises StartFailed, with its last lines, if it ended and did not succeed."""
    code = step.exit_code()
    if code is not None and code != 0:
        lines = "\n".join(step.last_lines(30))
        raise StartFailed(f"{step.program.name} failed ({_in_words(code)}). Its last lines:\n{lines}")
    return code is not None


def _manage(name: str, *arguments: str, env: Mapping[str, str]) -> Program:
    return _program(name, (sys.executable, str(ROOT / "manage.py"), *arguments), env)


def _prepare(env: Mapping[str, str], stop: StopRequest) -> None:
    """Migrate as the owner of the tables; collect static files if they changed."""
    digest_file, digest = Path(env["DATA_DIR"]) / "static.digest", _static_digest()
    steps = [_manage("migrate", "migrate", "--no-input", "--verbosity", "0", env=env)]
    collects = not digest_file.exists() or digest_file.read_text() != digest
    if collects:
        steps.append(_manage("collectstatic", "collectstatic", "--no-input", "--verbosity", "0", env=env))
    _run_steps(steps, stop)
    if collects and not stop.asked:
        digest_file.write_text(digest)


def _wants_demo(env: Mapping[str, str]) -> bool:
    return env["DEMO"] != "0" and _demo_exists()


def _demo_exists() -> bool:
    """Whether some app of ours brings the command."""
    return any(ROOT.glob("*/management/commands/load_demo.py"))


def _static_digest() -> str:
    """Changes with our static files, and with the wheels and rules that decide about the others."""
    sources = [ROOT / "requirements.txt", ROOT / "config" / "static.py", ROOT / "config" / "settings.py"]
    for folder in (ROOT / "static", *sorted(ROOT.glob("*/static"))):
        sources += sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _refuse_taken_port(port: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            raise StartFailed(
                f"Port {port} is taken ({error.strerror}). Nothing was started. "
                f"Stop what listens there, or choose another: PORT={int(port) + 1} ./script/server"
            ) from error
        except (ValueError, OverflowError) as error:
            raise StartFailed(f"PORT must be a number from 1 to 65535, not {port!r}.") from error


def _claim(data_dir: Path) -> Claim:
    try:
        return Claim(data_dir)
    except DataDirInUse as used:
        state = used.state
        if state.get("kind") == "server":
            what = f"A server already runs on {data_dir}: {state.get('address')} (process {used})."
        else:
            what = f"Process {used} is working on {data_dir} just now."
        raise StartFailed(
            f"{what} Stop it first, or choose another place: DATA_DIR=… PORT=… ./script/server"
        ) from used


# --- telling that it is ready --------------------------------------------------------------------------------


class Announcer:
    """Waits for the demo, asks /readyz until it answers 200, then says once where the product is."""

    def __init__(self, env: Mapping[str, str], console: Console, *, demo: Child | None) -> None:
        """`demo` is the process that loads it, if one does."""
        self._env = env
        self._demo = demo
        self._console = console
        self._done = False
        self._next = 0.0

    def look(self) -> None:
        """Called at every tick; asks a few times a second at most. Raises StartFailed if the demo failed."""
        if self._done or time.monotonic() < self._next or not (self._demo is None or _is_done(self._demo)):
            return
        self._next = time.monotonic() + 0.3
        if self._is_ready():
            self._done = True
            self._console.say(welcome(self._env))

    def _is_ready(self) -> bool:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._env['PORT']}/readyz",
            headers={"Host": self._env["PUBLIC_URL"].partition("://")[2].partition("/")[0]},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def welcome(env: Mapping[str, str]) -> str:
    """The text of the moment everything runs."""
    lines = ["", f"Michisuji is ready: {env['PUBLIC_URL']}", ""]
    if not _wants_demo(env):
        lines += ["There is no demo data. Create the first firm:"]
        where = f"DATA_DIR={env['DATA_DIR']} " if "DATA_DIR" in os.environ else ""
        lines += [f"  {where}./script/manage create_firm --slug … --name … --admin-email …"]
    else:
        lines += [f"Demo accounts (password {DEMO_PASSWORD}), sign in at {env['PUBLIC_URL']}/accounts/login/"]
        lines += [f"  {address:<26}{who}" for address, who in DEMO_ACCOUNTS]
    return "\n".join([*lines, "", f"Logs: {env['DATA_DIR']}/log/   Stop: Ctrl-C", ""])


# --- main ----------------------------------------------------------------------------------------------------


def serve(environ: Mapping[str, str], stop: StopRequest, console: Console) -> None:
    """Everything from the claim on the DATA_DIR to the last process stopped. Raises StartFailed."""
    data_dir = data_dir_of(environ)
    claim = _claim(data_dir)
    try:
        base = base_environment(environ, data_dir)
        _refuse_taken_port(base["PORT"])
        console.say("Starting PostgreSQL and Valkey …")
        engines = Engines.start(data_dir, given=environ)
        try:
            env = {**base, **engines.environment(), RUN_VARIABLE: claim.run, "PYTHONUNBUFFERED": "1"}
            _tell_others(claim, env)
            _run_product(env, engines, stop, console)
        finally:
            engines.stop()
    finally:
        claim.release()


def _tell_others(claim: Claim, env: Mapping[str, str]) -> None:
    names = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PUBLIC_URL", "PORT", "SECRET_KEY", "DEMO")
    claim.write(kind="server", address=env["PUBLIC_URL"], environment={name: env[name] for name in names})


def _run_product(env: Mapping[str, str], engines: Engines, stop: StopRequest, console: Console) -> None:
    console.say("Preparing the database …")
    _prepare(env, stop)
    console.say("Starting web, worker and beat …")
    supervisor = Supervisor(product_programs(env), console, engines=engines.children)
    # Beside the others, because it is the second time already there and only has to find that out.
    demo = Child(_manage("load_demo", "load_demo", env=env)) if _wants_demo(env) and not stop.asked else None
    try:
        supervisor.run(stop, on_tick=Announcer(env, console, demo=demo).look)
    finally:
        console.say("Stopping …")
        stop_all([demo] if demo else [])
        engines.children = supervisor.engine_children()


def main() -> int:
    """The exit code: 0 after a requested stop, 1 if it could not start."""
    stop, console = StopRequest(), Console()
    stop.listen()
    try:
        serve(os.environ, stop, console)
    except (StartFailed, EngineError) as error:
        Console(sys.stderr).say(str(error))
        return 1
    console.say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
