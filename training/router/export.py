"""Store trained weights as the package ships them, and calibrate them on unseen experts.

In: the folder train.py wrote; out: router.safetensors (int8 rows with float16 scales) and
config.json (sizes, temperature, none_shift, facts of the run). Calibration fits two numbers on
half of the held-out families; report.py measures on the other half.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import minimize

from mrkl.router import Router
from training.router.rows import share
from training.router.trials import Trial, all_trials

KEEP = {"position", "role"}  # read by rows as they stand, not as matrices


def quantised(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """int8 by rows for matrices; small vectors stay float32."""
    out: dict[str, np.ndarray] = {}
    for name, value in state.items():
        if value.ndim < 2 or name in KEEP:
            out[name] = value.astype(np.float16 if name in KEEP else np.float32)
            continue
        scale = np.maximum(np.abs(value.astype(np.float32)).max(1) / 127, 1e-6).astype(np.float16)
        scaled = value.astype(np.float32) / scale.astype(np.float32)[:, None]
        out[name] = np.clip(np.round(scaled), -127, 127).astype(np.int8)
        out[name + ".scale"] = scale
    return out


def calibration_half(trial: Trial) -> bool:
    return (
        share("calibrate " + (trial.text if trial.kind in ("builtin", "none") else trial.family))
        < 0.5
    )


def calibrate(router: Router, trials: list[Trial]) -> tuple[float, float]:
    """(temperature, none_shift) with the least negative log-likelihood on the trials."""
    cases: list[tuple[np.ndarray, np.ndarray]] = []
    for trial in trials:
        scores, none = router.scores(trial.text, trial.experts)
        names = [expert.card.name for expert in trial.experts]
        right = np.array([name in trial.right for name in names] + [not trial.right])
        cases.append((np.append(scores, none).astype(np.float64), right))

    def loss(point: np.ndarray) -> float:
        total = 0.0
        for logits, right in cases:
            shifted = logits.copy()
            shifted[-1] += point[1]
            shifted /= np.exp(point[0])
            shifted -= shifted.max()
            total -= np.log(np.exp(shifted[right]).sum() / np.exp(shifted).sum() + 1e-12)
        return total / len(cases)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 200})
    return float(np.exp(found.x[0])), float(found.x[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder with router_f16.npz, router_log.json")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, default=Path("router/data"))
    options = parser.parse_args()
    with np.load(options.run / "router_f16.npz") as file:
        state = {name: file[name] for name in file.files}
    log: dict[str, Any] = json.loads((options.run / "router_log.json").read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(quantised(state), options.out / "router.safetensors")
    facts: dict[str, Any] = {
        "shape": log["shape"],
        "temperature": 1.0,
        "none_shift": 0.0,
        "parameters": int(sum(value.size for value in state.values())),
        "steps": log["log"][-1]["steps"],
    }
    config = options.out / "config.json"
    config.write_text(json.dumps(facts, indent=1) + "\n")
    trials = [t for n in (0, 2) for t in all_trials(options.phrasings, n)]
    half = [trial for trial in trials if calibration_half(trial)]
    temperature, shift = calibrate(Router.load(options.out), half)
    facts |= {"temperature": round(temperature, 4), "none_shift": round(shift, 4)}
    config.write_text(json.dumps(facts, indent=1) + "\n")
    size = (options.out / "router.safetensors").stat().st_size
    print(json.dumps(facts | {"bytes": size}))


if __name__ == "__main__":
    main()
