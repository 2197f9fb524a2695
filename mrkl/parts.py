"""The parts that an Agent is given, in the forms in which it needs them.

In: what a user passes: names, paths, functions. Out: World, experts, language module, log.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mrkl.experts.base import Expert
from mrkl.experts.world import World
from mrkl.language import Language, ModelError

if TYPE_CHECKING:
    from mrkl.run_log import RunLog


def world_of(given: World | str | Path | Mapping[str, Any] | None) -> World:
    """The world, or the real one."""
    if given is None or isinstance(given, World):
        return given or World()
    if isinstance(given, str | Path):
        return World.from_file(given)
    return World.from_dict(dict(given))


def experts_of(
    given: Iterable[Expert | Callable[..., Any]] | None,
) -> tuple[dict[str, Expert], frozenset[str]]:
    """Experts by name, and the names of those that the core knows without a card."""
    from mrkl.experts.decorator import expert as decorate
    from mrkl.experts.registry import BUILTINS, builtin_experts, default_experts

    if given is None:
        default, problems = default_experts()
        for problem in problems:
            warnings.warn(problem, RuntimeWarning, stacklevel=3)
        return {item.name: item for item in default}, frozenset(BUILTINS)
    builtin = {expert.name: expert for expert in builtin_experts()}
    found: dict[str, Expert] = {}
    for item in given:
        expert = item if isinstance(item, Expert) else decorate(item)
        if expert.name in found:
            raise ValueError(f"two experts are named {expert.name!r}")
        found[expert.name] = expert
    known = [n for n, e in found.items() if n in builtin and builtin[n].card == e.card]
    return found, frozenset(known)


def log_of(given: RunLog | str | Path | None) -> RunLog | None:
    """The log, or the one at a path."""
    if not isinstance(given, str | Path):
        return given
    from mrkl.run_log import RunLog

    return RunLog(given)


def model_of(model: Any) -> Any:
    """The model as given; raises ModelError for a name that cannot be one."""
    if isinstance(model, str) and model.startswith("openai:"):
        from mrkl.openai_compatible import OpenAICompatible

        return OpenAICompatible.from_name(model)
    return model


def is_named(model: object) -> bool:
    """Whether the model is still to be loaded."""
    return model is None or isinstance(model, str | Path)


def language_of(model: str | None, quantize: str | None, device: str) -> str | Language | None:
    """The model as it was named; loaded where it is to be quantised or to run on a GPU.

    Raises ValueError and ModelError.
    """
    if quantize is None and device == "cpu":
        return model
    if model is None or model.startswith("openai:"):
        raise ValueError("--quantize and --device are for a checkpoint: add --model FOLDER")
    return load_language(model, quantize, device)


def load_language(model: Any, quantize: str | None = None, device: str = "cpu") -> Language:
    """The embedded core, or a checkpoint's: one taught to plan, or a chat model of the family.

    quantize: experts_int8, jamba_int8 or int8, of a checkpoint; device: cpu or cuda. Raises
    ModelError.
    """
    from mrkl.embedded import EmbeddedJamba

    return EmbeddedJamba.load(model) if model is None else _checkpoint(model, quantize, device)


def _checkpoint(model: str | Path, quantize: str | None, device: str) -> Language:
    from mrkl.core_files import load_jamba
    from mrkl.embedded import EmbeddedJamba
    from mrkl.jamba_core.chat import ChatError, ChatFormat

    jamba = load_jamba(model, quantize, device)
    try:
        form = ChatFormat.from_folder(cast(Path, jamba.folder), jamba.tokenizer)
    except ChatError as error:
        raise ModelError(str(error), "contract") from None
    if form.understood:
        from mrkl.chat_jamba import ChatJamba

        return ChatJamba(jamba, form, str(model))
    return EmbeddedJamba.of(jamba, str(model))
