"""mrkl and its peers behind one door: tools, a model that says what it is told to, one question.

In: typed functions, and turns: what the model says, each a final text or a list of calls (name,
arguments as JSON text). Out: the answer's text, and all that the model was shown of results. Each
side is used as its documentation does, with its own defaults. This file runs in the peers'
environment, so it imports nothing at its top that one of them may lack.
"""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Call: TypeAlias = "tuple[str, str]"
Turn: TypeAlias = "str | list[Call]"
Tools: TypeAlias = "list[Callable[..., Any]]"

QUESTION = "go on"


@dataclass
class Outcome:
    """The answer, and the texts that the model was shown after its calls."""

    text: str
    shown: list[str] = field(default_factory=list)


class Side(ABC):
    """One library with its tools; `turns` may be set anew for every question.

    A last turn of calls is said again and again.
    """

    def __init__(self, tools: Tools) -> None:
        self.turns: list[Turn] = []
        self.said = 0
        self.shown: list[str] = []
        self.prepare(tools)

    def ask(self, turns: list[Turn]) -> Outcome:
        """One question from the beginning."""
        self.turns, self.said, self.shown = turns, 0, []
        return Outcome(str(self.run()), self.shown)

    def next(self) -> Turn:
        """What the model says now."""
        self.said += 1
        return self.turns[min(self.said, len(self.turns)) - 1]

    @abstractmethod
    def prepare(self, tools: Tools) -> None: ...

    @abstractmethod
    def run(self) -> Any: ...


class Mrkl(Side):
    """Checks, log and provenance on."""

    def prepare(self, tools: Tools) -> None:
        from mrkl import Agent, expert
        from mrkl.scripted import ScriptedLanguage

        self.scripts: dict[str, str] = {}
        experts = [expert(tool, isolate=getattr(tool, "isolate", None)) for tool in tools]
        self.folder = tempfile.TemporaryDirectory()
        log = Path(self.folder.name) / "log.db"
        self.agent = Agent(experts, model=ScriptedLanguage(self.scripts), log=log)

    def run(self) -> str:
        from mrkl.prompt import render_results

        calls = self.next()  # its models write one plan, and word its results
        assert not isinstance(calls, str)
        plan = [_plan_line(k, *call) for k, call in enumerate(calls, 1)]
        self.scripts[QUESTION] = "\n".join(plan) + "\n<|answer|>It is #1."
        answer = self.agent.ask(QUESTION)
        outcomes = {step.id: step.result or step.error for step in answer.steps}
        self.shown.append(render_results([(k, out) for k, out in outcomes.items() if out]))
        return answer.text


def _plan_line(number: int, name: str, arguments: str) -> str:
    """A call in the language of plans, broken where the JSON is."""
    try:
        values = json.loads(arguments)
        written = ", ".join(f"{key}={json.dumps(value)}" for key, value in values.items())
    except ValueError:
        written = arguments
    return f"#{number} go on -> {name}({written})"


class PydanticAI(Side):
    """pydantic-ai with a FunctionModel."""

    def prepare(self, tools: Tools) -> None:
        from pydantic_ai import Agent
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        def say(messages: list[Any], _info: Any) -> Any:
            for part in messages[-1].parts:
                if part.part_kind in ("tool-return", "retry-prompt"):
                    self.shown.append(_text(part))
            turn = self.next()
            if isinstance(turn, str):
                return ModelResponse(parts=[TextPart(turn)])
            return ModelResponse(parts=[ToolCallPart(name, given) for name, given in turn])

        def _text(part: Any) -> str:
            kind = "model_response_str" if part.part_kind == "tool-return" else "model_response"
            return getattr(part, kind)()

        self.agent: Any = Agent(FunctionModel(say), tools=tools)

    def run(self) -> str:
        return self.agent.run_sync(QUESTION).output


