"""How far a diagnosis is answered: the path of eight pages, and the sentence that says what is kept."""

from dataclasses import dataclass
from datetime import datetime

from diagnosis.calc import missing_by_page, pages
from diagnosis.models import Diagnosis
from diagnosis.questionnaire import load


@dataclass(frozen=True)
class Stop:
    """One page on the path. `reached`: there is something to come back to, so it is a link."""

    number: int
    label: str
    done: bool
    reached: bool
    current: bool
    missing: int


@dataclass(frozen=True)
class Progress:
    """`first_open` is the first page with something left, None when nothing is. `said` is empty before an answer."""

    stops: tuple[Stop, ...]
    current: int
    of: int
    label: str
    first_open: int | None
    said: str
    saved_at: datetime

    @property
    def open_stops(self) -> tuple[Stop, ...]:
        return tuple(stop for stop in self.stops if not stop.done)

    @property
    def next_label(self) -> str:
        """Where 次へ leads."""
        return self.stops[self.current].label if self.current < self.of else "お客様について"


def progress_of(diagnosis: Diagnosis, *, current: int = 0) -> Progress:
    """The progress as it is kept; `current` is the page on the screen. No queries."""
    questionnaire = load(diagnosis.questionnaire_version)
    all_pages = pages(questionnaire)
    missing = missing_by_page(questionnaire, diagnosis.answers, diagnosis.facts)
    begun = [page.number for page in all_pages if len(missing[page.key]) < len(page.ids)]
    reached = max([current, 1, *(number + 1 for number in begun)])
    stops = tuple(
        Stop(
            number=page.number,
            label=page.label,
            done=not missing[page.key],
            reached=page.number <= reached,
            current=page.number == current,
            missing=len(missing[page.key]),
        )
        for page in all_pages
    )
    return Progress(
        stops=stops,
        current=current,
        of=len(stops),
        label=stops[current - 1].label if current else "",
        first_open=next((stop.number for stop in stops if not stop.done), None),
        said=_said(diagnosis),
        saved_at=diagnosis.updated_at,
    )


def _said(diagnosis: Diagnosis) -> str:
    """「12問目まで」 where nothing before it is open, else how many are kept."""
    questionnaire = load(diagnosis.questionnaire_version)
    kept = [question.no for question in questionnaire.questions if question.id in diagnosis.answers]
    facts = len(diagnosis.facts)
    if facts:
        return f"{len(kept)}問と確認事項{facts}つを保存しました"
    if not kept:
        return ""
    return f"{len(kept)}問目まで保存しました" if max(kept) == len(kept) else f"{len(kept)}問を保存しました"
