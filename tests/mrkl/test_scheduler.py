import threading
import time

import mrkl
from mrkl.budget import Budget, Meter
from mrkl.experts.base import Card, Context, Expert, Failure, Parameter, Result
from mrkl.experts.world import World
from mrkl.plan import parse_plan
from mrkl.scheduler import Run, run_plan
from mrkl.trace import Trace


def experts() -> dict[str, Expert]:
    barrier = threading.Barrier(2, timeout=5)

    def meet(arguments: dict[str, object], context: Context) -> Result:
        barrier.wait()  # passes only if two calls are under way at once
        return Result(arguments["n"])

    def slow(arguments: dict[str, object], context: Context) -> Result:
        time.sleep(min(20, context.remaining()))
        return Result(1)

    def fail(arguments: dict[str, object], context: Context) -> Result:
        raise RuntimeError("no such thing")

    def add(arguments: dict[str, object], context: Context) -> Result:
        return Result(arguments["n"] + 1)

    number = (Parameter("n", "int"),)
    found = [
        Expert(Card("meet", "", number), meet),
        Expert(Card("slow", ""), slow, effects="network"),
        Expert(Card("fail", ""), fail),
        Expert(Card("add", "", number), add),
    ]
    return {expert.name: expert for expert in found}


def outcomes(text: str, budget: Budget | None = None, **options: object):
    known = experts()
    plan = parse_plan(text, {name: expert.card for name, expert in known.items()})
    meter = Meter(budget or Budget())
    return run_plan(plan, Run(known, World(), meter, Trace(), **options))


def test_independent_steps_run_side_by_side():
    found = outcomes("#1 a -> meet(n=1)\n#2 b -> meet(n=2)\n#3 c -> add(n=#1+#2)\n")
    assert [found[k].value for k in (1, 2, 3)] == [1, 2, 4]


def test_a_failure_fails_only_what_needs_it():
    found = outcomes("#1 a -> fail()\n#2 b -> add(n=1)\n#3 c -> add(n=#1)\n#4 d -> add(n=#2)\n")
    assert isinstance(found[1], Failure) and found[1].kind == "crashed"
    assert isinstance(found[3], Failure) and "step 1 gave no result" in found[3].message
    assert found[4].value == 3


def test_the_deadline_ends_a_slow_step():
    began = time.monotonic()
    found = outcomes("#1 a -> slow()\n#2 b -> add(n=1)\n", Budget(seconds=0.3))
    assert time.monotonic() - began < 5
    assert isinstance(found[1], Failure) and found[1].kind == "timeout"
    assert found[2].value == 2


def test_the_budget_of_calls_holds():
    found = outcomes("#1 a -> add(n=1)\n#2 b -> add(n=#1)\n#3 c -> add(n=#2)\n", Budget(calls=2))
    assert found[2].value == 3
    assert isinstance(found[3], Failure) and found[3].kind == "budget"


def test_a_refused_step_is_not_called():
    found = outcomes("#1 a -> add(n=1)\n", allowed=lambda expert, step: "not today")
    assert found[1] == Failure("refused", "not today")


def test_an_expert_that_writes_needs_leave(scripted):
    ran: list[int] = []

    @mrkl.expert(effects="write")
    def note(number: int) -> int:
        """Write down a number."""
        ran.append(number)
        return number

    scripts = {"note 7": "#1 note 7 -> note(number=7)\n<|answer|>Noted #1."}
    refused = scripted(scripts, note).ask("note 7")
    assert (refused.status, refused.exit_code, ran) == ("refused", 4, [])
    assert scripted(scripts, note, allow=("write",)).ask("note 7").text == "Noted 7."


def test_a_failure_goes_down_a_whole_chain():
    found = outcomes("#1 a -> fail()\n#2 b -> add(n=#1)\n#3 c -> add(n=#2)\n#4 d -> add(n=1)\n")
    assert [getattr(found[k], "message", "a result") for k in (1, 2, 3, 4)] == [
        "fail: RuntimeError: no such thing",
        "step 1 gave no result",
        "step 2 gave no result",
        "a result",
    ]
