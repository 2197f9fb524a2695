"""`mrkl evaluate`, from a file to figures, with an agent whose language module is a table."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mrkl import evaluate
from mrkl.cli import app
from mrkl.evaluation_runs import Oracle, intents, questions
from mrkl.score import Row
from mrkl.suites import SuiteError, load
from tests.chat_server import Served, serve

SCRIPTS = {
    "2+3": '#1 2+3 -> calculator(expression="2+3")\n<|answer|>#1',
    "2*3": '#1 2*3 -> calculator(expression="2+3")\n<|answer|>#1',
    "1/0": '#1 1/0 -> calculator(expression="1/0")\n<|answer|>#1',
    "hello": "<|say|>Hello!<|end|>",
}
ROWS = [
    {"question": "2+3", "answer": 5, "modules": ["calculator"]},
    {"question": "2*3", "answer": 6, "modules": ["algebra"]},
    {"question": "unheard of", "answer": 6, "modules": ["calculator"], "kind": "multi"},
    {"question": "hello", "kind": "chitchat", "modules": ["language"]},
]
CALLS = [{"module": "calculator", "args": {"expression": "2*3"}}]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return path


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_figures(scripted, rows: Path):
    report = questions(scripted(SCRIPTS), load("questions", rows), "mine", Oracle(), quiet())
    figures = report.summary()
    assert [figures[name] for name in ("n", "right", "wrong_but_sure", "abstained", "failed")] == [
        *(4, 2, 1, 1, 0)
    ]
    assert figures["accuracy"] == 0.5 and figures["wilson95"] == [0.15, 0.85]
    assert figures["by_kind"] == {
        "single": {"right": 1, "wrong": 1},
        "multi": {"abstained": 1},
        "chitchat": {"right": 1},
    }
    assert sorted(figures["confusion"]) == [
        ["algebra", "calculator", 1],
        ["calculator", "calculator", 1],
        ["calculator", "none", 1],
        ["none", "none", 1],
    ]
    assert 0 < figures["p50_seconds"] <= figures["p95_seconds"] < 5


def test_rows_that_name_no_experts_confuse_none(scripted):
    report = evaluate.run(scripted(SCRIPTS), [Row("1", "2+3", 5)])
    assert report.summary()["confusion"] == []


def test_percentiles():
    report = evaluate.run(None, [Row(str(n), "?", 1) for n in range(20)])  # type: ignore[arg-type]
    times = sorted(outcome.seconds for outcome in report.outcomes)
    assert (report.percentile(0.5), report.percentile(0.95)) == (times[10], times[19])
    assert evaluate.Report("none").percentile(0.5) == 0


def test_a_crash_is_one_failed_question(scripted):
    def ask(row: Row):
        if row.question == "1/0":
            raise RuntimeError("the model is gone")
        return agent.ask(row.question)

    agent = scripted(SCRIPTS)
    report = evaluate.run(agent, [Row("1", "1/0", 1), Row("2", "2+3", 5)], ask=ask)
    assert [outcome.verdict for outcome in report.outcomes] == ["failed", "right"]
    assert "the model is gone" in report.outcomes[0].text


def test_the_oracles(scripted, rows: Path):
    agent = scripted(SCRIPTS)
    given = [Row("1", "2*3", 6, extra={"calls": CALLS}), Row("2", "2+3", 5)]
    report = questions(agent, given, "mine", Oracle(arguments=True), quiet())
    assert [outcome.verdict for outcome in report.outcomes] == ["right"]
    routed = questions(agent, load("questions", rows), "mine", Oracle(route=True), quiet())
    assert [outcome.verdict for outcome in routed.outcomes][:2] == ["right", "failed"]
    for oracle in (Oracle(route=True), Oracle(arguments=True)):
        with pytest.raises(SuiteError, match="none here has any"):
            questions(agent, [Row("1", "2+3", 5)], "mine", oracle, quiet())


def test_intents_offer_all_the_files_labels(tmp_path: Path):
    texts = {
        "transfer": "move 50 dollars from savings to checking",
        "weather": "is it going to rain in Oslo tomorrow",
        "alarm": "wake me up at seven",
        "oos": "why do cats purr",
    }
    path = tmp_path / "clinc.jsonl"
    lines = [json.dumps({"question": text, "label": label}) for label, text in texts.items()]
    path.write_text("\n".join(lines))
    report = intents(path, None, None, None, quiet())
    figures = report.summary()
    assert figures["n"] == 4 and set(figures["by_kind"]) == {"in scope", "out of scope"}
    assert figures["right_of_the_intents_alone"] >= 2 / 3
    assert 0 <= figures["auroc_of_none"] <= 1
    one = intents(path, 1, None, path, quiet())  # every text its own example
    assert one.outcomes[0].value == "transfer" and len(one.outcomes) == 1
    alone = intents(path, 1, None, None, quiet())
    assert alone.outcomes[0].confidence < 1  # three intents stand beside it, not none


def test_auroc():
    assert evaluate.auroc([(0.1, False), (0.9, True)]) == 1
    assert evaluate.auroc([(0.9, False), (0.1, True)]) == 0
    assert evaluate.auroc([(0.5, False), (0.5, True)]) == 0.5
    assert evaluate.auroc([(0.2, False), (0.6, True), (0.4, False), (0.3, True)]) == 0.75
    assert evaluate.auroc([(0.5, True)]) == 0.5


def test_the_command(rows: Path, tmp_path: Path):
    out, plot = tmp_path / "out.json", tmp_path / "plot.svg"
    world = tmp_path / "world.json"
    world.write_text('{"now": "2026-03-18T10:30:00+00:00"}')
    replies = ['#1 2+3 -> calculator(expression="2+3")', "#1", "ABSTAIN: no"]
    options = ["--limit", "2", "--out", str(out), "--plot", str(plot), "--world", str(world)]
    with serve(Served(*replies)) as url:
        result = CliRunner().invoke(
            app, ["evaluate", str(rows), *options, "--model", f"openai:{url}"]
        )
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("questions: 1 of 2 right = 50.0% (95 % Wilson 9.4% to 90.5%)")
    assert "wrong but sure 0, abstained 1" in result.stdout and "p95" in result.stdout
    assert "algebra → none 1" in result.stdout
    written = json.loads(out.read_text())
    assert written["summary"]["right"] == 1
    assert written["outcomes"][0]["calls"] == ["calculator(expression='2+3')"]
    assert plot.read_text().startswith("<?xml")


def test_the_command_with_calls_given_away(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    bad = [{"module": "calculator", "args": {"formula": "1"}}]
    lines = [
        {"question": "2*3", "answer": 6, "calls": CALLS},
        {"question": "2*3", "answer": 6, "expert": "calculator", "args": {"expression": "2*3"}},
        {"question": "2*3", "answer": 6, "calls": bad},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    result = CliRunner().invoke(app, ["evaluate", str(path), "--oracle-args"])
    assert result.exit_code == 0, result.output
    assert "2 of 3 right" in result.stdout and "failed 1" in result.stdout


@pytest.mark.parametrize("suite", ["gsm8k", "svamp", "mrkl-calculator"])
def test_the_command_by_a_benchmarks_name(tmp_path: Path, suite: str):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "What is 2+3?", "answer": 5}))
    replies = ['#1 2+3 -> calculator(expression="2+3")', "#1"]
    with serve(Served(*replies)) as url:
        options = ["--data", str(path), "--seed", "1", "--model", f"openai:{url}"]
        result = CliRunner().invoke(app, ["evaluate", suite, *options])
    assert f"{suite}: 1 of 1 right" in result.stdout


def test_the_command_for_intents(tmp_path: Path):
    path = tmp_path / "clinc.jsonl"
    path.write_text('["set an alarm for six", "alarm"]\n["bye", "goodbye"]\n')
    result = CliRunner().invoke(app, ["evaluate", "clinc150", "--data", str(path)])
    assert result.exit_code == 0, result.output
    assert "clinc150: " in result.stdout and "auroc of none" in result.stdout
