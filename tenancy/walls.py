"""Wall 1: managers that add the scope to every query when its SQL is compiled. Wall 2 is in `tenancy.constraints`.

Each wall holds alone. This one gives Python programmers an exception where PostgreSQL would give an error, and keeps
counts and forms right; the other one also holds for raw SQL and for code that goes around the managers.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Self, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler

from tenancy import guards
from tenancy.constraints import Wall
from tenancy.keeping import OnErase, OnExport, OnMerge
from tenancy.scope import ALL, Scope, current_scope

# Tables outside row security, each with its reason. A test compares this list with PostgreSQL's catalogue.
OUTSIDE = {
    "tenancy_firm": "slug, name and state are what every address shows; the door's two rules are asked before it opens",
    "tenancy_user": "a person may belong to several firms; memberships are inside",
    "tenancy_due": "what is due, without personal data, so that a sweep costs the same for any number of firms",
    "tenancy_ratelimit": "hashed addresses and counters",
    "tenancy_session": "signed-in browsers; opened before the firm is known",
    "django_migrations": "Django's own",
    "django_content_type": "Django's own",
    "auth_permission": "Django's own, unused",
    "auth_group": "Django's own, unused",
    "auth_group_permissions": "Django's own, unused",
    "account_emailaddress": "allauth: a person's addresses, not a firm's",
    "account_emailconfirmation": "allauth: a person's addresses, not a firm's",
    "mfa_authenticator": "allauth: a person's second factor, encrypted; asked for before a firm is known",
    "cache": "allauth's sign-in limits",
}


class WrongScope(PermissionError):
    """A row was about to be written outside the scope's firm or companies."""


def wall_of(model: type[models.Model]) -> Wall:
    """The model's wall. Raises ImproperlyConfigured unless it has exactly one."""
    walls = [each for each in model._meta.constraints if isinstance(each, Wall)]
    if len(walls) != 1:
        raise ImproperlyConfigured(f"{model._meta.label} needs exactly one Wall in Meta.constraints.")
    return walls[0]


class InScope(models.Expression):
    """True for the rows that the scope in force may see. Reads the scope when the SQL is compiled, not before."""

    conditional = True
    output_field = models.BooleanField()

    def __init__(self, wall: Wall) -> None:
        super().__init__()
        self.wall = wall
        self.columns: dict[str, Any] = {"firm_id": models.F("firm_id")}
        self.columns |= {
            name: models.F(name) for name in (wall.company, wall.shared, wall.link, wall.own) if name
        }

    def get_source_expressions(self) -> list[Any]:
        return list(self.columns.values())

    def set_source_expressions(self, expressions: list[Any]) -> None:  # type: ignore[override]
        self.columns = dict(zip(self.columns, expressions, strict=True))

    def copy(self) -> Self:
        copied = super().copy()
        copied.columns = dict(self.columns)
        return copied

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        scope = current_scope()
        sql = {name: compiler.compile(column)[0] for name, column in self.columns.items()}
        conditions, params = self._conditions(scope, sql)
        return f"({conditions})", params

    def _conditions(self, scope: Scope, sql: dict[str, str]) -> tuple[str, list[Any]]:
        wall = self.wall
        firm = f"{sql['firm_id']} = %s"
        params: list[Any] = [scope.firm_id or 0]
        if scope.firm_id is None and wall.own:
            return f"{sql[wall.own]} = %s", [scope.user_id or 0]
        if wall.public_read or scope.companies == ALL:
            return firm, params
        ways: list[str] = []
        works_here = scope.side == "firm"
        if wall.company:
            only = "" if works_here or not wall.shared else f" AND {sql[wall.shared]}"
            ways.append(f"{sql[wall.company]} = ANY(%s){only}")
            params.append(sorted(scope.companies))
        if wall.firm_side and works_here:
            ways.append(f"{sql[wall.company]} IS NULL" if wall.company else "TRUE")
        if wall.link:
            ways.append(f"{sql[wall.link]} = %s")
            params.append(scope.link)
        if wall.own:
            ways.append(f"{sql[wall.own]} = %s")
            params.append(scope.user_id or 0)
        return f"{firm} AND ({' OR '.join(ways) or 'FALSE'})", params


_M = TypeVar("_M", bound=models.Model)


