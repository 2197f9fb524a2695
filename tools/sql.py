"""One read-only SELECT on a database: what may be asked, under which limits.

In: a SQLAlchemy URL and the text of a query. Out: column names and at most 200 rows of plain
values. Everything but a single SELECT is refused, three times over: by a parser (sqlglot), by how
the database is opened (read-only file, read-only transaction) and, in SQLite, by an authorizer. A
query ends at its deadline. Which tables exist is told by facts about the schema, in sql_schema.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

Cell: TypeAlias = "int | float | Fraction | str | bool | date | datetime | None"
ErrorKind = Literal["bad_arguments", "no_answer", "refused", "timeout", "offline"]

MAX_ROWS = 200
MAX_CELL = 500  # characters
MAX_QUERY = 5000  # characters
_MEMORY = 256 * 2**20  # bytes that one SQLite query may use
_CONNECT_SECONDS = 5
_STEPS = 5000  # SQLite operations between two looks at the clock
_SUFFIXES = {".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".duckdb": "duckdb"}
_DIALECTS = {"postgresql": "postgres", "mssql": "tsql"}
_READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
_FORBIDDEN_FUNCTIONS = frozenset(
    ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer")
)


# functions of servers that reach files, other servers, other sessions or settings
_FORBIDDEN_BEGINNINGS = (
    *("pg_read_", "pg_ls_", "pg_stat_file", "pg_file_", "pg_write_", "lo_", "dblink", "set_config"),
    *("pg_terminate_", "pg_cancel_", "pg_reload_", "pg_rotate_", "pg_switch_", "pg_promote"),
    *("pg_advisory_", "pg_try_advisory_", "pg_notify", "pg_export_", "load_file", "sys_exec"),
)


class SqlError(Exception):
    """A query that gives nothing: refused, wrong, too slow, or no database; one line."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = " ".join(message.split())[:300]


@dataclass(frozen=True)
class Table:
    """The answer of a query; `truncated` says that there were more rows or longer cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool = False


class Database:
    """A database that can only be read. Each query has its own connection; threads are fine."""

    def __init__(self, url: str) -> None:
        """`url` is a SQLAlchemy URL or the path of a SQLite or DuckDB file; SqlError if unusable."""
        self.url = _url(url)
        self.dialect = self.url.get_backend_name()
        self.engine = _engine(self.url)

    @property
    def title(self) -> str:
        """The database's name without its folder: `shop.db`."""
        return Path(self.url.database or self.dialect).name

    def query(self, text: str, deadline: float = float("inf")) -> Table:
        """Run one SELECT; `deadline` is a time.monotonic() value. Raises SqlError."""
        statement = check(text, self.dialect)
        with self.reading(deadline) as connection:
            # a server hands over the rows that are fetched, not all it has
            options = {"stream_results": True, "max_row_buffer": MAX_ROWS + 1}
            found = connection.exec_driver_sql(statement, execution_options=options)
            names = tuple(found.keys())
            with contextlib.closing(found):
                rows = found.fetchmany(MAX_ROWS + 1)
            cells = [[_cell(value) for value in row] for row in rows[:MAX_ROWS]]
        cut = len(rows) > MAX_ROWS or any(short for row in cells for _, short in row)
        plain = tuple(tuple(value for value, _ in row) for row in cells)
        return Table(names, plain, cut)

    @contextlib.contextmanager
    def reading(self, deadline: float = float("inf")) -> Generator[Connection]:
        """A connection that cannot write and is interrupted at the deadline. Raises SqlError."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            with self.engine.connect() as connection, _watched(connection, self.dialect, deadline):
                try:
                    yield connection
                finally:
                    connection.rollback()
        except DBAPIError as error:
            raise _failure(error, deadline) from None
        except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:
            raise SqlError("no_answer", f"the query failed: {error}") from None


def check(text: str, dialect: str) -> str:
    """The query without a closing semicolon, if it is a single SELECT; SqlError otherwise."""
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it reports faults, we refuse them
    statement = text.strip().rstrip(";").strip()
    if not statement or len(statement) > MAX_QUERY:
        raise SqlError("bad_arguments", f"a query needs 1 to {MAX_QUERY} characters")
    try:
        trees = [tree for tree in parse(statement, dialect=_DIALECTS.get(dialect, dialect)) if tree]
    except (SqlglotError, RecursionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SqlError("bad_arguments", f"not valid SQL: {_unmarked(reason)}") from None
    if len(trees) != 1:
        raise SqlError("refused", "only one statement is allowed")
    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Copy, exp.Create, exp.Drop)
    other = (exp.Command, exp.Into, exp.Lock, exp.Pragma, exp.Set)
    if not isinstance(trees[0], exp.Query) or trees[0].find(*writing, *other) is not None:
        raise SqlError("refused", "only SELECT is allowed: this database is read-only")
    for function in trees[0].find_all(exp.Anonymous):
        if function.name.lower().startswith(_FORBIDDEN_BEGINNINGS):
            raise SqlError("refused", f"the function {function.name[:60]} is not allowed")
    return statement


def _unmarked(text: str) -> str:
    """Without the terminal colours sqlglot puts into its messages."""
    return text.replace("\x1b[4m", "").replace("\x1b[0m", "")


def _url(text: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    suffix = Path(text).suffix.lower()
    if "://" not in text and suffix in _SUFFIXES:
        text = f"{_SUFFIXES[suffix]}:///{text}"
    try:
        url = make_url(text)
    except ArgumentError:
        raise SqlError("bad_arguments", f"not a database address: {text[:80]!r}") from None
    if url.get_backend_name() in ("sqlite", "duckdb"):
        name = url.database or ""
        if not name or name == ":memory:" or name.startswith("file:"):
            raise SqlError("bad_arguments", "a database file is needed, such as sqlite:///shop.db")
        if not Path(name).is_file():
            raise SqlError("bad_arguments", f"there is no database file {name}")
    return url


def _engine(url: URL) -> Engine:
    """An engine that opens the database read-only, one connection a query."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError
    from sqlalchemy.pool import NullPool

    backend = url.get_backend_name()
    try:
        if backend == "sqlite":
            path = Path(url.database or "").resolve()
            return create_engine(
                "sqlite://", creator=lambda: _open_sqlite(path), poolclass=NullPool
            )
        if backend == "duckdb":
            config = {"enable_external_access": "false", "lock_configuration": "true"}
            settings: dict[str, Any] = {"read_only": True, "config": config}
            return create_engine(url, connect_args=settings, poolclass=NullPool)
        if backend == "postgresql":
            if url.drivername == backend and find_spec("psycopg2") is None:
                url = url.set(drivername="postgresql+psycopg")
            options: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS}
            return create_engine(url, poolclass=NullPool, connect_args=options)
        return create_engine(url, poolclass=NullPool)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SqlError("bad_arguments", f"no driver for {backend} is installed: {error}") from None


