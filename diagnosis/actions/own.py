"""What an owner does with the own company's diagnoses, signed in."""

from uuid import UUID

from diagnosis.actions.visitor import start_diagnosis
from diagnosis.models import Diagnosis
from tenancy.locks import lock_company
from tenancy.models import Company, Membership


def start_own(*, company: Company, request_id: UUID, actor: Membership) -> Diagnosis:
    """Another diagnosis of the own company, with what is known of it and of who answers; once for each `request_id`.

    Raises Diagnosis.DoesNotExist for an id that stands for something else, CompanyGone.
    """
    lock_company(company.pk)
    started = start_diagnosis(id=request_id, origin=Diagnosis.Origin.OWN, company=company, actor=actor)
    if started.company_id != company.pk or started.origin != Diagnosis.Origin.OWN:
        raise Diagnosis.DoesNotExist
    if not started.email:
        started.contact_name, started.email = actor.user.name, actor.user.email
        started.save(update_fields=["contact_name", "email"])
    return started
