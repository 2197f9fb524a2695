from collections.abc import Sequence
from dataclasses import dataclass

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.budget import Budget, Meter
from mrkl.confidence import LEAST_KNOWN
from mrkl.decoding import Pen
from mrkl.embedded import EmbeddedJamba
from mrkl.experts.base import Expert, Result
from mrkl.experts.registry import builtin_experts
from mrkl.jamba_core.session import Session
from mrkl.language import ModelError, Offer
from mrkl.prompt import (
    StepText,
    render_abstained,
    render_prompt,
    render_row,
    render_said,
)
from mrkl.trace import Trace
from tests.mrkl.cores import following, noise

QUESTION = "what is 12 plus 15.50, doubled?"
STEPS = [
    StepText("12 plus 15.50", "calculator", 'expression="12 + 15.50"'),
    StepText("2 times #1", "calculator", 'expression="2 * #1"'),
]
ROW = render_row(
    QUESTION,
    [],
    STEPS,
    [(1, Result(27.5)), (2, Result(55))],
    "12 plus 15.50 is #1, and doubled #2.",
).text


@mrkl.expert
def tip_split(bill: float, tip_percent: float, people: int) -> float:
    """What each person pays when a bill plus tip is shared equally."""
    return bill * (1 + tip_percent / 100) / people


@dataclass(frozen=True)
class Routing:
    expert: str | None
    probabilities: dict[str, float]
    candidates: list[str]


class Always:
    """A router with one opinion; keeps what it was asked."""

    def __init__(self, *best: str) -> None:
        self.best = best
        self.asked: list[str] = []

    def route(self, text: str, experts: Sequence[Expert]) -> Routing:
        self.asked.append(text)
        names = [expert.name for expert in experts]
        liked = [name for name in names if name in self.best] or names
        shares = {name: 0.9 / len(liked) if name in liked else 0.0 for name in names}
        ranked = sorted(names, key=lambda name: -shares[name])
        return Routing(ranked[0], {**shares, "none": 0.1}, ranked)


def agent(core: EmbeddedJamba, *experts: Expert, router: Always | None = None) -> Agent:
    return Agent([*builtin_experts(), *experts], model=core, router=router or Always())


def test_a_question_goes_all_the_way():
    answer = agent(following(ROW)).ask(QUESTION)
    assert answer.status == "answered"
    assert answer.text == "12 plus 15.50 is 27.5, and doubled 55."
    assert answer.value == 55
    assert [step.expert for step in answer.steps] == ["calculator", "calculator"]
    assert {span.step for span in answer.spans} == {None, 1, 2}
    assert answer.confidence > LEAST_KNOWN


def test_forced_tokens_cost_no_passes():
    core = following(ROW)
    agent(core).ask(QUESTION)
    tokens = len(core.jamba.tokenizer.encode(ROW, special=True))
    assert core.jamba.calls < tokens * 0.75


def test_small_talk_and_abstaining():
    core = following(
        render_said("hi there", [], "Hello! Ask me something.").text,
        render_abstained("who wins in 2090?", [], "That cannot be known.").text,
    )
    said = agent(core).ask("hi there")
    assert (said.status, said.text, said.steps) == ("answered", "Hello! Ask me something.", ())
    abstained = agent(core).ask("who wins in 2090?")
    assert (abstained.status, abstained.text) == ("abstained", "That cannot be known.")


def test_the_router_can_overrule_the_core():
    question = "90 bill, 20 tip, 3 of us"
    cards = [tip_split.card]
    arguments = "bill=90, tip_percent=20, people=3"
    row = render_row(
        question, cards, [StepText("@", "tip_split", arguments)], [(1, Result(36.0))], "#1 each."
    ).text
    router = Always("tip_split")
    answer = agent(following(row), tip_split, router=router).ask(question)
    assert answer.text == "36 each." and answer.value == 36
    assert router.asked == [question]  # `@` is the question as it stands

    unsure = agent(noise(1), tip_split, router=router)
    meter = Meter(Budget())
    draft = unsure.language.draft(question, Offer({"tip_split": tip_split}), meter, Trace())
    assert {step.expert for step in draft.plan} <= {"tip_split"}


def test_at_most_four_cards_are_shown_and_the_router_picks_them():
    def make(number: int) -> Expert:
        def function(text: str) -> str:
            """Does something with a text."""
            return text

        return mrkl.expert(function, name=f"tool_{number}")

    tools = [make(number) for number in range(7)]
    question = "do 3 things"
    cards = [tools[k].card for k in (1, 2, 4, 6)]
    row = render_said(question, cards, "Done.").text
    router = Always("tool_1", "tool_2", "tool_4", "tool_6")
    answer = agent(following(row), *tools, router=router).ask(question)
    assert answer.text == "Done."


def test_a_short_question_is_read_with_the_turn_before():
    context = "capital of France? Paris. and of Peru?"
    core = following(
        render_abstained("and of Peru?", [], "Of what?").text,
        render_said(context, [], "Lima.").text,
    )
    chat = agent(core)
    assert chat.ask("and of Peru?").status == "abstained"
    assert chat.ask("and of Peru?", history=[("capital of France?", "Paris.")]).text == "Lima."


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_written_fits_the_contract(seed: int):
    """A core without sense still writes plans that parse, or says that it has none."""
    question = 'how many "odd" things, 12 or 3.5, until 3 march 2024 in New York?'
    trace = Trace()
    offer = Offer(
        {expert.name: expert for expert in [*builtin_experts(), tip_split]},
        frozenset(expert.name for expert in builtin_experts()),
    )
    draft = noise(seed).draft(question, offer, Meter(Budget()), trace)
    notes = [str(event) for event in trace.of("note")]
    assert draft.kind == "plan" or any("tokens ran out" in note for note in notes), notes


def test_names_that_begin_alike_are_told_apart():
    core = following(render_prompt("q") + "#1 x -> encyclopedia(")
    pen = Pen(Session(core.jamba), Meter(Budget()))
    pen.read(render_prompt("q") + "#1 x ->")
    right, wrong, other = pen.likelihoods([" encyclopedia(", " encyclical(", " units("])
    assert right > wrong + 10 and right > other + 10


def test_a_model_that_was_not_taught_to_plan_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no folder"):
        EmbeddedJamba.load(tmp_path / "nowhere")


def test_a_budget_of_few_tokens_ends_in_a_failure():
    answer = Agent(
        builtin_experts(), model=following(ROW), budget=Budget(tokens=5), router=Always()
    ).ask(QUESTION)
    assert answer.status == "failed" and answer.exit_code == 6
    assert "5 tokens" in answer.text
