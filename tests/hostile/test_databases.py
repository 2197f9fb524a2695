"""SQL that wants more than to read, on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrkl.tools.sql import Database, SqlError

WRITES = [
    *("DROP TABLE t", "DELETE FROM t", "UPDATE t SET a = 1", "INSERT INTO t VALUES (9)"),
    *("CREATE TABLE u (a int)", "ALTER TABLE t ADD b int", "TRUNCATE t", "SELECT 1; DROP TABLE t"),
    *("SELECT 1;;DELETE FROM t", "/* x */ DELETE FROM t", "-- x\nDELETE FROM t", "VACUUM", "BEGIN"),
    *("EXPLAIN DELETE FROM t", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "COMMIT"),
    *("SELECT * INTO u FROM t", "GRANT ALL ON t TO PUBLIC", "SET x = 1", "REINDEX", "ANALYZE"),
    *("SELECT a FROM t FOR UPDATE", "ATTACH DATABASE 'x' AS y", "PRAGMA query_only = OFF"),
    *("SELECT load_extension('x')", "SELECT writefile('x', 'y')", "'; DROP TABLE t; --", "", ";"),
    *("CALL p()", "DO 'x'", "COPY t TO '/tmp/x'", "COPY t FROM PROGRAM 'id'", "LOCK TABLE t"),
]
POSTGRES = [
    *(
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
    ),
    *("SELECT set_config('transaction_read_only', 'off', false)", "SELECT nextval('s')"),
    *("SELECT pg_terminate_backend(1)", "SELECT pg_reload_conf()", "SELECT lo_create(0)"),
    *("SELECT dblink('host=x', 'y')", "SELECT pg_advisory_lock(1)", "SELECT setval('s', 9)"),
]
SLOW = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r"


def refused(database: Database, query: str) -> None:
    with pytest.raises(SqlError) as caught:
        database.query(query, time.monotonic() + 2)
    assert caught.value.kind in ("refused", "bad_arguments"), caught.value
    assert "\n" not in caught.value.message
    assert database.query("SELECT sum(a) FROM t").rows == ((6,),)


@pytest.fixture
def lite(tmp_path: Path) -> Database:
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.executescript("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2), (3);")
    connection.close()
    return Database(str(tmp_path / "t.db"))


@pytest.mark.parametrize("query", WRITES)
def test_sqlite_is_only_read(lite: Database, query: str) -> None:
    refused(lite, query)


@pytest.mark.parametrize(
    "query",
    [
        SLOW,
        "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l, t m, t n, t o, t p, t q, t r",
    ],
)
def test_slow_queries_end(lite: Database, query: str) -> None:
    began = time.monotonic()
    with pytest.raises(SqlError) as caught:
        lite.query(query, began + 0.3)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "query",
    ["SELECT hex(zeroblob(900000000))", "SELECT replace(hex(zeroblob(9999999)), '0', 'xxxxxxxx')"],
)
def test_large_values_are_refused(lite: Database, query: str) -> None:
    with pytest.raises(SqlError):
        lite.query(query, time.monotonic() + 2)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = shutil.which("initdb") or (str(found[-1]) if found else None)
    return Path(program).resolve().parent if program else None


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    """A PostgreSQL server of one's own, reached through a socket file only."""
    pytest.importorskip("psycopg", reason="no driver: pip install 'mrkl[postgres]'")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here")
    folder = Path(tempfile.mkdtemp(prefix="mrkl-pg-"))
    as_user: list[str] = []
    if os.getuid() == 0:  # the server refuses to run as root
        try:
            shutil.chown(folder, "postgres")
        except LookupError:
            pytest.skip("running as root, and there is no user postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(*command: str) -> None:
        subprocess.run(
            [*as_user, *command],
            check=True,
            timeout=60,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    data = str(folder / "data")
    try:
        run(str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run(
            str(programs / "pg_ctl"),
            "-D",
            data,
            "-o",
            options,
            "-l",
            f"{folder}/log",
            "-w",
            "start",
        )
        try:
            _fill(folder)
            yield Database(f"postgresql+psycopg://postgres@/postgres?host={folder}")
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path) -> None:
    import psycopg

    with psycopg.connect(host=str(folder), user="postgres", dbname="postgres") as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("CREATE SEQUENCE s")
        connection.execute("INSERT INTO t VALUES (1), (2), (3)")


@pytest.mark.parametrize("query", WRITES + POSTGRES)
def test_postgresql_is_only_read(server: Database, query: str) -> None:
    refused(server, query)


@pytest.mark.parametrize("query", [SLOW, "SELECT pg_sleep(30)"])
def test_postgresql_keeps_the_deadline(server: Database, query: str) -> None:
    began = time.monotonic()
    with pytest.raises(SqlError) as caught:
        server.query(query, began + 0.5)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 1.5


def test_postgresql_hands_over_only_what_is_shown(server: Database) -> None:
    table = server.query(
        "SELECT x, repeat('y', 9999) FROM generate_series(1, 3000000) x", time.monotonic() + 5
    )
    assert len(table.rows) == 200
    assert table.truncated
    assert len(str(table.rows[0][1])) < 600
