"""`mrkl train` on a tiny random core with the real tokenizer: lessons in, a folder that loads out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mrkl
from mrkl.call_match import Match
from mrkl.cli import app
from mrkl.embedded import EmbeddedJamba
from mrkl.experts.registry import builtin_expert
from mrkl.fine_tuning import (
    Examples,
    Listener,
    Report,
    Settings,
    TrainingError,
    general_rows,
    offer_of,
    split,
    train,
)
from mrkl.jamba_core import Jamba, JambaConfig
from mrkl.lessons import Lesson
from mrkl.plan import parse_plan
from mrkl.router import Router
from tests.mrkl.cores import FOLDER, VOCABULARY, tokenizer


@mrkl.expert
def tip(bill: float, people: int = 2) -> float:
    """Split a restaurant bill among people."""
    return bill / people


@mrkl.expert
def lamp(room: str) -> bool:
    """Switch the lamp in a room on."""
    return True


EXPERTS = [builtin_expert("calculator"), tip, lamp]
CARDS = {expert.name: expert.card for expert in EXPERTS}


def lesson(bill: int) -> Lesson:
    plan = parse_plan(f"#1 @ -> tip(bill={bill}, people=3)", CARDS)
    return Lesson(f"split a bill of {bill} among 3", plan)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A core of random weights that could be trained."""
    special = tokenizer().special
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
        "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2,
        "tie_word_embeddings": True, "eos_token_id": special["<|end|>"],
    }  # fmt: skip
    place = tmp_path_factory.mktemp("core")
    Jamba.random(JambaConfig.from_dict(sizes), quantization="int8").save_pretrained(place)
    shutil.copyfile(FOLDER / "tokenizer.json", place / "tokenizer.json")
    return place


def test_lessons_become_a_core_and_figures(start: Path, tmp_path: Path):
    parts: list[str] = []
    heard = Listener(lambda part, done, whole: parts.append(part.partition(" (")[0]))
    lessons = [lesson(bill) for bill in range(20, 30)]
    settings = Settings(rounds=2, rate=0.01, check=1)
    found = train(lessons, EXPERTS, Router.load(), tmp_path / "out", settings, start, heard)
    assert list(dict.fromkeys(parts)) == ["measuring before", "learning", "measuring after"]
    assert (found.lessons, found.learned) == (10, 8)
    assert found.rounds[1].loss < found.rounds[0].loss
    assert {name: len(rows) for name, rows in found.after.items()} == {
        "yours, kept aside": 2, "built-in experts": 1
    }  # fmt: skip
    written = json.loads((tmp_path / "out" / "training.json").read_text())
    assert written["settings"]["seed"] == 1 and len(written["call_match"]) == 4
    assert EmbeddedJamba.load(tmp_path / "out").jamba.config.hidden_size == 32


def test_the_start_is_not_written_over(start: Path):
    with pytest.raises(TrainingError, match="choose another folder"):
        train([lesson(n) for n in range(5)], EXPERTS, Router.load(), start, model=start)


def test_the_split_keeps_every_fifth_aside():
    lessons = [lesson(n) for n in range(10)]
    learn, stop, test = split(lessons)
    assert test == [lessons[4], lessons[9]] and stop == [] and len(learn) == 8
    learn, stop, test = split([lesson(n) for n in range(100)])
    assert (len(learn), len(stop), len(test)) == (72, 8, 20)
    assert not {id(x) for x in learn} & {id(x) for x in [*stop, *test]}
    with pytest.raises(TrainingError, match="4 questions are too few"):
        split(lessons[:4])


def test_a_lesson_shows_its_card_as_the_agent_would():
    make = Examples(offer_of(EXPERTS, Router.load()), tokenizer(), 1)
    example = make.of(lesson(40))
    text = tokenizer().decode(example.ids, special=True)
    assert "tip(bill: float" in text and text.startswith("<|begin|><|cards|>")
    learned = [i for i, learn in zip(example.ids, example.learned, strict=True) if learn]
    assert tokenizer().decode(learned, special=True) == (
        "#1 @ -> tip(bill=40, people=3)\n<|results|>"
    )
    varied = {make.of(lesson(40), vary=True).ids for _ in range(12)}
    assert len(varied) > 1


def test_a_lesson_that_is_too_long():
    make = Examples(offer_of(EXPERTS, Router.load()), tokenizer(), 1)
    with pytest.raises(TrainingError, match="too long"):
        make.of(Lesson("why " * 800, None, "no"))


def test_general_rows_are_whole():
    rehearsed, checked = general_rows()
    assert len(rehearsed) > 200 and all(parts[0][0].startswith("<|begin|>") for parts in rehearsed)
    assert len(checked) == 50 and all(len(plan) for _, plan in checked)


def test_a_report_adds_up():
    hit, miss = Match(True, True), Match(True, False)
    report = Report(10, 8, [], {"yours": [miss, miss]}, {"yours": [hit, miss]})
    rows = {what: (n, before[0], after[0]) for _, what, n, (before, after) in report.rows()}
    assert rows == {"expert": (2, 2, 2), "exact": (2, 0, 1)}


def command(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["train", *map(str, words)])
    return done.exit_code, done.stderr


def test_the_command_says_what_is_wrong(tmp_path: Path):
    mine = tmp_path / "mine.jsonl"
    mine.write_text(
        '{"question": "2+3", "expert": "calculator", "arguments": {"expression": "2+44"}}'
    )
    code, said = command("--questions", mine, "--out", tmp_path / "new")
    assert code == 2 and said.count("\n") == 1
    assert 'line 1: the core cannot write expression="2+44" in a call of calculator' in said
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    assert command("--questions", mine, "--out", tmp_path / "other") == (
        2, f"mrkl: {tmp_path}/other is there already: choose another folder\n"
    )  # fmt: skip
    code, said = command("--questions", tmp_path / "none.jsonl", "--out", tmp_path / "new")
    assert code == 2 and "No such file" in said


def test_the_command_trains_and_says_so(start: Path, tmp_path: Path):
    source = tmp_path / "experts.py"
    source.write_text(
        "import mrkl\n\n\n@mrkl.expert\ndef tip(bill: float, people: int = 2) -> float:\n"
        '    """Split a restaurant bill."""\n    return bill / people\n'
    )
    rows = [
        {
            "question": f"split {n} euros by 3",
            "expert": "tip",
            "arguments": {"bill": n, "people": 3},
        }
        for n in range(30, 36)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = CliRunner().invoke(
        app,
        ["train", "--questions", str(tmp_path / "mine.jsonl"), "--expert", f"{source}:tip",
         "--model", str(start), "--out", str(tmp_path / "new"), "--rounds", "1", "--check", "1"],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "learned from 5 of 6 questions in 1 round;" in done.stdout
    assert "yours, kept aside" in done.stdout
