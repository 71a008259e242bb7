"""The PDF job against bare WeasyPrint on the same HTML.

    ./benchmarks/run pdf

The job is all a worker does: claim, build the HTML in the firm's scope, set it, keep the file, mail, end. The rival is
`weasyprint.HTML(file).write_pdf()`. Rounds alternate in one warm process; the memory is that of a process of its own.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from benchmarks.ground import FIRM, machine, p50, prepare, say, set_up

ROUNDS = 9
GOAL = 1.15
IN_MEMORY_TEST = 3


def main() -> int:
    """Prints the table; 1 when the goal is missed."""
    prepare()
    firm_id, subject, page = _ground()
    job, bare = _jobs(firm_id, subject), _bare(page)
    times: dict[str, list[float]] = {"job": [], "bare": []}
    size = 0
    for _ in range(ROUNDS + 1):
        for name, make in (("job", job), ("bare", bare)):
            began = time.perf_counter()
            size = make()
            times[name].append(time.perf_counter() - began)
    ours, theirs = p50(times["job"][1:]), p50(times["bare"][1:])
    say(f"{machine()}\nPDF of {size:,} bytes, p50 of {ROUNDS}")
    say(f"job {ours:.0f} ms, bare WeasyPrint {theirs:.0f} ms, ratio {ours / theirs:.2f}× (goal {GOAL}×)")
    say(f"peak memory: job {_memory('job', page)} MiB, bare WeasyPrint {_memory('bare', page)} MiB")
    return 0 if ours / theirs <= GOAL else 1


def _ground() -> tuple[int, UUID, Path]:
    """The firm, a submitted diagnosis, and its report's HTML as a file whose stylesheets are files too."""
    from django.conf import settings

    from diagnosis.documents import build
    from diagnosis.models import Diagnosis
    from tenancy.models import Firm
    from tenancy.scope import Scope, open_scope

    firm = Firm.objects.get(slug=FIRM)
    with open_scope(Scope.of_firm(firm.pk)):
        diagnosis = Diagnosis.objects.submitted().earliest("submitted_at")
        html = build(diagnosis.pk)
    page = settings.DATA_DIR / "report.html"
    page.write_text(html.replace('"/static/', f'"{settings.STATIC_ROOT.as_uri()}/'))
    return firm.pk, diagnosis.pk, page


def _jobs(firm_id: int, subject: UUID) -> Callable[[], int]:
    """Each call makes a new job (a version of its own) and does what a worker does with it; the PDF's bytes."""
    from diagnosis.actions.report import REPORT
    from reports.actions import request_document
    from reports.models import Job
    from reports.tasks import render
    from tenancy.scope import Scope, open_scope

    def ask() -> UUID:
        with open_scope(Scope.of_firm(firm_id)):
            version = f"bench-{time.monotonic_ns()}"
            job = request_document(
                name=REPORT, subject=subject, version=version, company_id=None, link=subject, actor=None
            )
        return job.pk

    def make() -> int:
        job_id = ask()
        render(firm_id, str(job_id))
        with open_scope(Scope.of_firm(firm_id)):
            job = Job.objects.get(pk=job_id)
        if not job.is_done or job.bytes is None:
            raise RuntimeError(f"The job is {job.state}: {job.error}")
        return job.bytes

    return make


def _bare(page: Path) -> Callable[[], int]:
    from weasyprint import HTML

    def make() -> int:
        return len(HTML(page).write_pdf(pdf_variant="pdf/ua-1"))

    return make


def _memory(which: str, page: Path) -> int:
    command = [sys.executable, "-m", "benchmarks.pdf", which, str(page)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def _only(which: str, page: Path) -> int:
    """A process that makes a few PDFs of one kind and says its peak memory in MiB."""
    if which == "job":
        set_up()
        firm_id, subject, _ = _ground()
        make = _jobs(firm_id, subject)
    else:
        make = _bare(page)
    for _ in range(IN_MEMORY_TEST):
        make()
    say(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
    return 0


if __name__ == "__main__":
    sys.exit(_only(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 2 else main())
