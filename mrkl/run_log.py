"""The run log: every question, plan, call, result and answer, in one SQLite file.

In: what happens, as it happens; each finished call is committed before the next thing is done, so
a killed process loses none. Out: runs by number. Processes and threads share the file (WAL). A
log that cannot be written (full disk, read-only folder) says so once and stops; questions go on.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from mrkl.answer import Answer
from mrkl.experts.base import Failure, Result
from mrkl.experts.wire import dump_outcome, load_outcome
from mrkl.plan import Plan, Step
from mrkl.tools.folders import user_file
from mrkl.tools.secrets import masked
from mrkl.trace import masked_json, masked_value

_WAIT = 5.0  # seconds to wait for another process's write
_MOST_RESULT = 2_000_000  # characters of a result; longer ones are logged as a failure to log
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, began REAL NOT NULL, process INTEGER NOT NULL,
    question TEXT NOT NULL, plan TEXT, answer TEXT, status TEXT, seconds REAL);
CREATE TABLE IF NOT EXISTS call (
    run INTEGER NOT NULL REFERENCES run (id), step INTEGER NOT NULL, expert TEXT NOT NULL,
    arguments TEXT NOT NULL, idempotent INTEGER NOT NULL, began REAL NOT NULL,
    outcome TEXT, ended REAL, PRIMARY KEY (run, step)) WITHOUT ROWID;
"""


Statement: TypeAlias = "tuple[str, tuple[Any, ...]]"


class LogError(Exception):
    """A log that cannot be read, or has no such run; one line."""


@dataclass(frozen=True)
class LoggedCall:
    """One call as logged; `outcome` is None while it has not finished."""

    step: int
    expert: str
    arguments: str
    idempotent: bool
    outcome: Result | Failure | None


@dataclass(frozen=True)
class LoggedRun:
    """One question as logged. `began` is Unix time; `answer` is Answer.as_dict() or None."""

    id: int
    began: float
    question: str
    plan: list[dict[str, Any]] | None
    answer: dict[str, Any] | None
    status: str | None
    calls: tuple[LoggedCall, ...] = ()

    @property
    def finished(self) -> dict[int, Result | Failure]:
        """Outcomes that a resumed run must not fetch again, by step.

        Results stand, and so do calls that may not be repeated, also where nobody knows whether
        they were made: those count as failed.
        """
        known: dict[int, Result | Failure] = {}
        for call in self.calls:
            if isinstance(call.outcome, Result):
                known[call.step] = call.outcome
            elif not call.idempotent:
                unsure = f"{call.expert} may have been called already; it is not called again"
                known[call.step] = call.outcome or Failure("refused", unsure)
        return known


