"""Ways through signing in and the own account, and the operator's pages, on a phone and at a desk."""

from collections.abc import Callable

import pytest

from tenancy.models import User
from tests.conftest import PASSWORD, House
from tests.journeys.conftest import DESK, PHONE, Person
from tests.tenancy.browser import app_code, mailed_code, mailed_path, mails, with_password, with_second_factor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]
NEW_FIRM = {
    "名称": "ひので経営支援",
    "URLの名前": "hinode",
    "管理者のお名前": "日野 出",
    "管理者のメールアドレス": "hino@hinode.example",
}
WIDTHS = pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)])


def types(person: Person, label: str, words: str) -> None:
    person.page.get_by_label(label).first.fill(words)


@WIDTHS
def test_an_owner_signs_in_with_a_code(someone: Someone, michisuji: House, width: int, dark: bool) -> None:
    owner = someone(width, dark=dark)
    owner.open("/accounts/login/?next=/michisuji/home/")
    owner.press("コードでログイン")
    types(owner, "メールアドレス", "chiba@a.exmaple")
    owner.press("コードを受け取る")
    assert owner.reads("chiba@a.exmaple")
    owner.press("アドレスを直して送り直す")
    types(owner, "メールアドレス", "chiba@a.example")
    owner.press("コードを受け取る")
    types(owner, "6桁のコード", "000000")
    owner.press("ログインする")
    assert owner.reads("コードが違います")
    types(owner, "6桁のコード", mailed_code(michisuji))
    owner.press("ログインする")
    assert owner.reads("株式会社ア")


@WIDTHS
def test_a_consultant_sets_up_a_second_factor_and_signs_in_with_it(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    with_password(michisuji.people["馬場"])
    consultant = someone(width, dark=dark)
    consultant.sign_in("baba@michisuji.example", PASSWORD)
    consultant.open("/accounts/")
    consultant.press("2段階認証")
    consultant.press("2段階認証を設定する")
    key = consultant.page.locator("#key").input_value()
    types(consultant, "アプリに出ている6桁の数字", app_code(key))
    consultant.press("設定を終える")
    assert consultant.page.locator(".recovery-codes code").count() == 10
    consultant.press("控えました。次へ進む")
    assert consultant.reads("残り10個")

    again = someone(width, dark=dark)
    again.sign_in("baba@michisuji.example", PASSWORD)
    types(again, "確認コード", "000000")
    again.press("確認する")
    assert again.reads("コードが違います")
    types(again, "確認コード", app_code(key))
    again.press("確認する")
    again.open("/michisuji/companies/")
    assert again.reads("株式会社ア")


@WIDTHS
def test_an_owner_changes_name_address_and_password_and_ends_forgotten_sessions(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    user = with_password(michisuji.people["千葉"])
    owner, at_work, at_home = (someone(width, dark=dark) for _ in range(3))
    for person in (owner, at_work, at_home):
        person.enter(user)
    owner.open("/accounts/")
    types(owner, "お名前", "千葉 進")
    owner.press("お名前を保存する")
    assert owner.page.get_by_label("お名前").input_value() == "千葉 進"
    owner.press("メールアドレスを変える")
    types(owner, "新しいメールアドレス", "chiba-new@a.example")
    owner.press("確認のメールを送る")
    assert owner.reads("chiba-new@a.example")
    owner.open(mailed_path(mails(michisuji, "email_confirmation")[0], owner.site))
    owner.press("このアドレスにする")
    assert owner.reads("メールアドレスが変わりました")

    owner.press("ログインしている端末")
    owner.page.get_by_role("button", name="をログアウトする").first.click()
    owner.page.get_by_text("選んだ端末をログアウトしました。").wait_for()
    assert [is_in(person) for person in (at_work, at_home)].count(True) == 1
    owner.press("この端末のほかをすべてログアウトする")
    assert [is_in(person) for person in (owner, at_work, at_home)] == [True, False, False]

    owner.press("アカウントへ戻る")
    owner.press("パスワードを変える")
    types(owner, "現在のパスワード", PASSWORD)
    types(owner, "新しいパスワード", "kumo wa shiroi hanabi")
    owner.page.fill("input[name=password2]", "kumo wa shiroi hanabi")
    owner.press("このパスワードにする")
    at_home.sign_in("chiba-new@a.example", "kumo wa shiroi hanabi")
    assert at_home.reads("千葉 進 様")


def is_in(person: Person) -> bool:
    """Whether the next page opens, or asks to sign in."""
    return "/login/" not in person.page.context.request.get(f"{person.site}/accounts/").url


@WIDTHS
def test_every_page_of_account_and_operator_is_accessible_valid_and_fits(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    user = User.objects.create_user("uno@operator.example", None, "宇野")
    User.objects.filter(pk=user.pk).update(is_operator=True)
    with_second_factor(user)
    operator = someone(width, dark=dark)
    operator.sign_in("uno@operator.example", PASSWORD)
    types(operator, "確認コード", app_code())
    operator.press("確認する")
    for path in ("", "email/", "email/confirm/altered/", "password/change/", "reauthenticate/", "sessions/"):
        operator.open(f"/accounts/{path}")
    for path in ("second-factor/", "second-factor/codes/", "second-factor/remove/"):
        operator.open(f"/accounts/{path}")
    for path in ("", "firms/new/", "health/", "queues/", "failures/", "limits/"):
        operator.open(f"/operator/{path}")
    operator.open("/operator/firms/new/")
    for label, words in NEW_FIRM.items():
        types(operator, label, words)
    operator.press("作る")
    operator.open("/operator/")
    assert operator.reads("ひので経営支援")
    operator.press("みちすじ経営パートナーズに入る")
    types(operator, "入る理由", "お客様からのお問い合わせの確認のため")
    operator.press("入る", exact=True)
    assert operator.reads("運用担当として「みちすじ経営パートナーズ」を見ています")
    operator.open("/michisuji/companies/")
    operator.press("退出する")
    assert operator.reads("退出しました")
