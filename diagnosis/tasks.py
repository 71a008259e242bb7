"""What becomes due: unfinished answers are deleted."""

from celery import shared_task

from diagnosis.actions import expire_diagnosis
from diagnosis.models import EXPIRE, Diagnosis
from tenancy import due
from tenancy.due import Claim
from tenancy.scope import Scope, open_scope

due.kind(EXPIRE, task="diagnosis.expire", queue="mail")


@shared_task(name="diagnosis.expire")
def expire(firm_id: int, object_id: str) -> None:
    """Delete the answers of a diagnosis that was not submitted within 30 days."""

    def work(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            claim.finish()
            diagnosis = Diagnosis.objects.filter(pk=object_id).first()
            if diagnosis is not None:
                expire_diagnosis(diagnosis=diagnosis)

    due.run(EXPIRE, object_id, work)
