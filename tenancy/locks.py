"""The lock of a company: held by whatever puts something into it, and by a merge. And locks that were not to be had."""

from django.db import OperationalError

from tenancy.models import Company


class CompanyGone(LookupError):
    """The company was deleted, or became part of another one, since the page was opened. Nothing was written."""


def lock_company(pk: int) -> Company:
    """The company's row, held until the transaction ends, so that nothing new is written into one that is being merged:
    it would be in no list. Raises CompanyGone, also for one out of scope.

    PostgreSQL looks at the condition again after it has waited.
    """
    rows = Company.objects.select_for_update(of=("self",), no_key=True)
    found: Company | None = rows.filter(pk=pk, merged_into=None).first()
    if found is None:
        raise CompanyGone(pk)
    return found


_BUSY = ("55P03", "40P01")


def is_busy(problem: OperationalError) -> bool:
    """Whether a lock was not to be had in three seconds, or PostgreSQL ended one of two who waited for each other:
    nothing was written, and the same again may go through."""
    return getattr(problem.__cause__, "pgcode", "") in _BUSY
