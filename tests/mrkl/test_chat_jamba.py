"""A chat checkpoint as the agent's language module: tools, calls, results, one sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.chat_jamba import ChatJamba, as_tool
from mrkl.experts.registry import builtin_expert, builtin_experts
from mrkl.jamba_core import Grammar, Jamba
from mrkl.jamba_core.chat import ChatFormat
from mrkl.language import ModelError
from mrkl.parts import load_language
from tests.jamba_core.conftest import random_weights, tiny_config
from tests.jamba_core.test_chat import TOKENIZER
from tests.mrkl.cores import ChosenLogits, Config

END = TOKENIZER.id_of("<|eom|>")
VOCABULARY = 272


def call(**arguments: object) -> str:
    return f'{{"name": "calculator", "arguments": {json.dumps(arguments)}}}'


def calls(*each: str) -> str:
    return f"<tool_calls>[{', '.join(each)}]</tool_calls>"


class Scripted(ChosenLogits):
    """A model that gives these replies, one for each user message; remembers what it was told."""

    def __init__(self, replies: Sequence[str]) -> None:
        super().__init__(self.following)
        self.config = Config(VOCABULARY, frozenset([END]))
        self.tokenizer = TOKENIZER
        self.replies = [TOKENIZER.encode(f"{r}<|eom|>", special=True) for r in replies]
        self.told: list[str] = []

    def following(self, read: tuple[int, ...]) -> torch.Tensor:
        values = torch.zeros(VOCABULARY)
        user, assistant = (TOKENIZER.id_of(f"<|{name}|>") for name in ("user", "assistant"))
        if assistant not in read or user not in read:
            return values
        start = len(read) - read[::-1].index(assistant)
        written = len(read) - start - 1  # a space follows the mark
        script = self.replies[min(read.count(user), len(self.replies)) - 1]
        if written == 0:
            self.told.append(TOKENIZER.decode(list(read), special=True))
        if 0 <= written < len(script):
            values[script[written]] += 40.0
        return values


def module(*replies: str) -> tuple[ChatJamba, Scripted]:
    model: Any = Scripted(replies)
    form = ChatFormat.from_folder(Path("no folder"), TOKENIZER)
    return ChatJamba(model, form, "chat"), model


def ask(question: str, *replies: str, names: Sequence[str] = ("calculator",)) -> Any:
    chat, model = module(*replies)
    with Agent([builtin_expert(name) for name in names], chat) as agent:
        answer: Answer = agent.ask(question)
    return answer, model


def test_calls_become_a_plan_and_results_a_sentence() -> None:
    replies = (calls(call(expression="12 * 7"), call(expression="#1 + 1")), "It makes #2.")
    answer, model = ask("12 times 7 plus 1?", *replies)
    assert (answer.text, answer.value, answer.status) == ("It makes 85.", 85, "answered")
    assert [step.arguments["expression"] for step in answer.steps] == ["12 * 7", "#1 + 1"]
    first, second = model.told[0], model.told[-1]
    assert '<tool_definitions>\n{"type": "function", "function": {"name": "calculator"' in first
    assert first.endswith("<|bom|><|user|> 12 times 7 plus 1?<|eom|><|bom|><|assistant|> ")
    assert '<tool_calls>[{"name": "calculator", "arguments": {"expression": "12 * 7"}}' in second
    assert "<|bom|><|tool|> #1 = 84<|eom|><|bom|><|tool|> #2 = 85<|eom|>" in second


def test_a_plan_that_does_not_fit_is_sent_back_once() -> None:
    bad, good = calls(call(expression="12 * 77")), calls(call(expression="12 * 7"))
    answer, model = ask("12 times 7?", bad, good, "It is #1.")
    assert answer.text == "It is 84."
    assert any("77 is not in the question" in told for told in model.told)
    failed, _ = ask("12 times 7?", bad, bad)
    assert failed.status == "failed" and "77 is not in the question" in failed.text
    late, _ = ask("12 times 7?", calls(call(expression="#2")), good, "It is #1.")
    assert late.value == 84


def test_saying_and_abstaining() -> None:
    assert ask("hello", "Good morning!")[0].text == "Good morning!"
    abstained, _ = ask("who wins?", "ABSTAIN: nobody knows")
    assert (abstained.status, abstained.text) == ("abstained", "nobody knows")


def test_a_sentence_with_a_number_of_its_own_gives_way_to_the_value() -> None:
    answer, _ = ask("12 times 7?", calls(call(expression="12 * 7")), "It is 85.")
    assert answer.text == "84"
    broken, _ = ask("12 times 7?", calls(call(expression="12 * 7")), "<tool_calls>[")
    assert broken.text == "84"


def test_system_prompt_and_tools_are_read_once() -> None:
    chat, model = module(calls(call(expression="2 + 3")), "It is #1.")
    with Agent([builtin_expert("calculator")], chat) as agent:
        assert agent.ask("2 plus 3?").value == 5
        before = model.calls
        assert agent.ask("what is 2 plus 3?").value == 5
    assert len(chat._prefixes) == 1
    assert model.calls - before < before


@pytest.mark.parametrize("expert", builtin_experts(), ids=lambda expert: expert.name)
def test_every_expert_is_a_tool_with_a_readable_schema(expert: Any) -> None:
    function = as_tool(expert.card)["function"]
    assert function["name"] == expert.name
    assert set(function["parameters"]["required"]) <= set(function["parameters"]["properties"])
    grammar = Grammar.json_schema(function["parameters"])
    assert TOKENIZER.for_grammars(VOCABULARY, END).matcher(grammar)


def test_a_folder_with_the_familys_marks_is_a_chat_module(tmp_path: Path) -> None:
    config = tiny_config(vocab_size=VOCABULARY, eos_token_id=[257, END])
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(TOKENIZER.source)
    chat = load_language(tmp_path)
    assert isinstance(chat, ChatJamba) and chat.name == str(tmp_path)
    with Agent([builtin_expert("calculator")], str(tmp_path)) as agent:
        answer = agent.ask("2 plus 3?")  # random weights: anything but a crash
    assert answer.status in ("answered", "abstained", "failed")
    (tmp_path / "chat_template.jinja").write_text("{% for %}")
    with pytest.raises(ModelError, match="chat template cannot be read"):
        load_language(tmp_path)


def test_a_folder_that_can_do_neither_is_refused(folder_without_marks: Path) -> None:
    with pytest.raises(ModelError, match="neither taught to plan .* nor to chat"):
        load_language(folder_without_marks)


@pytest.fixture
def folder_without_marks(tmp_path: Path) -> Path:
    from tests.jamba_core.conftest import byte_tokenizer

    config = tiny_config(num_hidden_layers=4)
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(byte_tokenizer())
    return tmp_path
