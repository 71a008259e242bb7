"""A visitor's way: from the firm's page to the PDF, on a phone and at a desk, with and without JavaScript."""

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response

from config.processes import Child
from diagnosis.models import Diagnosis
from notices.models import Mail
from reports.models import Job
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.journey import ANSWERS, FACTS, sent
from tests.journeys.conftest import DESK, PHONE, Person, eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


def answer_the_page(page: Page) -> None:
    """Choose what case01 answers to everything this page asks."""
    given = {**ANSWERS, **FACTS}
    for group in page.locator("fieldset.question").all():
        name = group.locator("input:not([type=hidden])").first.get_attribute("name") or ""
        values = sent(name, given)
        for value in [each for each in (values if isinstance(values, list) else [values]) if each]:
            group.locator(f"input[value='{value}']:not([type=hidden])").check()


def answer_everything(person: Person) -> None:
    for _ in range(8):
        answer_the_page(person.page)
        person.press("次へ")


def say_who(person: Person, email: str = "") -> None:
    person.page.get_by_label("会社名").fill("株式会社利根あおば精工")
    person.page.get_by_label("メールアドレス").fill(email)
    person.page.get_by_label("個人情報の取扱いに同意").check()
    person.press("結果を見る")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_visitor_gets_from_the_public_page_to_the_pdf(
    someone: Someone, michisuji: House, worker: Child, width: int
) -> None:
    visitor = someone(width)
    visitor.open("/michisuji/")
    visitor.press("簡易診断を始める")
    visitor.press("診断を始める")
    answer_everything(visitor)
    say_who(visitor, "arai@tone.example")
    assert visitor.reads("51.8")
    visitor.page.get_by_role("link", name="レポート(PDF)を開く").wait_for(timeout=60_000)
    visitor.look()
    assert pdf_of(visitor).startswith(b"%PDF-")

    eventually(lambda: "diagnosis_ready" in mails(michisuji))
    link = next(word for word in mails(michisuji)["diagnosis_ready"].split() if "/diagnosis/r/" in word)
    elsewhere = someone(width, dark=True)
    elsewhere.open(link)
    assert elsewhere.reads("51.8")


def test_it_works_without_javascript(someone: Someone, michisuji: House, worker: Child) -> None:
    visitor = someone(PHONE, scripts=False)
    visitor.open("/michisuji/diagnosis/")
    visitor.press("診断を始める")
    answer_everything(visitor)
    say_who(visitor)
    eventually(lambda: jobs(michisuji) == ["done"])
    visitor.page.reload()
    assert pdf_of(visitor).startswith(b"%PDF-")


def test_each_choice_is_saved_as_it_is_made_and_goes_on_on_another_device(
    someone: Someone, michisuji: House
) -> None:
    phone = someone(PHONE)
    phone.open("/michisuji/diagnosis/")
    phone.press("診断を始める")
    phone.page.locator("fieldset.question").first.get_by_role("radio").nth(2).check()
    phone.page.get_by_text("1問目まで保存しました").wait_for()
    phone.press("別の端末やあとで、続きから始める")
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.get().answers == {"strategy_target": 2}
    phone.press("再開コードを表示する")
    desk = someone(DESK)
    desk.open("/michisuji/diagnosis/code/")
    field = desk.page.get_by_role("textbox", name="再開コード")
    field.fill(phone.page.locator(".code").inner_text().removeprefix("再開コード"))
    field.press("Enter")
    desk.page.wait_for_url("**/diagnosis/a/**")
    assert desk.page.locator("input[name=strategy_target][value='2']").is_checked()


