"""Wall 2 as constraints: row security and composite foreign keys, listed in `Meta.constraints`.

As constraints they are seen by the autodetector: a model without its wall, or one that was changed, shows up in
`makemigrations --check`.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint

from tenancy import guards

_FIRM = "firm_id = (SELECT current_setting('app.firm')::bigint)"
_COMPANIES = "(SELECT current_setting('app.companies'))"
# CASE, because '*' must never be cast to an array.
_COMPANY = (
    "{column} = ANY ((SELECT CASE current_setting('app.companies') WHEN '*' THEN '{{}}'"
    " ELSE current_setting('app.companies') END)::bigint[])"
)
_FIRM_SIDE = "(SELECT current_setting('app.side')) = 'firm'"
_LINK = "{column} = (SELECT current_setting('app.link')::uuid)"
_OWN = "{column} = (SELECT current_setting('app.user')::bigint)"


class SqlConstraint(BaseConstraint):
    """A constraint that is one piece of SQL after the table exists. Nothing to validate in Python."""

    def constraint_sql(self, model: Any, schema_editor: Any) -> None:  # type: ignore[override]
        """Deferred to the end of the migration: what it names (tables, unique keys) must stand by then."""
        schema_editor.deferred_sql.append(self.sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> None:  # type: ignore[override]
        self.constraint_sql(model, schema_editor)

    def sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        raise NotImplementedError

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """PostgreSQL checks it; a form has nothing to say about it."""

    def _identity(self) -> tuple[Any, ...]:
        path, args, kwargs = self.deconstruct()
        return path, args, tuple(sorted((key, repr(value)) for key, value in kwargs.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqlConstraint) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


class Wall(SqlConstraint):
    """Who sees a tenant table's rows. Always only the scope's firm; within it:

    - those who see the whole firm (`app.companies` is '*');
    - `company`: the column whose company the scope may see, with `shared` only rows in which that column is true,
      except for those who work for the firm;
    - `firm_side`: everybody who works for the firm, where `company` is NULL or not declared;
    - `link`: the column holding the id that a signed link opens;
    - `own`: SELECT for the user named in this column, in whatever firm;
    - `public_read`: everybody in the firm's scope may SELECT;
    - `visitors_add`: everybody in the firm's scope may INSERT, blindly (a mail, a notice, a trail entry).
    """

    def __init__(
        self,
        *,
        name: str,
        company: str = "",
        shared: str = "",
        firm_side: bool = False,
        link: str = "",
        own: str = "",
        public_read: bool = False,
        visitors_add: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.company, self.shared, self.firm_side = company, shared, firm_side
        self.link, self.own = link, own
        self.public_read, self.visitors_add = public_read, visitors_add

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        path, _, kwargs = super().deconstruct()
        names = ("company", "shared", "firm_side", "link", "own", "public_read", "visitors_add")
        kwargs |= {name: getattr(self, name) for name in names if getattr(self, name)}
        return path, (), kwargs

    def sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        if not guards.stands("walls.policy"):
            return "SELECT 1"
        table = schema_editor.quote_name(model._meta.db_table)
        head = (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY; "
        )
        return head + "; ".join(self._policies(table, schema_editor))

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        names = (self.name, f"{self.name}_read", f"{self.name}_add")
        drops = "; ".join(
            f"DROP POLICY IF EXISTS {schema_editor.quote_name(name)} ON {table}" for name in names
        )
        alter = f"ALTER TABLE {table}"
        return f"{drops}; {alter} NO FORCE ROW LEVEL SECURITY; {alter} DISABLE ROW LEVEL SECURITY"

    def _policies(self, table: str, schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        def policy(suffix: str, rest: str) -> str:
            return f"CREATE POLICY {schema_editor.quote_name(self.name + suffix)} ON {table} {rest}"

        sql = [policy("", f"USING ({self._rows()}) WITH CHECK ({self._rows()})")]
        if self.own or self.public_read:
            sql.append(policy("_read", f"FOR SELECT USING ({self._readable()})"))
        if self.visitors_add:
            sql.append(policy("_add", f"FOR INSERT WITH CHECK ({_FIRM})"))
        return sql

    def _rows(self) -> str:
        """CASE rather than OR: the planner takes an OR for selective, sorts a firm's every row and misses the index."""
        ways = []
        if self.company:
            seen = _COMPANY.format(column=self.company)
            ways.append(f"{seen} AND ({self.shared} OR {_FIRM_SIDE})" if self.shared else seen)
        if self.firm_side:
            ways.append(f"{self.company} IS NULL AND {_FIRM_SIDE}" if self.company else _FIRM_SIDE)
        if self.link:
            ways.append(_LINK.format(column=self.link))
        return f"{_FIRM} AND CASE {_COMPANIES} WHEN '*' THEN true ELSE {' OR '.join(ways) or 'false'} END"

    def _readable(self) -> str:
        return _FIRM if self.public_read else _OWN.format(column=self.own)


