"""kill -9 at every point of a question: no finished call is lost, no write is made twice."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrkl.experts.base import Failure, Result
from mrkl.run_log import RunLog
from mrkl.tools.sandbox import can_fork
from tests.hostile.killed import POINTS, resumed

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not can_fork(), reason="this system has no safe fork")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each point, left behind by a program that was killed there."""
    made = tmp_path_factory.mktemp("killed")
    program = [sys.executable, "-m", "tests.hostile.killed", str(made)]
    subprocess.run(program, check=True, timeout=60, cwd=ROOT)
    return made


def ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize(("number", "side"), POINTS)
def test_a_kill(place: Path, number: int, side: str) -> None:
    folder = place / f"{number}-{side}"
    made = ledger(folder)
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        finished = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'call'"
        ).fetchone()[0] and [
            step
            for (step,) in connection.execute("SELECT step FROM call WHERE outcome IS NOT NULL")
        ]
    # what a later call built on, or what the answer tells, stands in the log
    if len(made) == 2:
        assert finished[:2] == [1, 2]
    again = resumed(folder)
    if again is None:
        assert made == []
        return
    assert ledger(folder) in ([], ["7"], ["7", "14"])  # each once at most
    if again.status == "answered":
        assert again.value == 14
        assert ledger(folder) == ["7", "14"]
    else:
        assert again.status == "refused"
        assert "may have been called already" in again.text


def test_what_every_point_left(place: Path) -> None:
    """Of all points, only those inside a write leave a doubt, and the last ones a whole answer."""
    left: dict[str, list[bool | None]] = {}
    for number, side in POINTS:
        log = RunLog(place / f"{number}-{side}" / "log.db")
        runs = log.runs(1000)
        calls = log.run(runs[-1].id).calls if runs else ()  # the first, before it was resumed
        left[f"{number}-{side}"] = [isinstance(call.outcome, Result) or None for call in calls]
        assert not any(isinstance(call.outcome, Failure) for call in calls)
    assert left["2-before"] == [] and left["2-after"] == [None]  # with the plan
    assert left["3-after"] == [True] and left["4-after"] == [True, True]
    assert left["5-after"] == [True, True, None]
    assert left["7-after"] == [True, True, True]


BUSY = """
import sys, pathlib
from tests.hostile.killed import agent
asked = agent(pathlib.Path(sys.argv[1]))
asked.ask("go 7")
print("ready", flush=True)
while True:
    asked.ask("go 7")
"""


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
def test_a_kill_at_any_moment(tmp_path: Path, milliseconds: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(milliseconds / 1000)
    os.kill(child.pid, 9)
    child.wait()
    child.stdout.close()
    log = RunLog(tmp_path / "log.db")
    runs = log.runs(100_000)
    stored = [
        call
        for run in runs
        for call in log.run(run.id).calls
        if call.expert == "store" and call.outcome is not None
    ]
    # of the real writes at most the one that was being made lacks its outcome
    assert len(ledger(tmp_path)) - len(stored) in (0, 1)
    assert [run.status for run in runs[1:]] == ["answered"] * (len(runs) - 1)
