"""Weigh the router's comparisons on experts its encoder never saw, and whiten its vectors.

    python -m training.router.weigh --shared DATA [--out router/data]

The encoder knows the training experts too well to say how far its comparisons can be trusted, so
their few weights, and those of *none*, are fitted on half of the held-out families of invented
experts (report.py measures on the other half), on held-out patterns and on held-out intents with
none to forty examples. Rewrites router.safetensors, config.json and the stored cards.
"""

import argparse
import json
from collections import defaultdict
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from scipy.optimize import minimize

import mrkl
from mrkl.router import Router
from mrkl.router.encoder import Encoded
from mrkl.router.scoring import NONE_PARTS, PARTS, REGIMES
from training.router.rows import intents, share
from training.router.trials import Trial, calibration_trials, intent_trials

# what a trial of each kind counts, divided by their number: near misses are plentiful among the
# trials and rare where people ask
PRIOR = {
    "builtin": 0.24,
    "unseen": 0.22,
    "none": 0.08,
    "near miss": 0.04,
    "removed": 0.03,
    "clinc150": 0.18,
    "clinc150 none": 0.06,
    "banking77": 0.1,
    "name alone": 0.04,
    "banking77 none": 0.05,
}
WEIGHTS = REGIMES * PARTS + 1
DRIFT = 1e-4  # keeps the rows of weights near one another
SHRINK = 0.1  # of the covariance within experts, towards the same in all directions
WORDS = 40  # questions of an intent that whitening reads


class Remembering(Router):
    """A router that encodes no text twice."""

    known: dict[tuple[str, int], Encoded]

    def _encode(self, text: str, role: int) -> Encoded:
        known = self.__dict__.setdefault("known", {})
        if (text, role) not in known:
            known[text, role] = super()._encode(text, role)
        return known[text, role]


def calibration_half(trial: Trial) -> bool:
    """Whether a trial may be fitted on: a fixed half of families and of patterns."""
    key = trial.text if trial.kind in ("builtin", "none") else trial.family
    return share("calibrate " + key) < 0.5


