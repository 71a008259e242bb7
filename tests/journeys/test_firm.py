"""An admin's ways: what the firm says about itself, and the rules for its own people."""

from collections.abc import Callable

import pytest

from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.journeys.conftest import DESK, PHONE, Person
from tests.journeys.test_people import types
from tests.tenancy.browser import app_code, with_password, with_second_factor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]
WIDTHS = pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESK, True)])


@WIDTHS
def test_an_admin_edits_the_public_page_and_the_people_on_it(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    admin = someone(width, dark=dark)
    admin.enter(michisuji.people["青木"])
    admin.open("/michisuji/settings/")
    admin.press("公開ページ")
    types(admin, "見出し", "誰に、何を。")
    admin.press("保存する")
    for name in ("佐伯 真理子", "大槻 健", "西野 彩"):
        admin.press("人を加える")
        types(admin, "お名前", name)
        admin.press("保存する")
    admin.press("上へ", beside="大槻 健")
    admin.press("直す", beside="西野 彩")
    types(admin, "肩書き", "コンサルタント")
    admin.press("保存する")
    admin.press("外す", beside="佐伯 真理子")
    admin.press("外す", exact=True)
    assert admin.reads("公開ページから外しました")

    admin.press("公開ページを開く")
    assert admin.page.locator("h1").inner_text().replace("\n", "") == "誰に、何を。"
    seen = admin.page.locator("main").inner_text()
    assert "佐伯" not in seen
    assert 0 < seen.index("大槻") < seen.index("西野")


@WIDTHS
def test_a_firm_demands_a_second_factor_and_a_colleague_is_led_to_set_it_up(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    with_second_factor(michisuji.people["青木"])
    with_password(michisuji.people["馬場"])
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(consultant=michisuji.members["馬場"])
    admin, colleague = someone(width, dark=dark), someone(width, dark=dark)
    colleague.enter(michisuji.people["馬場"])
    colleague.open("/michisuji/companies/")
    assert colleague.reads("有限会社イ")

    admin.sign_in("aoki@michisuji.example", PASSWORD)
    types(admin, "確認コード", app_code())
    admin.press("確認する")
    admin.open("/michisuji/settings/")
    admin.press("見られる範囲とログイン")
    admin.page.get_by_label("担当する企業だけ").check()
    admin.page.get_by_label("2段階認証を必須にする").check()
    admin.press("保存する")

    colleague.press("株式会社ア")
    assert colleague.page.get_by_role("heading", level=1).inner_text() == "2段階認証の設定"
    key = colleague.page.locator("#key").input_value()
    types(colleague, "アプリに出ている6桁の数字", app_code(key))
    colleague.press("設定を終える")
    colleague.press("控えました。次へ進む")
    assert colleague.page.get_by_role("heading", level=1).inner_text() == "株式会社ア"
    colleague.open("/michisuji/companies/")
    assert not colleague.reads("有限会社イ"), "only what is assigned"


@WIDTHS
def test_an_admin_reads_what_was_mailed_and_signs_a_colleague_s_lost_device_out(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    admin, colleague = someone(width, dark=dark), someone(width, dark=dark)
    colleague.enter(michisuji.people["馬場"])
    colleague.open("/michisuji/companies/")
    admin.enter(michisuji.people["青木"])
    admin.open("/michisuji/settings/members/invite/")
    types(admin, "お名前", "新谷 学")
    types(admin, "メールアドレス", "niiya@michisuji.example")
    admin.press("招待のメールを送る")
    admin.open("/michisuji/settings/")
    admin.press("メールの記録")
    types(admin, "宛先・件名", "niiya@")
    admin.press("絞り込む")
    admin.press("招待")
    assert admin.reads("niiya@michisuji.example")

    admin.open("/michisuji/settings/members/")
    admin.press("馬場")
    admin.press("すべてログアウトさせる")
    assert admin.reads("開いた端末はありません")
    colleague.press("有限会社イ")
    assert colleague.page.get_by_role("heading", level=1).inner_text() == "ログイン"
