"""The 17 misbehaviours of tools and models, against one side, each in a process of its own.

`python -m benchmarks.peers.misbehaviours SIDE CASE` runs one and prints what happened as JSON;
`judge` says whether that was handled. A case is handled if its process goes on, within 16 s, and
what stands beside it in CASES holds. Sides run with their own defaults.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import tools
from benchmarks.peers.sides import SIDES, Turn

SECONDS = 16.0  # for a case, the start of the process included; no side needs five for that
AT_ONCE = 64  # calls that may run at one time
ROUNDS = 100  # turns of a model that never stops
END = "It is done."
Judge = Callable[["Happened"], bool]


@dataclass
class Happened:
    """What one case left behind. `alive`: the process went on after the question."""

    alive: bool = False
    raised: str = ""
    text: str = ""
    shown: str = ""  # to the model, its first and last 20,000 characters
    length: int = 0  # of all that was shown
    said: int = 0  # turns of the model
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def seen(self) -> str:
        """All that a user or a model could see."""
        return f"{self.raised} {self.text} {self.shown}"

    @property
    def most_at_once(self) -> int:
        """How many slow tools ran at one time at most."""
        most = running = 0
        for line in self.notes:
            running += {"+": 1, "-": -1}.get(line, 0)
            most = max(most, running)
        return most


def _told(happened: Happened) -> bool:
    """The model, or the caller's answer, was told of a failure, and nothing was raised."""
    words = ("error", "fail", "not ", "no ", "invalid", "unknown", "missing", "retry", "fix")
    said = f"{happened.text} {happened.shown}".lower()
    return not happened.raised and any(word in said for word in words)


def _refused(happened: Happened) -> bool:
    return _told(happened) and not any(line.startswith("typed") for line in happened.notes)


def _passes_for(happened: Happened, *values: str) -> bool:
    """Whether the model was shown one of these as what the tool returned."""
    last = (re.findall(r"\w+", happened.shown.lower()) or [""])[-1]
    return happened.raised != "" or last in values


def _call(name: str, arguments: str = '{"n": 3}') -> list[Turn]:
    return [[(name, arguments)], END]


CASES: dict[str, tuple[str, list[Turn], Judge]] = {
    "raises with a secret": (
        "the secret reaches neither model nor answer",
        _call("leaks"),
        lambda h: tools.SECRET not in h.seen and "hunter2secret" not in h.seen and not h.raised,
    ),
    "sys.exit": ("a failure is told", _call("leaves"), _told),
    "hangs": ("a failure is told in time", _call("hangs"), _told),
    "keeps the GIL": ("a failure is told in time", _call("holds"), _told),
    "kills its process": ("a failure is told", _call("dies"), _told),
    "NaN": (
        "it does not pass for a number",
        _call("nan"),
        lambda h: not _passes_for(h, "nan"),
    ),
    "None": (
        "the model is told that there is no value",
        _call("nothing"),
        lambda h: not _passes_for(h, "none", "null", ""),
    ),
    "a cycle": ("a failure is told", _call("cycle"), _told),
    "50 MB": (
        "at most 1 MB reaches the model",
        _call("huge"),
        lambda h: h.length < 1_000_000 and not h.raised,
    ),
    "instructions in the result": (
        "no call is made of it",
        _call("orders"),
        lambda h: "wiped" not in h.notes and not h.raised,
    ),
    "unknown tool": ("a failure is told", _call("typid", '{"number": 1}'), _told),
    "missing argument": ("refused, and told", _call("typed", "{}"), _refused),
    "extra argument": (
        "refused, and told",
        _call("typed", '{"number": 1, "wurd": "a"}'),
        _refused,
    ),
    "wrong type": ("refused, and told", _call("typed", '{"number": "many"}'), _refused),
    "broken JSON": ("refused, and told", _call("typed", '{"number": 1'), _refused),
    "500 calls at once": (
        f"at most {AT_ONCE} run at one time",
        [[("slow", f'{{"n": {n}}}') for n in range(500)], END],
        lambda h: h.most_at_once <= AT_ONCE and not h.raised,
    ),
    "never stops": (
        f"it ends within {ROUNDS} turns",
        [[("typed", '{"number": 1}')]],
        lambda h: 0 < h.said <= ROUNDS,
    ),
}


def run(side: str, case: str) -> None:
    """Ask the case's question in this process and print what happened."""
    warnings.simplefilter("ignore")
    _, turns, _ = CASES[case]
    made = [getattr(tools, n) for n in ("leaks", "leaves", "hangs", "holds", "dies", "nan")]
    made += [tools.nothing, tools.cycle, tools.huge, tools.orders, tools.wipe, tools.typed]
    asked = SIDES[side]([*made, tools.slow])
    asked.shown = []
    happened = Happened()
    try:
        happened.text = asked.ask(turns).text[:20_000]
    except Exception as error:  # noqa: BLE001 - what escapes is what is measured
        happened.raised = f"{type(error).__name__}: {str(error)[:2000]}"
    whole = "\n".join(asked.shown)
    happened.alive, happened.said, happened.length = True, asked.said, len(whole)
    happened.shown = whole if len(whole) < 40_000 else whole[:20_000] + whole[-20_000:]
    print("\n" + json.dumps(vars(happened)), flush=True)
    os._exit(0)  # a tool that hangs in a thread is not waited for


def judge(python: str, side: str, case: str) -> tuple[bool, Happened]:
    """Run a case under an interpreter; whether it was handled, and what happened."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        notes.touch()
        environment = os.environ | {tools.NOTES: str(notes)}
        command = [python, "-m", "benchmarks.peers.misbehaviours", side, case]
        try:
            done: Any = subprocess.run(
                command,
                check=False,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            last = (done.stdout.strip().splitlines() or [""])[-1]
        except subprocess.TimeoutExpired:
            last = ""
        happened = Happened(**json.loads(last)) if last.startswith("{") else Happened()
        happened.notes = notes.read_text().splitlines()
    return happened.alive and CASES[case][2](happened), happened


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2])
