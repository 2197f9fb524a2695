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
from itertools import pairwise
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
# trials and rare where people ask. Beside described cards, one question in five is for none of them
PRIOR = {
    "builtin": 0.22,
    "unseen": 0.24,
    "composed": 0.14,
    "none": 0.07,
    "near miss": 0.035,
    "removed": 0.03,
    "composed none": 0.03,
    "clinc150": 0.14,
    "clinc150 none": 0.03,
    "banking77": 0.08,
    "banking77 none": 0.02,
    "name alone": 0.04,
}
WEIGHTS = REGIMES * PARTS + 1
DRIFT = 3e-4  # keeps the rows of weights near one another
SHRINK = 0.1  # of the covariance within experts, towards the same in all directions
WIDTHS = (0, 16, 64, 1000)  # trials with as many experts are looked at together
STEPS = 400  # of the optimiser
ROUNDS = 2  # of fitting: whom *none* looks at follows from the weights found before
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
        self.parts = np.zeros((len(trials), PARTS, widest), np.float32)
        self.regimes = np.zeros((len(trials), REGIMES, widest), np.float32)
        self.counts = np.zeros((len(trials), widest), np.float32)
        self.asked = np.ones((len(trials), 3), np.float32)
        self.open = np.zeros((len(trials), widest + 1), bool)
        self.right = np.zeros((len(trials), widest + 1), bool)
        self.open[:, -1] = True
        for i, trial in enumerate(trials):
            count = len(trial.experts)
            query = router.query(trial.text)
            cards = [expert.card for expert in trial.experts]
            catalogue = router.catalogue(cards)
            self.parts[i, :, :count] = catalogue.parts(query)
            self.regimes[i, :, :count] = catalogue.regimes
            self.counts[i, :count] = np.log1p([len(card.examples) for card in cards])
            self.asked[i, [0, 2]] = query.encoded.none, np.log(count)
            self.open[i, :count] = True
            self.right[i, :count] = [card.name in trial.right for card in cards]
            self.right[i, -1] = not trial.right
        self.weight = kind_weights(trials)
        self.kinds = np.array([trial.kind for trial in trials])
        mix = router.mix
        self.start = np.array([*mix.parts.ravel(), mix.count, *mix.none.ravel()], np.float64)

    def scores(self, point: np.ndarray) -> np.ndarray:
        """Of every expert on offer [trials, experts]; -inf for the others."""
        mix = point[: WEIGHTS - 1].reshape(REGIMES, PARTS).astype(np.float32)
        found = np.einsum("rf,nfc,nrc->nc", mix, self.parts, self.regimes, optimize=True)
        return np.where(self.open[:, :-1], found + point[WEIGHTS - 1] * self.counts, -np.inf)

    def none_parts(self, point: np.ndarray) -> np.ndarray:
        """As `Catalogue.none_parts` sees them with these weights [trials, REGIMES * NONE_PARTS]."""
        rows, best = np.arange(len(self.parts)), self.scores(point).argmax(1)
        told = np.concatenate([self.asked, self.parts[rows, :, best]], axis=1)
        each = self.regimes[rows, :, best][:, :, None] * told[:, None]
        return each.reshape(len(rows), -1)

    def best(self) -> np.ndarray:
        """Weights [WEIGHTS + REGIMES * NONE_PARTS]; no comparison may count against an expert."""
        point = self.start
        for _ in range(ROUNDS):
            point = self._better(point)
        return point

    def _better(self, start: np.ndarray) -> np.ndarray:
        widths = self.open[:, :-1].sum(1)
        none = self.none_parts(start)
        bins = [np.flatnonzero((widths > a) & (widths <= b)) for a, b in pairwise(WIDTHS)]
        batches = [self._batch(rows, widths[rows].max(), none) for rows in bins if len(rows)]

        def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
            x = torch.tensor(point, requires_grad=True)
            total = torch.zeros(())
            for parts, none, closed, wrong, weight in batches:
                experts = torch.einsum("f,nfc->nc", x[:WEIGHTS].float(), parts)
                every = torch.cat([experts, (none @ x[WEIGHTS:].float())[:, None]], 1)
                logp = every.masked_fill(closed, -1e9).log_softmax(-1)
                total = total - (weight * logp.masked_fill(wrong, -1e9).logsumexp(-1)).sum()
            rows = x[: WEIGHTS - 1].view(REGIMES, PARTS), x[WEIGHTS:].view(REGIMES, NONE_PARTS)
            total = total + DRIFT * sum((row - row.mean(0)).square().mean() for row in rows)
            total.backward()
            assert x.grad is not None
            return total.item(), x.grad.numpy()

        free = (None, None)
        bounds = [(0.0, None)] * (WEIGHTS - 1) + [free]
        bounds += [(0.0, 3.0), free, (0.0, 2.0), *[free] * PARTS] * REGIMES
        limit = {"maxiter": STEPS}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=limit)
        print(f"{len(self.weight)} trials, loss {found.fun:.4f}, {found.nit} steps")
        print(self.decided(found.x))
        return found.x

    def _batch(self, rows: np.ndarray, width: int, none: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Some trials with at most `width` experts each."""
        columns = [*range(width), self.open.shape[1] - 1]
        parts = self.regimes[rows, :, None, :width] * self.parts[rows, None, :, :width]
        parts = parts.reshape(len(rows), WEIGHTS - 1, width)
        counts = self.counts[rows, None, :width]
        return (
            torch.from_numpy(np.concatenate([parts, counts], axis=1)),
            torch.from_numpy(none[rows]),
            torch.from_numpy(~self.open[rows][:, columns]),
            torch.from_numpy(~self.right[rows][:, columns]),
            torch.from_numpy(self.weight[rows]),
        )

    def decided(self, point: np.ndarray) -> dict[str, float]:
        """Share of trials whose most probable outcome is right, by kind."""
        nobody = self.none_parts(point) @ point[WEIGHTS:]
        best = np.concatenate([self.scores(point), nobody[:, None]], axis=1).argmax(1)
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
    router = Remembering.load(folder)
    centre, root = whitening(router, shared)
    store(folder, {"centre": centre.astype(np.float32), "whitening": root.astype(np.float16)})
    trials = [trial for trial in calibration_trials(phrasings) if calibration_half(trial)]
    trials += intent_trials(shared)
    known, router = router.known, Remembering.load(folder)
    router.known = known
    store(folder, weights_of(Fit(router, trials).best().astype(np.float32)))
    Router.load(folder).keep_cards(folder, mrkl.builtin_experts())


def weights_of(point: np.ndarray) -> dict[str, np.ndarray]:
    """What `Fit.best` found, as it is stored."""
    mix, count, none = np.split(point, [WEIGHTS - 1, WEIGHTS])
    found = {
        "mix": mix.reshape(REGIMES, PARTS),
        "count": count,
        "none": none.reshape(REGIMES, NONE_PARTS),
    }
    print({name: np.round(value, 2).tolist() for name, value in found.items()})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, default=Path("router/data"))
    options = parser.parse_args()
    weigh(options.out, options.phrasings, options.shared)


if __name__ == "__main__":
    main()