class LangGraph(Side):
    """LangGraph's ReAct agent with a chat model of langchain-core."""

    def prepare(self, tools: Tools) -> None:
        from langchain_core.language_models import BaseChatModel
        from langchain_core.messages import AIMessage
        from langchain_core.outputs import ChatGeneration, ChatResult
        from langgraph.prebuilt import create_react_agent

        side = self

        class Told(BaseChatModel):
            @property
            def _llm_type(self) -> str:
                return "told"

            def bind_tools(self, tools: Any, **_: Any) -> Any:
                return self

            def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
                results = []
                for message in reversed(messages):
                    if message.type != "tool":
                        break
                    results.append(str(message.content))
                side.shown += reversed(results)
                message = side.message(AIMessage)
                return ChatResult(generations=[ChatGeneration(message=message)])

        self.agent: Any = create_react_agent(Told(), tools)

    def message(self, kind: Any) -> Any:
        turn = self.next()
        if isinstance(turn, str):
            return kind(content=turn)
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for number, (name, given) in enumerate(turn):
            told = {"name": name, "id": f"{self.said}-{number}"}
            try:
                good.append({**told, "args": json.loads(given), "type": "tool_call"})
            except ValueError as error:
                wrong = {"args": given, "error": str(error), "type": "invalid_tool_call"}
                bad.append({**told, **wrong})
        return kind(content="", tool_calls=good, invalid_tool_calls=bad)

    def run(self) -> str:
        found = self.agent.invoke({"messages": [("user", QUESTION)]})
        return str(found["messages"][-1].content)


class Llm(Side):
    """llm's chain with a model class of one's own; arguments are read as its OpenAI model does."""

    def prepare(self, tools: Tools) -> None:
        import llm

        side = self

        class Told(llm.Model):
            model_id = "told"
            can_stream = False
            supports_tools = True

            def execute(self, prompt: Any, stream: Any, response: Any, conversation: Any) -> Any:
                side.shown += [str(result.output) for result in prompt.tool_results]
                turn = side.next()
                if isinstance(turn, str):
                    yield turn
                    return
                for number, (name, given) in enumerate(turn):
                    arguments = json.loads(given)
                    response.add_tool_call(llm.ToolCall(name, arguments, f"{side.said}-{number}"))

        self.model, self.tools = Told(), tools

    def run(self) -> str:
        return self.model.chain(QUESTION, tools=list(self.tools)).text()


class Smolagents(Side):
    """smolagents' ToolCallingAgent with a Model of one's own."""

    def prepare(self, tools: Tools) -> None:
        from smolagents import Model, ToolCallingAgent, tool
        from smolagents.models import (
            ChatMessage,
            ChatMessageToolCall,
            ChatMessageToolCallFunction,
        )

        side = self

        class Told(Model):
            def generate(self, messages: Any, *_: Any, **__: Any) -> Any:
                if side.said:
                    side.shown.append(_text(messages[-1].content))
                turn = side.next()
                calls = [("final_answer", json.dumps({"answer": turn}))] if _final(turn) else turn
                made = [
                    ChatMessageToolCall(
                        ChatMessageToolCallFunction(given, name), f"{side.said}-{k}", "function"
                    )
                    for k, (name, given) in enumerate(calls)
                ]
                return ChatMessage(role="assistant", content="", tool_calls=made)

        def _final(turn: Turn) -> bool:
            return isinstance(turn, str)

        def _text(content: Any) -> str:
            parts = content if isinstance(content, list) else [{"text": content}]
            return "\n".join(str(part.get("text")) for part in parts)

        self.agent: Any = ToolCallingAgent([tool(f) for f in tools], Told(), verbosity_level=-1)

    def run(self) -> Any:
        return self.agent.run(QUESTION)


SIDES: dict[str, type[Side]] = {
    "mrkl": Mrkl,
    "LangGraph": LangGraph,
    "llm": Llm,
    "smolagents": Smolagents,
    "pydantic-ai": PydanticAI,
}
PACKAGES = {
    "mrkl": "mrkl",
    "LangGraph": "langgraph",
    "llm": "llm",
    "smolagents": "smolagents",
    "pydantic-ai": "pydantic-ai-slim",
}
