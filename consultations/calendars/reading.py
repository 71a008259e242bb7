"""What an outside calendar says about when somebody is busy."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from consultations.calc.openings import TOKYO, Span
from consultations.calendars.expanding import RUBBISH
from consultations.calendars.problems import CalendarNotRead, Reason

__all__ = ["CalendarNotRead", "Reason", "busy_spans"]

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 1_000_000
# 1 MB of ordinary events takes 1.3 s.
CPU_SECONDS = 4
# For a machine that has other things to do.
PATIENCE_SECONDS = 30


def busy_spans(
    content: bytes, *, first: datetime, last: datetime, cpu_seconds: int = CPU_SECONDS
) -> list[Span]:
    """The busy time of a calendar file from `first` to `last` (aware): merged, sorted, cut to that time, in Tokyo's.

    What counts as busy stands in `expanding.spans_in`. It runs in a process of its own, which the system ends after
    `cpu_seconds` of work. Raises CalendarNotRead for rubbish, for too much, and for what takes too long.
    """
    if len(content) > MOST_BYTES:
        raise CalendarNotRead(Reason.TOO_LARGE)
    command = [sys.executable, "-m", "consultations.calendars.expanding"]
    arguments = [first.isoformat(), last.isoformat(), str(cpu_seconds)]
    try:
        done = subprocess.run(  # without our environment: it holds secrets
            command + arguments,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={},
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CalendarNotRead(Reason.TOO_MUCH) from None
    if done.returncode:
        raise CalendarNotRead(Reason.NOT_A_CALENDAR if done.returncode == RUBBISH else Reason.TOO_MUCH)
    return [Span(_moment(starts), _moment(ends)) for starts, ends in json.loads(done.stdout)]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, TOKYO)
