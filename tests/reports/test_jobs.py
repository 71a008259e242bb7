"""A document is asked for once, made once, and shown while it is being made."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.models import Mail
from reports import making
from reports.actions import begin_again, request_document
from reports.making import MOST_ATTEMPTS
from reports.models import Job
from reports.registry import Document, register
from reports.render import render_pdf
from reports.states import MOVES, move
from reports.tasks import render
from reports.views import file_response
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import Due, Trail
from tenancy.scope import NoScope, Scope, open_scope
from tests.conftest import House
from tests.reports import papers

As = Callable[[str], Client]
SUBJECT = UUID("00000000-0000-4000-8000-000000000001")


def visitor(house: House) -> Scope:
    return Scope(firm_id=house.firm.pk, link=SUBJECT)


def ask(house: House, scope: Scope | None = None, **changes: Any) -> Job:
    wanted = {"version": "c0-t1", "company_id": None, "link": SUBJECT, "actor": None} | changes
    with open_scope(scope or house.scope):
        return request_document(name="test_paper", subject=SUBJECT, **wanted)


def the_job(house: House) -> Job:
    with open_scope(house.scope):
        return Job.objects.get()


def work(house: House) -> Job:
    """What a worker does with the only job, as soon as it is due."""
    job = the_job(house)
    Due.objects.filter(kind="report").update(due_at=clock.now())
    render(house.firm.pk, str(job.pk))
    return the_job(house)


def files(media: Path) -> list[Path]:
    return [each for each in media.rglob("*") if each.is_file()]


# ── Asking ──


def test_the_same_document_is_one_job_whoever_asks(michisuji: House) -> None:
    first = ask(michisuji, visitor(michisuji), queue="public_reports")
    second = ask(michisuji, actor=michisuji.members["馬場"])
    assert first.pk == second.pk
    assert Due.objects.get(kind="report").queue == "public_reports"
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="request.document").count() == 1
    assert (first.state, first.progress, first.message) == ("queued", 0.0, "順番を待っています")


def test_another_version_is_another_job(michisuji: House) -> None:
    assert ask(michisuji).pk != ask(michisuji, version="c1-t1").pk


def test_an_unknown_document_is_a_mistake(michisuji: House) -> None:
    with open_scope(michisuji.scope), pytest.raises(KeyError):
        request_document(name="?", subject=SUBJECT, version="1", company_id=None, link=None, actor=None)


def test_without_a_scope_nothing_is_asked_for() -> None:
    with pytest.raises(NoScope):
        request_document(
            name="test_paper", subject=SUBJECT, version="1", company_id=None, link=None, actor=None
        )


def test_two_documents_of_one_name_are_a_mistake() -> None:
    other = Document("test_paper", "別", "1", str, str, papers.when_done, papers.when_failed)
    with pytest.raises(ValueError, match="test_paper"):
        register(other)


@pytest.mark.django_db(transaction=True)
def test_eight_visitors_at_once_ask_for_one_job(michisuji: House) -> None:
    def one(_: int) -> UUID:
        try:
            return ask(michisuji, visitor(michisuji)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(one, range(8)))) == 1
    assert Due.objects.filter(kind="report").count() == 1


def test_a_visitor_sees_only_what_the_own_link_opens(michisuji: House) -> None:
    job = ask(michisuji, visitor(michisuji))
    with open_scope(Scope(firm_id=michisuji.firm.pk, link=uuid4())):
        assert not Job.objects.exists()
    with open_scope(visitor(michisuji)):
        assert Job.objects.get().pk == job.pk


# ── States ──


@pytest.mark.parametrize("to", sorted(MOVES))
@pytest.mark.parametrize("start", ["queued", "running", "done", "failed"])
def test_a_job_moves_only_where_it_may(michisuji: House, start: str, to: str) -> None:
    job = ask(michisuji)
    with open_scope(michisuji.scope):
        Job.objects.update(state=start, file="k" if start == "done" else "")
        moved = move(job, to, file="k" if to == "done" else "")
        assert moved == (start in MOVES[to])
        assert Job.objects.get().state == (to if moved else start)


# ── Making ──


def test_a_job_is_made_kept_and_told_of(michisuji: House, media: Path) -> None:
    ask(michisuji, visitor(michisuji))
    job = work(michisuji)
    assert (job.state, job.progress, job.message, job.attempts) == ("done", 1.0, "できあがりました", 1)
    assert job.file.startswith(f"firm/{michisuji.firm.pk}/reports/")
    assert (media / job.file).read_bytes().startswith(b"%PDF-")
    assert job.bytes == (media / job.file).stat().st_size
    assert job.started_at
    assert job.finished_at
    assert not Due.objects.filter(kind="report").exists()
    with open_scope(michisuji.scope):
        assert Mail.objects.get().subject == "【レポートのご案内】紙"


def test_two_bells_make_one_document(michisuji: House, media: Path) -> None:
    ask(michisuji)
    job = work(michisuji)
    render(michisuji.firm.pk, str(job.pk))
    ask(michisuji)
    work(michisuji)
    assert len(files(media)) == 1
    assert papers.noted("built") == papers.noted("done") == 1


def test_a_bell_for_nothing_is_fine(michisuji: House) -> None:
    render(michisuji.firm.pk, str(uuid4()))


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_from_outside_and_no_transaction_stands_open_while_it_is_set(
    michisuji: House, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, float, str, bool]] = []

    def watched(html: str) -> bytes:
        open_now = connection.in_atomic_block
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(look).result()
        seen.append((job.state, job.progress, job.message, open_now))
        return render_pdf(html)

    def look() -> Job:
        try:
            return the_job(michisuji)
        finally:
            connection.close()

    monkeypatch.setattr(making, "render_pdf", watched)
    ask(michisuji)
    assert work(michisuji).is_done
    assert seen == [("running", 0.3, "紙面を組んでいます", False)]


def test_what_goes_wrong_is_tried_again_and_after_five_times_said_kindly(
    michisuji: House, media: Path, wish: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (wish / "wrong").touch()
    ask(michisuji)
    for attempt in range(1, MOST_ATTEMPTS):
        job = work(michisuji)
        assert (job.state, job.attempts, job.error) == ("queued", attempt, "RuntimeError")
        assert Due.objects.get(kind="report").due_at > clock.now()
    job = work(michisuji)
    assert (job.state, job.attempts, job.progress) == ("failed", 5, 0.0)
    assert "もう一度お試しください" in job.message
    assert not Due.objects.filter(kind="report").exists()
    assert (papers.noted("built"), papers.noted("failed"), files(media)) == (5, 1, [])
    # Asked for again, it begins again.
    (wish / "wrong").unlink()
    assert ask(michisuji).pk == job.pk
    job = work(michisuji)
    assert (job.state, job.attempts, job.error) == ("done", 1, "")


def test_a_job_over_which_workers_die_does_not_go_on_forever(michisuji: House, media: Path) -> None:
    ask(michisuji)
    Due.objects.update(attempts=MOST_ATTEMPTS)
    assert work(michisuji).error == "WorkerLost"
    assert papers.noted("failed") == 1


def test_only_a_failed_job_begins_again(michisuji: House) -> None:
    job = ask(michisuji)
    with open_scope(michisuji.scope):
        assert not begin_again(job=job)


@pytest.mark.guard("due.fence")
def test_a_worker_that_lost_its_lease_leaves_no_file_and_writes_nothing(
    michisuji: House, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(html: str) -> bytes:
        Due.objects.filter(kind="report").update(attempts=9)
        return render_pdf(html)

    monkeypatch.setattr(making, "render_pdf", slow)
    ask(michisuji)
    job = work(michisuji)
    assert (job.state, job.file, files(media)) == ("running", "", [])
    with open_scope(michisuji.scope):
        assert not Mail.objects.exists()


def test_the_file_of_a_killed_attempt_is_deleted_by_the_next(michisuji: House, media: Path) -> None:
    ask(michisuji)
    left_behind = media / "firm/1/reports/x.pdf"
    left_behind.parent.mkdir(parents=True)
    left_behind.touch()
    with open_scope(michisuji.scope):
        Job.objects.update(state="running", attempts=1, draft="firm/1/reports/x.pdf")
    Due.objects.update(attempts=1)
    job = work(michisuji)
    assert job.is_done
    assert files(media) == [media / job.file]


def test_when_only_the_answer_to_the_last_commit_is_lost_the_job_stays_done(
    michisuji: House, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep = making._keep

    def unheard(*args: Any) -> None:
        keep(*args)
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(making, "_keep", unheard)
    ask(michisuji)
    job = work(michisuji)
    assert job.is_done
    assert files(media) == [media / job.file]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_when_the_end_is_rolled_back_the_file_goes_too(
    michisuji: House, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(job: Job) -> None:
        raise RuntimeError

    broken = Document("test_paper", "紙", "1", papers.build, lambda _: "x.pdf", stumbling, papers.when_failed)
    monkeypatch.setattr(making, "document", lambda name: broken)
    ask(michisuji)
    job = work(michisuji)
    assert (job.state, job.error, files(media)) == ("queued", "RuntimeError", [])
    assert Due.objects.filter(kind="report").exists()


# ── Looking ──


def test_a_member_watches_the_bar_and_gets_the_file_under_its_japanese_name(
    michisuji: House, media: Path, as_: As
) -> None:
    job = ask(michisuji, actor=michisuji.members["馬場"])
    address = f"/michisuji/jobs/{job.pk}/"
    baba = as_("馬場")
    page = baba.get(address).content.decode()
    assert "順番を待っています" in page
    assert f'hx-get="{address}"' in page
    assert f'<a href="{address}">更新する</a>' in page
    assert baba.get(f"{address}file/").headers["Location"] == address
    work(michisuji)
    bar = baba.get(address, headers={"HX-Request": "true"})
    assert bar.content.decode().strip().startswith('<div class="progress-bar done"')
    assert "hx-get" not in bar.content.decode()
    assert "HX-Request" in bar.headers["Vary"]
    assert f'href="{address}file/"' in baba.get(address).content.decode()
    file = baba.get(f"{address}file/")
    assert file.content == (media / the_job(michisuji).file).read_bytes()
    assert file.headers["Content-Type"] == "application/pdf"
    kind, _, name = file.headers["Content-Disposition"].partition("; filename*=utf-8''")
    assert (kind, unquote(name)) == ("attachment", "診断レポート 株式会社ア.pdf")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Cache-Control"] == "private, no-store"
    assert not file.streaming


@pytest.mark.parametrize(("who", "status"), [("千葉", 403), ("江口", 403), ("権藤", 404), ("誰か", 302)])
def test_a_job_is_not_for_everybody(michisuji: House, media: Path, as_: As, who: str, status: int) -> None:
    job = ask(michisuji)
    work(michisuji)
    for tail in ("", "file/"):
        assert as_(who).get(f"/michisuji/jobs/{job.pk}/{tail}").status_code == status
    assert as_(who).post(f"/michisuji/jobs/{job.pk}/again/").status_code == status


def test_another_firms_job_is_not_found_under_the_own_address(michisuji: House, media: Path, as_: As) -> None:
    job = ask(michisuji)
    work(michisuji)
    gondo = as_("権藤")
    missing = gondo.get(f"/aoba/jobs/{uuid4()}/file/")
    for tail in ("", "file/"):
        answer = gondo.get(f"/aoba/jobs/{job.pk}/{tail}")
        assert (answer.status_code, answer.content) == (404, missing.content)
    assert gondo.post(f"/aoba/jobs/{job.pk}/again/").status_code == 404


def test_a_failed_job_says_so_and_begins_again_with_a_click(michisuji: House, as_: As) -> None:
    job = ask(michisuji)
    with open_scope(michisuji.scope):
        Job.objects.update(state="failed", message="作成できませんでした。", error="KeyError")
    address = f"/michisuji/jobs/{job.pk}/"
    baba = as_("馬場")
    page = baba.get(address).content.decode()
    assert "作成できませんでした。" in page
    assert "KeyError" not in page
    assert f'action="{address}again/"' in page
    assert f'href="{address}"' in baba.get(address, headers={"HX-Request": "true"}).content.decode()
    for _ in range(2):
        assert "順番を待っています" in baba.post(f"{address}again/", follow=True).content.decode()
    assert Due.objects.filter(kind="report").count() == 1


def test_a_file_that_is_gone_is_made_anew(michisuji: House, media: Path, as_: As) -> None:
    job, baba = ask(michisuji), as_("馬場")
    address = f"/michisuji/jobs/{job.pk}/"
    assert baba.get(f"{address}file/").headers["Location"] == address
    (media / work(michisuji).file).unlink()
    for _ in range(2):
        assert "順番を待っています" in baba.get(f"{address}file/", follow=True).content.decode()
    assert Due.objects.filter(kind="report").count() == 1
    work(michisuji)
    assert baba.get(f"{address}file/").content.startswith(b"%PDF-")


def test_a_file_that_was_made_meanwhile_is_not_thrown_away(michisuji: House, media: Path, as_: As) -> None:
    ask(michisuji)
    with open_scope(michisuji.scope):
        early = Job.objects.get()
    made = work(michisuji)
    with open_scope(michisuji.scope):
        assert file_response(early, HttpResponse(status=204)).status_code == 204
        late = Job.objects.get()
        late.file = "somebody/elses/lost.pdf"  # two readers missed it, and the first had it made anew
        assert file_response(late, HttpResponse(status=204)).status_code == 204
        assert (the_job(michisuji).state, the_job(michisuji).file) == ("done", made.file)


def test_the_bar_costs_the_same_with_many_jobs(michisuji: House, as_: As) -> None:
    job = ask(michisuji)
    baba = as_("馬場")
    with CaptureQueriesContext(connection) as few:
        baba.get(f"/michisuji/jobs/{job.pk}/")
    for each in range(30):
        ask(michisuji, version=f"v{each}")
    with CaptureQueriesContext(connection) as many:
        baba.get(f"/michisuji/jobs/{job.pk}/")
    assert len(few) == len(many)


def test_the_first_wall_is_not_the_only_one(michisuji: House, aoba: House) -> None:
    ask(michisuji)
    with open_scope(aoba.scope), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reports_job")
        assert cursor.fetchone() == (0,)
        cursor.execute("UPDATE reports_job SET state = 'failed'")
        assert cursor.rowcount == 0


# ── Through a signed link ──


@pytest.mark.urls("tests.reports.doors")
def test_a_visitor_watches_and_downloads_by_the_signed_link_alone(
    michisuji: House, aoba: House, media: Path, as_: As
) -> None:
    ask(michisuji, visitor(michisuji))
    nobody, token = as_("誰か"), make_token("test.paper", SUBJECT, 1)
    address = f"/michisuji/paper/{token}/"
    assert f'hx-get="{address}"' in nobody.get(address).content.decode()
    assert nobody.get(f"{address}file/").status_code == 404
    work(michisuji)
    page = nobody.get(address).content.decode()
    assert f'href="{address}file/"' in page
    assert "/jobs/" not in page
    assert nobody.get(f"{address}file/").content.startswith(b"%PDF-")
    other = make_token("test.paper", uuid4(), 1)
    for wrong in (f"/michisuji/paper/{other}/", f"/aoba/paper/{token}/", f"/michisuji/paper/{token}x/"):
        assert nobody.get(wrong).status_code == 404
        assert nobody.get(f"{wrong}file/").status_code == 404