def test_a_choice_that_did_not_arrive_is_said_and_sent_when_the_line_is_back(
    someone: Someone, michisuji: House
) -> None:
    visitor = someone(PHONE)
    visitor.open("/michisuji/diagnosis/")
    visitor.press("診断を始める")
    visitor.page.context.set_offline(True)
    visitor.page.locator("fieldset.question").first.get_by_role("radio").nth(3).check()
    visitor.page.get_by_text("まだ保存できていません").wait_for()
    visitor.complaints.clear()  # of the browser, that it is offline
    visitor.page.context.set_offline(False)
    visitor.page.get_by_text("1問目まで保存しました").wait_for()
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.get().answers == {"strategy_target": 3}


def test_boxes_that_exclude_each_other_are_never_ticked_together(someone: Someone, michisuji: House) -> None:
    visitor = someone(PHONE)
    visitor.open("/michisuji/diagnosis/")
    visitor.press("診断を始める")
    visitor.open(visitor.page.url.replace("/1/", "/8/"))
    boxes = {
        name: visitor.page.locator(f"input[name=x_extareas][value={name}]") for name in ("it", "none", "na")
    }
    for name in ("it", "none", "na", "it"):
        boxes[name].check()
        assert [each for each, box in boxes.items() if box.is_checked()] == [name]
    visitor.page.get_by_text("確認事項1つを保存しました").wait_for()


def test_what_was_typed_on_the_last_page_is_there_after_going_back(
    someone: Someone, michisuji: House
) -> None:
    visitor = someone(PHONE)
    visitor.open("/michisuji/diagnosis/")
    visitor.press("診断を始める")
    answer_everything(visitor)
    visitor.page.get_by_label("会社名").fill("株式会社もどる")
    visitor.press("結果を見る")  # without consent
    visitor.page.get_by_label("お名前").fill("山田")
    visitor.press("戻る")
    visitor.press("次へ")
    assert visitor.page.get_by_label("会社名").input_value() == "株式会社もどる"
    assert visitor.page.get_by_label("お名前").input_value() == "山田"
    visitor.page.get_by_label("個人情報の取扱いに同意").check()
    visitor.press("結果を見る")
    assert visitor.page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('keep:'))") == []


def test_a_double_click_submits_once(someone: Someone, michisuji: House) -> None:
    visitor = someone(DESK)
    visitor.open("/michisuji/diagnosis/")
    visitor.page.locator("main form button.primary").first.dblclick()
    visitor.page.wait_for_url("**/1/")
    answer_everything(visitor)
    visitor.page.get_by_label("会社名").fill("有限会社二度")
    visitor.page.get_by_label("個人情報の取扱いに同意").check()
    visitor.page.get_by_role("button", name="結果を見る").dblclick()
    visitor.page.wait_for_url("**/diagnosis/r/**")
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.count() == 1
    assert len(jobs(michisuji)) == 1


def test_a_public_page_costs_at_most_100_kilobytes(someone: Someone, michisuji: House) -> None:
    for path in ("/michisuji/", "/michisuji/diagnosis/"):
        visitor = someone(PHONE)
        answers: list[Response] = []

        def keep(response: Response, kept: list[Response] = answers) -> None:
            kept.append(response)

        visitor.page.on("response", keep)
        visitor.open(path)
        weights = [weight(each) for each in answers]
        assert sum(weights) <= 100_000, (path, weights)


def weight(response: Response) -> int:
    """What travels: the body as sent. Pages are compressed by the proxy in front; static files by ourselves."""
    sizes = response.request.sizes()
    packed = response.headers.get("content-encoding")
    body = sizes["responseBodySize"] if packed else len(gzip.compress(response.body()))
    return body + sizes["responseHeadersSize"]


def pdf_of(person: Person) -> bytes:
    url = person.page.get_by_role("link", name="レポート(PDF)を開く").get_attribute("href") or ""
    return person.page.context.request.get(person.site + url).body()


def mails(house: House) -> dict[str, str]:
    with open_scope(house.scope):
        return dict(Mail.objects.values_list("template", "body"))


def jobs(house: House) -> list[str]:
    with open_scope(house.scope):
        return list(Job.objects.values_list("state", flat=True))
