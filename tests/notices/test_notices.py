"""Notices inside the product: everybody of the firm, once, read by each for themselves."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.actions import HANDED, notify_company, notify_firm
from notices.models import Mail, Notice, NoticeRead, count_unread
from notices.tasks import mail_handing, mail_notice
from tenancy import clock
from tenancy.models import Company, Due, Firm, Membership, Trail
from tenancy.scope import NoScope, Scope, open_scope
from tests.conftest import House

As = Callable[[str], Client]
NEW = {
    "company_name": "株式会社ア",
    "grade": "B",
    "detail_url": "http://localhost:8000/michisuji/diagnoses/1/",
}


def tell(house: House, key: str = "diagnosis:1", **more: object) -> None:
    with open_scope(Scope(firm_id=house.firm.pk, link=uuid4())):
        notify_firm(
            key=key,
            title="株式会社アから簡易診断が届きました",
            body="評価はBです。",
            url=f"/{house.firm.slug}/diagnoses/1/",
            **more,  # type: ignore[arg-type]
        )


def unread(house: House, name: str) -> int:
    with open_scope(house.scope):
        unread = Notice.objects.unread(house.members[name]).count()
        assert count_unread(house.members[name]) == unread
        return unread


def test_a_visitor_tells_the_firm_without_seeing_who_works_there(michisuji: House) -> None:
    tell(michisuji)
    assert (unread(michisuji, "青木"), unread(michisuji, "馬場")) == (1, 1)
    with open_scope(Scope(firm_id=michisuji.firm.pk)):
        assert not Notice.objects.exists()
        assert not Membership.objects.exists()


@pytest.mark.guard("outbox.once")
def test_the_same_thing_is_told_once(michisuji: House) -> None:
    tell(michisuji)
    tell(michisuji)
    assert unread(michisuji, "青木") == 1


def test_another_firm_hears_nothing_of_it(michisuji: House, aoba: House, as_: As) -> None:
    tell(michisuji)
    assert unread(aoba, "権藤") == 0
    assert "株式会社ア" not in as_("権藤").get("/aoba/notices/").content.decode()
    with open_scope(michisuji.scope):
        notice = Notice.objects.get()
    assert as_("権藤").get(f"/aoba/notices/{notice.pk}/").status_code == 404


def test_without_a_scope_nothing_is_told() -> None:
    with pytest.raises(NoScope):
        notify_firm(key="k", title="t", body="", url="/")


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "", "michisuji/"])
def test_a_notice_leads_nowhere_outside(michisuji: House, url: str) -> None:
    with open_scope(michisuji.scope), pytest.raises(ValueError, match="inside"):
        notify_firm(key="k", title="t", body="", url=url)


def test_each_reads_for_themselves(michisuji: House, as_: As) -> None:
    tell(michisuji)
    tell(michisuji, "diagnosis:2")
    with open_scope(michisuji.scope):
        notice = Notice.objects.get(key="diagnosis:1")
    answer = as_("青木").get(f"/michisuji/notices/{notice.pk}/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/michisuji/diagnoses/1/")
    as_("青木").get(f"/michisuji/notices/{notice.pk}/")
    assert (unread(michisuji, "青木"), unread(michisuji, "馬場")) == (1, 2)


def test_all_is_read_with_one_click_or_two(michisuji: House, as_: As) -> None:
    tell(michisuji)
    tell(michisuji, "diagnosis:2")
    aoki = as_("青木")
    assert aoki.get("/michisuji/notices/read/").status_code == 405
    for _ in range(2):
        assert aoki.post("/michisuji/notices/read/").status_code == 302
    assert (unread(michisuji, "青木"), unread(michisuji, "馬場")) == (0, 2)
    assert "すべて既読にする" not in aoki.get("/michisuji/notices/").content.decode()
    with open_scope(michisuji.scope):
        assert NoticeRead.objects.count() == 2


def test_whoever_joins_later_does_not_begin_with_old_news(michisuji: House) -> None:
    tell(michisuji)
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["馬場"].pk).update(created_at=clock.now())
        michisuji.members["馬場"].refresh_from_db()
    assert (unread(michisuji, "青木"), unread(michisuji, "馬場")) == (1, 0)


def test_what_nobody_opened_for_ninety_days_is_no_longer_news(michisuji: House) -> None:
    tell(michisuji)
    with clock.stopped_at(clock.now() + timedelta(days=91)):
        assert unread(michisuji, "青木") == 0


@pytest.mark.parametrize(
    ("who", "status"), [("千葉", 403), ("土井", 403), ("江口", 403), ("権藤", 404), ("誰か", 302)]
)
def test_notices_are_for_those_who_work_for_the_firm(
    michisuji: House, as_: As, who: str, status: int
) -> None:
    tell(michisuji)
    assert as_(who).get("/michisuji/notices/").status_code == status
    assert as_(who).post("/michisuji/notices/read/").status_code == status


def test_the_bell_counts_with_one_query_however_much_there_is(michisuji: House, as_: As) -> None:
    baba = as_("馬場")
    tell(michisuji)
    with CaptureQueriesContext(connection) as few:
        page = baba.get("/michisuji/notices/").content.decode()
    assert '<span class="unread">1<' in page
    for each in range(2, 70):
        tell(michisuji, f"diagnosis:{each}")
    with CaptureQueriesContext(connection) as many:
        page = baba.get("/michisuji/notices/").content.decode()
    assert '<span class="unread">69<' in page
    assert len(many) == len(few)
    counting = [
        each for each in many if "count(" in each["sql"].lower() and "notices_noticeread" in each["sql"]
    ]
    assert len(counting) == 1


# ── The same by mail ──


@pytest.mark.guard("outbox.once")
def test_each_who_works_for_the_firm_also_gets_one_mail(michisuji: House) -> None:
    for _ in range(2):
        tell(michisuji, mail="new_diagnosis", context=NEW)
        for due in Due.objects.filter(kind="notice"):
            mail_notice(michisuji.firm.pk, str(due.object_id))
    with open_scope(michisuji.scope):
        mails = list(Mail.objects.order_by("to"))
    assert [each.to for each in mails] == ["aoki@michisuji.example", "baba@michisuji.example"]
    assert "総合評価:B" in mails[0].body
    assert Due.objects.filter(kind="mail").count() == 2


def test_who_did_it_or_has_read_it_gets_no_mail(michisuji: House, as_: As) -> None:
    with open_scope(michisuji.scope):
        notify_firm(
            key="k",
            title="届きました",
            body="",
            url="/michisuji/",
            mail="new_diagnosis",
            context=NEW,
            but=michisuji.members["馬場"],
        )
    assert (unread(michisuji, "青木"), unread(michisuji, "馬場")) == (1, 0)
    tell(michisuji, mail="new_diagnosis", context=NEW)
    as_("青木").post("/michisuji/notices/read/")
    for due in Due.objects.filter(kind="notice"):
        mail_notice(michisuji.firm.pk, str(due.object_id))
    with open_scope(michisuji.scope):
        told = set(Mail.objects.values_list("to", "key"))
        notice = Notice.objects.get(key="diagnosis:1")
    member = michisuji.members["馬場"].pk
    assert told == {("baba@michisuji.example", f"notice:{notice.pk}:{member}")}


def test_nobody_who_left_gets_a_mail(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["馬場"].pk).update(state="ended")
    michisuji.people["青木"].is_active = False
    michisuji.people["青木"].save()
    tell(michisuji, mail="new_diagnosis", context=NEW)
    mail_notice(michisuji.firm.pk, str(Due.objects.get(kind="notice").object_id))
    with open_scope(michisuji.scope):
        assert not Mail.objects.exists()


# ── A company's own news ──


def tell_company(house: House, name: str = "株式会社ア", key: str = "news:1") -> None:
    with open_scope(house.scope):
        company = house.companies[name]
        notify_company(
            key=key,
            company=company,
            title=f"{name}の記録が共有されました",
            body="",
            url=f"/michisuji/companies/{company.pk}/home/",
        )


def own(house: House, rest: str = "") -> str:
    return f"/michisuji/companies/{house.companies['株式会社ア'].pk}/notices/{rest}"


def mail_them(house: House) -> set[str]:
    with open_scope(house.scope):
        (notice,) = Notice.objects.filter(shared=True)
    mail_notice(house.firm.pk, str(notice.pk))
    with open_scope(house.scope):
        return set(Mail.objects.filter(template="company_news").values_list("to", flat=True))


def test_a_company_s_news_reaches_its_owner_and_staff_and_nobody_else(as_: As, michisuji: House) -> None:
    tell_company(michisuji)
    assert {
        name
        for name in ("千葉", "土井")
        if "共有されました" in as_(name).get(own(michisuji)).content.decode()
    } == {
        "千葉",
        "土井",
    }
    assert as_("江口").get(own(michisuji)).status_code == 403
    assert as_("藤田").get(own(michisuji)).status_code == 404
    assert "共有されました" not in as_("馬場").get("/michisuji/notices/").content.decode()
    assert unread(michisuji, "馬場") == 0
    assert mail_them(michisuji) == {"chiba@a.example", "doi@a.example"}


def test_who_opens_it_has_read_it_and_gets_no_mail(as_: As, michisuji: House) -> None:
    tell_company(michisuji)
    with open_scope(michisuji.scope):
        (notice,) = Notice.objects.filter(shared=True)
    assert 'お知らせ<span class="unread">1' in as_("千葉").get(own(michisuji)).content.decode()
    assert as_("千葉").get(own(michisuji, f"{notice.pk}/")).headers["Location"] == notice.url
    assert 'お知らせ<span class="unread">' not in as_("千葉").get(own(michisuji)).content.decode()
    assert mail_them(michisuji) == {"doi@a.example"}


def test_who_does_not_want_the_mails_gets_the_notice_only(as_: As, michisuji: House) -> None:
    assert as_("千葉").post(own(michisuji, "settings/"), {}).status_code == 302
    assert as_("土井").post(own(michisuji, "settings/"), {"wanted": ["company_news"]}).status_code == 302
    assert as_("土井").post(own(michisuji, "settings/"), {"wanted": ["new_diagnosis"]}).status_code == 422
    tell_company(michisuji)
    assert mail_them(michisuji) == {"doi@a.example"}
    assert "共有されました" in as_("千葉").get(own(michisuji)).content.decode()


def test_a_consultant_who_sees_assigned_companies_hears_of_these_only(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        a, i = michisuji.companies["株式会社ア"], michisuji.companies["有限会社イ"]
        Company.objects.filter(pk=a.pk).update(consultant=michisuji.members["馬場"])
        for company, key in ((a, "a"), (i, "i"), (None, "none")):
            notify_firm(
                key=key, title=f"件名{key}", body="", url="/", company_id=company.pk if company else None
            )
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")
    page = as_("馬場").get("/michisuji/notices/").content.decode()
    assert [key for key in ("a", "i", "none") if f"件名{key}" in page] == ["a"]
    assert 'class="unread">1' in page


# ── What is handed to an external partner ──


def hand_over(as_: As, house: House) -> str:
    """馬場 writes a 面談記録 and hands it to 江口; its address."""
    url = f"/michisuji/companies/{house.companies['株式会社ア'].pk}/meetings/new/"
    partner = house.members["江口"].pk
    typed = {"held_on": "2026-11-02", "kind": "visit", "body": "話", "shared": "True", "handed": partner}
    return str(as_("馬場").post(url, typed).headers["Location"])


def mail_partner(house: House) -> list[Mail]:
    """What a worker sends to the partner."""
    for row in Due.objects.filter(kind=HANDED):
        mail_handing(house.firm.pk, str(row.object_id))
    with open_scope(house.scope):
        return list(Mail.objects.filter(template="handed_over"))


def test_a_partner_hears_once_by_mail_what_was_handed_over(as_: As, michisuji: House) -> None:
    address = hand_over(as_, michisuji)
    (mail,) = mail_partner(michisuji)
    assert mail.to == "eguchi@out.example"
    assert f"http://localhost:8000{address}\n" in mail.body
    assert mail.subject == "【お知らせ】2026年11月2日(月)の面談記録をお渡ししました"
    assert as_("江口").get(address).status_code == 200
    for handed in ([], [michisuji.members["江口"].pk]):
        form = as_("馬場").get(f"{address}edit/").context["form"]
        shown = {"seen": form.initial["seen"], "handed_seen": form.initial["handed_seen"]}
        typed = {"held_on": "2026-11-02", "kind": "visit", "body": "話", "shared": "True", "handed": handed}
        assert as_("馬場").post(f"{address}edit/", typed | shown).status_code == 302
    assert len(mail_partner(michisuji)) == 1, "handed over again is no news"
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="mail.handing").exists()


def test_who_is_no_partner_any_more_when_it_is_sent_hears_nothing(as_: As, michisuji: House) -> None:
    hand_over(as_, michisuji)
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["江口"].pk).update(ends_at=clock.now())
    assert mail_partner(michisuji) == []
    assert not Due.objects.filter(kind=HANDED).exists()


def test_what_is_taken_back_before_it_is_sent_is_not_told(as_: As, michisuji: House) -> None:
    address = hand_over(as_, michisuji)
    as_("馬場").post(f"{address}remove/")
    assert mail_partner(michisuji) == []


def test_a_partner_chooses_to_do_without_the_mails(as_: As, michisuji: House) -> None:
    eguchi, home = as_("江口"), f"/michisuji/companies/{michisuji.companies['株式会社ア'].pk}/home/"
    assert own(michisuji, "settings/") in eguchi.get(home).content.decode()
    page = eguchi.get(own(michisuji, "settings/")).content.decode()
    assert "面談記録・ファイルが渡されたとき" in page
    assert "コメントが共有されたとき" not in page
    assert eguchi.get(own(michisuji)).status_code == 403
    assert eguchi.post(own(michisuji, "settings/"), {}).headers["Location"] == home
    hand_over(as_, michisuji)
    assert mail_partner(michisuji) == []
    assert eguchi.post(own(michisuji, "settings/"), {"wanted": ["handed_over"]}).status_code == 302
    hand_over(as_, michisuji)
    assert len(mail_partner(michisuji)) == 1
