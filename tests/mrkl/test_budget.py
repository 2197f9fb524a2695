"""What a question may cost, and what happens when that is used up."""

import sys
import threading
import time

import pytest

import mrkl
from mrkl.budget import BudgetExceeded, Meter
from mrkl.experts.registry import builtin_expert

TWO_CALLS = '#1 a -> calculator(expression="2*3")\n#2 b -> calculator(expression="#1+1")\n'


@pytest.mark.parametrize("part", ["calls", "seconds", "tokens", "memory"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_above_zero(part: str, value: float):
    with pytest.raises(ValueError, match=rf"Budget\({part}="):
        mrkl.Budget(**{part: value})


def test_a_meter_counts_from_many_threads():
    meter = Meter(mrkl.Budget(calls=100, tokens=1000))
    refused: list[str] = []

    def spend() -> None:
        for _ in range(30):
            try:
                meter.spend_call()
            except BudgetExceeded as error:
                refused.append(error.part)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.calls == 100 and refused == ["calls"] * 140
    meter.spend_tokens(1000)
    with pytest.raises(BudgetExceeded, match="the budget of 1000 tokens is used up"):
        meter.spend_tokens()


def test_the_time_is_up():
    meter = Meter(mrkl.Budget(seconds=0.01))
    time.sleep(0.02)
    for spend in (meter.check, meter.spend_call, meter.spend_tokens):
        with pytest.raises(BudgetExceeded, match="seconds"):
            spend()


def test_calls_of_an_answer(scripted):
    scripts = {"?": f"{TWO_CALLS}<|answer|>#2"}
    assert scripted(scripts, budget=mrkl.Budget(calls=2)).ask("?").value == 7
    short = scripted(scripts, budget=mrkl.Budget(calls=1)).ask("?")
    assert (short.status, short.exit_code, short.value) == ("failed", 6, None)
    assert short.error is not None and short.error.kind == "budget"
    assert short.steps[0].result is not None and short.steps[1].error is not None


def loop(number: float) -> float:
    """Never ends."""
    while True:
        number += 1


def test_an_expert_that_hangs_ends_with_the_questions_time(scripted):
    scripts = {"?": "#1 a -> loop(number=1)\n<|answer|>#1"}
    began = time.monotonic()
    answer = scripted(scripts, mrkl.expert(loop), budget=mrkl.Budget(seconds=1)).ask("?")
    assert time.monotonic() - began < 2
    assert (answer.status, answer.exit_code) == ("failed", 6)
    assert answer.error is not None and answer.error.kind == "timeout"


def test_an_expert_that_hangs_ends_at_its_own_deadline(scripted):
    scripts = {"?": "#1 a -> loop(number=1)\n<|answer|>#1"}
    began = time.monotonic()
    answer = scripted(scripts, mrkl.expert(loop, timeout=1)).ask("?")
    assert time.monotonic() - began < 2 and answer.exit_code == 6


@pytest.mark.parametrize(
    ("expert", "arguments"),
    [
        ("calculator", {"expression": "9**9**9"}),
        ("calculator", {"expression": "9^9^9^9"}),
        ("calculator", {"expression": "factorial(10^12)"}),
        ("algebra", {"task": "evaluate", "expression": "9^9^9"}),
        ("algebra", {"task": "simplify", "expression": "(x+1)^(9^9^9)"}),
    ],
)
def test_a_power_of_powers_ends_at_once(scripted, expert: str, arguments: dict[str, str]):
    agent = scripted({}, builtin_expert("algebra"))
    began = time.monotonic()
    answer = agent.execute("?", [{"expert": expert, "arguments": arguments}])
    assert time.monotonic() - began < 5
    assert answer.value is None and answer.status in ("failed", "abstained")


def test_what_cannot_be_bounded_before_is_ended(scripted):
    agent = scripted({}, builtin_expert("algebra"), budget=mrkl.Budget(seconds=1))
    call = {"expert": "algebra", "arguments": {"task": "expand", "expression": "(x+y+z+1)^5000"}}
    began = time.monotonic()
    answer = agent.execute("?", [call])
    assert time.monotonic() - began < 2.5
    assert (answer.value, answer.exit_code) == (None, 6)


linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux")
MB = 1 << 20


def holds(megabytes: int) -> int:
    """Fills so much memory."""
    return len(bytearray(b"x") * (megabytes * MB)) // MB


kept: list[bytearray] = []


def keeps(megabytes: int) -> int:
    """Fills so much memory, for good."""
    kept.append(bytearray(b"x") * (megabytes * MB))
    return megabytes


def asked_to_hold(scripted, megabytes: int, expert: mrkl.Expert, budget: mrkl.Budget):
    call = f"{expert.name}(megabytes={megabytes})"
    plan = f'#1 a -> {call}\n#2 b -> calculator(expression="#1 * 2")\n<|answer|>#2'
    return scripted({"?": plan}, expert, budget=budget).ask("?")


@linux
@pytest.mark.parametrize("local", [False, True], ids=["worker", "fork"])
def test_a_call_may_hold_so_much_memory_and_no_more(scripted, local: bool):
    expert = mrkl.expert(holds, timeout=20)
    if local:
        expert.origin = None
    budget = mrkl.Budget(memory=100 * MB)
    answer = asked_to_hold(scripted, 60, expert, budget)
    assert answer.value == 120
    assert 55 * MB < answer.used.memory < 90 * MB
    greedy = asked_to_hold(scripted, 150, expert, budget)
    assert (greedy.status, greedy.exit_code, greedy.value) == ("failed", 6, None)
    assert "needs more than the 100 MB of memory that it may have" in greedy.text
    assert asked_to_hold(scripted, 60, expert, budget).value == 120


@linux
def test_what_this_process_grows_by_is_checked_before_the_next_call(scripted):
    expert = mrkl.expert(keeps, isolate=False)
    answer = asked_to_hold(scripted, 400, expert, mrkl.Budget(memory=200 * MB))
    kept.clear()
    assert answer.used.memory > 200 * MB
    assert (answer.status, answer.exit_code) == ("failed", 6)
    assert answer.steps[0].result is not None
    assert "the budget of 200 MB of memory is used up" in answer.text
