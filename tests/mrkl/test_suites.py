"""Files of questions: one's own layout and those in which the benchmarks are published."""

import gzip
import json
from pathlib import Path

import pytest

from mrkl import suites
from mrkl.suites import SuiteError, load

GSM8K = {
    "question": "Ann has 3 boxes of 400 pins. How many pins?",
    "answer": "She has 3*400=<<3*400=1200>>1200 pins.\n#### 1,200",
}
SVAMP = {
    "ID": "chal-1",
    "Body": "Ann has 8 pens and gives 3 away",
    "Question": "How many has she?",
    "Equation": "( 8.0 - 3.0 )",
    "Answer": 5.0,
    "Type": "Subtraction",
}
CALCULATOR = {"prompt": "How much is 3 plus 8?", "completion": "X=(3+8)", "execution": "11.0"}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("suite", "row", "question", "answer"),
    [
        ("gsm8k", GSM8K, GSM8K["question"], 1200),
        ("gsm8k", {"question": "1 + 1?", "answer": 2}, "1 + 1?", 2),
        ("svamp", SVAMP, "Ann has 8 pens and gives 3 away. How many has she?", 5),
        ("svamp", {"question": "1 + 1?", "answer": 2}, "1 + 1?", 2),
        ("mrkl-calculator", CALCULATOR, "How much is 3 plus 8?", 11),
        (
            "mrkl-calculator",
            {"question": "How much is 3 plus 8?", "expression": "X=(3+8)", "answer": 11.0},
            *("How much is 3 plus 8?", 11),
        ),
    ],
)
def test_rows_as_published(tmp_path: Path, suite: str, row: object, question: str, answer: float):
    (found,) = load(suite, written(tmp_path / "rows.jsonl", row))
    assert (found.question, found.answer, found.type) == (question, answer, "number")


def test_a_list_in_one_file(tmp_path: Path):
    path = tmp_path / "SVAMP.json"
    path.write_text(json.dumps([SVAMP, SVAMP], indent=4))
    assert [row.answer for row in load("svamp", path)] == [5, 5]


@pytest.mark.parametrize("indent", [None, 2])
def test_clinc150_as_published(tmp_path: Path, indent: int | None):
    path = tmp_path / "data_full.json"
    whole = {
        "train": [["so long", "goodbye"]],
        "test": [["bye", "goodbye"], ["what's up", "greeting"]],
        "oos_test": [["how far is the moon", "oos"]],
    }
    path.write_text(json.dumps(whole, indent=indent))
    labels = [row.extra["label"] for row in load("clinc150", path)]
    assert labels == ["goodbye", "greeting", "oos"]
    lines = written(tmp_path / "lines.jsonl", {"question": "bye", "label": "goodbye"})
    assert load("clinc150", lines)[0].extra["label"] == "goodbye"


def test_types_that_are_not_told(tmp_path: Path):
    answers = [True, 2, 2.5, "Paris", [1, 2]]
    rows = [{"question": "?", "answer": answer} for answer in answers]
    found = load("questions", written(tmp_path / "rows.jsonl", *rows))
    assert [row.type for row in found] == ["bool", "number", "number", "text", "set"]


def test_limit_and_seed(tmp_path: Path):
    path = written(tmp_path / "rows.jsonl", *({"question": f"{n}?", "answer": n} for n in range(9)))
    assert [row.answer for row in load("questions", path, 3)] == [0, 1, 2]
    drawn = [row.answer for row in load("questions", path, 3, seed=1)]
    assert drawn == [row.answer for row in load("questions", path, 3, seed=1)] != [0, 1, 2]
    assert {row.answer for row in load("questions", path, seed=1)} == set(range(9))


def test_a_line_break_inside_a_text(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "1\u2028+ 1?", "answer": 2}\n', encoding="utf-8")
    assert load("questions", path)[0].answer == 2


def test_compressed(tmp_path: Path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"question": "1?", "answer": 1}\n\n'))
    assert load("questions", path)[0].answer == 1


@pytest.mark.parametrize(
    ("suite", "content", "told"),
    [
        ("questions", b"", "no questions in it"),
        ("questions", b"\n{", "line 2: not JSON"),
        ("questions", b"7\n", 'line 1: expected an object with a text "question"'),
        ("questions", b'{"question": 7, "answer": 1}', 'a text "question"'),
        ("questions", b'{"question": "?"}', 'line 1: a question needs an "answer"'),
        ("questions", b'{"question": "?", "answer": 1, "tolerance": "x"}', "tolerance"),
        ("questions", b'{"question": "?", "answer": 1, "rivals": "x"}', "rivals is a list"),
        ("questions", b"[1, 2", "not JSON"),
        ("questions", b'{"train": []\n}', "line 1: not JSON"),
        ("questions", b"\xff\xfe\x00", "not UTF-8"),
        ("gsm8k", b'{"question": "?", "answer": "many"}', "could not convert"),
        ("gsm8k", b'{"question": "?", "answer": null}', "needs an"),
        ("svamp", b'{"Body": "A"}', "no 'Question'"),
        ("mrkl-calculator", b'{"prompt": "?"}', "no 'execution'"),
        ("mrkl-calculator", b"3", "line 1: "),
        ("clinc150", b'{"question": "?"}', 'a text "label"'),
        ("clinc150", b'["a", "b", "c"]\n', "entry 1: "),
        ("gsm", b"", "there is no suite 'gsm'"),
    ],
)
def test_faults_name_file_and_place(tmp_path: Path, suite: str, content: bytes, told: str):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        load(suite, path)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "rows.jsonl.gz"
    broken.write_bytes(gzip.compress(b"x" * 9999)[:-20])
    for path in (broken, tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(SuiteError, match=path.name):
            load("questions", path)
    monkeypatch.setattr(suites, "MAX_BYTES", 10)
    long = written(tmp_path / "long.jsonl", {"question": "?", "answer": 1})
    with pytest.raises(SuiteError, match="larger than 10 bytes"):
        load("questions", long)
