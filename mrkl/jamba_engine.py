"""What `mrkl jamba generate|inspect|bench|quantize` do, apart from reading options and printing.

In: a checkpoint (or a shape's name) and settings. Out: text piece by piece, findings, speeds, a
quantised folder. Errors of a checkpoint are ValueErrors with one line.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrkl.jamba_core.shapes import SHAPES, shape

if TYPE_CHECKING:
    from mrkl.jamba_core.inspection import Inspection
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.session import Session, Token

SHOWN_FAULTS = 20
QUANTIZED_SHARD = 1_000_000_000  # bytes of a file: a small model's second copy would be a burden
BESIDE = ("*.json", "*.jinja", "*.model")  # what a checkpoint's folder holds beside weights


def load(model: str, quantization: str | None) -> Jamba:
    """A checkpoint's model, or one of a public shape with random weights."""
    import torch

    from mrkl.jamba_core.model import Jamba

    if model not in SHAPES:
        return Jamba.from_pretrained(model, quantization=quantization)
    from mrkl.jamba_core.layout import RandomTensors

    config = shape(model)
    tensors = RandomTensors(config, dtype=torch.bfloat16)
    return Jamba.from_tensors(config, tensors, quantization=quantization)


def check_text(model: str) -> None:
    """Raises ValueError for a shape's name: random weights have no vocabulary."""
    if model in SHAPES:
        raise ValueError(f"{model} is only a shape: it has no tokenizer; name a checkpoint")


def begin(model: Jamba, prompt: str, system: str | None, state: Path | None) -> Session:
    """A session that has read the prompt, after a saved state where one is given.

    system: reads both as a conversation of the checkpoint's own format.
    """
    from mrkl.jamba_core.session import Session

    session = Session.restore(model, state) if state else Session(model)
    if system is None:
        session.feed(model.tokenizer.encode(prompt, special=True))
        return session
    from mrkl.jamba_core.chat import ChatFormat

    form = ChatFormat.from_folder(model.folder or ".", model.tokenizer)
    messages = [{"role": "system", "content": system}] if system else []
    session.feed(form.prompt([*messages, {"role": "user", "content": prompt}]))
    return session


def grammar_of(schema: Path | None, lark: Path | None) -> Any:
    """The grammar of a JSON schema's or a Lark file, or none."""
    from mrkl.jamba_core.grammar import Grammar

    if schema and lark:
        raise ValueError("give --json-schema or --grammar, not both")
    if schema:
        return Grammar.json_schema(schema.read_text("utf-8"))
    return lark.read_text("utf-8") if lark else None


def told(token: Token) -> str:
    """A token with its log-probabilities as one line of JSON."""
    odds = {"logprob": token.logprob, "forced": token.forced, "top": token.top}
    return json.dumps({"id": token.id, "text": token.text} | odds, ensure_ascii=False)


def quantize(model: str, out: Path, mode: str) -> dict[str, Any]:
    """Write a checkpoint's int8 version beside the other files of its folder."""
    from mrkl.jamba_core.hub import checkpoint_folder
    from mrkl.jamba_core.model import Jamba

    folder = checkpoint_folder(model)
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: name a new folder")
    begun = time.monotonic()
    loaded = Jamba.from_pretrained(folder, quantization=mode)
    loaded.save_pretrained(out, QUANTIZED_SHARD)
    for pattern in BESIDE:
        for file in folder.glob(pattern):
            if file.name != "config.json" and not file.name.endswith(".index.json"):
                shutil.copyfile(file, out / file.name)
    size = {name: _bytes(place) for name, place in (("before", folder), ("after", out))}
    return {"mode": mode, **size, "seconds": round(time.monotonic() - begun, 1)}


def bench(model: str, quantization: str | None, prompt: int, tokens: int, batch: int) -> Any:
    """Load a model and measure it."""
    from mrkl.jamba_core.measure import measure

    begun = time.monotonic()
    loaded = load(model, quantization)
    seconds = time.monotonic() - begun
    held = sum(tensor.nbytes for _, tensor in loaded.tensors())
    speed = measure(loaded, prompt, tokens, batch)
    about = {"model": model, "quantization": quantization, "load_seconds": round(seconds, 2)}
    return {**about, "bytes": held, "prompt": prompt, "tokens": tokens, "batch": batch} | {
        f"{name}_per_second": round(value, 1) for name, value in asdict(speed).items()
    }


def findings(found: Inspection) -> dict[str, Any]:
    """An inspection as JSON has it."""
    return {
        "files": [path.name for path in found.files],
        "bytes": found.bytes,
        "experts": "packed" if found.packed else "one by one",
        "quantization": found.mode,
        "types": dict(found.types),
        "faults": found.faults,
    }


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
