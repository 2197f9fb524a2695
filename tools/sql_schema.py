"""What a database holds, in few words: tables, columns, types, sample values.

In: an open `mrkl.tools.sql.Database`. Out: the names for a grammar, and one short text for whoever
writes the query. Samples are given for text columns with few different values, looked up among the
first rows only; nothing else of the data is read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrkl.tools.sql import Database

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause, Connection

MAX_TABLES = 60
MAX_COLUMNS = 60  # of one table
MAX_SAMPLES = 8  # different values of a column
_SAMPLED_ROWS = 2000
_SAMPLE_LENGTH = 20  # characters
_SECONDS = 3.0  # for reading the whole schema


@dataclass(frozen=True)
class Column:
    """A column: name, short type (int, real, text, date, …), sample values of a text column."""

    name: str
    type: str
    samples: tuple[str, ...] = ()

    def words(self) -> str:
        """`city text (Oslo, Rome)`."""
        shown = f" ({', '.join(self.samples)})" if self.samples else ""
        return f"{self.name} {self.type}{shown}"


@dataclass(frozen=True)
class Relation:
    """A table or view with its columns."""

    name: str
    columns: tuple[Column, ...]

    def words(self) -> str:
        """`orders(id int, city text (Oslo, Rome))`."""
        return f"{self.name}({', '.join(column.words() for column in self.columns)})"


def read_schema(database: Database) -> list[Relation]:
    """All tables and views of the default schema, at most 60; mrkl.tools.sql.SqlError if unreadable."""
    deadline = time.monotonic() + _SECONDS
    with database.reading(deadline + _SECONDS) as connection:
        found = (_listed if database.dialect == "duckdb" else _inspected)(connection)
        return [_relation(connection, name, columns, deadline) for name, columns in found]


def _inspected(connection: Connection) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables and views with (column, declared type), by SQLAlchemy's inspector."""
    from sqlalchemy import inspect

    inspector = inspect(connection)
    names = [*inspector.get_table_names(), *inspector.get_view_names()][:MAX_TABLES]
    return [
        (name, [(entry["name"], str(entry["type"])) for entry in inspector.get_columns(name)])
        for name in names
    ]


def _listed(connection: Connection) -> list[tuple[str, list[tuple[str, str]]]]:
    """The same from the standard's information schema: DuckDB's catalogue confuses the inspector."""
    rows = connection.exec_driver_sql(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'main' ORDER BY table_name, ordinal_position"
    ).fetchall()
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, declared in rows:
        tables.setdefault(table, []).append((column, declared))
    return list(tables.items())[:MAX_TABLES]


def _relation(
    connection: Connection, name: str, entries: list[tuple[str, str]], deadline: float
) -> Relation:
    columns: list[Column] = []
    for column, declared in entries[:MAX_COLUMNS]:
        kind = _short_type(declared)
        early = kind == "text" and time.monotonic() < deadline
        columns.append(Column(column, kind, _samples(connection, name, column) if early else ()))
    return Relation(name, tuple(columns))


def _short_type(declared: str) -> str:
    """The class of a declared type, as far as it helps to write a query."""
    upper = declared.upper()
    for short, marks in _TYPES.items():
        if any(mark in upper for mark in marks):
            return short
    return declared.lower().split("(")[0] or "any"


_TYPES: dict[str, tuple[str, ...]] = {
    "interval": ("INTERVAL",),
    "int": ("INT", "SERIAL"),
    "datetime": ("TIMESTAMP", "DATETIME"),
    "date": ("DATE",),
    "time": ("TIME",),
    "real": ("REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL", "MONEY"),
    "bool": ("BOOL",),
    "text": ("CHAR", "TEXT", "CLOB", "STRING", "ENUM", "NULL"),
}


def _samples(connection: Connection, table: str, column: str) -> tuple[str, ...]:
    """The values of a text column with at most eight different ones among the first rows."""
    from sqlalchemy import column as column_of
    from sqlalchemy import select
    from sqlalchemy import table as table_of

    named: ColumnClause[Any] = column_of(column)
    first = select(named).select_from(table_of(table, named)).limit(_SAMPLED_ROWS).subquery()
    query = select(first.c[column]).distinct().limit(MAX_SAMPLES + 2)
    values = [value for (value,) in connection.execute(query) if isinstance(value, str)]
    if not 0 < len(values) <= MAX_SAMPLES or max(map(len, values)) > _SAMPLE_LENGTH:
        return ()
    return tuple(sorted(" ".join(value.split()) for value in values))


def describe(relations: list[Relation], limit: int) -> str:
    """All relations in one line of at most `limit` characters: samples go first, then columns."""
    full = "; ".join(relation.words() for relation in relations)
    if len(full) <= limit:
        return full
    bare = [Relation(r.name, tuple(Column(c.name, c.type) for c in r.columns)) for r in relations]
    plain = "; ".join(relation.words() for relation in bare)
    if len(plain) <= limit:
        return plain
    names = "; ".join(f"{r.name}({', '.join(c.name for c in r.columns)})" for r in relations)
    return names if len(names) <= limit else names[: limit - 1].rstrip(" ,;") + "…"
