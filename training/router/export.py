"""Store trained weights as the package ships them, and weigh the comparisons on unseen experts.

In: the folder train.py wrote; out: router.safetensors (int8 rows with float16 scales, bucket
weights) and config.json (sizes, temperature, facts of the run). The encoder knows the training
experts too well to say how far its comparisons can be trusted, so their few weights are fitted
on half of the held-out families (report.py measures on the other half).
"""

import argparse
import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import minimize

import mrkl
from mrkl.router import Router
from mrkl.router.lexical import BUCKETS, buckets_of
from mrkl.router.scoring import PARTS
from training.router.rows import share
from training.router.trials import Trial, calibration_trials

KEEP = {"position", "role"}  # read by rows as they stand, not as matrices
PRIOR = {"builtin": 0.4, "unseen": 0.4, "none": 0.08, "near miss": 0.06, "removed": 0.06}
State = dict[str, np.ndarray]


def quantised(state: State) -> State:
    """int8 by rows for matrices, 4 bits for the embeddings; small vectors stay float32."""
    out: State = {}
    for name, value in state.items():
        if name == "embedding.weight":
            out[name], out[name + ".scale"] = packed(value.astype(np.float32))
            continue
        if value.ndim < 2 or name in KEEP:
            out[name] = value.astype(np.float16 if name in KEEP else np.float32)
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
    """Weights as trained, with spelling not yet weighed."""
    mix = np.append(state["mix"].astype(np.float32), np.zeros(PARTS - 4, np.float32))
    none = np.append(np.float32(1), state["none_bias"].astype(np.float32))
    kept = {k: v for k, v in state.items() if k not in ("mix", "none_bias")}
    return kept | {"mix": mix.astype(np.float32), "none": none.astype(np.float32)}


def calibration_half(trial: Trial) -> bool:
    """Whether a trial may be fitted on: a fixed half of families and of patterns."""
    key = trial.text if trial.kind in ("builtin", "none") else trial.family
    return share("calibrate " + key) < 0.5


def kind_weights(trials: list[Trial]) -> np.ndarray:
    """What each trial counts: near misses are plentiful here and rare where people ask."""
    kinds = [trial.kind for trial in trials]
    return np.array([PRIOR[kind] / kinds.count(kind) for kind in kinds])


class Fit:
    """The negative log-likelihood of trials as a function of the comparisons' weights."""

    def __init__(self, router: Router, trials: list[Trial]) -> None:
        widest = max(len(trial.experts) for trial in trials)
        self.parts = np.zeros((len(trials), PARTS, widest))
        self.none = np.zeros((len(trials), 3))
        self.open = np.zeros((len(trials), widest + 1), bool)
        self.right = np.zeros((len(trials), widest + 1), bool)
        self.open[:, -1] = True
        for i, trial in enumerate(trials):
            count = len(trial.experts)
            query = router.query(trial.text)
            cards = [expert.card for expert in trial.experts]
            self.parts[i, :, :count] = router.catalogue(cards).parts(query)
            self.none[i] = query.encoded.none, 1.0, np.log(count)
            self.open[i, :count] = True
            self.right[i, :count] = [card.name in trial.right for card in cards]
            self.right[i, -1] = not trial.right
        self.weight = kind_weights(trials)
        self.start = np.concatenate([router.mix.parts, router.mix.none]).astype(np.float64)

    def loss(self, point: np.ndarray) -> float:
        experts = np.einsum("f,nfc->nc", point[:PARTS], self.parts)
        logits = np.concatenate([experts, (self.none @ point[PARTS:])[:, None]], axis=1)
        logits = np.where(self.open, logits, -1e9)
        logits -= logits.max(1, keepdims=True)
        chances = np.exp(logits)
        share_right = (chances * self.right).sum(1) / chances.sum(1)
        drift = np.square((point - self.start)[:4]).mean()  # meaning stays near its training
        return float(-(self.weight * np.log(share_right + 1e-9)).sum() + 1e-4 * drift)

    def best(self) -> np.ndarray:
        """Weights [PARTS + 3]; no comparison may count against an expert."""
        bounds = [(0.0, None)] * PARTS + [(0.0, 3.0), (None, None), (0.0, 2.0)]
        return minimize(self.loss, self.start, method="L-BFGS-B", bounds=bounds).x


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
    trials = calibration_trials(options.phrasings)
    fit = Fit(Router.load(options.out), [trial for trial in trials if calibration_half(trial)])
    point = fit.best().astype(np.float32)
    stored |= {"mix": point[:PARTS], "none": point[PARTS:]}
    save_file(stored, weights)
    weights.chmod(0o644)
    facts["digest"] = blake2b(weights.read_bytes(), digest_size=8).hexdigest()
    config.write_text(json.dumps(facts, indent=1) + "\n")
    Router.load(options.out).keep_cards(options.out, mrkl.builtin_experts())
    print(json.dumps(facts | {"bytes": weights.stat().st_size, "weights": point.tolist()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder with router_f16.npz, router_log.json")
    parser.add_argument("--texts", type=Path, required=True, help="pool.txt, for bucket weights")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, default=Path("router/data"))
    export(parser.parse_args())


if __name__ == "__main__":
    main()
