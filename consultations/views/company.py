"""Sessions of one company: for its own people, and for the firm."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from consultations import addresses, choosing, labels, mails
from consultations.actions import booking, waiting
from consultations.forms import new_seed
from consultations.forms_manage import OwnBookForm, OwnForm, OwnWaitForm
from consultations.free_times import desk_of_firm, worth_waiting_for
from consultations.models import Consultation, NextAction, WaitlistEntry
from consultations.office import in_the_office
from consultations.own import (
    agreed_with,
    coming,
    months_seen,
    past,
    sessions,
    taken_months,
)
from consultations.slots import Slot
from consultations.views.acting import POSTS, answered, writing
from consultations.views.queue import turns_of
from consultations.views.saying import NOT_DONE, Said, words_for
from consultations.views.shared import days_wanted, only_looks, typed_so_far
from diagnosis.models import Diagnosis
from diagnosis.views.firm import Crumb
from tenancy.extensions import company_tabs
from tenancy.middleware import member_of, visit_of
from tenancy.models import Company
from tenancy.permissions import access
from tenancy.views.shared import company_of

ROWS = 20
DIAGNOSES = 20  # to choose from
TYPED = ("kind", "topic", "diagnosis", "seed")  # what stays while an owner looks at other days


@access("company_consultations.read")
@require_safe
def of_company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """What comes and what was, what was agreed; for an owner the way to another one."""
    its, visit = company_of(company), visit_of(request)
    page = Paginator(past(its), ROWS).get_page(request.GET.get("page"))
    context = {
        "company": its,
        "coming": sessions(coming(its)),
        "page_obj": page,
        "past": sessions(page.object_list),
        "agreed": agreed_with(its),
        "waiting": _waiting(its),
        "cap": desk_of_firm().cap,
    }
    if member_of(request).is_firm_side:
        return render(request, "consultations/own/firm.html", context | _in_tab(request, its))
    months = months_seen() if visit.may("company_consultations.book") else []
    return render(request, "consultations/own/list.html", context | {"months": months})


def _in_tab(request: HttpRequest, company: Company) -> dict[str, Any]:
    visit = visit_of(request)
    crumbs = [
        Crumb("支援先企業", reverse("tenancy:companies", args=[visit.firm.slug])),
        Crumb(company.name, reverse("tenancy:company", args=[visit.firm.slug, company.pk])),
        Crumb("相談"),
    ]
    return {"tabs": company_tabs(visit, company, "consultations"), "crumbs": crumbs}


def _waiting(company: Company) -> list[dict[str, Any]]:
    """Its entry in the queue, with the turn in each month."""
    entries = list(WaitlistEntry.objects.waiting().filter(company=company))
    with in_the_office():
        return [{"turns": turns_of(each), "token": addresses.queue_token(each)} for each in entries]


@access("company_consultations.read")
@require_safe
def detail(request: HttpRequest, firm: str, company: int, consultation: UUID) -> HttpResponse:
    """One session. An owner goes on to the page where it is changed; the firm's people have a page of their own."""
    its = company_of(company)
    row = get_object_or_404(Consultation.objects.filter(company=its), pk=consultation)
    if member_of(request).is_firm_side:
        return redirect("consultations:detail", firm, consultation)
    shown = sessions([row])[0]
    with in_the_office():
        schedule = mails.schedule_of(row)
    context = {
        "company": its,
        "session": shown,
        "row": row,
        "agreed": list(NextAction.objects.filter(consultation=row).order_by("due_on", "created_at")),
        "diagnosis": Diagnosis.objects.submitted().filter(pk__in=[row.diagnosis_id], company=its).first(),
        "meeting": labels.meeting_label(row, schedule),
        "meeting_url": "" if row.by_phone else row.meeting_url or (schedule.meeting_url if schedule else ""),
        "is_live": row.is_live,
    }
    if visit_of(request).may("company_consultations.book"):
        context["manage_url"] = reverse("consultations:manage", args=[firm, addresses.manage_token(row)])
    return render(request, "consultations/own/detail.html", context)


# ── Booking ──


