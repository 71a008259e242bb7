"""Every tenant model says what becomes of its rows, and what it says fits its columns."""

from typing import Any

import pytest
from django.db import models

from tenancy.constraints import SameTenantKey
from tenancy.due import KINDS
from tenancy.keeping import (
    Blanks,
    Deletes,
    Exported,
    Keeps,
    Moves,
    NotExported,
    Stays,
    foreign_keys,
    later_keys,
    parents_first,
    tenant_models,
)
from tenancy.models import Company, FirmProfile

MODELS = tenant_models()
# Columns in which a person stands by name or address; what else a person wrote is the firm's or the company's.
PERSONAL = {"email", "contact_name", "representative", "attendees", "to"}
SECRET = {"hash", "answer"}


def names_of(model: Any) -> set[str]:
    return {each.name for each in model._meta.concrete_fields}


def column(model: Any, path: str) -> Any:
    """The column at the end of a path. Raises FieldDoesNotExist."""
    first, _, rest = path.partition("__")
    found = model._meta.get_field(first)
    return column(found.related_model, rest) if rest else found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_tenant_model_says_what_becomes_of_its_rows(model: Any) -> None:
    own = vars(model)
    assert isinstance(own.get("on_export"), Exported | NotExported), "on_export"
    assert isinstance(own.get("on_merge"), Moves | Stays), "on_merge"
    assert isinstance(own.get("on_erase"), Blanks | Deletes | Keeps), "on_erase"
    for kept in (model.on_export, model.on_merge, model.on_erase):
        assert getattr(kept, "why", "said"), "it must say why"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_what_a_model_exports_are_columns_of_its_own_and_no_secrets(model: Any) -> None:
    if isinstance(model.on_export, Exported):
        named = {*model.on_export.later, *model.on_export.ids, *filter(None, [model.on_export.files])}
        assert named <= names_of(model)
        assert not names_of(model) & SECRET
        assert all(model._meta.get_field(name).null for name in later_keys(model))
        if follows := model.on_export.follows:
            assert {*follows.where} <= names_of(model)
            assert follows.due in KINDS
        model.objects.filter(model.on_export.where)
    else:
        pointed_at = [
            each
            for each in MODELS
            if isinstance(each.on_export, Exported)
            for key in foreign_keys(each)
            if key.related_model is model and not key.null
        ]
        assert pointed_at == [], "an exported row would point to one that is not"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_row_of_a_company_says_how_it_merges(model: Any) -> None:
    of_company = "company" in names_of(model)
    assert isinstance(model.on_merge, Moves) == of_company
    if not isinstance(model.on_merge, Moves):
        return
    assert set(model.on_merge.follows) <= names_of(model)
    if model.on_merge.shown:
        column(model, model.on_merge.shown)
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint) and "company" in rule.fields and "id" not in rule.fields:
            assert model.on_merge.twin, f"{rule.name} may hold in both companies"
            assert set(model.on_merge.twin.fields) == set(rule.fields) - {"firm", "company"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_personal_columns_say_how_a_person_is_erased(model: Any) -> None:
    # What the firm publishes about itself it changes itself.
    personal = set() if model is FirmProfile else names_of(model) & PERSONAL
    erase = model.on_erase
    if isinstance(erase, Keeps):
        assert personal == set()
        return
    made_of = erase.made_of if isinstance(erase, Deletes) else ""
    assert [column(model, path) for path in filter(None, (erase.email, *erase.name, erase.shown, made_of))]
    if isinstance(erase, Blanks):
        assert personal <= set(erase.fields)
        assert all(model._meta.get_field(name).blank for name in erase.fields)


def test_what_hangs_on_a_thing_of_the_company_can_move_with_it() -> None:
    """A key that holds the company too must wait until both ends have moved."""
    for model in MODELS:
        for key in model._meta.constraints:
            if isinstance(key, SameTenantKey) and "company_id" in key.columns and len(key.columns) > 2:
                assert key.deferrable, key.name


def test_models_stand_after_those_that_they_point_to() -> None:
    order = parents_first()
    assert sorted(map(repr, order)) == sorted(map(repr, MODELS))
    for at, model in enumerate(order):
        for key in foreign_keys(model):
            if key.name not in later_keys(model) and key.related_model is not model:
                assert order.index(key.related_model) < at, (model, key)
    assert later_keys(Company) == ("consultant", "merged_into")