class TenantQuerySet(models.QuerySet[_M]):
    """Reads are filtered by the manager; what writes without compiling a WHERE is checked here."""

    def bulk_create(self, objs: Iterable[_M], *args: Any, **kwargs: Any) -> list[_M]:
        """As Django's; raises NoScope without a scope and WrongScope for a row of another firm."""
        rows = list(objs)
        for row in rows:
            require_same_firm(row)
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(self, objs: Iterable[_M], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """As Django's; raises as bulk_create does."""
        rows = list(objs)
        for row in rows:
            require_same_firm(row)
        return super().bulk_update(rows, fields, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        """As Django's; raises WrongScope when it would move rows to another firm."""
        if "firm" in kwargs or "firm_id" in kwargs:
            require_firm(getattr(kwargs.get("firm"), "pk", kwargs.get("firm_id")))
        return super().update(**kwargs)

    def raw(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's; row security filters it, this only refuses to ask without a scope."""
        current_scope()
        return super().raw(*args, **kwargs)


_Manager = models.Manager.from_queryset(TenantQuerySet)


# Filtering costs more than copying a filtered query, so each model's is made once. It holds no scope: InScope reads
# that when the SQL is compiled.
_SCOPED: dict[tuple[type[models.Model], type], models.QuerySet[Any]] = {}


class TenantManager(_Manager[_M]):
    """The default and the base manager of every tenant model: each query carries the scope."""

    def get_queryset(self) -> TenantQuerySet[_M]:
        plain = cast("TenantQuerySet[_M]", super().get_queryset())
        if not guards.stands("walls.read"):
            return plain
        key = (self.model, type(plain))
        if key not in _SCOPED:
            _SCOPED[key] = plain.filter(InScope(wall_of(self.model)))
        return cast("TenantQuerySet[_M]", _SCOPED[key].all())


def require_firm(firm_id: int | None) -> None:
    """Raises NoScope, or WrongScope unless `firm_id` is the scope's firm."""
    scope = current_scope()
    if guards.stands("walls.write") and (firm_id is None or firm_id != scope.firm_id):
        raise WrongScope("This row belongs to another firm than the one in whose name you act.")


def require_same_firm(row: models.Model) -> None:
    """Raises NoScope, or WrongScope unless the row is of the scope's firm and of a company the scope may see."""
    require_firm(row.firm_id)  # type: ignore[attr-defined]
    scope, wall = current_scope(), wall_of(type(row))
    if scope.companies == ALL or not wall.company or wall.company == "id" or wall.visitors_add:
        return
    company_id = getattr(row, wall.company)
    if company_id is None and wall.firm_side and scope.side == "firm":
        return
    linked = bool(wall.link) and getattr(row, wall.link) == scope.link
    if not linked and company_id not in scope.companies and guards.stands("walls.write"):
        raise WrongScope("This row belongs to a company that you may not see.")


class FirmModel(models.Model):
    """A row of one firm. Every tenant model inherits from it and from its Meta.

    A model that not only those who see the whole firm may see replaces the wall in its own Meta.constraints. Each says
    what becomes of its rows (`tenancy.keeping`), and which of its fields hold something personal (`PERSONAL`, also when
    none does): the trail seals these values with the key of `whose()` (`tenancy.personal`).
    """

    on_export: ClassVar[OnExport]
    on_merge: ClassVar[OnMerge]
    on_erase: ClassVar[OnErase]
    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    firm = models.ForeignKey("tenancy.Firm", on_delete=models.CASCADE, related_name="+")

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        constraints = [Wall(name="%(app_label)s_%(class)s_wall")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; takes the firm from the scope when none is set."""
        self.firm_id = self.firm_id or current_scope().firm_id  # type: ignore[assignment]
        require_same_firm(self)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        require_same_firm(self)
        return super().delete(*args, **kwargs)

    def whose(self) -> str:
        """Whose the personal values are; by default this row's own, so that they go with it."""
        return f"{self._meta.label_lower}:{self.pk}"


def require_safe_role() -> None:
    """Raises ImproperlyConfigured for a role that row security does not bind, or for another isolation than ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls, current_setting('transaction_isolation') FROM pg_roles"
            " WHERE rolname = current_user"
        )
        unbound, isolation = cursor.fetchone()
    if unbound:
        raise ImproperlyConfigured(
            "DATABASE_URL names a superuser or a BYPASSRLS role: row security would not hold."
        )
    if isolation != "read committed":
        raise ImproperlyConfigured(
            f"The database runs at {isolation}; the locks here are made for READ COMMITTED."
        )
