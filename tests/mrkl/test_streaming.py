"""Events come while the work goes on, and its errors come out."""

import threading

import pytest

import mrkl
from mrkl.answer import Answer
from mrkl.streaming import follow
from mrkl.trace import Event

gate = threading.Event()


@mrkl.expert(effects="read")
def waits(number: float) -> float:
    """Waits to be let go."""
    gate.wait(4)
    return number


def test_a_call_is_seen_before_its_result(scripted):
    gate.clear()
    scripts = {"?": "#1 a -> waits(number=2)\n<|answer|>#1"}
    kinds: list[str] = []
    for item in scripted(scripts, waits).stream("?"):
        kinds.append(item.kind if isinstance(item, Event) else "Answer")
        if kinds[-1] == "call":
            assert "result" not in kinds
            gate.set()  # the call can only end once its event has been read
    assert kinds == ["question", "call", "result", "answer", "Answer"]


def test_leaving_early_harms_nothing(scripted):
    agent = scripted({"?": '#1 a -> calculator(expression="2*3")\n<|answer|>#1'})
    assert next(iter(agent.stream("?"))).kind == "question"
    *_, last = agent.stream("?")
    assert isinstance(last, Answer) and last.value == 6


def test_an_error_of_the_work_comes_out():
    def work(listener: object) -> int:
        listener(Event("note", 0.0))  # type: ignore[operator]
        raise RuntimeError("gone")

    events = follow(work, threading.Event())
    assert next(events).kind == "note"  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="gone"):
        next(events)
