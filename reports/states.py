"""How a job's state changes: the allowed moves as data, and the one function that makes them."""

from typing import Any

from reports.models import Job

_QUEUED, _RUNNING, _DONE, _FAILED = Job.State.QUEUED, Job.State.RUNNING, Job.State.DONE, Job.State.FAILED

# To: from where. Running to running: a worker took over from one that was killed. Done to queued: its file is gone.
MOVES: dict[str, tuple[str, ...]] = {
    _RUNNING: (_QUEUED, _RUNNING),
    _DONE: (_RUNNING,),
    _FAILED: (_QUEUED, _RUNNING),
    _QUEUED: (_RUNNING, _FAILED, _DONE),
}


def move(
    job: Job, to: str, *, only_from: str = "", its_file: str = "", attempt: int | None = None, **fields: Any
) -> bool:
    """Move the job to state `to` and set `fields`, in one statement; False when it stands elsewhere by now, has another
    file than `its_file`, or when `attempt` (the fencing token) is given and another worker has begun a later one."""
    rows = Job.objects.filter(pk=job.pk, state__in=[only_from] if only_from else MOVES[to])
    if its_file:
        rows = rows.filter(file=its_file)
    if attempt is not None:
        rows = rows.filter(attempts__lte=attempt)
    moved = rows.update(state=to, **fields) == 1
    if moved:
        job.state = to
        for name, value in fields.items():
            setattr(job, name, value)
    return moved
