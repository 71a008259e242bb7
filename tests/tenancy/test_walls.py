"""Both walls, each alone: no scope is an exception and never rows; one firm's scope reaches nothing of another's."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from celery import shared_task
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Manager
from django.utils import timezone

from tenancy import walls
from tenancy.ids import uncounted
from tenancy.models import Company, Firm, Membership, Site, Trail
from tenancy.scope import NoScope, Scope, open_scope
from tenancy.walls import FirmModel, WrongScope, wall_of
from tests.conftest import House, as_owner

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, FirmModel)]


def plain(model: type[models.Model]) -> Manager[Any]:
    """A manager without wall 1: what stands behind it is wall 2 alone."""
    manager: Manager[Any] = Manager()
    manager.model = model
    return manager


# ── No scope ──

WITHOUT_SCOPE: dict[str, Callable[[], Any]] = {
    "list": lambda: list(Company.objects.all()),
    "exists": lambda: Company.objects.exists(),
    "count": lambda: Company.objects.count(),
    "aggregate": lambda: Company.objects.aggregate(models.Max("pk")),
    "in_bulk": lambda: Company.objects.in_bulk([1]),
    "raw": lambda: list(Company.objects.raw("SELECT * FROM tenancy_company")),
    "update": lambda: Company.objects.update(name="x"),
    "delete": lambda: Company.objects.filter(pk=1).delete(),
    "save": lambda: Company(firm_id=1, name="x").save(),
    "create": lambda: Company.objects.create(firm_id=1, name="x"),
    "bulk_create": lambda: Company.objects.bulk_create([Company(firm_id=1, name="x")]),
    "base manager": lambda: Company._base_manager.first(),
    "join": lambda: list(Site.objects.select_related("company")),
    "subquery": lambda: list(Firm.objects.filter(pk__in=Company.objects.values("firm"))),
}


@pytest.mark.guard("walls.read")
@pytest.mark.parametrize("way", WITHOUT_SCOPE)
def test_without_a_scope_a_manager_raises(michisuji: House, way: str) -> None:
    with pytest.raises(NoScope):
        WITHOUT_SCOPE[way]()


@pytest.mark.guard("walls.policy")
@pytest.mark.parametrize(
    "statement", ["SELECT * FROM tenancy_company", "UPDATE tenancy_company SET name = 'x'"]
)
def test_without_a_scope_raw_sql_is_an_error_of_postgresql(michisuji: House, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.guard("walls.policy")
def test_without_a_scope_an_unwalled_manager_meets_the_second_wall(michisuji: House) -> None:
    for ask in (lambda: list(plain(Company).all()), lambda: plain(Company).exists()):
        with pytest.raises(DatabaseError), transaction.atomic():
            ask()


@pytest.mark.guard("walls.read")
def test_a_new_thread_has_no_scope(michisuji: House) -> None:
    caught: list[Exception] = []

    def look() -> None:
        try:
            Company.objects.exists()
        except Exception as problem:
            caught.append(problem)
        finally:
            connection.close()

    with open_scope(michisuji.scope):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert [type(each) for each in caught] == [NoScope]


@shared_task(name="tests.look_around")
def look_around() -> int:
    return Company.objects.count()


@pytest.mark.guard("walls.read")
def test_a_task_has_no_scope_of_its_own(michisuji: House) -> None:
    with pytest.raises(NoScope):
        look_around.apply(throw=True)


# ── Another firm ──


@pytest.mark.guard("walls.read")
def test_a_firm_s_managers_see_only_its_own_rows(michisuji: House, aoba: House) -> None:
    foreign = aoba.companies["株式会社ウ"]
    with open_scope(michisuji.scope):
        assert {each.name for each in Company.objects.all()} == {"株式会社ア", "有限会社イ"}
        assert not Company.objects.filter(pk=foreign.pk).exists()
        assert Company.objects.in_bulk([foreign.pk]) == {}
        assert Company.objects.filter(pk=foreign.pk).update(name="x") == 0


@pytest.mark.guard("walls.read")
def test_the_first_wall_stands_in_the_sql_itself(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        assert '"tenancy_company"."firm_id" = ' in str(Company.objects.all().query)


@pytest.mark.guard("walls.policy")
def test_with_the_first_wall_gone_the_second_hides_the_other_firm(michisuji: House, aoba: House) -> None:
    foreign = aoba.companies["株式会社ウ"]
    with open_scope(michisuji.scope):
        assert not plain(Company).filter(pk=foreign.pk).exists()
        assert plain(Company).filter(pk=foreign.pk).update(name="x") == 0
        assert plain(Company).count() == 2
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM tenancy_company WHERE id = %s", [foreign.pk])
            assert cursor.rowcount == 0


@pytest.mark.guard("walls.policy")
def test_with_the_first_wall_gone_nothing_is_written_into_the_other_firm(
    michisuji: House, aoba: House
) -> None:
    with open_scope(michisuji.scope):
        with pytest.raises(DatabaseError), transaction.atomic():
            plain(Company).bulk_create([Company(firm_id=aoba.firm.pk, name="x")])
        with pytest.raises(DatabaseError), transaction.atomic():
            plain(Company).filter(pk=michisuji.companies["株式会社ア"].pk).update(firm_id=aoba.firm.pk)


@pytest.mark.guard("walls.write")
def test_a_row_of_another_firm_is_refused_before_postgresql_is_asked(michisuji: House, aoba: House) -> None:
    foreign = aoba.companies["株式会社ウ"]
    own = michisuji.companies["株式会社ア"]
    attempts: list[Callable[[], Any]] = [
        lambda: Company.objects.create(firm=aoba.firm, name="x"),
        lambda: Company.objects.bulk_create([Company(firm=aoba.firm, name="x")]),
        lambda: Company.objects.filter(pk=own.pk).update(firm=aoba.firm),
        foreign.save,
        foreign.delete,
    ]
    with open_scope(michisuji.scope):
        for attempt in attempts:
            with pytest.raises(WrongScope), transaction.atomic():
                attempt()


@pytest.mark.guard("walls.keys")
def test_no_row_points_to_another_firm_s_row(michisuji: House, aoba: House) -> None:
    foreign = aoba.companies["株式会社ウ"]
    with open_scope(michisuji.scope), pytest.raises(IntegrityError), transaction.atomic():
        plain(Site).bulk_create([Site(firm=michisuji.firm, company_id=foreign.pk, name="x")])


# ── Companies, links, visitors ──


@pytest.mark.guard("walls.read")
@pytest.mark.guard("walls.policy")
@pytest.mark.parametrize("manager", [Company.objects, plain(Company)], ids=["wall 1", "wall 2"])
def test_a_company_member_sees_only_that_company(michisuji: House, manager: Any) -> None:
    own, sibling = michisuji.companies["株式会社ア"], michisuji.companies["有限会社イ"]
    with open_scope(Scope(firm_id=michisuji.firm.pk, companies=frozenset({own.pk}))):
        assert list(manager.values_list("name", flat=True)) == ["株式会社ア"]
        assert manager.filter(pk=sibling.pk).update(name="x") == 0


@pytest.mark.guard("walls.read")
@pytest.mark.guard("walls.policy")
@pytest.mark.parametrize("manager", [Membership.objects, plain(Membership)], ids=["wall 1", "wall 2"])
def test_a_visitor_sees_no_member_and_no_trail(michisuji: House, manager: Any) -> None:
    with open_scope(Scope(firm_id=michisuji.firm.pk)):
        assert list(manager.all()) == []


@pytest.mark.guard("walls.policy")
def test_a_visitor_adds_to_the_trail_without_seeing_it(michisuji: House) -> None:
    with open_scope(Scope(firm_id=michisuji.firm.pk)):
        Trail(firm=michisuji.firm, act="try", subject="x", subject_id="1").save(force_insert=True)
        assert plain(Trail).count() == 0
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="try").count() == 1


@pytest.mark.guard("walls.read")
def test_a_person_finds_the_own_memberships_before_a_firm_is_known(michisuji: House, aoba: House) -> None:
    with open_scope(Scope(user_id=michisuji.people["馬場"].pk)):
        assert [each.role for each in Membership.objects.all()] == ["consultant"]
        assert [each.role for each in plain(Membership).all()] == ["consultant"]


def test_the_trail_cannot_be_changed_or_deleted(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        row = Trail.objects.create(firm=michisuji.firm, act="try", subject="x", subject_id="1")
        with pytest.raises(DatabaseError), transaction.atomic():
            Trail.objects.filter(pk=row.pk).update(act="other")
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()


# ── The scope itself ──


def test_a_scope_gives_back_the_one_before_also_after_an_exception(michisuji: House, aoba: House) -> None:
    with open_scope(michisuji.scope):
        with pytest.raises(ValueError, match="away"), open_scope(aoba.scope):
            raise ValueError("away")
        assert {each.firm_id for each in plain(Company).all()} == {michisuji.firm.pk}
        with open_scope(aoba.scope):
            assert {each.firm_id for each in plain(Company).all()} == {aoba.firm.pk}
        assert {each.firm_id for each in Company.objects.all()} == {michisuji.firm.pk}


@pytest.mark.parametrize("companies", ["*", frozenset()])
def test_no_firm_is_never_every_firm(michisuji: House, aoba: House, companies: Any) -> None:
    with open_scope(Scope(firm_id=None, companies=companies)):
        assert not Company.objects.exists()
        assert not plain(Company).exists()


# ── Models and catalogue ──


def catalogue(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_every_tenant_model_stands_behind_both_walls(model: type[models.Model]) -> None:
    assert wall_of(model)
    assert isinstance(model._default_manager, walls.TenantManager)
    assert isinstance(model._base_manager, walls.TenantManager)
    firm = model._meta.get_field("firm")
    assert isinstance(firm, models.ForeignKey)
    assert not firm.null
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            assert constraint.fields[0] == "firm", constraint.name
    assert not any(field.unique for field in model._meta.local_fields if not field.primary_key)


@pytest.mark.guard("walls.policy")
def test_every_table_is_behind_forced_row_security_or_on_the_list_with_a_reason(db: None) -> None:
    tables = catalogue(
        "SELECT relname, relrowsecurity AND relforcerowsecurity, EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)"
        " FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    open_tables = {name for name, forced, policy in tables if not (forced and policy)}
    assert open_tables == set(walls.OUTSIDE)
    assert {name for name, *_ in tables} - open_tables == {model._meta.db_table for model in TENANT_MODELS}


def test_every_tenant_table_has_a_firm_that_cannot_be_null(db: None) -> None:
    columns = catalogue(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'firm_id' AND is_nullable = 'NO'"
    )
    assert {model._meta.db_table for model in TENANT_MODELS} <= {name for (name,) in columns}


@pytest.mark.guard("walls.keys")
def test_every_foreign_key_between_tenant_tables_carries_the_firm(db: None) -> None:
    keys = catalogue(
        "SELECT conrelid::regclass::text, confrelid::regclass::text, array_length(conkey, 1),"
        " (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1])"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    tenant_tables = {model._meta.db_table for model in TENANT_MODELS}
    between = [key for key in keys if key[0] in tenant_tables and key[1] in tenant_tables]
    assert {(length >= 2, first) for *_, length, first in between} == {(True, "firm_id")}
    declared = {
        (model._meta.db_table, field.column)
        for model in TENANT_MODELS
        for field in model._meta.local_fields
        if field.is_relation and field.related_model in TENANT_MODELS
    }
    assert len(between) == len(declared), (
        "a foreign key between tenant tables without its composite constraint"
    )


def test_the_runtime_role_is_bound_by_row_security(db: None) -> None:
    walls.require_safe_role()
    (row,) = catalogue("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert row == (False, False)


# ── What keys tell ──


def test_no_key_counts_the_rows_of_all_firms(db: None) -> None:
    ours = {
        model._meta.db_table
        for model in apps.get_models()
        if model.__module__.split(".")[0] not in ("django", "allauth")
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'id' AND data_type <> 'uuid'"
            " AND coalesce(column_default, '') NOT IN ('tenancy_next_key()', 'tenancy_random_key()')"
        )
        counted = {name for (name,) in cursor}
    assert counted & ours == set()


@pytest.mark.django_db(transaction=True)
def test_keys_made_at_the_same_moment_differ_and_grow() -> None:
    made: list[list[int]] = []

    def make() -> None:
        with connection.cursor() as cursor:
            for _ in range(50):
                cursor.execute("SELECT tenancy_next_key() FROM generate_series(1, 100)")
                made.append([key for (key,) in cursor])
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(keys == sorted(keys) for keys in made)
    assert len({key for keys in made for key in keys}) == 20_000


def test_the_way_back_to_a_counter_goes_through_where_the_owner_sees_no_row(django_db_setup: None) -> None:
    """And no key that it counts has been given before."""
    with as_owner(connection.settings_dict["NAME"]) as owner, owner.cursor() as cursor:
        cursor.execute("SELECT tenancy_next_key()")
        (last,) = cursor.fetchone()
        for statement in cast("list[str]", uncounted("tenancy_company").reverse_sql):
            cursor.execute(statement)
        cursor.execute("SELECT nextval(pg_get_serial_sequence('tenancy_company', 'id'))")
        assert cursor.fetchone()[0] > last
        owner.rollback()
    owner.close()


def test_a_key_is_the_moment_at_which_it_was_made(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenancy_next_key()")
        made_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=cursor.fetchone()[0])
    assert abs(made_at - timezone.now()) < timedelta(minutes=1)


def test_the_key_of_an_account_does_not_tell_how_old_it_is(michisuji: House) -> None:
    """A firm that invites somebody must not see from the key that the account is older than its own invitation."""
    keys = [person.pk for person in michisuji.people.values()]
    assert max(keys) - min(keys) > 10**12, "days lie between people who were made at the same moment"