class SameTenantKey(SqlConstraint):
    """A composite foreign key: `columns` of this table point to `target_columns` of one row of `to`.

    Row security does not check foreign keys, so this is what keeps a row of one firm from pointing into another.
    Immediate: a deferred one would fail at COMMIT, outside the form's try. NULL in a column: not checked. `deferrable`:
    where the company is part of the key; a merge moves both ends in one transaction and has them checked at its end.
    """

    def __init__(
        self,
        *,
        name: str,
        to: str,
        columns: tuple[str, ...],
        target_columns: tuple[str, ...] = ("firm_id", "id"),
        deferrable: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.to, self.columns, self.target_columns = to, tuple(columns), tuple(target_columns)
        self.deferrable = deferrable

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        path, _, kwargs = super().deconstruct()
        kwargs |= {"to": self.to, "columns": self.columns, "target_columns": self.target_columns}
        kwargs |= {"deferrable": True} if self.deferrable else {}
        return path, (), kwargs

    def sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        if not guards.stands("walls.keys"):
            return "SELECT 1"
        quote = schema_editor.quote_name
        here, there = (", ".join(map(quote, names)) for names in (self.columns, self.target_columns))
        tables = {quote(model._meta.db_table), quote(self.to)}
        # The existing rows are checked as the owner, whom row security must not bind meanwhile.
        return "; ".join(
            [
                *(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in sorted(tables)),
                f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)} FOREIGN KEY ({here})"
                f" REFERENCES {quote(self.to)} ({there}){' DEFERRABLE INITIALLY IMMEDIATE' * self.deferrable}",
                *(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in sorted(tables)),
            ]
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT IF EXISTS {quote(self.name)}"


class WaitsBefore(SqlConstraint):
    """Whenever a row is written, its `due_at` is at least so many `days` ahead, by the clock of PostgreSQL: an order to
    which other guards yield must not be made to measure. Only the table's owner, who could drop the trigger, is free.
    """

    def __init__(self, *, name: str, days: int) -> None:
        super().__init__(name=name)
        self.days = days

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        path, _, kwargs = super().deconstruct()
        return path, (), kwargs | {"days": self.days}

    def sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        quote = schema_editor.quote_name
        return f"""
            CREATE FUNCTION {quote(self.name)}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.due_at < now() + interval '{int(self.days)} days' AND current_user <>
                    (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
                THEN
                    RAISE EXCEPTION 'too soon' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER {quote(self.name)} BEFORE INSERT OR UPDATE ON {quote(model._meta.db_table)}
            FOR EACH ROW EXECUTE FUNCTION {quote(self.name)}()
        """

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        return _drop_trigger(self.name, model, schema_editor)


def _drop_trigger(name: str, model: Any, schema_editor: Any) -> str:
    quote = schema_editor.quote_name
    return (
        f"DROP TRIGGER IF EXISTS {quote(name)} ON {quote(model._meta.db_table)};"
        f" DROP FUNCTION IF EXISTS {quote(name)}()"
    )


class AppendOnly(SqlConstraint):
    """Rows can be added and read, never changed; deleted only with their whole firm, once its deletion is due, and
    where the table is kept for so many `years` (after `at`), when these are over, by the clock of PostgreSQL."""

    def __init__(self, *, name: str, years: int = 0) -> None:
        super().__init__(name=name)
        self.years = years

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        path, _, kwargs = super().deconstruct()
        return path, (), kwargs | ({"years": self.years} if self.years else {})

    def sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        quote = schema_editor.quote_name
        over = f"OLD.at < now() - interval '{int(self.years)} years'" if self.years else "false"
        return f"""
            CREATE FUNCTION {quote(self.name)}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' AND ({over} OR EXISTS (
                    SELECT FROM tenancy_firmdeletion WHERE firm_id = OLD.firm_id AND due_at <= now()
                )) THEN RETURN OLD; END IF;
                RAISE EXCEPTION 'append-only table %%', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER {quote(self.name)} BEFORE UPDATE OR DELETE ON {quote(model._meta.db_table)}
            FOR EACH ROW EXECUTE FUNCTION {quote(self.name)}()
        """.replace("%%", "%")

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        return _drop_trigger(self.name, model, schema_editor)
