"""Making a document, step by step: short scopes with the slow work between them.

1. Begin: the job runs, the attempt's number is its fencing token. What a killed attempt left is deleted.
2. Read: the document's HTML is built in the firm's scope.
3. Set: WeasyPrint, without a transaction. Documents that are no PDF are written by their app instead of 2 and 3.
4. Keep: the file's key is noted before it is written, so that it can be found if this attempt is killed.
5. End: claim, job and what the document's app does about it, in one transaction.
"""

import logging
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID, uuid4

from django.core.files import File
from django.core.files.storage import default_storage

from reports.models import Job
from reports.registry import Document, NotMade, document
from reports.render import render_pdf
from reports.states import move
from tenancy import clock, trail
from tenancy.due import Claim, LeaseLost
from tenancy.scope import Scope, open_scope

MOST_ATTEMPTS = 5
_FAILED = "作成できませんでした。お手数ですが、時間をおいて、もう一度お試しください。ご入力の内容は保存されています。"

log = logging.getLogger(__name__)


def make(firm_id: int, job_id: UUID, claim: Claim) -> None:
    """Make the job's document. Raises what went wrong while there are attempts left; LeaseLost when another worker is
    at it by now."""
    scope = Scope.of_firm(firm_id)
    job = _begin(scope, job_id, claim)
    if job is None:
        return
    kind = document(job.name)
    try:
        if claim.attempt > MOST_ATTEMPTS:
            raise WorkerLost
        with TemporaryFile() as made:
            _write(scope, kind, job, claim, made)
            _keep(scope, kind, job, claim, made)
    except LeaseLost:
        raise
    except NotMade as refused:
        _refused(scope, kind, job, claim, refused)
    except Exception as problem:
        _failed(scope, kind, job, claim, problem)
        if claim.attempt < MOST_ATTEMPTS:
            raise


class WorkerLost(RuntimeError):
    """Every attempt so far ended with its worker."""


def _begin(scope: Scope, job_id: UUID, claim: Claim) -> Job | None:
    with open_scope(scope):
        job = Job.objects.filter(pk=job_id).first()
        if job is None or not job.is_underway:
            claim.finish()
            return None
        left_behind, started = job.draft, job.started_at or clock.now()
        _step(job, claim, 0.1, "内容を読み込んでいます", attempts=claim.attempt, started_at=started, draft="")
    if left_behind:
        default_storage.delete(left_behind)
    return job


def _write(scope: Scope, kind: Document, job: Job, claim: Claim, made: IO[bytes]) -> None:
    if kind.write is None:
        made.write(_pdf(scope, kind, job, claim))
        return
    with open_scope(scope):
        _step(job, claim, 0.3, kind.doing, filename=kind.filename(job.subject))
    kind.write(job, made)


def _pdf(scope: Scope, kind: Document, job: Job, claim: Claim) -> bytes:
    with open_scope(scope):
        html, job.filename = kind.build(job.subject), kind.filename(job.subject)
        _step(job, claim, 0.3, "紙面を組んでいます", filename=job.filename)
    return render_pdf(html)


def _keep(scope: Scope, kind: Document, job: Job, claim: Claim, made: IO[bytes]) -> None:
    key = f"firm/{job.firm_id}/reports/{uuid4()}.{kind.extension}"
    with open_scope(scope):
        _step(job, claim, 0.9, "保存しています", draft=key)
    size = made.tell()
    made.seek(0)
    kept = default_storage.save(key, File(made))
    try:
        with open_scope(scope):
            claim.finish()
            _end(job, claim, Job.State.DONE, kind.done, file=kept, draft="", bytes=size, error="")
            kind.when_done(job)
    except BaseException:
        _forget(scope, job, kept)
        raise


def _step(job: Job, claim: Claim, progress: float, message: str, **fields: Any) -> None:
    """Show how far it is. Raises LeaseLost when a later attempt has begun."""
    if not move(job, Job.State.RUNNING, attempt=claim.attempt, progress=progress, message=message, **fields):
        raise LeaseLost


def _end(job: Job, claim: Claim, state: str, message: str, **fields: Any) -> None:
    progress = 1.0 if state == Job.State.DONE else 0.0
    if not move(
        job,
        state,
        attempt=claim.attempt,
        progress=progress,
        message=message,
        finished_at=clock.now(),
        **fields,
    ):
        raise LeaseLost
    act = "finish.document" if state == Job.State.DONE else "fail.document"
    before = {"state": Job.State.RUNNING.value}
    trail.record(act, job, company_id=job.company_id, before=before, version=job.version, name=job.name)


def _failed(scope: Scope, kind: Document, job: Job, claim: Claim, problem: Exception) -> None:
    """Write that it went wrong: once more later, or, after the last attempt, for good."""
    error = type(problem).__name__
    with open_scope(scope):
        if claim.attempt < MOST_ATTEMPTS:
            message = "もう一度お作りしています"
            # From running alone: a commit may have reached PostgreSQL and its answer not us, and then it is done.
            if not move(
                job,
                Job.State.QUEUED,
                only_from=Job.State.RUNNING,
                attempt=claim.attempt,
                progress=0.0,
                message=message,
                error=error,
            ):
                raise LeaseLost
            return
        claim.finish()
        _end(job, claim, Job.State.FAILED, _FAILED, error=error, file="")
        kind.when_failed(job)
    log.error("document failed", exc_info=problem, extra={"job": job.pk, "attempt": claim.attempt})


def _refused(scope: Scope, kind: Document, job: Job, claim: Claim, refused: NotMade) -> None:
    """Write why it cannot be made, for good."""
    with open_scope(scope):
        claim.finish()
        _end(job, claim, Job.State.FAILED, str(refused)[:100], error="NotMade", file="")
        kind.when_failed(job)


def _forget(scope: Scope, job: Job, key: str) -> None:
    """Delete an attempt's file unless the job has it: a commit may have reached PostgreSQL and its answer not us."""
    with open_scope(scope):
        needed = Job.objects.filter(pk=job.pk, file=key).exists()
    if not needed:
        default_storage.delete(key)
