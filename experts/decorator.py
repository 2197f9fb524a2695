"""`@expert`: an expert from a plain typed function, sync or async.

The docstring becomes the description, the parameters become the signature, `Literal` an enum,
`Optional` or a default an optional parameter; `Annotated[str, "text"]` adds a description and
`Annotated[str, Free()]` lets the core write the text instead of copying it. A parameter annotated
`Context` is handed the context and stands on no card. Faults raise TypeError with what to fix.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import (
    Annotated,
    Any,
    Literal,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from mrkl.experts.base import EFFECTS, Card, Context, Effects, Expert, Parameter, Result, Value

Example: TypeAlias = "str | tuple[str, dict[str, Any]]"

DEFAULT_TIMEOUT = 10.0  # seconds

_SIMPLE: dict[Any, str] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    date: "date",
    Fraction: "number",
}
_LISTS: dict[Any, str] = {str: "list[str]", float: "list[float]", int: "list[float]"}
_KNOWN = "int, float, int | float, str, bool, date, Literal['a', 'b'], list[str], list[float]"
_SECTION = re.compile(
    r"^\s*(?:(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):?\s*$|:\w+|>>>)"
)


@dataclass(frozen=True)
class Free:
    """Marks a str parameter that the core writes freely (an expression, a query), not copies."""


@overload
def expert(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    examples: Iterable[Example] = (),
    effects: Effects = "none",
    isolate: bool | None = None,
    timeout: float | None = None,
    idempotent: bool | None = None,
) -> Expert: ...


@overload
def expert(
    fn: None = None,
    *,
    name: str | None = None,
    examples: Iterable[Example] = (),
    effects: Effects = "none",
    isolate: bool | None = None,
    timeout: float | None = None,
    idempotent: bool | None = None,
) -> Callable[[Callable[..., Any]], Expert]: ...


def expert(
    fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    examples: Iterable[Example] = (),
    effects: Effects = "none",
    isolate: bool | None = None,
    timeout: float | None = None,
    idempotent: bool | None = None,
) -> Expert | Callable[[Callable[..., Any]], Expert]:
    """Make an Expert from a typed function; usable bare, with options, or as a plain call.

    `examples` are questions, or (question, arguments) pairs. `effects` says what a call touches.
    `isolate` runs calls in a process that can be killed: by default so for functions without
    effects, whose calls nobody can tell apart from calls in this process. `timeout` in seconds.
    `idempotent`: whether a call may be repeated; by default all but writes.
    """

    def make(function: Callable[..., Any]) -> Expert:
        return _build(function, name, tuple(examples), effects, isolate, timeout, idempotent)

    return make if fn is None else make(fn)


def _build(
    function: Callable[..., Any],
    name: str | None,
    examples: tuple[Example, ...],
    effects: Effects,
    isolate: bool | None,
    timeout: float | None,
    idempotent: bool | None,
) -> Expert:
    label = name or getattr(function, "__name__", "")
    if not label.isidentifier():
        raise TypeError(
            f'expert needs a name made of letters, digits and _, not {label!r}: name="…"'
        )
    if effects not in EFFECTS:
        raise TypeError(f"expert {label!r}: effects must be one of {', '.join(EFFECTS)}")
    if timeout is not None and not timeout > 0:
        raise TypeError(f"expert {label!r}: timeout must be a number of seconds above 0")
    hints = _hints(function, label)
    returns = hints.pop("return", None)
    parameters, annotations, context_name = _parameters(function, label, hints)
    questions, calls = _examples(label, examples, parameters)
    card = Card(label, _description(function, label), parameters, _returns(returns), questions)
    return Expert(
        card,
        _adapter(function, context_name),
        effects=effects,
        idempotent=idempotent,
        isolate=effects == "none" if isolate is None else isolate,
        timeout=DEFAULT_TIMEOUT if timeout is None else float(timeout),
        origin=_origin(function),
        annotations=annotations,
        calls=calls,
        plain=function,
    )


def _hints(function: Callable[..., Any], label: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise TypeError(f"expert {label!r}: a type cannot be read: {error}") from None


def _description(function: Callable[..., Any], label: str) -> str:
    lines: list[str] = []
    for line in (inspect.getdoc(function) or "").splitlines():
        if _SECTION.match(line):
            break
        lines.append(line)
    text = " ".join(" ".join(lines).split())
    if not text:
        raise TypeError(
            f"expert {label!r} needs a docstring: a sentence saying what it does, which the "
            "router reads"
        )
    return text


def _parameters(
    function: Callable[..., Any], label: str, hints: dict[str, Any]
) -> tuple[tuple[Parameter, ...], dict[str, Any], str | None]:
    """The card's parameters, their Python types, and the name of the Context parameter."""
    parameters: list[Parameter] = []
    annotations: dict[str, Any] = {}
    context_name: str | None = None
    for name, given in inspect.signature(function).parameters.items():
        where = f"expert {label!r}, parameter {name!r}"
        if given.kind not in (given.POSITIONAL_OR_KEYWORD, given.KEYWORD_ONLY):
            raise TypeError(f"{where}: *, / and ** are not possible; name each parameter")
        if name not in hints:
            raise TypeError(f"{where} needs a type, such as `{name}: int`; known: {_KNOWN}")
        if hints[name] is Context:
            context_name = name
            continue
        default = None if given.default is given.empty else given.default
        parameter, annotation = _parameter(where, name, hints[name])
        if given.default is not given.empty:
            _check_default(where, parameter, default)
        optional = given.default is not given.empty or not parameter.required
        parameters.append(
            Parameter(
                name,
                parameter.type,
                parameter.description,
                required=not optional,
                default=default,
                copy=parameter.copy,
            )
        )
        annotations[name] = annotation
    return tuple(parameters), annotations, context_name