class RunLog:
    """The log at a path; the file and its folder are made when first needed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._broken = False

    def begin(self, question: str) -> Entry:
        """Write the question down; an Entry even where that fails."""
        values = (time.time(), os.getpid(), masked(question))
        number = self._write(
            ("INSERT INTO run (began, process, question) VALUES (?, ?, ?)", values)
        )
        return Entry(self, number)

    def runs(self, limit: int = 20) -> list[LoggedRun]:
        """The last runs, the newest first, without their calls. Raises LogError."""
        rows = self._read("SELECT * FROM run ORDER BY id DESC LIMIT ?", (limit,))
        return [_run(row) for row in rows]

    def run(self, number: int) -> LoggedRun:
        """One run with its calls. Raises LogError."""
        rows = self._read("SELECT * FROM run WHERE id = ?", (number,))
        if not rows:
            raise LogError(f"there is no run {number} in {self.path}; see  mrkl log")
        calls = self._read("SELECT * FROM call WHERE run = ? ORDER BY step", (number,))
        return replace(_run(rows[0]), calls=tuple(_call(row) for row in calls))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _write(self, *statements: Statement) -> int:
        """Run statements and commit them together; the new row's number, 0 if it has none."""
        if self._broken:
            return 0
        with self._lock:
            try:
                connection = self._open()
                if len(statements) == 1:  # a commit of its own
                    return connection.execute(*statements[0]).lastrowid or 0
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    for statement in statements:
                        connection.execute(*statement)
                return 0
            except (sqlite3.Error, OSError) as error:
                self._broken = True
                reason = " ".join(str(error).split())
                print(f"mrkl: nothing more is logged: {self.path}: {reason}", file=sys.stderr)
                return 0

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        if not self.path.is_file():
            raise LogError(f"there is no log at {self.path}: nothing has been asked yet")
        with self._lock:
            try:
                return self._open().execute(statement, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise LogError(f"the log {self.path} cannot be read: {error}") from None

    def _open(self) -> sqlite3.Connection:
        """This process's connection; a fork never uses its parent's."""
        if self._connection is None or self._process != os.getpid():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing so; only a power cut may take the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            self._connection, self._process = connection, os.getpid()
        return self._connection


class Entry:
    """One question in the log, while it is being answered."""

    def __init__(self, log: RunLog, number: int) -> None:
        self._log = log
        self.number = number
        self._plan: list[Statement] = []  # not written yet

    def planned(self, plan: Plan) -> None:
        """Note the plan: it is committed together with the first call, or with the answer."""
        steps = [
            {"subquery": s.subquery, "expert": s.expert, "arguments": s.as_written()} for s in plan
        ]
        self._plan = [("UPDATE run SET plan = ? WHERE id = ?", (masked_json(steps), self.number))]

    def started(self, step: Step, arguments: str, idempotent: bool) -> None:
        """Write down that a call is about to be made.

        Only of calls that must not be repeated is the beginning worth a row of its own.
        """
        if not idempotent:
            self._call(step, arguments, False, None)

    def finished(
        self, step: Step, arguments: str, idempotent: bool, outcome: Result | Failure
    ) -> None:
        """Write a finished call down."""
        line = dump_outcome(outcome)
        if "\\" in line or masked(line) != line:  # else no text in it holds a secret
            line = dump_outcome(without_secrets(outcome))
        if len(line) > _MOST_RESULT:
            line = dump_outcome(Failure("contract", "the result was too long for the log"))
        self._call(step, arguments, idempotent, line)

    def ended(self, answer: Answer) -> Answer:
        """Write the answer down; gives it back with its number in the log."""
        values = (masked_json(answer.as_dict()), str(answer.status), answer.seconds, self.number)
        self._write("UPDATE run SET answer = ?, status = ?, seconds = ? WHERE id = ?", values)
        return replace(answer, run=self.number or None)

    def _call(self, step: Step, arguments: str, idempotent: bool, line: str | None) -> None:
        now = time.time()
        ended = now if line else None
        self._write(
            "INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, step) "
            "DO UPDATE SET outcome = excluded.outcome, ended = excluded.ended",
            (self.number, step.id, step.expert, masked(arguments), idempotent, now, line, ended),
        )

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        if self.number:
            plan, self._plan = self._plan, []
            self._log._write(*plan, (statement, values))  # pyright: ignore[reportPrivateUsage]


def without_secrets(outcome: Result | Failure) -> Result | Failure:
    """The outcome with secrets masked in its texts."""
    if isinstance(outcome, Failure):
        return replace(outcome, message=masked(outcome.message))
    text = None if outcome.text is None else masked(outcome.text)
    return replace(outcome, value=masked_value(outcome.value), text=text)


def default_path() -> Path | None:
    """Where the command line logs: MRKL_LOG (`off` for nowhere), else the user's state folder."""
    return user_file("MRKL_LOG", "XDG_STATE_HOME", ".local/state", "log.db")


def _run(row: sqlite3.Row) -> LoggedRun:
    fields: Mapping[str, Any] = dict(row)
    plan, answer = (json.loads(fields[k]) if fields[k] else None for k in ("plan", "answer"))
    return LoggedRun(
        fields["id"], fields["began"], fields["question"], plan, answer, fields["status"]
    )


def _call(row: sqlite3.Row) -> LoggedCall:
    outcome = cast("str | None", row["outcome"])
    return LoggedCall(
        row["step"],
        row["expert"],
        row["arguments"],
        bool(row["idempotent"]),
        load_outcome(outcome) if outcome else None,
    )
