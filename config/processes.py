"""Starting, watching and stopping operating-system processes, whole groups at a time.

Knows nothing of Django, of the engines or of the product: the supervisor and the embedded engines hand in
their programs as data.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LOG_LIMIT: Final = 5_000_000
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run, and how it wants to be stopped.

    `orphan_signal` is what Linux sends it when the process that started it dies, however it dies;
    `patience` is how many seconds it has after `stop_signal` before its whole group is killed.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    user: int | None = None
    group: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    patience: float = 5.0


class Child:
    """One running program in a process group of its own; its output goes to `program.log`."""

    def __init__(self, program: Program) -> None:
        """Start it at once. Raises OSError if the program cannot be executed."""
        self.program = program
        self.started = time.monotonic()
        _rotate(program.log)
        with program.log.open("ab") as log:
            self.log_start = self._read_from = log.tell()
            self._process = subprocess.Popen(
                program.argv,
                env=dict(program.env),
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=program.user,
                group=program.group,
                extra_groups=None if program.user is None else [],
                process_group=0,
                preexec_fn=_die_with_parent(program.orphan_signal),
            )

    @property
    def pid(self) -> int:
        """The leader's process id, which is also the id of its group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it lives; negative numbers are the signal that ended it."""
        return self._process.poll()

    def wait(self, *, seconds: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired if it still lives after `seconds`."""
        return self._process.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Signal the leader; nothing happens if it is gone."""
        self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        """Send the program's own stop signal and return at once."""
        self.send(self.program.stop_signal)

    def finish(self, *, deadline: float) -> int:
        """Wait until `deadline` (time.monotonic), then kill what is left of the group; the exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self.kill_group()
        return self._process.wait()

    def kill_group(self) -> None:
        """Kill the leader and whatever it has started in its group; harmless if all are gone."""
        # macOS answers EPERM for a group of which only an unreaped leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def new_lines(self) -> list[str]:
        """The whole lines written since the last call; a line without its end yet waits for it."""
        with self.program.log.open("rb") as log:
            log.seek(self._read_from)
            written = log.read()
        whole = written[: written.rfind(b"\n") + 1]
        self._read_from += len(whole)
        return whole.decode(errors="replace").splitlines()

    def last_lines(self, count: int = 15) -> list[str]:
        """The last lines of this run's output, for the message that says why it ended."""
        with self.program.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace").splitlines()[-count:]


def stop_all(children: list[Child]) -> None:
    """Ask all to stop at the same time, wait for each as long as its patience says, kill the rest."""
    for child in children:
        child.ask_to_stop()
    asked = time.monotonic()
    for child in children:
        child.finish(deadline=asked + child.program.patience)


def wait_until(true: Callable[[], bool], *, seconds: float, interval: float = 0.02) -> bool:
    """Ask again and again until it is true; False if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def processes_with(variable: str, value: str) -> list[int]:
    """Ids of living processes that were started with this environment variable (Linux; else none).

    Processes whose environment this user may not read are left out.
    """
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What the child does between fork and exec: ask Linux for `number` when its parent dies."""
    parent = os.getpid()

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return ask


def _rotate(log: Path) -> None:
    """Keep one older log, so that a long life does not fill the disk."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))
