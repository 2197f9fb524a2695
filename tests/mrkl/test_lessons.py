"""Rows of `mrkl train`: what is read, and the one line that says what is wrong with a row."""

import json
from pathlib import Path
from typing import Any

import pytest

import mrkl
from mrkl.experts.base import Expert
from mrkl.experts.registry import builtin_expert
from mrkl.lessons import Lesson, LessonError, read
from tests.mrkl.cores import tokenizer


@mrkl.expert
def tip(bill: float, people: int = 2, day: str = "") -> float:
    """A share of a bill."""
    return bill / people


EXPERTS: dict[str, Expert] = {"tip": tip, "calculator": builtin_expert("calculator")}


def lessons(folder: Path, *rows: Any) -> list[Lesson]:
    path = folder / "mine.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return read(path, EXPERTS, tokenizer())


def call(question: str, **arguments: Any) -> dict[str, Any]:
    return {"question": question, "expert": "tip", "arguments": arguments}


def test_one_call(tmp_path: Path):
    (lesson,) = lessons(
        tmp_path, call("split 40 among three on Friday", bill=40, people=3, day="Friday")
    )
    row = lesson.row([tip.card], EXPERTS)
    assert row.plan == '#1 @ -> tip(bill=40, people=3, day="Friday")\n<|results|>'
    assert row.prompt.startswith("<|begin|><|cards|>tip(bill: float")


def test_several_steps_and_none(tmp_path: Path):
    steps = [
        {"subquery": "20 plus 30", "expert": "calculator", "arguments": {"expression": "20 + 30"}},
        {"subquery": "split #1", "module": "tip", "args": {"bill": "#1"}},
    ]
    two, none = lessons(
        tmp_path,
        {"question": "split 20 plus 30", "steps": steps, "answer": 25},
        {"question": "how was dinner?", "abstain": "No expert here knows."},
    )
    assert two.plan and two.plan.steps[1].depends_on == (1,)
    assert none.row([], EXPERTS).plan == "<|abstain|>No expert here knows.<|end|>"


def test_a_question_counts_once(tmp_path: Path):
    assert len(lessons(tmp_path, call("tip for 40", bill=40), call("Tip for 40", bill=40))) == 1


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", "line 2: not JSON"),
        ([1], "line 2: expected an object with a question"),
        ({"question": " "}, 'line 2: expected a text "question"'),
        ({"question": "tip for 40"}, 'line 2: a row needs "expert" and "arguments", or "steps"'),
        ({"question": "tip for 40", "steps": []}, "line 2: a row needs"),
        ({"question": "tip for 40", "expert": "tip"}, 'line 2: a step needs a text "expert"'),
        (
            {"question": "x 4", "expert": "top", "arguments": {}},
            "no expert named 'top'; did you mean",
        ),
        (call("tip for 40", bil=40), "line 2: step 1: tip: no such parameter: bil"),
        (call("tip for 40"), "line 2: step 1: tip: 'bill' is missing"),
        (call("tip for 40", bill="much"), "line 2: step 1: tip: not a value: 'much'"),
        (call("tip for 40", bill=41), "line 2: the core cannot write bill=41 in a call of tip"),
        (call("tip for 40", bill=40, day="Friday"), 'cannot write day="Friday" in a call'),
        (call("first tip for 40", bill=20), "the same question stood before"),
        (
            {"question": "4", "steps": [{"expert": "tip", "arguments": {"bill": 4}}] * 2},
            'line 2: each of several steps needs a "subquery"',
        ),
    ],
)
def test_a_wrong_row_is_one_line_with_its_number(row: Any, fault: str, tmp_path: Path):
    with pytest.raises(LessonError) as caught:
        lessons(
            tmp_path,
            call("first tip for 40 or 20", bill=40) | {"question": "first tip for 40"},
            row,
        )
    text = str(caught.value)
    assert fault in text and "mine.jsonl, line 2" in text and "\n" not in text


def test_an_empty_or_missing_file(tmp_path: Path):
    with pytest.raises(LessonError, match="no questions in it"):
        lessons(tmp_path, "")
    with pytest.raises(LessonError, match="No such file"):
        read(tmp_path / "nothing.jsonl", EXPERTS, tokenizer())
