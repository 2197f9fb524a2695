import asyncio
import io
import json
import time
from datetime import date

import pytest
from pydantic import BaseModel

import mrkl
from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.language import ModelError
from mrkl.plan import PlanError
from mrkl.scripted import ScriptedLanguage
from mrkl.trace import Event

SUM = {
    "2+3": '#1 2+3 -> calculator(expression="2+3")\n<|answer|>2+3 is #1.<|end|>',
    "both": '#1 a -> calculator(expression="2*3")\n#2 b -> calculator(expression="10/4")\n'
    "<|answer|>#1 and #2.",
    "divide": '#1 a -> calculator(expression="1/0")\n<|answer|>#1',
    "hello": "<|say|>Hello!<|end|>",
    "age": "<|say|>I am 97.<|end|>",
    "later": "#1 a -> later(number=2)\n<|answer|>#1",
}


@mrkl.expert
async def later(number: float) -> float:
    """Twice a number, in a while."""
    await asyncio.sleep(0)
    return number * 2


def test_the_answer(scripted):
    answer = scripted(SUM).ask("2+3")
    assert (answer.text, answer.value, answer.status) == ("2+3 is 5.", 5, "answered")
    assert (str(answer), answer.exit_code) == ("2+3 is 5.", 0)
    assert [(span.text, span.step) for span in answer.spans] == [("2", None), ("3", None), ("5", 1)]
    assert answer.steps[0].arguments == {"expression": "2+3"}


def test_json_has_the_keys_of_the_design(scripted):
    found = json.loads(scripted(SUM).ask("both").json())
    assert set(found) == {
        *("question", "status", "answer", "value", "unit", "confidence"),
        *("steps", "spans", "seconds"),
    }
    assert found["value"] == [6, 2.5]
    assert set(found["steps"][0]) == {
        *("id", "subquery", "expert", "arguments", "result", "error", "source", "seconds")
    }
    assert set(found["spans"][0]) == {"start", "end", "text", "step"}


def test_saying_abstaining_and_failing(scripted):
    agent = scripted(SUM)
    assert agent.ask("hello").text == "Hello!"
    assert agent.ask("age").status == "abstained"  # a number of its own making
    assert agent.ask("unheard of").exit_code == 3
    assert agent.ask("  ").status == "abstained"
    assert agent.ask("x" * 3000).status == "abstained"
    failed = agent.ask("divide")
    assert failed.value is None and failed.status != "answered"
    assert failed.text.startswith("No answer for a:")
    assert scripted(SUM, confidence=0.1).ask("2+3").status == "abstained"


def test_inside_an_event_loop(scripted):
    agent = scripted(SUM, later)

    async def run() -> tuple[Answer, Answer, Answer]:
        return agent.ask("2+3"), await agent.aask("2+3"), agent.ask("later")

    assert [answer.value for answer in asyncio.run(run())] == [5, 5, 4]


def test_inside_trio(scripted):
    trio = pytest.importorskip("trio")
    assert trio.run(scripted(SUM, later).aask, "later").value == 4


def test_the_loop_goes_on_while_an_answer_is_awaited(scripted):
    ticks = 0

    @mrkl.expert(effects="read")
    def slow(number: float) -> float:
        """Takes a moment."""
        time.sleep(0.3)
        return number

    async def run() -> Answer:
        nonlocal ticks
        asking = asyncio.create_task(agent.aask("?"))
        while not asking.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return asking.result()

    agent = scripted({"?": "#1 a -> slow(number=2)\n<|answer|>#1"}, slow)
    assert asyncio.run(run()).value == 2 and ticks > 5


def test_asking_in_parallel(scripted):
    agent = scripted(SUM)

    async def run() -> list[Answer]:
        return await asyncio.gather(*(agent.aask("both") for _ in range(20)))

    assert {tuple(answer.value) for answer in asyncio.run(run())} == {(6, 2.5)}


def test_streaming_ends_with_the_answer(scripted):
    *events, last = scripted(SUM).stream("2+3")
    assert isinstance(last, Answer) and last.value == 5
    assert all(isinstance(event, Event) for event in events)
    assert [event.kind for event in events] == ["question", "call", "result", "answer"]


class Share(BaseModel):
    share: float
    status: str


class Two(BaseModel):
    first: int
    second: float


def test_answers_in_a_shape(scripted):
    agent = scripted(SUM)
    assert agent.ask("2+3", returns=float) == 5.0
    assert agent.ask("2+3", returns=Share) == Share(share=5, status="answered")
    assert agent.ask("both", returns=Two) == Two(first=6, second=2.5)
    assert agent.ask("both", returns=list[float]) == [6, 2.5]
    assert asyncio.run(agent.aask("2+3", returns=int)) == 5
    with pytest.raises(mrkl.NoAnswer, match="does not fit date") as caught:
        agent.ask("both", returns=date)
    assert caught.value.answer.value == [6, 2.5]
    with pytest.raises(mrkl.NoAnswer):
        agent.ask("unheard of", returns=int)
    with pytest.raises(mrkl.NoAnswer, match="2 fields for 1 value"):
        agent.ask("2+3", returns=Two)


def test_a_plan_that_is_given(scripted):
    agent = scripted({})
    calls = [
        {"expert": "calculator", "arguments": {"expression": "6*7"}},
        {"module": "calculator", "args": {"expression": "#1 + 1"}},
    ]
    assert agent.execute("?", calls).value == 43
    with pytest.raises(PlanError, match="no such parameter"):
        agent.execute("?", [{"expert": "calculator", "arguments": {"formula": "1"}}])


def test_only_some_experts(scripted):
    answer = scripted(SUM).ask("2+3", only=[])
    assert answer.status == "failed" and "no expert named 'calculator'" in answer.text


def test_what_an_agent_refuses_to_be_made_of():
    def function(number: int) -> int:
        """Something."""
        return number

    with pytest.raises(ValueError, match="two experts are named 'function'"):
        Agent([function, function], model=ScriptedLanguage({}))
    with pytest.raises(ModelError, match="not the URL"):
        Agent([], model="openai:nowhere")
    with pytest.raises(ValueError, match=r"Budget\(seconds=0\)"):
        mrkl.Budget(seconds=0)


def test_a_folder_without_a_model_is_a_failure_with_a_reason(tmp_path):
    answer = Agent([], model=tmp_path).ask("2+3")
    assert answer.status == "failed" and str(tmp_path) in answer.text


def test_the_trace_prints_with_rich(scripted):
    from rich.console import Console

    console = Console(width=100, file=io.StringIO())
    console.print(scripted(SUM).ask("2+3").trace)
    assert "expression" in console.file.getvalue()


def test_a_context_manager(scripted):
    with scripted(SUM) as agent:
        assert agent.ask("2+3").value == 5
