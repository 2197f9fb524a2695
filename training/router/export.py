"""Store trained weights as the package ships them.

In: the folder train.py wrote; out: router.safetensors (int8 rows with float16 scales, bucket
weights) and config.json (sizes, temperature, facts of the run). How much each comparison counts is
then fitted by training.router.weigh.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from mrkl.router.lexical import BUCKETS, buckets_of
from mrkl.router.scoring import NONE_PARTS, PARTS, REGIMES
from training.router.weigh import weigh

HALF = {"position", "role", "whitening"}  # read as they stand, not as matrices
KEEP = {*HALF, "mix", "none"}
State = dict[str, np.ndarray]


def quantised(state: State) -> State:
    """int8 by rows for matrices, 4 bits for the embeddings; small vectors stay float32."""
    out: State = {}
    for name, value in state.items():
        if name == "embedding.weight":
            out[name], out[name + ".scale"] = packed(value.astype(np.float32))
            continue
        if value.ndim < 2 or name in KEEP:
            out[name] = value.astype(np.float16 if name in HALF else np.float32)
            continue
        scale = np.maximum(np.abs(value.astype(np.float32)).max(1) / 127, 1e-6).astype(np.float16)
        scaled = value.astype(np.float32) / scale.astype(np.float32)[:, None]
        out[name] = np.clip(np.round(scaled), -127, 127).astype(np.int8)
        out[name + ".scale"] = scale
    return out


def packed(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two values of 4 bits a byte [rows, width / 2], and a scale a row; as in training."""
    scale = np.maximum(np.abs(table).max(1) / 7, 1e-6).astype(np.float16)
    level = np.round(table / scale.astype(np.float32)[:, None]).clip(-7, 7).astype(np.int8) + 8
    level = level.astype(np.uint8)
    return level[:, ::2] | (level[:, 1::2] << 4), scale


def rarity(texts: list[str]) -> np.ndarray:
    """Inverse document frequency of every bucket over the texts, float16 [BUCKETS]."""
    seen = np.zeros(BUCKETS)
    for text in texts:
        seen[list(buckets_of(text))] += 1
    return (1 + np.log((1 + len(texts)) / (1 + seen))).astype(np.float16)


def start_of(state: State) -> State:
    """Weights as trained, with spelling and whitened means not yet weighed."""
    mix = np.tile(np.append(state["mix"], np.zeros(PARTS - 4)), (REGIMES, 1))
    none = np.tile([1.0, *state["none_bias"], *np.zeros(NONE_PARTS - 3)], (REGIMES, 1))
    size = state["pool.weight"].shape[0]
    added = {
        "mix": mix,
        "count": np.zeros(1),
        "none": none,
        "centre": np.zeros(size),
        "whitening": np.eye(size),
    }
    kept = {k: v for k, v in state.items() if k not in ("mix", "none_bias")}
    return kept | {name: value.astype(np.float32) for name, value in added.items()}


def export(options: argparse.Namespace) -> None:
    with np.load(options.run / "router_f16.npz") as file:
        state = start_of({name: file[name] for name in file.files})
    (options.out / "cards.safetensors").unlink(missing_ok=True)  # of other weights
    log: dict[str, Any] = json.loads((options.run / "router_log.json").read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    stored = quantised(state)
    stored["lexicon"] = rarity(options.texts.read_text().split("\n"))
    weights, config = options.out / "router.safetensors", options.out / "config.json"
    save_file(stored, weights)
    facts: dict[str, Any] = {
        "shape": log["shape"],
        "temperature": 1.0,
        "digest": "",
        "parameters": int(sum(value.size for value in state.values())) + BUCKETS,
        "steps": log["log"][-1]["steps"],
    }
    config.write_text(json.dumps(facts, indent=1) + "\n")
    weigh(options.out, options.phrasings, options.shared)
    print(json.dumps(facts | {"bytes": weights.stat().st_size}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder with router_f16.npz, router_log.json")
    parser.add_argument("--texts", type=Path, required=True, help="pool.txt, for bucket weights")
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, default=Path("router/data"))
    export(parser.parse_args())


if __name__ == "__main__":
    main()
