"""The algebra expert, called as the agent calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from mrkl.experts.algebra import build
from mrkl.experts.base import Failure, Result
from mrkl.experts.run import call
from mrkl.tools.algebra import TASKS

ALGEBRA = build()
ALGEBRA.timeout = 60  # the first call imports sympy, on a machine that may be busy


def test_the_card_names_every_task() -> None:
    task = ALGEBRA.card.parameter("task")
    assert task is not None
    assert set(task.choices) == set(TASKS)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"task": "solve", "expression": "3x + 7 = 22"}, "5"),
        ({"task": "derivative", "expression": "x^3"}, "3*x^2"),
        ({"task": "solve", "expression": "a+b=5; a-b=1", "variable": "a, b"}, "a = 3, b = 2"),
        ({"task": "integral", "expression": "x", "lower": "0", "upper": 4}, "8"),
        ({"task": "evaluate", "expression": "x^2", "at": "1/2"}, "0.25"),
    ],
)
def test_answers(arguments: dict[str, object], text: str) -> None:
    result = call(ALGEBRA, arguments)
    assert isinstance(result, Result), result
    assert str(result) == text
    assert result.source == "sympy"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"task": "solve", "expression": "x^2 = -1"}, "no_answer", "there is no real solution"),
        ({"task": "solve", "expression": "x +"}, "bad_arguments", "ends too early"),
        ({"task": "cook", "expression": "x"}, "bad_arguments", "must be one of solve"),
        ({"task": "solve", "expression": "x = 1", "variable": "?"}, "bad_arguments", "no variable"),
    ],
)
def test_failures(arguments: dict[str, object], kind: str, message: str) -> None:
    failure = call(ALGEBRA, arguments)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert message in failure.message


def test_endless_work_ends_at_the_deadline() -> None:
    expert = build()
    expert.timeout = 2.0
    begin = time.monotonic()
    failure = call(expert, {"task": "expand", "expression": "(a+b+c+d+f+g+h)^60"})
    assert time.monotonic() - begin < 1.2 * expert.timeout
    assert isinstance(failure, Failure)
    assert failure.kind in ("timeout", "crashed")


def test_this_process_never_loads_sympy() -> None:
    code = (
        "import sys; from mrkl.experts.algebra import build; from mrkl.experts.run import call\n"
        "expert = build(); expert.timeout = 60\n"
        "assert call(expert, {'task': 'solve', 'expression': '2x = 6'}).value == 3\n"
        "assert 'sympy' not in sys.modules and 'pydantic' not in sys.modules"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=False
    )
    assert done.returncode == 0
