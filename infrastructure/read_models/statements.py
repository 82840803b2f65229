"""The SQL that SQLite and PostgreSQL share: tables, rows and views of projections. Pure."""

from collections.abc import Mapping

from ...projections.table_schema import ColumnType, TableCodec


def quote_names(*names: str) -> str:
    """Names, as SQL takes them."""
    return ", ".join(f'"{name}"' for name in names)


def column_definitions(shape: TableCodec, types: Mapping[ColumnType, str]) -> list[str]:
    """The columns of a table; those of its key are never NULL."""
    key = shape.table.key
    return [f'"{name}" {types[kind]}{" NOT NULL" if name in key else ""}' for name, kind in shape.table.columns.items()]


def index_definitions(shape: TableCodec, table: str) -> list[str]:
    """The indexes of a table that are not its key."""
    return [
        f'CREATE INDEX "{shape.place}__i{number}" ON {table} ({quote_names(*columns)})'
        for number, columns in enumerate(shape.table.indexes, 1)
    ]


def on_conflict(shape: TableCodec) -> str:
    """What happens to a row whose key is there already: it becomes the new one."""
    rest = [name for name in shape.names if name not in shape.table.key]
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
    return f"ON CONFLICT ({quote_names(*shape.table.key)}) DO {f'UPDATE SET {changes}' if rest else 'NOTHING'}"


def matches(names: tuple[str, ...], placeholder: str) -> str:
    """The condition that columns have the values given."""
    return " AND ".join(f'"{name}" = {placeholder}' for name in names) or "true"
