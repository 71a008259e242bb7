"""People come in, see exactly their part, and go: on a phone and at a desk."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.models import Company, Membership
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.diagnosis.firm_help import answered
from tests.journeys.conftest import DESK, PHONE, Person
from tests.tenancy.browser import mailed_path, mails, with_password
from tests.things import noted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]
WIDTHS = pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)])


@pytest.fixture
def a(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


def types(person: Person, label: str, words: str) -> None:
    person.page.get_by_label(label).first.fill(words)


def link_to(house: House, address: str, person: Person) -> str:
    """Where the newest mail to that address leads."""
    return mailed_path([mail for mail in mails(house) if mail.to == address][-1], person.site)


def menu(person: Person, width: int, words: str) -> None:
    """Go where the rail leads; on a phone it has to be opened first."""
    if width == PHONE:
        person.page.get_by_role("button", name="メニュー").first.click()
    person.press(words)


@WIDTHS
def test_an_owner_is_invited_comes_in_with_one_button_and_invites_staff(
    someone: Someone, michisuji: House, a: Company, width: int, dark: bool
) -> None:
    consultant = someone(width, dark=dark)
    consultant.enter(michisuji.people["馬場"])
    consultant.open(f"/michisuji/companies/{a.pk}/members/")
    consultant.press("メンバーを招待する")
    types(consultant, "お名前", "新田 花")
    types(consultant, "メールアドレス", "nitta@a.example")
    consultant.press("招待のメールを送る")
    assert consultant.reads("お返事を待っているご招待")

    owner = someone(width, dark=dark)
    owner.open(link_to(michisuji, "nitta@a.example", owner))
    assert owner.reads("「株式会社ア」へのご招待")
    owner.press("参加する")
    assert owner.reads("新田 花 様、こんにちは")
    menu(owner, width, "メンバー")
    owner.press("社員を招待する")
    owner.press("招待のメールを送る")
    assert owner.reads("お名前を入力してください。")
    types(owner, "お名前", "社員 一郎")
    types(owner, "メールアドレス", "ichiro@a.example")
    owner.press("招待のメールを送る")

    staff = someone(width, dark=dark)
    staff.open(link_to(michisuji, "ichiro@a.example", staff))
    types(staff, "パスワード", "kumo wa shiroi hanabi")
    staff.press("参加する")
    assert staff.reads("社員 一郎 様、こんにちは")
    menu(staff, width, "メンバー")
    assert not staff.reads("社員を招待する")


@WIDTHS
def test_an_owner_reads_the_results_compares_them_and_begins_another(
    someone: Someone, michisuji: House, a: Company, width: int, dark: bool
) -> None:
    for _ in range(2):
        answered(michisuji, company=a)
    owner = someone(width, dark=dark)
    owner.enter(michisuji.people["千葉"])
    owner.open("/michisuji/home/")
    owner.press("結果を読む")
    assert owner.reads("次の三つの一歩")
    menu(owner, width, "簡易診断")
    owner.press("二つを並べて比べる")
    menu(owner, width, "簡易診断")
    owner.press("診断を始める")
    assert "/diagnosis/a/" in owner.page.url
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.filter(origin="own", company=a).count() == 1


@WIDTHS
def test_a_partner_with_an_account_comes_reads_what_is_handed_over_and_goes(
    someone: Someone, michisuji: House, a: Company, width: int, dark: bool
) -> None:
    """藤田 already runs another company of the firm, and now helps this one until a day."""
    with_password(michisuji.people["藤田"])
    with open_scope(michisuji.scope):
        noted(michisuji, a, "展示会の準備を頼みました。", shared=True)
    consultant, partner, owner = (someone(width, dark=dark) for _ in range(3))
    consultant.enter(michisuji.people["馬場"])
    consultant.open(f"/michisuji/companies/{a.pk}/members/invite/")
    types(consultant, "お名前", "藤田")
    types(consultant, "メールアドレス", "fujita@i.example")
    consultant.page.get_by_label("外部人材", exact=True).check()
    consultant.press("招待のメールを送る")
    assert consultant.page.get_by_label("外部人材", exact=True).is_checked(), (
        "without a last day there is none"
    )
    types(consultant, "参加の最後の日", f"{clock.today() + timedelta(days=30):%Y-%m-%d}")
    consultant.press("招待のメールを送る")

    partner.open(link_to(michisuji, "fujita@i.example", partner))
    partner.press("ログインして参加する")
    types(partner, "メールアドレス", "fujita@i.example")
    types(partner, "パスワード", PASSWORD)
    partner.press("ログインする")
    partner.press("参加する")
    assert partner.reads("いま、お渡ししているものはありません")
    consultant.open(f"/michisuji/companies/{a.pk}/meetings/")
    consultant.press("訪問")
    consultant.press("記録を直す")
    consultant.page.get_by_role("checkbox", name="藤田").check()
    consultant.press("保存する")
    menu(partner, width, "面談記録")
    partner.press("訪問")
    assert partner.reads("展示会の準備を頼みました。")

    owner.enter(michisuji.people["千葉"])
    owner.open(f"/michisuji/companies/{a.pk}/members/")
    owner.press("参加を終える", beside="藤田")
    owner.press("参加を終える")
    assert owner.reads("藤田さんの参加を終えました。")
    partner.open(f"/michisuji/companies/{a.pk}/home/")
    assert partner.reads("見つかりません")


@WIDTHS
def test_an_admin_invites_a_colleague_and_hands_everything_over(
    someone: Someone, michisuji: House, a: Company, width: int, dark: bool
) -> None:
    with open_scope(michisuji.scope):
        Company.objects.update(consultant=michisuji.members["馬場"])
    admin = someone(width, dark=dark)
    admin.enter(michisuji.people["青木"])
    admin.open("/michisuji/settings/members/")
    admin.press("メンバーを招待する")
    types(admin, "お名前", "新谷 学")
    types(admin, "メールアドレス", "niiya@michisuji.example")
    admin.press("招待のメールを送る")

    colleague = someone(width, dark=dark)
    colleague.open(link_to(michisuji, "niiya@michisuji.example", colleague))
    colleague.press("参加する")
    assert colleague.reads("パスワードを決めてください。")
    types(colleague, "パスワード", "kumo wa shiroi hanabi")
    colleague.press("参加する")
    assert colleague.reads("支援先企業")

    admin.open("/michisuji/settings/members/")
    admin.press("馬場")
    admin.press("すべてをほかの人に引き継ぐ")
    admin.page.get_by_label("引き継ぐ人").select_option(label="新谷 学")
    admin.page.get_by_label("引き継いだあと、この人の参加を終える").check()
    admin.press("引き継ぐ", exact=True)
    assert admin.reads("担当する企業 2件")
    colleague.open("/michisuji/companies/")
    assert colleague.reads("新谷 学")


@WIDTHS
def test_who_belongs_to_two_places_chooses_and_changes_over(
    someone: Someone, michisuji: House, aoba: House, width: int, dark: bool
) -> None:
    with_password(michisuji.people["馬場"])
    with open_scope(aoba.scope):
        Membership.objects.create(
            firm=aoba.firm, user=michisuji.people["馬場"], role="consultant", created_at=clock.now()
        )
    person = someone(width, dark=dark)
    person.sign_in("baba@michisuji.example", PASSWORD)
    assert person.reads("どちらを開きますか")
    person.press("あおば経営支援")
    menu(person, width, "ほかの所属を開く")
    person.press("みちすじ経営パートナーズ")
    assert "/michisuji/home/" in person.page.url


@WIDTHS
def test_an_owner_chooses_what_comes_by_mail(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    owner = someone(width, dark=dark)
    owner.enter(michisuji.people["千葉"])
    owner.open("/michisuji/home/")
    menu(owner, width, "お知らせ")
    owner.press("メールで受け取るものを選ぶ")
    owner.page.get_by_label("面談記録・ファイル・コメントが共有されたとき").uncheck()
    owner.press("保存する")
    assert owner.reads("メールで受け取るお知らせを保存しました。")
    with open_scope(michisuji.scope):
        assert Membership.objects.get(pk=michisuji.members["千葉"].pk).muted == ["company_news"]
