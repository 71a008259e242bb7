"""What every benchmark stands on: a migrated database with the demo in it, and a few small tools."""

import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
FIRM = "michisuji"
ADMIN = "admin@demo.example"


def manage(*arguments: str) -> None:
    """Run a management command in a process of its own; raises CalledProcessError."""
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def prepare() -> None:
    """Migrate as the owner, collect static files, load the demo; afterwards Django is ready in this process too."""
    manage("migrate", "--verbosity", "0", "--no-input")
    manage("collectstatic", "--verbosity", "0", "--no-input")
    manage("load_demo")
    set_up()


def set_up() -> None:
    """Make Django ready in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def p50(seconds: list[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(seconds) * 1000


def machine() -> str:
    """One line for the README: the load says how much to believe."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"{platform.machine()}, {cores} cores, load {load:.1f}, Python {platform.python_version()}"


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (a benchmark's answer is what it prints)
