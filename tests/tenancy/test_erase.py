"""A person is erased: what the firm keeps about them goes, everybody else's stays, and the trail's rows too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client, TestCase

from diagnosis.models import Diagnosis
from notices.models import Mail
from reports.models import Job
from tenancy import clock
from tenancy.actions import update_company
from tenancy.erasing import NotErasable, erase_person, find
from tenancy.merging import merge, take_back
from tenancy.models import (
    Company,
    CompanyMerge,
    Invitation,
    Meeting,
    Membership,
    PersonKey,
    PublicPerson,
    Trail,
    User,
)
from tenancy.records import NO_HANDS, remove_meeting, write_meeting
from tenancy.scope import open_scope
from tests.conftest import House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.things import answered

As = Callable[[str], Client]
EMAIL, NAME = "chiba@a.example", "千葉"


@pytest.fixture
def known(michisuji: House, aoba: House, media: Path) -> House:  # noqa: F811
    """The firm, which knows 千葉 from everywhere, and somebody else of the same name; so does another firm."""
    for house in (michisuji, aoba):
        with open_scope(house.scope):
            plant_person(house)
    return michisuji


def plant_person(house: House) -> None:
    company = next(iter(house.companies.values()))
    Company.objects.filter(pk=company.pk).update(representative="千葉 一郎")
    diagnosis = answered(house, "回答", company)
    Diagnosis.objects.filter(pk=diagnosis.pk).update(contact_name=NAME, email=EMAIL)
    Job.objects.filter(subject=diagnosis.pk).update(
        state="done", file=default_storage.save(f"firm/{house.firm.pk}/reports/x.pdf", ContentFile(b"x"))
    )
    Meeting.objects.create(
        firm=house.firm, company=company, held_on="2026-11-01", attendees="千葉さん", body="本文"
    )
    Invitation.objects.create(
        firm=house.firm, company=company, email=EMAIL, role="staff", expires_at="2026-12-01T00:00Z"
    )
    Mail.objects.create(firm=house.firm, key="m", to=EMAIL, subject="件名", body="本文")
    PublicPerson.objects.create(firm=house.firm, name="千葉 花子")
    user = house.people.get(NAME, User()).pk
    for person in (f"tenancy.user:{user}", f"diagnosis.diagnosis:{diagnosis.pk}", "tenancy.user:0"):
        PersonKey.objects.create(firm=house.firm, person=person, key=b"k")


def pick(words: str, *, sure_only: bool = True) -> list[str]:
    return [found.key for found in find(words).listed if found.sure or not sure_only]


def test_the_search_finds_a_person_wherever_the_firm_knows_them(known: House) -> None:
    with open_scope(known.scope):
        by_email = {(found.label, found.sure) for found in find("CHIBA@a.example").listed}
        by_name = {found.label for found in find(NAME).listed}
        assert find("千").listed == []
    assert by_email == {
        ("メンバー", True), ("簡易診断の回答者", True), ("ご招待", True), ("メールの記録", True),
    }  # fmt: skip
    assert by_name >= {
        "企業の代表者",
        "公開ページの人",
        "面談記録の「お会いした方」",
        "メンバー",
        "簡易診断の回答者",
    }


def test_erased_nothing_of_the_person_is_left_and_everything_else_stays(known: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        before = len(find(EMAIL).listed), Trail.objects.count(), PersonKey.objects.count()
    with open_scope(known.scope), TestCase.captureOnCommitCallbacks(execute=True):
        trail = list(Trail.objects.order_by("pk").values())
        file = Job.objects.exclude(file="").values_list("file", flat=True)[0]
        assert erase_person(words=EMAIL, keys=pick(EMAIL), actor=known.members["青木"]) == 4
        assert find(EMAIL).listed == []
        diagnosis = Diagnosis.objects.get()
        assert (diagnosis.contact_name, diagnosis.email, diagnosis.company_name) == ("", "", "回答")
        assert not Job.objects.filter(subject=diagnosis.pk).exists(), "the printed report names the person"
        assert Company.objects.filter(representative="千葉 一郎").exists(), "found by a name only, not chosen"
        assert set(PersonKey.objects.values_list("person", flat=True)) == {"tenancy.user:0"}
        assert list(Trail.objects.exclude(act="erase.person").order_by("pk").values()) == trail
        assert EMAIL not in str(Trail.objects.get(act="erase.person").details)
    assert not default_storage.exists(file)
    assert not User.objects.filter(email=EMAIL).exists()
    with open_scope(aoba.scope):
        assert (len(find(EMAIL).listed), Trail.objects.count(), PersonKey.objects.count()) == before


def test_who_belongs_to_another_firm_keeps_the_account(known: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        Membership.objects.create(firm=aoba.firm, user=known.people[NAME], role="consultant")
    with open_scope(known.scope):
        erase_person(words=EMAIL, keys=pick(EMAIL), actor=known.members["青木"])
        assert "tenancy.user" not in Trail.objects.get(act="erase.person").details["rows"], (
            "the account stays"
        )
    assert User.objects.filter(email=EMAIL).exists()


@pytest.mark.parametrize(
    ("who", "words"), [("青木", "aoki@michisuji.example"), (None, "aoki@michisuji.example")]
)
def test_nobody_erases_themselves_or_the_last_admin(known: House, who: str | None, words: str) -> None:
    with open_scope(known.scope):
        actor = known.members[who] if who else None
        with pytest.raises(NotErasable):
            erase_person(words=words, keys=pick(words), actor=actor)
        assert find(words).listed != []


def test_only_what_was_found_can_be_erased(known: House) -> None:
    with open_scope(known.scope):
        other = f"tenancy.membership:{known.members['馬場'].pk}"
        assert erase_person(words=EMAIL, keys=[other, "tenancy.firm:1", "x"], actor=None) == 0
        assert Membership.objects.filter(pk=known.members["馬場"].pk).exists()


def test_an_admin_searches_chooses_confirms(as_: As, known: House) -> None:
    client, address = as_("青木"), "/michisuji/settings/erase/"
    page = client.get(address, {"q": EMAIL}).content.decode()
    assert "はじめから選んであります" in page
    assert client.post(address, {"q": EMAIL}).status_code == 422
    with open_scope(known.scope):
        chosen: dict[str, Any] = {"q": EMAIL, "pick": pick(EMAIL)}
    look = client.post(address, chosen).content.decode()
    assert "元には戻せません" in look
    with open_scope(known.scope):
        assert find(EMAIL).listed != []
    done = client.post(address, chosen | {"confirmed": "yes"}, follow=True)
    assert "4件を消しました" in done.content.decode()


def test_of_a_person_with_very_many_mails_every_one_goes(as_: As, known: House) -> None:
    mails = [
        Mail(firm=known.firm, key=f"m{number}", to=EMAIL, subject=NAME, body="本文") for number in range(120)
    ]
    with open_scope(known.scope):
        Mail.objects.bulk_create(mails)
        keys = pick(EMAIL)
    client, address = as_("青木"), "/michisuji/settings/erase/"
    assert "すべての121件" in client.get(address, {"q": EMAIL}).content.decode()
    look = client.post(address, {"q": EMAIL, "pick": keys}).content.decode()
    assert "124件を消しますか" in look
    done = client.post(address, {"q": EMAIL, "pick": keys, "confirmed": "yes"}, follow=True)
    assert "124件を消しました" in done.content.decode()
    with open_scope(known.scope):
        assert not Mail.objects.filter(to=EMAIL).exists()


def test_beyond_fifty_of_a_name_the_page_says_how_many_and_comes_back_to_them(as_: As, known: House) -> None:
    company = next(iter(known.companies.values()))
    with open_scope(known.scope):
        Meeting.objects.bulk_create(
            Meeting(firm=known.firm, company=company, held_on="2026-11-01", attendees="千葉さん", body="本文")
            for _ in range(55)
        )
        keys = [key for key in pick(NAME, sure_only=False) if key.startswith("tenancy.meeting:")]
    client, address = as_("青木"), "/michisuji/settings/erase/"
    assert "ほかに6件あります" in client.get(address, {"q": NAME}).content.decode()
    done = client.post(address, {"q": NAME, "pick": keys, "confirmed": "yes"}, follow=True)
    page = done.content.decode()
    assert "50件を消しました" in page
    assert page.count('value="tenancy.meeting:') == 6
    assert "ほかに" not in page


def test_a_merge_forgets_the_erased_person_and_keeps_the_rest(known: House) -> None:
    gone, kept = known.companies.values()
    with open_scope(known.scope):
        Company.objects.filter(pk=gone.pk).update(location="川越市")
        Membership.objects.filter(user=known.people[NAME]).update(title="千葉の長女")
        Membership.objects.create(firm=known.firm, user=known.people[NAME], role="staff", company=kept)
        done = merge(kept=kept, gone=gone, actor=None)
        assert "千葉" in str(CompanyMerge.objects.get().moved)
        for words in (EMAIL, NAME):
            erase_person(words=words, keys=pick(words, sure_only=False), actor=None)
        assert "千葉" not in str(CompanyMerge.objects.get().moved)
        take_back(done=done, actor=None)
        companies = Company.objects.in_bulk([kept.pk, gone.pk])
    assert {each.representative for each in companies.values()} == {""}
    assert [companies[each.pk].location for each in (kept, gone)] == ["", "川越市"]


def test_what_the_trail_keeps_of_former_times_is_found_and_forgotten(as_: As, michisuji: House) -> None:
    company, actor = michisuji.companies["株式会社ア"], michisuji.members["青木"]
    with open_scope(michisuji.scope):
        for representative in ("秘密 太郎", "後任 花子"):
            change = {"representative": representative}
            update_company(company=company, values=change, seen=None, actor=actor)
        values = {"held_on": clock.today(), "kind": "visit", "body": "秘密さんの話", "attendees": "秘密 太郎"}
        meeting = write_meeting(company=company, values=values, hands=NO_HANDS, actor=actor)
        remove_meeting(meeting=meeting, actor=actor)
    page = as_("青木").get("/michisuji/settings/trail/").content.decode()
    assert "秘密 太郎" in page
    with open_scope(michisuji.scope):
        found = find("秘密").listed
        assert [(each.label, each.outcome, each.sure) for each in found] == [
            ("操作の記録", "読めなくします", False)
        ] * 2
        assert erase_person(words="秘密", keys=[each.key for each in found], actor=actor) == 2
        assert find("秘密").listed == []
    assert "秘密" not in as_("青木").get("/michisuji/settings/trail/").content.decode()