def _parameter(where: str, name: str, hint: Any) -> tuple[Parameter, Any]:
    """Read one annotation; the second value is the type to check, without None."""
    base, metadata, nullable = _peeled(hint)
    kind = _kind(where, base)
    description, copy, annotation = "", True, base
    for item in metadata:
        if isinstance(item, str):
            description = item
        elif item is Free or isinstance(item, Free):
            copy = False
        else:
            annotation = Annotated[annotation, item]
    return Parameter(name, kind, description, required=not nullable, copy=copy), annotation


def _peeled(hint: Any) -> tuple[Any, list[Any], bool]:
    """The type inside Annotated and Optional, what Annotated adds, and whether None is allowed."""
    metadata: list[Any] = []
    nullable = False
    while True:
        origin: Any = get_origin(hint)
        members = get_args(hint)
        if origin is Annotated:
            hint, metadata = members[0], [*metadata, *members[1:]]
        elif origin in (Union, types.UnionType) and type(None) in members:
            nullable = True
            hint = Union[tuple(m for m in members if m is not type(None))]  # noqa: UP007 - at run time
        else:
            return hint, metadata, nullable


def _kind(where: str, base: Any) -> str:
    """The card type of a Python type."""
    if base in _SIMPLE:
        return _SIMPLE[base]
    members = get_args(base)
    if get_origin(base) is Literal:
        return _enum(where, members)
    if get_origin(base) is list and members and members[0] in _LISTS:
        return _LISTS[members[0]]
    if get_origin(base) in (Union, types.UnionType) and set(members) <= {int, float, Fraction}:
        return "number"
    if base is datetime:
        raise TypeError(f"{where}: use date, or str for a time; datetime is not a card type")
    raise TypeError(f"{where}: the type {inspect.formatannotation(base)} is not possible: {_KNOWN}")


def _enum(where: str, members: tuple[Any, ...]) -> str:
    if not all(isinstance(member, (str, int)) for member in members):
        raise TypeError(f"{where}: a Literal may hold texts and whole numbers only")
    texts = [str(member) for member in members]
    bad = next((t for t in texts if not t.strip() or set(t) & set(',|[]"\n')), None)
    if bad is not None:
        raise TypeError(f"{where}: the Literal value {bad!r} may not hold , | [ ] or quotes")
    return f"enum[{', '.join(texts)}]"


def _check_default(where: str, parameter: Parameter, default: Any) -> None:
    if default is None:
        return
    if parameter.choices:
        fits = str(default) in parameter.choices
    else:
        fits = isinstance(default, _DEFAULTS[parameter.type])
    if not fits or (isinstance(default, bool) and parameter.type != "bool"):
        raise TypeError(f"{where}: the default {default!r} is no {parameter.type}")


_DEFAULTS: dict[str, Any] = {
    "int": int,
    "float": (int, float, Fraction),
    "number": (int, float, Fraction),
    "str": str,
    "bool": bool,
    "date": date,
    "list[str]": list,
    "list[float]": list,
}


def _examples(
    label: str, examples: tuple[Example, ...], parameters: tuple[Parameter, ...]
) -> tuple[tuple[str, ...], tuple[tuple[str, dict[str, Any]], ...]]:
    """Split examples into questions for the card and calls for testing."""
    questions: list[str] = []
    calls: list[tuple[str, dict[str, Any]]] = []
    names = {parameter.name for parameter in parameters}
    for example in cast("tuple[Any, ...]", examples):
        if isinstance(example, str):
            questions.append(example)
            continue
        pair = cast("tuple[Any, ...]", example) if isinstance(example, (tuple, list)) else ()
        if len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair[1], dict):
            raise TypeError(
                f"expert {label!r}: an example is a question or (question, {{argument: value}}), "
                f"not {example!r}"
            )
        arguments = cast("dict[str, Any]", pair[1])
        unknown = next((key for key in arguments if key not in names), None)
        if unknown is not None:
            raise TypeError(f"expert {label!r}: example {pair[0]!r} has no parameter {unknown!r}")
        questions.append(pair[0])
        calls.append((pair[0], dict(arguments)))
    return tuple(questions), tuple(calls)


def _returns(annotation: Any) -> str:
    """The card's word for a return annotation; "value" where nothing can be checked."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if get_origin(annotation) is list and get_args(annotation)[0] in _LISTS:
        return f"list[{get_args(annotation)[0].__name__}]"
    if get_origin(annotation) is Literal:
        return f"enum[{', '.join(map(str, get_args(annotation)))}]"
    return "value"


def _adapter(
    function: Callable[..., Any], context_name: str | None
) -> Callable[[dict[str, Any], Context], Result]:
    """Call the function with keywords; a bare value becomes a Result, a coroutine is run."""

    def call(arguments: dict[str, Any], context: Context) -> Result:
        keywords = dict(arguments)
        if context_name is not None:
            keywords[context_name] = context
        outcome: Any = function(**keywords)
        if inspect.iscoroutine(outcome):
            import asyncio  # heavy, and few experts are asynchronous

            outcome = asyncio.run(_within(outcome, context))
        return outcome if isinstance(outcome, Result) else Result(cast(Value, outcome))

    return call


async def _within(coroutine: Any, context: Context) -> Any:
    import asyncio

    remaining = context.remaining()
    return await asyncio.wait_for(coroutine, None if remaining == float("inf") else remaining)


def _origin(function: Callable[..., Any]) -> str | None:
    """ "module:name" where a fresh process can import the function, else None."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or not name.isidentifier():
        return None
    return f"{module}:{name}"
