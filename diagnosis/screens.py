"""Where a member goes on from a step: the screen that the questionnaire names, as far as it stands."""

from dataclasses import dataclass

from django.urls import reverse

from diagnosis.calc.reading import Step
from tenancy.models import Company

# Path in the questionnaire → (url name, words). What has no screen of its own yet begins on the company's page.
SCREENS = {"/diagnosis/new": ("diagnosis:of_company", "次の診断を準備する")}
COMPANY = ("tenancy:company", "企業のページで進める")


@dataclass(frozen=True)
class StepWithScreen:
    """A step as the firm sees it: with the link to where it is done."""

    number: int
    title: str
    first_step: str
    why: str
    url: str
    words: str


def with_screens(steps: tuple[Step, ...], slug: str, company: Company | None) -> tuple[StepWithScreen, ...]:
    """The steps with their links; without one while there is no company to go to."""
    return tuple(_with_screen(step, slug, company) for step in steps)


def _with_screen(step: Step, slug: str, company: Company | None) -> StepWithScreen:
    name, words = SCREENS.get(step.screen, COMPANY)
    url = reverse(name, args=[slug, company.pk]) if company else ""
    return StepWithScreen(step.number, step.title, step.first_step, step.why, url, words)