def _open_sqlite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 20_000_000)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA hard_heap_limit = {_MEMORY}")
    return connection


@contextlib.contextmanager
def _watched(connection: Connection, dialect: str, deadline: float) -> Generator[None]:
    """Hold the deadline and refuse writes, each database in its own way."""
    raw: Any = connection.connection.driver_connection
    if dialect == "sqlite":
        raw.set_authorizer(_authorize)
        raw.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
        yield
        return
    left = deadline - time.monotonic()
    if dialect == "duckdb":
        timer = threading.Timer(max(0.0, left), raw.interrupt) if left < 1e6 else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
        return
    milliseconds = max(1, int(min(left, 3600.0) * 1000))
    if dialect == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
    elif dialect in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET SESSION max_execution_time = {milliseconds}")
    else:
        raise SqlError("refused", f"{dialect} databases cannot be opened read-only here")
    yield


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        forbidden = (second or "").lower() in _FORBIDDEN_FUNCTIONS
        return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK
    # The schema is read through pragmas that change nothing.
    if action == sqlite3.SQLITE_PRAGMA and second is not None:
        return (
            sqlite3.SQLITE_OK if (first or "").startswith(_SCHEMA_PRAGMAS) else sqlite3.SQLITE_DENY
        )
    return sqlite3.SQLITE_DENY


_SCHEMA_PRAGMAS = ("table_info", "table_xinfo", "index_", "foreign_key_list")


def _failure(error: Any, deadline: float) -> SqlError:
    """What a driver's error means to the one who asked."""
    reason = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
    if time.monotonic() >= deadline:
        return SqlError("timeout", "the query took too long and was stopped")
    lowered = reason.lower()
    if "not authorized" in lowered or "read-only" in lowered or "readonly" in lowered:
        return SqlError("refused", "only SELECT is allowed: this database is read-only")
    if error.connection_invalidated or "could not connect" in lowered:
        return SqlError("offline", f"the database cannot be reached: {reason}")
    return SqlError("bad_arguments", f"the query failed: {reason}")


def _cell(value: Any) -> tuple[Cell, bool]:
    """A driver's value as a plain one, and whether it was cut."""
    if value is None or isinstance(value, (bool, int, float, datetime, date)):
        return value, False
    if isinstance(value, Decimal):
        return (Fraction(value), False) if value.is_finite() else (str(value), False)
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>", False
    if isinstance(value, (clock_time, timedelta)):
        return str(value), False
    text = value if isinstance(value, str) else str(value)
    return (text, False) if len(text) <= MAX_CELL else (text[:MAX_CELL] + " …", True)
