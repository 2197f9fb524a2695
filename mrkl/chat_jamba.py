"""A real Jamba checkpoint (1.5 and later) as language module, in its own chat and tool format.

In: a question and the experts on offer, told to the model as tools. Out: a plan from the calls it
writes (`<tool_calls>`, under a grammar: only calls that fit can be written), or what it says
alone; then the answer's sentence, with slots. `#k` stands for the result of the k-th call. A plan
that does not fit the question is sent back once with the reason. It calls no expert.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import resources
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from mrkl.budget import Meter
from mrkl.experts.base import Card, Parameter
from mrkl.faithful import fault
from mrkl.jamba_core.chat import ChatError, ChatFormat, Reply, tool
from mrkl.language import Draft, ModelError, Offer, Outcomes, Turn
from mrkl.plan import NUMERIC, PlanError, given_plan
from mrkl.prompt import render_result
from mrkl.trace import Trace

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.session import Session

Messages: TypeAlias = "list[dict[str, Any]]"

CONFIDENCE = 0.9  # as for endpoints: a placeholder until a checkpoint's certainty is measured
CALL_TOKENS = 400
THOUGHT_TOKENS = 1500  # more for models that think first; the budget of a question may be less
ANSWER_TOKENS = 120
PREFIXES_KEPT = 4  # system prompts with their tools, read once each
_ABSTAIN = "ABSTAIN"
_REFERENCE = "^#[1-6]$"


class ChatJamba:
    """Plans and words with one chat checkpoint, from any thread.

    One question at a time; on the GPU engine several are written side by side.
    """

    def __init__(self, jamba: Jamba, form: ChatFormat, name: str) -> None:
        self.jamba, self.form, self.name = jamba, form, name
        self._prefixes: OrderedDict[tuple[int, ...], Session] = OrderedDict()
        self._submit: Callable[..., Iterable[int]] | None = getattr(jamba, "submit", None)
        self._lock: AbstractContextManager[Any] = nullcontext() if self._submit else Lock()

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """Ask for calls; once more, with the reason, if the first cannot be used."""
        messages: Messages = [_message("system", _text("chat_system.txt"))]
        for asked, answered in history:
            messages += [_message("user", asked), _message("assistant", answered)]
        messages.append(_message("user", question))
        tools = [as_tool(card) for card in offer.cards.values()]
        with self._lock:
            try:
                return self._drafted(question, offer, messages, tools, meter)
            except PlanError as error:
                trace.add("note", text=f"the calls were sent back: {error}")
                messages.append(_message("user", f"That cannot be used: {error}. Try again."))
            try:
                return self._drafted(question, offer, messages, tools, meter)
            except PlanError as error:
                raise ModelError(f"the model's plan cannot be used: {error}", "contract") from None

    def word(self, question: str, draft: Draft, outcomes: Outcomes, meter: Meter) -> str:
        """Show the results as the tools' replies and ask for one sentence with slots."""
        messages, tools = draft.state
        shown = [
            _message("tool", render_result(k, out).strip()) for k, out in sorted(outcomes.items())
        ]
        asked = _message("user", _text("chat_word.txt"))
        with self._lock:
            try:
                return self._written(
                    [*messages, *shown, asked], tools, None, ANSWER_TOKENS, meter
                ).text
            except PlanError:
                return ""  # calls again, and broken ones: the plain values stand in

    def _drafted(
        self, question: str, offer: Offer, messages: Messages, tools: Messages, meter: Meter
    ) -> Draft:
        """One try; raises PlanError. The reply joins the messages."""
        reply = self._written(messages, tools, self.form.grammar(tools), CALL_TOKENS, meter)
        if not reply.calls:
            if reply.text.startswith(_ABSTAIN):
                reason = reply.text.removeprefix(_ABSTAIN).lstrip(": ")
                return Draft("abstain", text=reason, confidence=CONFIDENCE)
            return Draft("say", text=reply.text, confidence=CONFIDENCE)
        calls = [{"name": call.name, "arguments": call.arguments} for call in reply.calls]
        wrapped = [{"type": "function", "function": call} for call in calls]
        messages.append({"role": "assistant", "content": reply.text, "tool_calls": wrapped})
        plan = given_plan([(question, c.name, c.arguments) for c in reply.calls], offer.cards)
        found = fault(plan, offer.cards, question)
        if found:
            raise PlanError(found)
        return Draft("plan", plan=plan, confidence=CONFIDENCE, state=([*messages], tools))

    def _written(
        self, messages: Messages, tools: Messages, grammar: str | None, limit: int, meter: Meter
    ) -> Reply:
        """What the model writes next; raises PlanError where calls do not fit, ModelError."""
        try:
            ids = self.form.prompt(messages, tools)
            prefix = self.form.prompt(messages[:1], tools, generate=False)
        except ChatError as error:
            raise ModelError(str(error), "contract") from None
        limit += THOUGHT_TOKENS if self.form.thinks else 0
        written: list[int] = []
        ends = {*self.jamba.config.stop_ids}
        if self.form.end is not None:
            ends.add(self.form.tokenizer.id_of(self.form.end))
        options: dict[str, Any] = {"grammar": grammar, "deadline": meter.deadline}
        for token in self._tokens(prefix, ids, limit, stop_ids=sorted(ends), **options):
            meter.spend_tokens()
            written.append(token)
        meter.check()
        try:
            return self.form.reply(written)
        except ChatError as error:
            raise PlanError(str(error)) from None

    def _tokens(
        self, prefix: list[int], ids: list[int], limit: int, **options: Any
    ) -> Iterator[int]:
        """What follows ids; the system prompt and its tools are read only once."""
        if self._submit is None:
            session = self._after(prefix, ids)
            yield from (token.id for token in session.decode(limit, lookup=4, **options))
            return
        shared = len(prefix) if ids[: len(prefix)] == prefix else 0
        try:
            yield from self._submit(ids, limit, prefix=shared, **options)
        except ValueError as error:  # longer than the room of a slot
            raise ModelError(str(error), "contract") from None
        except RuntimeError as error:  # the device's memory, mostly
            raise ModelError(" ".join(str(error).split())[:300]) from None

    def _after(self, prefix: list[int], ids: list[int]) -> Session:
        """A session that has read ids."""
        from mrkl.jamba_core.session import Session

        key = tuple(prefix) if ids[: len(prefix)] == prefix else ()
        session = self._prefixes.pop(key, None)
        if session is None:
            session = Session(self.jamba, self.form.tokenizer)
            session.feed(key)
        if key:
            self._prefixes[key] = session
            if len(self._prefixes) > PREFIXES_KEPT:
                self._prefixes.popitem(last=False)
            session = session.fork()
        session.feed(ids[len(key) :])
        return session


def as_tool(card: Card) -> dict[str, Any]:
    """An expert's card as a tool definition."""
    properties = {parameter.name: _schema(parameter) for parameter in card.parameters}
    required = [parameter.name for parameter in card.parameters if parameter.required]
    schema = {"type": "object", "properties": properties, "required": required}
    return tool(card.name, card.description, schema | {"additionalProperties": False})


def _schema(parameter: Parameter) -> dict[str, Any]:
    """A parameter's JSON schema; where a number is wanted a reference will do."""
    kind = parameter.type
    if parameter.choices:
        found: dict[str, Any] = {"enum": list(parameter.choices)}
    elif kind in NUMERIC:
        number = {"type": "integer" if kind == "int" else "number"}
        found = {"anyOf": [number, {"type": "string", "pattern": _REFERENCE}]}
    elif kind.startswith("list["):
        item = "string" if kind[5:-1] == "str" else "number"
        found = {"type": "array", "items": {"type": item}, "maxItems": 32}
    else:
        found = {"type": "boolean" if kind == "bool" else "string"}
    return found | ({"description": parameter.description} if parameter.description else {})


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


@cache
def _text(name: str) -> str:
    return (resources.files("mrkl") / "data" / name).read_text(encoding="utf-8").strip()