@access("company_consultations.book", limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def book(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """A time for the own company, with nothing typed that is known, confirmed at once; or the queue of a full month.
    `look`: only at other days, with what was typed."""
    visit = visit_of(request)
    if request.method != "POST" or only_looks(request):
        with writing(visit.scope):
            return _Booking(request, company).page()
    with writing(visit.scope):
        page = _Booking(request, company)
        if not page.sent.is_valid():
            return page.page()
    try:
        with writing(visit.scope):
            done = page.act()
    except NOT_DONE as problem:
        said = words_for(problem)
        with writing(visit.scope):
            return answered(_Booking(request, company, said).page(), said)
    return done


class _Booking:
    """The page on which an owner books or waits: two forms, of which one was sent."""

    def __init__(self, request: HttpRequest, company: int, said: Said | None = None) -> None:
        """In the scope of who asks."""
        self.request, self.said = request, said
        self.company = company_of(company)
        seen, desk = months_seen(), desk_of_firm()
        self.cap = desk.cap
        self.taken = taken_months(self.company, seen)
        left = [each for each in seen if each.month not in self.taken]
        self.months = [each.month for each in left if each.direct]
        self.full = [each for each in left if worth_waiting_for(each, desk)]
        self.diagnoses = list(Diagnosis.objects.submitted().filter(company=self.company)[:DIAGNOSES])
        self.waits = request.method == "POST" and request.POST.get("act") == "wait"
        self.book_form = OwnBookForm(
            None if self.waits else self._sent(),
            diagnoses=self.diagnoses,
            initial=typed_so_far(request, TYPED),
        )
        only = [f"{each.month:%Y-%m-%d}" for each in self.full] if len(self.full) == 1 else []
        self.wait_form = OwnWaitForm(
            self._sent() if self.waits else None,
            initial={"months": only},
            diagnoses=self.diagnoses,
            choices=[(f"{each.month:%Y-%m-%d}", labels.month_label(each.month)) for each in self.full],
            auto_id="wait_%s",
        )

    def _sent(self) -> Any:
        """What is to be done; None where nothing is."""
        is_asked = self.request.method == "POST" and not only_looks(self.request)
        return self.request.POST if is_asked else None

    @property
    def sent(self) -> OwnForm:
        return self.wait_form if self.waits else self.book_form

    def page(self) -> HttpResponse:
        chosen = Slot.read(self.request.POST.get("slot", ""))
        context = {
            "company": self.company,
            "member": member_of(self.request),
            "choice": choosing.choice(self.months, days_wanted(self.request), chosen=chosen),
            "book_form": self.book_form,
            "wait_form": self.wait_form,
            "full": self.full,
            "taken": [labels.month_label(each) for each in self.taken],
            "can_change": coming(self.company).exists() if self.taken else False,
            "cap": self.cap,
            "said": self.said,
            "seed": self.book_form.fresh_seed,
            "wait_seed": self.wait_form.fresh_seed if self.waits else new_seed(),
        }
        status = 422 if self.sent.is_bound and self.sent.errors else 200
        return render(self.request, "consultations/own/book.html", context, status=status)

    def act(self) -> HttpResponse:
        """Raises what the actions raise."""
        return self._wait() if self.waits else self._book()

    def _book(self) -> HttpResponse:
        member, form = member_of(self.request), self.book_form
        made = booking.book(
            id=form.seed_id,
            slot=form.cleaned_data["slot"],
            asked=form.asked(self.company, member),
            origin=Consultation.Origin.OWNER,
            confirmed=True,
            actor=member,
        )
        messages.success(self.request, "ご予約が確定しました。確認のメールをお送りします。")
        return redirect("consultations:own_detail", member.firm.slug, self.company.pk, made.pk)

    def _wait(self) -> HttpResponse:
        member, form = member_of(self.request), self.wait_form
        wanted = [date.fromisoformat(each) for each in form.cleaned_data["months"]]
        waiting.join(id=form.seed_id, wanted=wanted, asked=form.asked(self.company, member))
        messages.success(self.request, "キャンセル待ちを承りました。空きが出ましたら、メールでご案内します。")
        return redirect("consultations:of_company", member.firm.slug, self.company.pk)
