"""Conversations as Jamba 1.5 and later read and write them, tools included.

In: messages (role, content, tool_calls) and tool definitions, in OpenAI's form. Out: token ids of
a prompt, a grammar for the reply, and from what the model wrote its text and its calls. A
checkpoint's own chat template is used where it has one, in a sandbox; else the plain frame of the
family. What users and tools say never becomes a special token. The reasoning models' way is known
too: thoughts first, and each call in a `<tool_call>` of its own. It runs no model.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrkl.jamba_core.tokenizer import Tokenizer

Message = Mapping[str, Any]

BEGIN, ENDS = "<|bom|>", ("<|eom|>", "<|im_end|>")
CALLS, CALL = ("<tool_calls>", "</tool_calls>"), ("<tool_call>", "</tool_call>")
THINK, THINK_END = "<think>", "</think>"
_CUT = "\ue000"  # a private character around texts that are put in after the template has run
MOST_CALLS = 8
MOST_STEPS = 100_000  # of all loops over numbers in a template
MOST_TEXT = 20_000_000  # characters of a prompt

# For checkpoints without a template of their own.
FRAME = """{{ bos_token }}{% if tools and messages[0].role != 'system' %}<|bom|><|system|> \
<tool_definitions>
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}</tool_definitions><|eom|>{% endif %}{% for m in messages %}<|bom|><|{{ m.role }}|> \
{{ m.content or '' }}{% if loop.first and m.role == 'system' and tools %}

<tool_definitions>
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}</tool_definitions>{% endif %}{% if m.tool_calls %}<tool_calls>{{ m.tool_calls | \
map(attribute='function') | list | tojson }}</tool_calls>{% endif %}<|eom|>{% endfor %}\
{% if add_generation_prompt %}<|bom|><|assistant|> {% endif %}"""


class ChatError(ValueError):
    """A conversation that cannot be rendered, or calls that cannot be read."""


@dataclass(frozen=True)
class ToolCall:
    """One call that the model wrote."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the model wrote: text, or calls."""

    text: str
    calls: list[ToolCall] = field(default_factory=list[ToolCall])


