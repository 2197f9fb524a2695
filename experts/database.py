"""The expert for one database of the user: a read-only SELECT over its tables.

In: a SQLAlchemy URL (or a SQLite or DuckDB file) when it is built, then a query a call. Out: one
value, a list, or rows as text. Its card tells tables, columns and sample values; `schema` gives the
names to a constrained decoder. It writes nothing and never guesses a table.
"""

from __future__ import annotations

from typing import Any

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, Value, render
from mrkl.tools.sql import Database, SqlError, Table
from mrkl.tools.sql_schema import Relation, describe, read_schema

SCHEMA_WORDS = 1500  # characters of the schema on the card


class DatabaseExpert(Expert):
    """An Expert that also tells its schema: table (or view) name to column names."""

    def __init__(self, card: Card, database: Database, relations: list[Relation]) -> None:
        super().__init__(card, self._select, effects="read", timeout=10.0)
        self.database = database
        self.schema: dict[str, list[str]] = {r.name: [c.name for c in r.columns] for r in relations}

    def grammar_terms(self) -> list[str]:
        """Names that a query may use: tables, then columns, each once."""
        names = [*self.schema, *(column for columns in self.schema.values() for column in columns)]
        return list(dict.fromkeys(names))

    def _select(self, arguments: dict[str, Any], context: Context) -> Result:
        try:
            table = self.database.query(str(arguments["query"]), context.deadline)
        except SqlError as error:
            raise ExpertError(error.kind, error.message) from None
        source = self.database.title
        if not table.rows or table.rows == ((None,),):
            raise ExpertError("no_answer", "the query found nothing")
        return Result(_value(table), source=source, text=_text(table), truncated=table.truncated)


def _value(table: Table) -> Value:
    """A scalar for one cell, a list for one column, else a text a row."""
    if len(table.columns) > 1:
        return [" | ".join(map(render, row)) for row in table.rows]
    column: list[Value] = [row[0] for row in table.rows]
    return column[0] if len(column) == 1 else column


def _text(table: Table) -> str | None:
    """One row of several columns with its column names; all else speaks for itself."""
    if len(table.rows) == 1 and len(table.columns) > 1:
        named = zip(table.columns, table.rows[0], strict=True)
        return ", ".join(f"{name} {render(value)}" for name, value in named)
    return None


def build(url: str, name: str = "database") -> DatabaseExpert:
    """The expert for the database at `url`; ValueError with one line if it cannot be read."""
    try:
        database = Database(url)
        relations = read_schema(database)
    except SqlError as error:
        raise ValueError(error.message) from None
    if not relations:
        raise ValueError(f"{database.title} has no tables")
    tables = ", ".join(relation.name for relation in relations)
    card = Card(
        name=name,
        description=f"Questions about the data in {database.title}: {tables}.",
        parameters=(
            Parameter(
                "query", "str", f"one SELECT over {describe(relations, SCHEMA_WORDS)}", copy=False
            ),
        ),
        returns="value, list or rows",
        examples=tuple(f"how many {relation.name} are there" for relation in relations[:4]),
    )
    return DatabaseExpert(card, database, relations)
