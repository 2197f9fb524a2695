"""A session on disk: what was read once is there again in another process, bit for bit.

In: a session, or a file. Out: a safetensors file with the states of all layers, the tokens and
the logits for the next one; or the session again. A file fits one model only: its fingerprint is
compared, so that a state never meets other weights. Nothing in it is code.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrkl.jamba_core.cache import AttentionState, LayerState, MambaState, Padding, State

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.session import Session

FORMAT = "mrkl snapshot 1"


class SnapshotError(ValueError):
    """A snapshot that cannot be used; one line says why."""


def fingerprint(model: "Jamba") -> str:
    """What tells one model from another: its configuration, its norms, how it is multiplied."""
    found = hashlib.sha256(json.dumps(model.config.as_dict(), sort_keys=True).encode())
    found.update(str(model.product).encode())
    for vector in (model.norm, *(v for layer in model.layers for v in (layer.norm, layer.ff_norm))):
        found.update(vector.cpu().numpy().tobytes())
    return found.hexdigest()


def save_session(session: "Session", path: str | Path) -> None:
    """Write what a session has read; raises ValueError before any token."""
    from safetensors.torch import save_file

    if not hasattr(session.model, "layers"):
        raise ValueError("sessions on a GPU cannot be saved to a file")
    logits, state = session.logits, session.state
    assert state is not None
    tensors = {"logits": logits, "ids": torch.tensor(session.ids, dtype=torch.int64)}
    for number, layer in enumerate(state.layers):
        tensors |= {f"{number}.{name}": tensor for name, tensor in _tensors(layer).items()}
    if state.padding is not None:
        tensors["padding"] = state.padding.before
    about = {
        "format": FORMAT,
        "model": fingerprint(session.model),
        "length": str(state.length),
        "batch": str(state.batch),
    }
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    owned = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    save_file(owned, beside, metadata=about)
    os.replace(beside, path)


def load_session(model: "Jamba", path: str | Path, **options: Any) -> "Session":
    """The session of a file, for the model that wrote it; options as for `Session`.

    Raises SnapshotError.
    """
    from mrkl.jamba_core.session import Session

    about, tensors = _read(Path(path))
    if about.get("model") != fingerprint(model):
        raise SnapshotError(f"{path}: written by another model, or one in another precision")
    try:
        length, batch = int(about["length"]), int(about["batch"])
        before = tensors.get("padding")
        empty = model.empty_state(batch, None if before is None else before.tolist())
        layers = tuple(
            _layer(layer, number, length, tensors, model.device)
            for number, layer in enumerate(empty.layers)
        )
        logits, ids = tensors["logits"].to(model.device), tensors["ids"].tolist()
    except (KeyError, ValueError) as error:
        raise SnapshotError(f"{path}: not a whole snapshot ({error})") from error
    padding = None if before is None else Padding(before.to(model.device))
    session = Session(model, **options)
    session.resume(State(layers, length, batch, padding), logits, ids, len(ids))
    return session


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise SnapshotError(f"{path}: not a snapshot of a session")
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise SnapshotError(f"{path}: cannot be read ({error})") from error


def _tensors(layer: LayerState) -> dict[str, Tensor]:
    if isinstance(layer, MambaState):
        return {"conv": layer.conv, "ssm": layer.ssm}
    return {"kv": layer.keys_values()}


def _layer(
    empty: LayerState, number: int, length: int, tensors: dict[str, Tensor], device: torch.device
) -> LayerState:
    """One layer's state, in the shape and type that the empty one has."""
    found: dict[str, Tensor] = {}
    for name, like in _tensors(empty).items():
        tensor = tensors[f"{number}.{name}"]
        shape = [*like.shape[:2], length, like.shape[3]] if name == "kv" else list(like.shape)
        if list(tensor.shape) != shape or tensor.dtype != like.dtype:
            raise ValueError(f"layer {number}: {name} is {tensor.dtype} {list(tensor.shape)}")
        found[name] = tensor.to(device)
    if isinstance(empty, AttentionState):
        return AttentionState.of(found["kv"])
    return MambaState(found["conv"], found["ssm"])