class ChatFormat:
    """How one checkpoint writes a conversation."""

    def __init__(self, tokenizer: "Tokenizer", templates: Mapping[str, str], names: Any) -> None:
        """templates: `default` and perhaps `tool_use`; names: bos_token, eos_token and so on."""
        self.tokenizer, self.names = tokenizer, dict(names)
        written = "".join([*templates.values(), *tokenizer.special])
        own = list(templates.values()) != [FRAME]
        self.end = next((name for name in ENDS if name in tokenizer.special), None)
        self.understood = self.end is not None and (own or BEGIN in tokenizer.special)
        self.single = CALLS[0] not in written and CALL[0] in written  # a call in each pair of marks
        self.thinks = THINK in written
        self._steps = [MOST_STEPS]  # that loops have left in this rendering
        try:
            sandbox = _environment(self._steps)
            self.templates = {n: sandbox.from_string(t) for n, t in templates.items()}
        except Exception as error:  # noqa: BLE001 - jinja's errors, and its own crashes
            raise ChatError(f"the chat template cannot be read: {_line(error)}") from None

    @classmethod
    def from_folder(cls, folder: str | Path, tokenizer: "Tokenizer") -> "ChatFormat":
        """The format of a checkpoint's folder; raises ChatError."""
        folder = Path(folder)
        about: dict[str, Any] = {}
        try:
            if (folder / "tokenizer_config.json").exists():
                about = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
            own = about.get("chat_template")
            if (folder / "chat_template.jinja").exists():
                own = (folder / "chat_template.jinja").read_text("utf-8")
        except (ValueError, OSError, AttributeError) as error:
            raise ChatError(f"{folder}: tokenizer_config.json cannot be read: {error}") from None
        if isinstance(own, list):
            templates = {str(each["name"]): str(each["template"]) for each in own}
        else:
            templates = {"default": own or FRAME}
        names = {n: _content(about.get(n)) for n in ("bos_token", "eos_token", "pad_token")}
        if not names["bos_token"] and "<|startoftext|>" in tokenizer.special:
            names["bos_token"] = "<|startoftext|>"
        return cls(tokenizer, templates, names)

    def prompt(
        self, messages: Sequence[Message], tools: Sequence[Message] = (), generate: bool = True
    ) -> list[int]:
        """Ids of a conversation; with generate, up to where the assistant goes on."""
        name = "tool_use" if tools and "tool_use" in self.templates else "default"
        template = self.templates.get(name) or next(iter(self.templates.values()))
        held: list[str] = []
        self._steps[0] = MOST_STEPS
        shown = [self._hidden(dict(message), held) for message in messages]
        try:
            pieces = template.generate(
                messages=shown,
                tools=self._hidden(list(tools), held) or None,
                add_generation_prompt=generate,
                **self.names,
            )
            text = _joined(pieces)
        except Exception as error:  # noqa: BLE001 - a template may raise what it likes
            raise ChatError(
                f"the chat template refuses this conversation: {_line(error)}"
            ) from None
        return self._encoded(text, held)

    def reply(self, ids: Sequence[int]) -> Reply:
        """What the model wrote; raises ChatError for calls that are not of the form."""
        text = self.tokenizer.decode(ids, special=True)
        if self.end:
            text = text.partition(self.end)[0]
        if self.thinks:
            text = text.rpartition(THINK_END)[2]
        opened, closed = CALL if self.single else CALLS
        before, *pieces = text.split(opened)
        calls: list[ToolCall] = []
        for piece in pieces:
            inside, mark, _ = piece.partition(closed)
            if not mark:
                raise ChatError(f"{opened} is not closed")
            calls += _calls(inside, self.single)
        return Reply(before.strip(), calls)

    def grammar(self, tools: Sequence[Message], text: bool = True) -> str:
        """Lark for a reply: calls of these tools, or (with text) anything else, up to the end."""
        items = [
            {
                "type": "object",
                "properties": {"name": {"const": each["name"]}, "arguments": each["parameters"]},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for each in (definition["function"] for definition in tools)
        ]
        one = {"anyOf": items}
        many = {"type": "array", "minItems": 1, "maxItems": MOST_CALLS, "items": one}
        opened, closed = (self._mark(name) for name in (CALL if self.single else CALLS))
        choices = (["calls"] if tools else []) + (["said"] if text or not tools else [])
        thought = "thought? " if self.thinks else ""
        lines = [f"start: {thought}({' | '.join(choices)}) {self._mark(self.end or '')}"]
        if self.thinks:
            lines += [f"thought: {self._mark(THINK)} thinking /\\s*/", *self._thinking()]
        if tools and self.single:
            schema = json.dumps(one)
            lines.append(f"calls: (call /\\s*/){{1,{MOST_CALLS}}}")
            lines.append(f"call: {opened} /\\s*/ %json {schema} /\\s*/ {closed}")
        elif tools:
            lines.append(f"calls: {opened} %json {json.dumps(many)} {closed}")
        if "said" in choices:
            lines.append("said: /[^<](.|\\n)*/")
        return "\n".join(lines) + "\n"

    def _thinking(self) -> list[str]:
        """Anything up to the mark that ends it."""
        if THINK_END in self.tokenizer.special:
            return [f"thinking: /(.|\\n)*/ {THINK_END}"]
        return ["thinking[lazy]: /(.|\\n)*<\\/think>/"]

    def _mark(self, name: str) -> str:
        return name if name in self.tokenizer.special else json.dumps(name)

    def _hidden(self, value: Any, held: list[str]) -> Any:
        """Replace texts that hold a special token's name; the template then cannot spell it."""
        if isinstance(value, str):
            if _CUT not in value and not any(name in value for name in self.tokenizer.special):
                return value
            held.append(value)
            return f"{_CUT}{len(held) - 1}{_CUT}"
        if isinstance(value, Mapping):
            return {key: self._hidden(item, held) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self._hidden(item, held) for item in value]
        return value

    def _encoded(self, text: str, held: list[str]) -> list[int]:
        ids: list[int] = []
        for number, piece in enumerate(text.split(_CUT)):
            if number % 2:
                ids += self.tokenizer.encode(held[int(piece)])
            elif piece:
                ids += self.tokenizer.encode(piece, special=True)
        return ids


def tool(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A tool definition; parameters: a JSON schema of an object."""
    function = {"name": name, "description": description, "parameters": dict(parameters)}
    return {"type": "function", "function": function}


def _joined(pieces: Iterator[str]) -> str:
    """A template's output, up to a size that is still a prompt."""
    kept, size = list[str](), 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_TEXT:
            raise ChatError("it writes too much")
        kept.append(piece)
    return "".join(kept)


def _calls(text: str, single: bool) -> list[ToolCall]:
    """Calls from JSON: a list of them, or one."""
    try:
        found = json.loads(text)
        found = [found] if single else found
        return [ToolCall(str(call["name"]), dict(call["arguments"])) for call in found]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ChatError(f"the calls are not a list of name and arguments: {error}") from None


def _environment(steps: list[int]) -> Any:
    """Jinja as chat templates want it, for templates that nobody has checked."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise ChatError(message)

    def counted(*bounds: int) -> range:
        found = range(*bounds)
        steps[0] -= min(abs(found.stop - found.start), MOST_STEPS + 1)
        if steps[0] < 0:
            raise ChatError("its loops are too long")
        return found

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(["*", "**"])

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
                raise ChatError(f"it uses {operator} on more than numbers")
            return left * right

    made = Sandbox(trim_blocks=True, lstrip_blocks=True)
    made.filters["tojson"] = lambda value, **how: json.dumps(value, ensure_ascii=False, **how)
    made.globals["raise_exception"] = refuse
    made.globals["range"] = counted
    return made


def _content(name: Any) -> str:
    """A special token of a tokenizer_config.json: a name, or an object that holds one."""
    if isinstance(name, Mapping):
        name = name.get("content")
    return name if isinstance(name, str) else ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
