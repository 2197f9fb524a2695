"""A language module that answers from a table: for tests and for measuring the loop alone.

In: what to write for each question, in the text of docs/contracts.md section 3. Out: drafts that
go through the same parser, scheduler and composer as a model's. It understands nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrkl.budget import Meter
from mrkl.language import Draft, ModelError, Offer, Outcomes, Turn
from mrkl.plan import PlanError, parse_plan
from mrkl.prompt import ABSTAIN, ANSWER, END, SAY
from mrkl.trace import Trace


class ScriptedLanguage:
    """`scripts` maps a question to a plan with `<|answer|>` and a template, or to something said.

    `"2+3": '#1 2+3 -> calculator(expression="2+3")\\n<|answer|>It is #1.'`
    """

    name = "scripted"

    def __init__(self, scripts: Mapping[str, str], confidence: float = 1.0) -> None:
        self.scripts = scripts
        self.confidence = confidence

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """The script of the question; one that has none is abstained from."""
        text = self.scripts.get(question, f"{ABSTAIN}There is no script for this question.{END}")
        meter.spend_tokens()
        if text.startswith(SAY):
            said = text.removeprefix(SAY).removesuffix(END)
            return Draft("say", text=said, confidence=self.confidence)
        if text.startswith(ABSTAIN):
            return Draft("abstain", text=text.removeprefix(ABSTAIN).removesuffix(END))
        plan, _, template = text.partition(ANSWER)
        try:
            steps = parse_plan(plan, offer.cards)
        except PlanError as error:
            raise ModelError(f"the script of {question!r}: {error}", "contract") from None
        return Draft("plan", plan=steps, confidence=self.confidence, state=template)

    def word(self, question: str, draft: Draft, outcomes: Outcomes, meter: Meter) -> str:
        """The script's template."""
        return str(draft.state).removesuffix(END)
