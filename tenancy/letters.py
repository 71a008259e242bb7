"""What the house itself has to tell: mails, and notices inside the product. `notices` delivers both and says so at
start-up: arrows point down."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db.models import Model

from tenancy.models import Company, Handing, Membership


class Deliverer(Protocol):
    """What `notices.actions` offers; see there for what is promised and raised."""

    def queue_mail(self, *, key: str, template: str, to: str, context: Mapping[str, object]) -> Model: ...

    def notify_company(
        self, *, key: str, company: Company, title: str, body: str, url: str, but: Membership | None
    ) -> Model: ...

    def notify_member(
        self,
        *,
        key: str,
        member: Membership,
        company: Company,
        title: str,
        body: str,
        url: str,
        mail: str,
        context: Mapping[str, object],
    ) -> Model: ...

    def mail_partner_soon(self, *, handing: Handing) -> None: ...


NAMED_AT_MOST = 3

_deliverers: list[Deliverer] = []


def deliver_by(deliverer: Deliverer) -> None:
    """Name who delivers; the last one named does."""
    _deliverers[:] = [deliverer]


def send(*, key: str, template: str, to: str, context: Mapping[str, object]) -> Model:
    """Queue the mail in the caller's transaction, once for each firm and key, and return its row for the trail. Call in
    a scope of the firm."""
    return _deliverers[0].queue_mail(key=key, template=template, to=to, context=context)


def tell_company(
    *, key: str, company: Company, title: str, body: str = "", url: str, but: Membership | None = None
) -> Model:
    """Tell a company's owners and staff, once for each firm and key, inside the product and, who wants it, by mail; the
    notice's row, for the trail."""
    return _deliverers[0].notify_company(key=key, company=company, title=title, body=body, url=url, but=but)


def tell_member(
    *,
    key: str,
    member: Membership,
    company: Company,
    title: str,
    body: str,
    url: str,
    mail: str,
    context: Mapping[str, object],
) -> Model:
    """Tell one who works for the firm, and nobody else, of something about `company`, once for each firm and key,
    inside the product and, who wants it, by `mail`; the notice's row, for the trail."""
    return _deliverers[0].notify_member(
        key=key, member=member, company=company, title=title, body=body, url=url, mail=mail, context=context
    )


def tell_partner(handing: Handing) -> None:
    """Mail an external partner what was handed over, once for each thing, if it still is and they want it by then."""
    _deliverers[0].mail_partner_soon(handing=handing)


def in_short(names: Sequence[str], counted: str = "件") -> str:
    """A few names as they are, of more the first one and how many others: news about many things stays one line."""
    if len(names) <= NAMED_AT_MOST:
        return "、".join(f"「{name}」" for name in names)
    return f"「{names[0]}」ほか{len(names) - 1}{counted}"


def in_full(names: Sequence[str], counted: str = "社") -> str:
    """How many, with the first few names; one alone is just named."""
    if len(names) == 1:
        return in_short(names)
    first = "、".join(f"「{name}」" for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return f"{len(names)}{counted}({first}{f'ほか{more}{counted}' if more > 0 else ''})"
