"""mrkl router fit, report, calibrate; mrkl route --why."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mrkl.cli import app

EXPERTS = """
import mrkl

@mrkl.expert
def alpha(text: str) -> str:
    \"\"\"Helps.\"\"\"
    return text

@mrkl.expert
def beta(text: str) -> str:
    \"\"\"Helps.\"\"\"
    return text
"""
ROWS = [
    ("open a ticket for the printer", "alpha"),
    ("the scanner is broken again", "alpha"),
    ("my screen flickers", "alpha"),
    ("book the big room at noon", "beta"),
    ("is a meeting room free today", "beta"),
    ("cancel my room", "beta"),
    ("sing me a song", None),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with experts and labelled texts; the user's state is kept in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.py").write_text(EXPERTS)
    lines = [json.dumps({"question": text, "expert": expert}) for text, expert in ROWS]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    return tmp_path


def mrkl(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments, prog_name="mrkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


OWN = ("--expert", "two.py:alpha", "--expert", "two.py:beta")
GIVEN = ("--examples", "mine.jsonl", *OWN)


def probabilities() -> dict[str, float]:
    found = mrkl("route", "--json", *OWN, "the printer is broken")
    return json.loads(found.stdout)["probabilities"]


def test_fit_changes_the_routing_and_undo_restores_it(here: Path) -> None:
    shipped = probabilities()
    fitted = mrkl("router", "fit", *GIVEN)
    assert fitted.exit_code == 0 and "7 examples" in fitted.stdout
    learned = probabilities()
    assert learned["alpha"] > max(shipped["alpha"], 0.5)
    assert "forgotten" in mrkl("router", "fit", "--undo").stdout
    assert probabilities() == shipped
    assert "nothing was fitted" in mrkl("router", "fit", "--undo").stdout


def test_report(here: Path) -> None:
    result = mrkl("router", "report", *GIVEN, "--out", "r.json", "--plot", "r.html")
    assert result.exit_code == 0 and "n: 7" in result.stdout
    assert json.loads((here / "r.json").read_text())["n"] == 7
    assert "<svg" in (here / "r.html").read_text()


def test_calibrate_stores_a_least_probability(here: Path) -> None:
    result = mrkl("router", "calibrate", *GIVEN, "--target-risk", "0.001")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["named"] == 0.0
    assert "no expert will be named" in result.stderr
    assert mrkl("route", *OWN, "the printer is broken").stdout.strip() == "none"


def test_why(here: Path) -> None:
    result = mrkl("route", "--why", "12 miles in kilometres")
    assert result.stdout.strip() == "units"
    for said in ("units for:", "nearest example", "breaker of units: closed"):
        assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["router", "fit"], "which examples?"),
        (["router", "fit", "--examples", "none.jsonl"], "none.jsonl"),
        (["router", "report", "--examples", "mine.jsonl"], "no expert 'alpha' is on offer"),
        (["router", "report", *GIVEN, "--plot", "x.txt"], "a plot is a file ending in"),
        (["router", "calibrate", "--target-risk", "2"], "target-risk"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(here: Path, arguments: list[str], said: str) -> None:
    result = mrkl(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_tuning_of_other_weights_says_what_to_do(here: Path) -> None:
    mrkl("router", "fit", *GIVEN)
    path = here / "state" / "mrkl" / "router" / "tuning.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    result = mrkl("route", "hello")
    assert result.exit_code == 2 and "mrkl router fit --undo" in result.stderr
