"""`mrkl jamba …`, end to end: what is printed, and one line for what a user gets wrong."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mrkl.cli import app
from mrkl.jamba_core import Jamba
from mrkl.jamba_core.shapes import SHAPES
from mrkl.jamba_report import amount
from tests.jamba_core.conftest import random_weights, tiny_config
from tests.jamba_core.test_chat import TOKENIZER


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


def test_this_machine_is_a_device() -> None:
    found = json.loads(jamba("plan", "small", "--device", "here", "--json").stdout)
    assert found["device"]["name"] == "here"
    assert all(row["fits"] for row in found["precisions"])
    huge = json.loads(jamba("plan", "large", "--device", "here", "--json").stdout)
    assert not any(row["fits"] for row in huge["precisions"])


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


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny")
    config = tiny_config(vocab_size=272, eos_token_id=260)
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(TOKENIZER.source)
    return str(folder)


def test_generate_writes_what_the_model_writes(tiny: str, tmp_path: Path) -> None:
    model = Jamba.from_pretrained(tiny)
    wanted = model.generate("once upon", 20)
    assert jamba("generate", tiny, "once", "upon", "--tokens", "20").stdout == wanted.text + "\n"
    hot = ["--temperature", "1", "--top-p", "0.9", "--min-p", "0.01", "--seed", "3"]
    sampled = model.generate("once", 20, temperature=1.0, top_p=0.9, min_p=0.01, seed=3)
    assert jamba("generate", tiny, "once", "--tokens", "20", *hot).stdout == sampled.text + "\n"
    looked = jamba("generate", tiny, "once", "--tokens", "20", *hot, "--lookup", "4").stdout
    assert looked == sampled.text + "\n"
    schema = tmp_path / "schema.json"
    schema.write_text('{"enum": ["yes", "no"]}')
    assert jamba("generate", tiny, "x", "--json-schema", str(schema)).stdout in (
        '"yes"\n',
        '"no"\n',
    )
    lark = tmp_path / "rules.lark"
    lark.write_text('start: "<" /[a-c]{2}/ ">"')
    text = jamba("generate", tiny, "x", "--grammar", str(lark), "--quantization", "int8").stdout
    assert len(text) == 5 and text[0] == "<" and set(text[1:3]) <= set("abc")


def test_generate_tells_odds_and_keeps_states(tiny: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = jamba("generate", tiny, "once", "--tokens", "5", "--save-state", str(state)).stdout
    rest = jamba("generate", tiny, "x", "--tokens", "5", "--load-state", str(state), "--logprobs")
    lines = [json.loads(line) for line in rest.stdout.splitlines()]
    assert len(lines) == 5 and all(len(line["top"]) == 3 for line in lines)
    assert lines[0]["top"][0] == [lines[0]["id"], pytest.approx(lines[0]["logprob"])]
    model = Jamba.from_pretrained(tiny)
    whole = model.generate("once", 5)
    assert first == whole.text + "\n"
    whole.session.feed("x")
    assert [t.id for t in whole.session.decode(5)] == [line["id"] for line in lines]


def test_generate_as_a_conversation(tiny: str) -> None:
    shown = jamba("generate", tiny, "hello", "--chat", "--system", "Be kind.", "--tokens", "4")
    text = "<|startoftext|><|bom|><|system|> Be kind.<|eom|><|bom|><|user|> hello<|eom|>"
    ids = TOKENIZER.encode(f"{text}<|bom|><|assistant|> ", special=True)
    assert shown.stdout == Jamba.from_pretrained(tiny).generate(ids, 4).text + "\n"


def test_inspect_and_quantize(tiny: str, tmp_path: Path) -> None:
    shown = jamba("inspect", tiny, "--numbers")
    assert shown.exit_code == 0 and shown.stdout.endswith(
        "experts one by one, not quantised\nwhole\n"
    )
    out = tmp_path / "int8"
    told = jamba("quantize", tiny, str(out), "--mode", "jamba_int8").stdout
    assert told.startswith("jamba_int8: ")
    found = json.loads(jamba("inspect", str(out), "--json").stdout)
    assert found["quantization"] == "jamba_int8" and found["faults"] == []
    assert found["types"]["I8"] > 50 and (out / "tokenizer.json").exists()
    assert jamba("generate", str(out), "a", "--tokens", "3").stdout
    again = jamba("quantize", tiny, str(out))
    assert again.exit_code == 2 and "is not empty" in again.stderr


def test_inspect_names_every_fault(tiny: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(Path(tiny) / "model.safetensors")
    tensors.pop("model.layers.0.mamba.D")
    tensors["more"] = tensors["lm_head.weight"].clone()
    tensors["model.final_layernorm.weight"] = tensors["model.final_layernorm.weight"][:9].clone()
    tensors["model.layers.1.mamba.A_log"] = tensors["model.layers.1.mamba.A_log"] / 0.0
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((Path(tiny) / "config.json").read_text())
    result = jamba("inspect", str(tmp_path), "--numbers")
    assert result.exit_code == 1 and result.stdout.endswith("4 faults\n")
    for fault in (
        "missing tensor model.layers.0.mamba.D",
        "unexpected tensor more",
        "tensor model.final_layernorm.weight has shape [9], not [64]",
        "tensor model.layers.1.mamba.A_log holds NaN",
    ):
        assert fault in result.stderr


def test_bench_measures_reading_and_writing(tiny: str) -> None:
    given = ["--prompt", "16", "--tokens", "4", "--batch", "2", "--quantization", "int8"]
    found = json.loads(jamba("bench", tiny, *given, "--json").stdout)
    for name in ("prompt", "written", "batch"):
        assert found[f"{name}_per_second"] > 0
    assert found["bytes"] == sum(
        t.nbytes for _, t in Jamba.from_pretrained(tiny, quantization="int8").tensors()
    )
    assert "reading" in jamba("bench", tiny, *given).stdout


def test_bench_of_a_shape_has_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = tiny_config().as_dict()
    monkeypatch.setitem(SHAPES, "mid", fields)
    given = ["--prompt", "8", "--tokens", "2", "--batch", "1", "--json"]
    found = json.loads(jamba("bench", "mid", *given).stdout)
    assert found["quantization"] is None and found["written_per_second"] > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["generate", "no_folder", "x"], "there is no folder no_folder"),
        (["generate", "TINY", "x", "--temperature", "-1"], "temperature must not be negative"),
        (["generate", "TINY", "x", "--quantization", "int3"], "'int3' is not one of"),
        (["generate", "TINY", "x", "--grammar", "absent.lark"], "absent.lark"),
        (["generate", "TINY", "x", "--load-state", "absent"], "absent: cannot be read"),
        (["generate", "small", "x"], "no tokenizer"),
        (["inspect", "no_folder"], "there is no folder no_folder"),
        (["bench", "no_folder"], "there is no folder no_folder"),
        (["quantize", "no_folder", "out"], "there is no folder no_folder"),
        (["quantize", "TINY", "out", "--mode", "int4"], "'int4' is not one of"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line(
    tiny: str, given: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = jamba(*(tiny if word == "TINY" else word for word in given))
    assert result.exit_code == 2 and message in result.stderr
    assert result.stdout == "" and result.stderr.count("\n") == 1


def test_time_is_limited(tiny: str) -> None:
    result = jamba("generate", tiny, "x", "--seconds", "0")
    assert result.exit_code == 6 and "seconds were not enough" in result.stderr


def test_gguf_is_written_or_the_missing_package_named(tiny: str, tmp_path: Path) -> None:
    result = jamba("gguf", tiny, str(tmp_path / "m.gguf"))
    if find_spec("gguf"):
        assert result.exit_code == 0 and (tmp_path / "m.gguf").read_bytes()[:4] == b"GGUF"
    else:
        assert result.exit_code == 2 and "pip install 'mrkl[gguf]'" in result.stderr
        assert not list(tmp_path.iterdir())
