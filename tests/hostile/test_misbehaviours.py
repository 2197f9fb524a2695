"""The 17 misbehaviours of tools and models, each through a whole question."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.experts.registry import builtin_expert
from mrkl.openai_compatible import OpenAICompatible
from mrkl.scripted import ScriptedLanguage
from tests.hostile import rogues
from tests.local_server import serve

ran: list[str] = []


@mrkl.expert(effects="write")
def wipe(what: str = "all") -> str:
    """Deletes everything."""
    ran.append(what)
    return "gone"


def agent(scripts: dict[str, str], *experts: object, **options: object) -> Agent:
    return Agent([wipe, *experts], model=ScriptedLanguage(scripts), **options)


def ask(expert: mrkl.Expert, **options: object) -> Answer:
    script = {"go": f"#1 go on -> {expert.name}(n=3)\n<|answer|>It is #1.<|end|>"}
    return agent(script, expert, **options).ask("go")


def everything(answer: Answer) -> str:
    """All that a user, a log or a model could see of an answer."""
    return f"{answer.json()} {answer!r} {answer.trace.events!r}"


def test_01_raises_with_a_secret() -> None:
    answer = ask(rogues.leaks)
    assert answer.status == "failed"
    assert "ConnectionError" in answer.text
    assert rogues.SECRET not in everything(answer)
    assert "hunter2secret" not in everything(answer)


def test_02_ends_the_program() -> None:
    answer = ask(rogues.leaves)
    assert answer.status == "failed"
    assert "tried to end the program" in answer.text


@pytest.mark.parametrize("expert", [rogues.hangs, rogues.holds, rogues.deaf], ids=repr)
def test_03_04_hangs_holds_the_lock_ignores_signals(expert: mrkl.Expert) -> None:
    began = time.monotonic()
    answer = ask(expert)
    assert time.monotonic() - began <= 1.2 * rogues.DEADLINE
    assert (answer.status, answer.exit_code) == ("failed", 6)
    assert "took too long" in answer.text


def test_05_kills_its_process() -> None:
    mine = os.getpid()
    answer = ask(rogues.dies)
    assert os.getpid() == mine
    assert answer.status == "failed"
    assert "ended without a reply" in answer.text


def test_06_nan() -> None:
    answer = ask(rogues.nan)
    assert answer.status == "failed"
    assert answer.value is None
    assert answer.steps[0].error is not None
    assert answer.steps[0].error.kind == "contract"


def test_07_none_means_no_value() -> None:
    answer = ask(rogues.nothing)
    assert answer.status == "abstained"
    assert answer.value is None
    assert "None" not in answer.text


def test_08_a_list_that_holds_itself() -> None:
    answer = ask(rogues.cycle)
    assert answer.steps[0].error is not None
    assert answer.steps[0].error.kind == "contract"


def test_09_fifty_megabytes() -> None:
    answer = ask(rogues.huge)
    assert answer.steps[0].error is not None
    assert answer.steps[0].error.kind == "contract"
    assert len(everything(answer)) < 10_000


def test_10_instructions_in_the_result() -> None:
    ran.clear()
    answer = ask(rogues.orders, allow=("none", "read", "network", "write"))
    assert ran == []
    assert [step.expert for step in answer.steps] == ["orders"]
    assert [span.step for span in answer.spans] == [1]
    from mrkl.prompt import render_result

    assert answer.steps[0].result is not None
    line = render_result(1, answer.steps[0].result)
    assert "<|" not in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("#1 a -> tiped(number=1)", "no expert named 'tiped'; did you mean typed?"),
        ("#1 a -> typed()", "'number' is missing"),
        ('#1 a -> typed(number=1, wurd="a")', "no parameter 'wurd'; did you mean word?"),
        ('#1 a -> typed(number="many")', "'number' must be int"),
        ('#1 a -> typed(number=1, word="unclosed)', "not closed"),
        ('#1 a -> {"tool": "typed", "arguments": {"number": 1', "not of the form"),
    ],
    ids=[
        *("11 unknown tool", "12 missing argument", "13 extra argument"),
        *("14 wrong type", "15 broken JSON", "15 broken JSON, whole"),
    ],
)
def test_11_to_15_calls_that_are_wrong(plan: str, message: str) -> None:
    answer = agent({"go": f"{plan}\n<|answer|>#1"}, rogues.typed).ask("go")
    assert answer.status == "failed"
    assert answer.value is None
    assert message in answer.text


def test_16_five_hundred_calls_at_once() -> None:
    """In one plan: refused. By 500 questions at once: all answered, few processes."""
    most = 0

    def count(stop: threading.Event) -> None:
        nonlocal most
        while not stop.wait(0.02):
            most = max(most, len(_children()))

    steps = "".join(f"#{k} a -> typed(number={k})\n" for k in range(1, 501))
    isolated = mrkl.expert(rogues.typed.plain, name="isolated", timeout=50)
    scripts = {"many": f"{steps}<|answer|>#1", "one": "#1 a -> isolated(number=7)\n<|answer|>#1"}
    asked = agent(scripts, rogues.typed, isolated)
    assert "at most 6 are allowed" in asked.ask("many").text
    stop = threading.Event()
    watch = threading.Thread(target=count, args=(stop,))
    watch.start()
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(asked.ask, ["one"] * 500))
    stop.set()
    watch.join()
    assert {answer.value for answer in answers} == {7}
    assert most <= 24


def _children() -> list[str]:
    with open(f"/proc/self/task/{threading.main_thread().native_id}/children") as found:
        return found.read().split()


def test_17_never_stops() -> None:
    """A model that asks for a call again and again gets its budget of tries, and an end."""
    body = {"choices": [{"message": {"content": "#1 again -> typed(number=1"}}]}
    asked: list[str] = []

    def reply(path: str, query: object) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {"content-type": "application/json"}, json.dumps(body).encode()

    with serve(reply) as address:
        model = OpenAICompatible(address, "m")
        answer = Agent([rogues.typed], model=model).ask("go on 1")
        model.close()
    assert len(asked) == 2
    assert answer.status == "failed"
    assert "cannot be used" in answer.text


@mrkl.expert(isolate=False)
def many(n: int) -> list[int]:
    """So many numbers."""
    return list(range(n))


@mrkl.expert(isolate=False)
def long(n: int) -> str:
    """So many letters."""
    return "x" * n


@pytest.mark.parametrize(("expert", "most"), [(many, 1_000), (long, 10_000)])
def test_results_over_the_cap_are_cut_and_marked(expert: mrkl.Expert, most: int) -> None:
    for count, cut in ((most, False), (most + 1, True), (9 * most, True)):
        plan = f"#1 a -> {expert.name}(n={count})\n<|answer|>#1"
        answer = agent({"go": plan}, expert).ask("go")
        assert answer.status == "answered"
        assert len(answer.value) == most
        assert answer.truncated is cut
        assert answer.text.endswith("(only a part)") is cut
        assert answer.as_dict()["steps"][0]["result"]["truncated"] is cut
        assert [event.data.get("truncated", False) for event in answer.trace.of("result")] == [cut]


def test_nothing_is_computed_with_a_part() -> None:
    plan = '#1 a -> many(n=5000)\n#2 b -> calculator(expression="sum(#1)")\n<|answer|>#2'
    answer = agent({"go": plan}, many, builtin_expert("calculator")).ask("go")
    assert answer.status == "failed"
    assert answer.value is None
