"""Documents that exist in tests only; a real worker imports this module with `--include`.

They behave as the folder MICHISUJI_TEST_PAPERS says, because test and worker share nothing else.
"""

import os
from pathlib import Path
from uuid import UUID

from config.processes import wait_until
from notices.actions import queue_mail
from reports.models import Job
from reports.registry import Document, register
from tenancy.models import FirmProfile

FOLDER = "MICHISUJI_TEST_PAPERS"


def folder() -> Path:
    return Path(os.environ[FOLDER])


def note(what: str) -> None:
    """Leave a mark that this point was reached, and how often."""
    with (folder() / what).open("a") as file:
        file.write("x")


def noted(what: str) -> int:
    path = folder() / what
    return len(path.read_text()) if path.exists() else 0


def wished(what: str) -> bool:
    return (folder() / what).exists()


def page(text: str) -> str:
    return (
        '<!doctype html><html lang="ja"><head><title>紙</title>'
        "<style>body { font-family: 'BIZ UDPGothic' }</style></head>"
        f"<body><h1>{text}</h1></body></html>"
    )


def build(subject: UUID) -> str:
    """One page that names the firm; hundreds of them while «long» is wished for, so that it can be interrupted."""
    note("built")
    if wished("wrong"):
        raise RuntimeError("株式会社ア is not to be read in any log")
    words = FirmProfile.objects.get().legal_name
    if wished("long"):
        words = "道筋" * 400_000
    return page(words)


def when_done(job: Job) -> None:
    note("done")
    if wished("hold"):
        wait_until(lambda: not wished("hold"), seconds=50)
    queue_mail(
        key=f"paper:{job.pk}",
        template="report_ready",
        to="chiba@a.example",
        context={
            "company_name": "ア",
            "contact_name": "",
            "report_title": job.title,
            "report_url": "http://x/",
        },
    )


def when_failed(job: Job) -> None:
    note("failed")


PAPER = register(
    Document(
        "test_paper", "紙", "1", build, lambda subject: "診断レポート 株式会社ア.pdf", when_done, when_failed
    )
)
