"""Read-only SQL: what is answered, what is refused, what is stopped."""

from __future__ import annotations

import sqlite3
import time
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from mrkl.tools.sql import MAX_ROWS, Database, SqlError, check
from mrkl.tools.sql_schema import describe, read_schema

SCRIPT = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40), city TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT, total NUMERIC(10,2), placed DATE);
CREATE VIEW large AS SELECT * FROM orders WHERE total > 50;
INSERT INTO customers VALUES (1, 'Ann', 'Oslo'), (2, 'Bob', 'Rome'), (3, 'Cy', 'Oslo');
INSERT INTO orders VALUES (1, 1, 10.5, '2026-01-01'), (2, 2, 99.5, '2026-01-02'), (3, 1, 60, NULL);
"""
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(SCRIPT)
    connection.close()
    return file


@pytest.fixture
def shop(path: Path) -> Database:
    return Database(f"sqlite:///{path}")


def refused(database: Database, query: str, kind: str = "refused") -> str:
    with pytest.raises(SqlError) as caught:
        database.query(query)
    assert caught.value.kind == kind
    assert "\n" not in caught.value.message
    return caught.value.message


def test_rows_and_columns(shop: Database) -> None:
    table = shop.query("SELECT city, count(*) AS n FROM customers GROUP BY city ORDER BY n DESC;")
    assert table.columns == ("city", "n")
    assert table.rows == (("Oslo", 2), ("Rome", 1))
    assert not table.truncated


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(total) FROM large",
        "WITH a AS (SELECT total FROM orders) SELECT max(total) FROM a",
        "SELECT total FROM orders UNION SELECT 1 ORDER BY 1 DESC LIMIT 1",
        "SELECT total FROM orders JOIN customers c ON c.id = customer_id WHERE c.city = 'Rome'",
    ],
)
def test_all_shapes_of_select(shop: Database, query: str) -> None:
    assert shop.query(query).rows == ((99.5,),)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (9, 1, 1, NULL)",
        "UPDATE orders SET total = 0",
        "DROP TABLE orders",
        "SELECT 1; DROP TABLE orders",
        "CREATE TABLE x (y)",
        "ATTACH '/tmp/x.db' AS x",
        "VACUUM INTO '/tmp/x.db'",
        "PRAGMA writable_schema = 1",
        "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d",
        "EXPLAIN SELECT 1",
        "SELECT load_extension('x')",
        "BEGIN",
    ],
)
def test_everything_else_is_refused(shop: Database, path: Path, query: str) -> None:
    before = path.read_bytes()
    refused(shop, query)
    assert path.read_bytes() == before


def test_the_file_itself_is_opened_read_only(shop: Database) -> None:
    with pytest.raises(SqlError) as caught, shop.reading() as connection:
        connection.exec_driver_sql("DELETE FROM orders")
    assert caught.value.kind == "refused"
    assert shop.query("SELECT count(*) FROM orders").rows == ((3,),)


def test_an_endless_query_ends_at_its_deadline(shop: Database) -> None:
    begin = time.monotonic()
    with pytest.raises(SqlError) as caught:
        shop.query(ENDLESS, begin + 0.3)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - begin < 2


def test_rows_and_cells_are_bounded(shop: Database) -> None:
    many = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT x FROM t"
    table = shop.query(many)
    assert len(table.rows) == MAX_ROWS
    assert table.truncated
    wide = shop.query("SELECT printf('%5000d', 1)")
    assert wide.truncated
    assert len(str(wide.rows[0][0])) < 600
    refused(shop, "SELECT length(randomblob(900000000))", "bad_arguments")


def test_errors_are_one_line(shop: Database) -> None:
    assert "nope" in refused(shop, "SELECT * FROM nope", "bad_arguments")
    refused(shop, "SELECT FROM WHERE", "bad_arguments")
    refused(shop, "", "bad_arguments")
    refused(shop, "SELECT " + "1 + " * 5000 + "1", "bad_arguments")


@pytest.mark.parametrize("url", ["sqlite:///no/such.db", "sqlite://", "shop", "no.db", "x://y"])
def test_addresses_that_are_no_database(url: str) -> None:
    with pytest.raises(SqlError) as caught:
        Database(url)
    assert caught.value.kind == "bad_arguments"


def test_a_plain_path_will_do(path: Path) -> None:
    assert Database(str(path)).query("SELECT count(*) FROM orders").rows == ((3,),)


def test_the_schema_in_words(shop: Database) -> None:
    relations = read_schema(shop)
    assert [relation.name for relation in relations] == ["customers", "orders", "large"]
    assert (
        relations[0].words()
        == "customers(id int, name text (Ann, Bob, Cy), city text (Oslo, Rome))"
    )
    assert "placed date" in relations[1].words()
    assert "Oslo" not in describe(relations, 160)
    assert len(describe(relations, 50)) <= 50


def test_select_into_is_no_select() -> None:
    with pytest.raises(SqlError):
        check("SELECT * INTO copy FROM orders", "postgresql")
    with pytest.raises(SqlError):
        check("SELECT * FROM orders FOR UPDATE", "postgresql")


def test_a_duckdb_file(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("duckdb_engine")
    file = tmp_path / "s.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b VARCHAR, d DECIMAL(10, 2), w DATE)")
        connection.execute("INSERT INTO t VALUES (1, 'x', 2.5, '2026-01-01')")
    database = Database(f"duckdb:///{file}")
    assert database.query("SELECT d, w FROM t").rows == ((Fraction(5, 2), date(2026, 1, 1)),)
    assert read_schema(database)[0].words() == "t(a int, b text (x), d real, w date)"
    refused(database, "DELETE FROM t")
    refused(database, "COPY t TO '/tmp/t.csv'")
    refused(database, "SELECT * FROM read_csv('/etc/passwd')", "bad_arguments")
    with pytest.raises(SqlError) as caught:
        database.query(ENDLESS, time.monotonic() + 0.3)
    assert caught.value.kind == "timeout"
