"""What a checkpoint folder holds, from its headers: nothing is loaded, nothing half-checked.

In: a folder. Out: an `Inspection`: layout, types, bytes, and every tensor that is missing,
unexpected or of a wrong shape. With `numbers` every weight is read once and looked at.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.layout import public_shapes
from mrkl.jamba_core.load import CheckpointFiles
from mrkl.jamba_core.quantize import stored_mode
from mrkl.jamba_core.weights import is_finite


@dataclass
class Inspection:
    """files and bytes; `types` counts tensors by type; `faults` a line each, none if it is whole."""

    config: JambaConfig
    files: list[Path]
    bytes: int
    packed: bool
    mode: str | None
    types: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])


def inspect(folder: str | Path, numbers: bool = False) -> Inspection:
    """Look into a folder; raises ConfigError, CheckpointError or QuantizationError.

    numbers: also read all weights and report those that are not finite.
    """
    config, files = JambaConfig.from_file(folder), CheckpointFiles(folder)
    mode = stored_mode(config.quantization_config)
    found = Inspection(config, files.files, files.bytes, files.packed, mode)
    wanted = public_shapes(config)
    found.faults += [f"missing tensor {name}" for name in wanted if name not in files]
    for name in files:
        kind, shape = files.shape(name)
        found.types[kind] += 1
        stem = name.removesuffix("_scale")
        right = wanted.get(name) or (wanted.get(stem, ())[:1] if stem != name else None)
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # a copy of the table, which some files hold
        if right is None or not right:
            found.faults.append(f"unexpected tensor {name}")
        elif shape != right:
            found.faults.append(f"tensor {name} has shape {list(shape)}, not {list(right)}")
        elif numbers and kind.startswith(("F", "BF")) and not is_finite(files[name]):
            found.faults.append(f"tensor {name} holds NaN or infinite numbers")
    return found
