"""Two consultants at once: each act happens once."""

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest
from django.db import connection

from diagnosis.actions import CommentMoved, revoke_link, take_over_company, write_comment
from diagnosis.models import Comment, Diagnosis
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.firm_help import answered, companies, read_again

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
ROUNDS = 8


def at_once(house: House, diagnosis: Diagnosis, *works: Callable[[Diagnosis], T]) -> list[T | Exception]:
    """Run the works in threads that start together, each in its own scope and with its own copy of the row."""
    ready, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int, work: Callable[[Diagnosis], T]) -> None:
        try:
            with open_scope(house.scope):
                mine = Diagnosis.objects.get(pk=diagnosis.pk)
                ready.wait()
                results[place] = work(mine)  # type: ignore[call-overload]
        except Exception as problem:
            results[place] = problem  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results  # type: ignore[return-value]


def test_two_who_take_it_over_make_one_company(michisuji: House) -> None:
    for number in range(ROUNDS):
        one, before = answered(michisuji, f"会社{number}番"), companies(michisuji)
        made = at_once(
            michisuji,
            one,
            *(
                lambda mine, who=who: take_over_company(diagnosis=mine, actor=michisuji.members[who]).pk
                for who in ("青木", "馬場")
            ),
        )
        assert made[0] == made[1]
        assert companies(michisuji) == before + 1


def test_of_two_comments_at_once_one_is_saved_and_the_other_told(michisuji: House) -> None:
    for _ in range(ROUNDS):
        one = answered(michisuji)
        results = at_once(
            michisuji,
            one,
            *(
                lambda mine, who=who: write_comment(
                    diagnosis=mine, text=who, based_on=0, actor=michisuji.members[who]
                )
                for who in ("青木", "馬場")
            ),
        )
        moved = [each for each in results if isinstance(each, CommentMoved)]
        assert len(moved) == 1
        with open_scope(michisuji.scope):
            saved = Comment.objects.get(diagnosis=one)
        assert moved[0].newest == saved
        assert read_again(michisuji, one).comment_version == 1


def test_two_who_revoke_end_one_issue_of_the_link(michisuji: House) -> None:
    for _ in range(ROUNDS):
        one = answered(michisuji)
        at_once(
            michisuji,
            one,
            *(
                lambda mine, who=who: revoke_link(diagnosis=mine, version=1, actor=michisuji.members[who])
                for who in ("青木", "馬場")
            ),
        )
        assert read_again(michisuji, one).link_version == 2
