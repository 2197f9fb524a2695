"""A program that is killed at every point of its log, one fork a point, and the agent in it.

`python killed.py FOLDER`: for each point a folder with the log and the ledger of real writes.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import mrkl
from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.run_log import RunLog
from mrkl.scripted import ScriptedLanguage

PLAN = "#1 a -> store(n=7)\n#2 b -> look(n=#1)\n#3 c -> store(n=#2)\n<|answer|>It is #3."
WRITES = 7  # of the log for one such question
POINTS = [(number, side) for number in range(1, WRITES + 1) for side in ("before", "after")]


def agent(folder: Path) -> Agent:
    """Its expert `store` writes into the ledger, `look` doubles."""

    @mrkl.expert(effects="write")
    def store(n: int) -> int:
        """Writes into the ledger."""
        with open(folder / "ledger", "ab", buffering=0) as ledger:
            ledger.write(f"{n}\n".encode())
        return n

    @mrkl.expert(isolate=False)
    def look(n: int) -> int:
        """Looks something up."""
        return n * 2

    language = ScriptedLanguage({"go 7": PLAN})
    return Agent([store, look], model=language, allow=("none", "write"), log=folder / "log.db")


def resumed(folder: Path) -> Answer | None:
    """What `mrkl resume` would make of it; None where the question was not yet in the log."""
    log = RunLog(folder / "log.db")
    if not (folder / "log.db").is_file() or not log.runs():
        return None
    run = log.run(log.runs()[0].id)
    asked = agent(folder)
    if run.plan is None:
        return asked.ask(run.question)
    return asked.execute(run.question, run.plan, run.finished)


def killed_at(folder: Path, number: int, side: str) -> None:
    """Ask, and end this process by SIGKILL before or after that write of the log."""
    written = 0
    write: Any = RunLog._write

    def counted(self: RunLog, *arguments: Any) -> int:
        nonlocal written
        written += 1
        if (written, side) == (number, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        found: int = write(self, *arguments)
        if (written, side) == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    RunLog._write = counted  # type: ignore[method-assign]
    agent(folder).ask("go 7")


def main(place: Path) -> None:
    """One fork a point."""
    for number, side in POINTS:
        folder = place / f"{number}-{side}"
        folder.mkdir()
        pid = os.fork()
        if pid == 0:
            killed_at(folder, number, side)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
            sys.exit(f"the program was not killed {side} write {number}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
