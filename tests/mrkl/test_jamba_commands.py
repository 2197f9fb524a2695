"""`mrkl jamba …`, end to end: what is printed, and one line for what a user gets wrong."""

import json

import pytest
from typer.testing import CliRunner, Result

from mrkl.cli import app
from mrkl.jamba_report import amount


def jamba(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["jamba", *arguments], prog_name="mrkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_large_on_eight_cards() -> None:
    eight = ["plan", "large", "--device", "h100", "--devices", "8", "--context", "262144"]
    result = jamba(*eight, "--json")
    found = json.loads(result.stdout)
    fits = {row["precision"]: row["fits"] for row in found["precisions"]}
    assert fits == {"bfloat16": False, "experts_int8": True, "jamba_int8": True, "int8": True}
    assert found["parameters"]["total"] == 398_555_145_696
    assert found["cache"] == 9 * 2**30
    shown = jamba(*eight).stdout
    assert "398.555B parameters, 94.149B active" in shown and "within the rule" in shown
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if "GiB" in line}
    assert rows["bfloat16"][3] == "no" and rows["experts_int8"][3] == "yes"


def test_a_folder_is_planned() -> None:
    from importlib.resources import files

    found = json.loads(jamba("plan", str(files("mrkl.jamba_core") / "data"), "--json").stdout)
    assert found["shape"]["num_experts"] > 1 and found["rule"]["verdict"]


@pytest.mark.parametrize(
    "given", ["--parameters 1B", "--active 300M", "--memory 4GB --device cpu --context 32768"]
)
def test_shapes_for_a_budget(given: str) -> None:
    found = json.loads(jamba("plan", *given.split(), "--json").stdout)
    assert len(found) == 3
    assert found[-1]["rule"]["ratio"] == pytest.approx(1, abs=0.06)
    shown = jamba("plan", *given.split()).stdout
    shape = found[-1]["shape"]
    assert f"{shape['num_hidden_layers']} x {shape['hidden_size']}" in shown


def test_the_proof_prints_both_regimes() -> None:
    shown = jamba("plan", "--prove").stdout
    assert "wide side, depth 3" in shown and "deep side, width 3: 4, 35, 560" in shown
    assert "saturated" not in shown and "proves nothing about softmax" in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "give a model, or one of"),
        ("mini --memory 1GB", "give a model, or one of"),
        ("huge", "huge: no such file"),
        ("--memory lots", "'lots' is no amount"),
        ("mini --device tpu", "device 'tpu' is not one of"),
        ("--memory 1GB --precision int3", "precision 'int3' is not one of"),
        ("--parameters 10", "budget is too small"),
        ("mini --bandwidth x", "'x' is no amount"),
    ],
)
def test_wrong_plans_are_one_line(given: str, message: str) -> None:
    result = jamba("plan", *given.split())
    assert result.exit_code == 2 and message in result.stderr
    assert result.stdout == "" and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.6B", 1.6e9),
        ("500M", 5e8),
        ("24GB", 24e9),
        ("24GiB", 24 * 2**30),
        ("24 gib", 24 * 2**30),
        ("2t", 2e12),
        ("4096", 4096),
        ("30.6e9", 30.6e9),
    ],
)
def test_amounts(text: str, value: float) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["", "B", "-1B", "nan", "1e30", "2 GBit", "0"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="is no amount"):
        amount(text)
