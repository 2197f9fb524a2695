"""The commands, end to end: what goes to which stream, and the exit codes.

Most questions go to a real endpoint on this machine that replies what the test tells it, so that
nothing here hangs on what a model happens to write; one goes to the core inside the package.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mrkl.cli import app
from tests.chat_server import Served, serve

ROOT = Path(__file__).parents[1]
SUM = '#1 12 times 7 -> calculator(expression="12 * 7")'
EXPERTS = '''
import time
import mrkl

@mrkl.expert(effects="write")
def note(text: str) -> str:
    """Write something down."""
    return text

@mrkl.expert
def fails(number: float) -> float:
    """Fail."""
    raise ValueError("out of order")

@mrkl.expert(effects="read")
def hangs(number: float) -> float:
    """Take too long."""
    time.sleep(30)
    return number
'''


def mrkl(*arguments: str, input: str | None = None) -> Result:
    """Run a command in this process; stdout and stderr apart."""
    result = CliRunner().invoke(app, arguments, input=input, prog_name="mrkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception  # a traceback, for the user
    return result


def asked(replies: list[str], *arguments: str, input: str | None = None) -> Result:
    """Run a command whose --model is an endpoint with these replies."""
    with serve(Served(*replies)) as url:
        return mrkl(*arguments, "--model", f"openai:{url}", input=input)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with some experts, a database and a world."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(EXPERTS)
    (tmp_path / "boom.py").write_text("1 / 0\n")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "world.json").write_text(
        '{"now": "2026-03-18T10:30:00+00:00", "timezone": "UTC", "rates_per_usd": {"EUR": 0.5}}'
    )
    with sqlite3.connect("shop.db") as shop:
        shop.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL);"
            "INSERT INTO orders VALUES (1, 'Ada', 12.5), (2, 'Grace', 30);"
        )
    shop.close()
    return tmp_path


def test_the_answer_and_nothing_else_is_on_stdout():
    result = asked([SUM, "It is #1."], "ask", "12 times", "7?")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "It is 84.\n", "")


def test_why_is_told_on_stderr():
    result = asked([SUM, "It is #1."], "ask", "--why", "12 times 7?")
    assert result.stdout == "It is 84.\n"
    for told in ("#1 12 times 7", "calculator(expression='12 * 7')", "= 84", "[arithmetic]"):
        assert told in result.stderr
    assert "“84” is from step #1" in result.stderr and "answered, confidence" in result.stderr


def test_json_is_the_object_of_the_design():
    result = asked([SUM, "12 times 7 is #1."], "ask", "--json", "12 times 7?")
    found = json.loads(result.stdout)
    assert result.stderr == ""
    assert list(found) == [
        *("question", "status", "answer", "value", "unit", "confidence", "steps", "spans"),
        "seconds",
    ]
    assert list(found["steps"][0]) == [
        *("id", "subquery", "expert", "arguments", "result", "error", "source", "seconds")
    ]
    assert found["steps"][0]["arguments"] == {"expression": "12 * 7"}
    assert found["steps"][0]["result"] == {
        "value": 84,
        "unit": None,
        "text": "84",
        "truncated": False,
    }
    assert (found["status"], found["value"], found["answer"]) == (
        *("answered", 84, "12 times 7 is 84."),
    )
    assert found["spans"][-1] == {"start": 14, "end": 16, "text": "84", "step": 1}
    assert [span["step"] for span in found["spans"]] == [None, None, 1]


def test_json_of_a_failure(folder: Path):
    replies = ["#1 a -> fails(number=1)"]
    result = asked(replies, "ask", "--json", "--expert", "mine.py:fails", "1?")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["status"], found["value"]) == (5, "failed", None)
    assert found["steps"][0]["error"] == {
        "kind": "crashed",
        "message": "fails: ValueError: out of order",
    }


@pytest.mark.parametrize("words", [[], ["-"]])
def test_stdin(words: list[str]):
    result = asked([SUM, "#1"], "ask", *words, input="12 times 7?\n")
    assert (result.exit_code, result.stdout) == (0, "84\n")


def test_a_fixed_world(folder: Path):
    replies = ['#1 a -> calendar(task="weekday", date="tomorrow")', "It is #1."]
    result = asked(replies, "ask", "--world", "world.json", "which weekday is tomorrow?")
    assert result.stdout == "It is Thursday.\n"


@pytest.mark.parametrize("url", ["sqlite:///shop.db", "shop.db"])
def test_a_database(folder: Path, url: str):
    replies = ['#1 a -> database(query="SELECT sum(total) FROM orders")', "Together #1."]
    result = asked(replies, "ask", "--db", url, "what do all orders come to?")
    assert (result.exit_code, result.stdout) == (0, "Together 42.5.\n")


def test_a_database_is_never_written(folder: Path):
    replies = ['#1 a -> database(query="DELETE FROM orders")']
    result = asked(replies, "ask", "--db", "shop.db", "delete all orders")
    assert (result.exit_code, result.stdout) == (4, "")
    with sqlite3.connect("shop.db") as shop:
        assert shop.execute("SELECT count(*) FROM orders").fetchone() == (2,)
    shop.close()


@pytest.mark.parametrize(
    ("replies", "options", "code", "told"),
    [
        ([SUM, "#1"], [], 0, "84"),
        (["ABSTAIN: nobody knows"], [], 3, "nobody knows"),
        (['#1 a -> note(text="hi")'], ["--expert", "mine.py:note"], 4, "not allowed"),
        (["#1 a -> fails(number=7)"], ["--expert", "mine.py:fails"], 5, "out of order"),
        (["nonsense", "nonsense"], [], 5, "No answer"),
        (
            ["#1 a -> hangs(number=7)"],
            ["--expert", "mine.py:hangs", "--seconds", "1"],
            *(6, "too long"),
        ),
        ([SUM, "#1"], ["--seconds", "0.000001"], 6, "seconds is used up"),
    ],
)
def test_exit_codes(folder: Path, replies: list[str], options: list[str], code: int, told: str):
    result = asked(replies, "ask", "hi 7", *options)
    assert result.exit_code == code
    shown, other = (result.stdout, result.stderr) if code == 0 else (result.stderr, result.stdout)
    assert told in shown and other == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ask", "--world", "none.json", "x"], "world file none.json: No such file"),
        (["ask", "--world", "bad.json", "x"], "not JSON"),
        (["ask", "--model", "no_folder", "x"], "there is no folder no_folder"),
        (["ask", "--model", ".", "x"], "cannot be loaded"),
        (["ask", "--model", "openai:nowhere", "x"], "not the URL"),
        (["ask", "--db", "nothing://x", "x"], "no driver for nothing"),
        (["ask", "--db", "none.db", "x"], "no database file none.db"),
        (["ask", "--db", "bad.json", "x"], "bad.json"),
        (["route", "--db", "none.db", "x"], "no database file none.db"),
        (["experts", "list", "--db", "none.db"], "no database file none.db"),
        (["ask", "--expert", "boom.py:x", "x"], "ZeroDivisionError"),
        (["ask", "--expert", "none.py:x", "x"], "there is no file none.py"),
        (["ask", "--expert", "mine.py:notes", "x"], "did you mean note?"),
        (["ask", "--expert", "mine.py:note", "--expert", "mine.py:note", "x"], "two experts"),
        (["ask", "--seconds", "0", "x"], "must be above 0"),
        (["ask", "  "], "the question is empty"),
        (["ask", "x" * 100_001], "longer than 100,000"),
        (["experts", "show", "calculater"], "no expert 'calculater'"),
        (["experts", "test", "calculator", "2+3"], "'2+3' is not name=value"),
        (["experts", "test", "calculator"], "mrkl experts test calculator expression=…"),
        (["experts", "test", "calculator", "a=1", "--world", "bad.json"], "not JSON"),
        (["experts", "new", "class"], "not a Python name"),
        (["experts", "new", "units"], "built-in"),
        (["experts", "new", "mine"], "exists; nothing was changed"),
        (["experts", "new", "other", "--folder", "none"], "cannot be written"),
        (["evaluate", "none.jsonl"], "none.jsonl: No such file"),
        (["evaluate", "gsm8k"], "needs its file"),
        (["evaluate", "bad.json"], "line 1: not JSON"),
        (["evaluate", "gsm8k", "--data", "."], "Is a directory"),
        (["evaluate", "bad.json", "--out", "none/x.json"], "cannot be written"),
        (["evaluate", "bad.json", "--plot", "x.doc"], "a plot is a file ending in"),
    ],
)
def test_bad_input_is_one_line_and_code_2(folder: Path, arguments: list[str], told: str):
    result = mrkl(*arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("mrkl: ") and result.stderr.count("\n") == 1
    assert told in result.stderr


@pytest.mark.parametrize("arguments", [["ask", "--nosuch"], ["ask", "--seconds", "x"], ["rout"]])
def test_wrong_usage(arguments: list[str]):
    result = mrkl(*arguments)
    assert result.exit_code == 2 and result.stdout == "" and "Error" in result.stderr


def test_chat():
    replies = [SUM, "It is #1.", "SAY Good morning!", "ABSTAIN: nobody knows"]
    typed = "\n:why\n12 times 7?\n:why\n:experts\n:nothing\n  \ngood morning\nwho wins?\n"
    with serve(served := Served(*replies)) as url:
        result = mrkl("chat", "--model", f"openai:{url}", input=typed)
    assert (result.exit_code, result.stdout) == (0, "It is 84.\nGood morning!\n")
    for told in ("nothing has been asked yet", "calculator(expression='12 * 7')", "encyclopedia"):
        assert told in result.stderr
    assert "no command :nothing" in result.stderr and "nobody knows" in result.stderr
    turns = [(m["role"], m["content"]) for m in served.requests[-1]["messages"]]
    assert ("user", "12 times 7?") in turns and ("assistant", "SAY Good morning!") in turns


def test_chat_ends_on_quit():
    assert asked([], "chat", input=":quit\n12 times 7?\n").exit_code == 0


def test_route():
    result = mrkl("route", "12", "miles in kilometres")
    assert (result.exit_code, result.stdout) == (0, "units\n")
    assert "probability" in result.stderr
    found = json.loads(mrkl("route", "--json", "12 miles in kilometres").stdout)
    assert found["expert"] == "units" and abs(sum(found["probabilities"].values()) - 1) < 1e-6


def test_experts(folder: Path):
    listed = mrkl("experts", "list", "--expert", "mine.py:note", "--db", "shop.db").stdout
    for name in ("calculator", "encyclopedia", "note", "database"):
        assert name in listed
    shown = mrkl("experts", "show", "units").stdout
    assert shown.startswith("units(quantity: str ") and "deadline" in shown
    tested = mrkl("experts", "test", "calculator", "expression=2+3*4")
    assert (tested.exit_code, tested.stdout) == (0, "calculator(expression='2+3*4') = 14\n")
    failed = mrkl("experts", "test", "calculator", "expression=1/0")
    assert (failed.exit_code, failed.stdout) == (5, "") and "division by zero" in failed.stderr


def test_a_new_expert_works_at_once(folder: Path):
    made = mrkl("experts", "new", "tip_split")
    assert (made.exit_code, made.stdout) == (0, "tip_split.py\n")
    spec = ["--expert", "tip_split.py:tip_split"]
    tested = mrkl("experts", "test", "tip_split", *spec)
    assert (tested.exit_code, tested.stdout) == (0, "tip_split(number=7) = 14\n")
    replies = ["#1 @ -> tip_split(number=7)", "It is #1."]
    assert asked(replies, "ask", *spec, "what is the tip split of 7").stdout == "It is 14.\n"


def test_doctor():
    result = mrkl("doctor")
    assert result.exit_code == 0, result.stdout
    for name in ("python", "torch", "language core", "router", "experts", "gpu"):
        assert f"{name}: " in result.stdout


SCRIPT = "import sys; sys.argv[0] = 'mrkl'; from mrkl.cli import main; main()"


def processed(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its console script does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), **variables},
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_interrupted():
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "chat", "--model", "openai:http://127.0.0.1:9/v1#m"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"Ask away")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"Traceback" not in process.stderr.read()


def test_shell_completion():
    script = processed(
        "--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert script.returncode == 0
    assert "complete -o default -F _mrkl_completion mrkl" in script.stdout
    found = processed(_MRKL_COMPLETE="complete_bash", COMP_WORDS="mrkl ex", COMP_CWORD="1")
    assert found.stdout.split() == ["experts"]


def test_the_core_inside_the_package():
    result = processed("ask", "what is 18 percent of 245")
    assert result.returncode in (0, 3), result.stderr
    assert "44.1" in result.stdout if result.returncode == 0 else result.stdout == ""
