"""--quantize and --device of `mrkl ask` and `mrkl chat`."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from mrkl.chat_jamba import ChatJamba
from mrkl.cli import app
from mrkl.jamba_core import Jamba
from mrkl.parts import load_language
from tests.jamba_core.conftest import random_weights, tiny_config
from tests.jamba_core.test_chat import TOKENIZER
from tests.mrkl.test_chat_jamba import Scripted, call, calls, module


def mrkl(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("chat")
    config = tiny_config(vocab_size=272, eos_token_id=[257, TOKENIZER.id_of("<|eom|>")])
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(place)
    (place / "tokenizer.json").write_text(TOKENIZER.source)
    return place


def test_a_checkpoint_is_quantised_on_the_way(folder: Path) -> None:
    chat: Any = load_language(folder, "jamba_int8")
    assert isinstance(chat, ChatJamba)
    assert chat.jamba.config.quantization_config["mode"] == "jamba_int8"
    found = mrkl("ask", "--model", str(folder), "--quantize", "int8", "--seconds", "2", "hello")
    assert found.exit_code in (0, 3, 5, 6) and not isinstance(found.exception, ValueError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--quantize", "int8"], "add --model FOLDER"),
        (["--device", "cuda", "--model", "openai:http://127.0.0.1:9/v1#m"], "add --model FOLDER"),
        (["--model", "FOLDER", "--device", "tpu"], "device 'tpu' is not one of cpu, cuda"),
        (["--model", "FOLDER", "--quantize", "int4"], "'int4' is not one of"),
    ],
)
def test_options_that_cannot_be(folder: Path, options: list[str], said: str) -> None:
    given = [str(folder) if option == "FOLDER" else option for option in options]
    for command in (["ask", "x"], ["chat"]):
        result = mrkl(*command, *given)
        assert result.exit_code == 2 and said in result.output
        assert result.output.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_one_line_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    missing = importlib.util.find_spec("triton") is None
    result = mrkl("ask", "--model", str(folder), "--device", "cuda", "2 plus 3?")
    assert result.exit_code == 2 and result.output.count("\n") == 1
    reason = "triton is not installed" if missing else "no CUDA device"
    assert f"the GPU engine cannot run: {reason}" in result.output


def test_an_engine_that_writes_several_texts_is_asked_for_each() -> None:
    """A stand-in for the GPU engine: `submit` instead of sessions, no lock around questions."""
    from mrkl.agent import Agent
    from mrkl.experts.registry import builtin_expert
    from mrkl.jamba_core import Session

    asked: list[int] = []

    class Engine(Scripted):
        def submit(self, ids: list[int], limit: int, prefix: int, **options: Any) -> Any:
            asked.append(prefix)
            session = Session(self, TOKENIZER)  # type: ignore[arg-type]
            session.feed(ids)
            return (token.id for token in session.decode(limit, **options))

    chat, _ = module("x")
    model: Any = Engine((calls(call(expression="2 + 3")), "It is #1."))
    chat = ChatJamba(model, chat.form, "chat")
    with Agent([builtin_expert("calculator")], chat) as agent:
        assert agent.ask("2 plus 3?").text == "It is 5."
    assert len(asked) == 2 and asked[0] == asked[1] > 0
    assert not chat._prefixes

    class Small(Engine):
        def submit(self, ids: list[int], *options: Any, **more: Any) -> Any:
            raise ValueError("9 + 9 tokens do not fit into the room of 16")

    small: Any = Small(("x",))
    with Agent([builtin_expert("calculator")], ChatJamba(small, chat.form, "chat")) as agent:
        failed = agent.ask("2 plus 3?")
    assert failed.status == "failed" and "do not fit" in failed.text
