"""The database expert over a real SQLite file."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from mrkl.experts.base import Context, Failure, Result
from mrkl.experts.database import DatabaseExpert, build
from mrkl.experts.run import call


@pytest.fixture
def shop(tmp_path: Path) -> DatabaseExpert:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, city TEXT, price REAL);"
            "INSERT INTO sales VALUES (1, 'tea', 'Oslo', 2.5), (2, 'milk', 'Rome', 1.5),"
            "(3, 'tea', 'Rome', 3.0);"
        )
    connection.close()
    return build(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("query", "value", "text"),
    [
        ("SELECT count(*) FROM sales", 3, "3"),
        ("SELECT sum(price) FROM sales WHERE city = 'Rome'", 4.5, "4.5"),
        ("SELECT DISTINCT item FROM sales ORDER BY item", ["milk", "tea"], "milk, tea"),
        ("SELECT item FROM sales WHERE id = 1", "tea", "tea"),
        (
            "SELECT city, sum(price) FROM sales GROUP BY city ORDER BY city",
            ["Oslo | 2.5", "Rome | 4.5"],
            "Oslo | 2.5, Rome | 4.5",
        ),
        ("SELECT item, price FROM sales WHERE id = 2", ["milk | 1.5"], "item milk, price 1.5"),
    ],
)
def test_values(shop: DatabaseExpert, query: str, value: object, text: str) -> None:
    found = call(shop, {"query": query})
    assert isinstance(found, Result), found
    assert found.value == value
    assert str(found) == text
    assert found.source == "shop.db"


def test_the_card_tells_the_schema(shop: DatabaseExpert) -> None:
    line = shop.card.line()
    assert line.startswith("database(query: str ")
    assert "sales(id int, item text (milk, tea), city text (Oslo, Rome), price real)" in line
    assert shop.schema == {"sales": ["id", "item", "city", "price"]}
    assert shop.grammar_terms() == ["sales", "id", "item", "city", "price"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("DELETE FROM sales", "refused"),
        ("SELECT 1; DELETE FROM sales", "refused"),
        ("SELECT nothing FROM sales", "bad_arguments"),
        ("SELECT * FROM sales WHERE 1 = 0", "no_answer"),
        ("SELECT max(price) FROM sales WHERE 1 = 0", "no_answer"),
    ],
)
def test_failures(shop: DatabaseExpert, query: str, kind: str) -> None:
    found = call(shop, {"query": query})
    assert isinstance(found, Failure)
    assert found.kind == kind


def test_a_deadline_holds(shop: DatabaseExpert) -> None:
    endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM t) SELECT sum(x) FROM t"
    begin = time.monotonic()
    found = call(shop, {"query": endless}, Context(deadline=begin + 0.3))
    assert isinstance(found, Failure)
    assert found.kind == "timeout"
    assert time.monotonic() - begin < 2


def test_more_rows_than_fit_are_marked(shop: DatabaseExpert) -> None:
    many = "SELECT a.id FROM sales a, sales b, sales c, sales d, sales e"
    found = call(shop, {"query": many})
    assert isinstance(found, Result)
    assert found.truncated


def test_a_database_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", "nothing", f"sqlite:///{_garbage(tmp_path)}"):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            build(url)


def _garbage(folder: Path) -> Path:
    path = folder / "garbage.db"
    path.write_bytes(b"this is no database" * 100)
    return path


def test_two_databases_have_two_names(shop: DatabaseExpert) -> None:
    other = build(str(shop.database.url), name="database_2")
    assert other.name == "database_2"
