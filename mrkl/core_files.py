"""Where the embedded core's checkpoint lies, and loading it onto a CPU or a GPU.

In: nothing, a folder or a name on the hub. Out: a Jamba, or the GPU engine that stands in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from mrkl.language import ModelError

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba

DEVICES = ("cpu", "cuda")


def shipped_folder() -> Path:
    """The checkpoint inside the package."""
    from mrkl import jamba_core

    return Path(next(iter(jamba_core.__path__))) / "data"


def load_jamba(model: str | Path | None, quantize: str | None = None, device: str = "cpu") -> Jamba:
    """The model that ships with the package, or one from a folder or the hub; raises ModelError.

    device: cpu, or cuda for the GPU engine, which stands in a Jamba's place.
    """
    if device not in DEVICES:
        raise ModelError(f"device {device!r} is not one of {', '.join(DEVICES)}", "bad_arguments")
    folder = _folder(model)
    try:
        if device == "cpu":
            from mrkl.jamba_core.model import Jamba as loader
        else:
            from mrkl.jamba_core.gpu import Loader as loader
        jamba = cast("Jamba", loader.from_pretrained(folder, quantization=quantize))
        tokens, rows = jamba.tokenizer.vocab_size, jamba.config.vocab_size
        if tokens > rows:
            raise ValueError(f"its tokenizer knows {tokens} tokens, the model only {rows}")
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the language core in {folder} cannot be loaded: {error}") from None
    return jamba


def _folder(model: str | Path | None) -> Path:
    """Where the checkpoint lies; fetched from the hub for a name that is no folder."""
    if model is None:
        return shipped_folder()
    from mrkl.jamba_core.hub import HubError, checkpoint_folder

    try:
        return checkpoint_folder(model)
    except HubError as error:
        kind = "offline" if error.offline else "bad_arguments"
        raise ModelError(str(error), kind) from None