def whitening(router: Router, shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean of questions [128], and the inverse root of their covariance within intents."""
    vectors: dict[str, list[np.ndarray]] = defaultdict(list)
    for source in ("clinc150", "banking77"):
        for group in intents(shared / f"{source}_train.jsonl.gz", source, WORDS)[0]:
            vectors[group.name] = [router.query(q).encoded.pooled for q in group.questions]
    stacks = [np.stack(found).astype(np.float64) for found in vectors.values()]
    centre = np.concatenate(stacks).mean(0)
    apart = np.concatenate([stack - stack.mean(0) for stack in stacks])
    covariance = apart.T @ apart / len(apart)
    level = np.trace(covariance) / len(covariance)
    covariance = (1 - SHRINK) * covariance + SHRINK * level * np.eye(len(covariance))
    values, axes = np.linalg.eigh(covariance)
    return centre, (axes / np.sqrt(values / level)) @ axes.T


def kind_weights(trials: list[Trial]) -> np.ndarray:
    kinds = [trial.kind for trial in trials]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    return np.array([PRIOR[kind] / counts[kind] for kind in kinds])


class Fit:
    """The negative log-likelihood of trials as a function of the comparisons' weights."""

    def __init__(self, router: Router, trials: list[Trial]) -> None:
        widest = max(len(trial.experts) for trial in trials)
        self.parts = np.zeros((len(trials), WEIGHTS, widest), np.float32)
        self.none = np.zeros((len(trials), REGIMES * NONE_PARTS), np.float32)
        self.open = np.zeros((len(trials), widest + 1), bool)
        self.right = np.zeros((len(trials), widest + 1), bool)
        self.open[:, -1] = True
        for i, trial in enumerate(trials):
            count = len(trial.experts)
            query = router.query(trial.text)
            cards = [expert.card for expert in trial.experts]
            catalogue = router.catalogue(cards)
            parts = catalogue.parts(query)
            by_regime = catalogue.regimes[:, None] * parts[None]
            self.parts[i, :-1, :count] = by_regime.reshape(WEIGHTS - 1, count)
            self.parts[i, -1, :count] = np.log1p([len(card.examples) for card in cards])
            self.none[i] = catalogue.none_parts(query, parts).ravel()
            self.open[i, :count] = True
            self.right[i, :count] = [card.name in trial.right for card in cards]
            self.right[i, -1] = not trial.right
        self.weight = kind_weights(trials)
        self.kinds = np.array([trial.kind for trial in trials])
        mix = router.mix
        self.start = np.array([*mix.parts.ravel(), mix.count, *mix.none.ravel()], np.float64)

    def best(self) -> np.ndarray:
        """Weights [WEIGHTS + REGIMES * NONE_PARTS]; no comparison may count against an expert."""
        parts, none = torch.from_numpy(self.parts), torch.from_numpy(self.none)
        closed, wrong = torch.from_numpy(~self.open), torch.from_numpy(~self.right)
        weight = torch.from_numpy(self.weight)

        def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
            x = torch.tensor(point, requires_grad=True)
            experts = torch.einsum("f,nfc->nc", x[:WEIGHTS].float(), parts)
            nobody = none @ x[WEIGHTS:].float()
            every = torch.cat([experts, nobody[:, None]], 1)
            logp = every.masked_fill(closed, -1e9).log_softmax(-1)
            right = logp.masked_fill(wrong, -1e9).logsumexp(-1)
            rows = x[: WEIGHTS - 1].view(REGIMES, PARTS), x[WEIGHTS:].view(REGIMES, NONE_PARTS)
            drift = sum((row - row.mean(0)).square().mean() for row in rows)
            total = -(weight * right).sum() + DRIFT * drift
            total.backward()
            assert x.grad is not None
            return total.item(), x.grad.numpy()

        free = (None, None)
        bounds = [(0.0, None)] * (WEIGHTS - 1) + [free]
        bounds += [(0.0, 3.0), free, (0.0, 2.0), free, free] * REGIMES
        found = minimize(loss, self.start, jac=True, method="L-BFGS-B", bounds=bounds)
        print(f"{len(self.weight)} trials, loss {found.fun:.4f}, {found.nit} steps")
        print(self.decided(found.x))
        return found.x

    def decided(self, point: np.ndarray) -> dict[str, float]:
        """Share of trials whose most probable outcome is right, by kind."""
        experts = np.einsum("f,nfc->nc", point[:WEIGHTS].astype(np.float32), self.parts)
        every = np.concatenate([experts, (self.none @ point[WEIGHTS:])[:, None]], axis=1)
        best = np.where(self.open, every, -np.inf).argmax(1)
        right = self.right[np.arange(len(best)), best]
        return {kind: round(float(right[self.kinds == kind].mean()), 3) for kind in PRIOR}


def store(folder: Path, changed: dict[str, np.ndarray]) -> None:
    """Replace some weights, and the digest of all."""
    path, config = folder / "router.safetensors", folder / "config.json"
    save_file(load_file(path) | changed, path)
    path.chmod(0o644)
    facts = json.loads(config.read_text())
    facts["digest"] = blake2b(path.read_bytes(), digest_size=8).hexdigest()
    config.write_text(json.dumps(facts, indent=1) + "\n")


def weigh(folder: Path, phrasings: Path, shared: Path) -> None:
    """Fit and store whitening, then the weights of the comparisons, then the built-in cards."""
    (folder / "cards.safetensors").unlink(missing_ok=True)  # of other weights
    centre, root = whitening(Router.load(folder), shared)
    store(folder, {"centre": centre.astype(np.float32), "whitening": root.astype(np.float16)})
    trials = [trial for trial in calibration_trials(phrasings) if calibration_half(trial)]
    trials += intent_trials(shared)
    point = Fit(Remembering.load(folder), trials).best().astype(np.float32)
    mix = point[: WEIGHTS - 1].reshape(REGIMES, PARTS)
    none = point[WEIGHTS:].reshape(REGIMES, NONE_PARTS)
    print(np.round(mix, 2), np.round(point[WEIGHTS - 1], 2), np.round(none, 2))
    store(folder, {"mix": mix, "count": point[WEIGHTS - 1 : WEIGHTS], "none": none})
    Router.load(folder).keep_cards(folder, mrkl.builtin_experts())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, default=Path("router/data"))
    options = parser.parse_args()
    weigh(options.out, options.phrasings, options.shared)


if __name__ == "__main__":
    main()
