"""Who asks for a session, and whether they may: the same rules for booking, waiting and moving."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q

from consultations.actions.refusals import AlreadyThisMonth, NotWelcome
from consultations.models import Blocked, Consultation, WaitlistEntry
from consultations.models.booking import Kind
from diagnosis.models import Diagnosis
from tenancy.models import Company


@dataclass(frozen=True)
class Asked:
    """Who asks for a session, and about what; in their own words."""

    company_name: str
    contact_name: str
    email: str
    topic: str = ""
    kind: str = Kind.ADVICE
    phone: str = ""
    by_phone: bool = False
    corporate_number: str = ""
    company: Company | None = None
    diagnosis: Diagnosis | None = None
    privacy_version: int | None = None

    def columns(self) -> dict[str, Any]:
        """As the models have them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def require_welcome(email: str) -> None:
    domain = f"@{email.rpartition('@')[2]}"
    if Blocked.objects.filter(address__in=(email.lower(), domain.lower())).exists():
        raise NotWelcome


def same_company(asked: Asked) -> Q:
    """Bookings of the same company: the same 法人番号, the same address, or the same 支援先企業."""
    same = (
        Q(email=asked.email) if asked.email else Q(pk__in=[])
    )  # whose address was erased is nobody in particular
    if asked.corporate_number:
        same |= Q(corporate_number=asked.corporate_number)
    if asked.company is not None:
        same |= Q(company=asked.company)
    return same


def require_first(asked: Asked, month: date, but: UUID | None = None) -> None:
    taking = Consultation.objects.taking(month).but(but).select_related("firm", "consultant__user")
    if (first := taking.filter(same_company(asked)).first()) is not None:
        raise AlreadyThisMonth(first)


def asked_of(row: Consultation | WaitlistEntry) -> Asked:
    """Who asked, as the row keeps it."""
    return Asked(**{each.name: getattr(row, each.name) for each in fields(Asked)})
