"""Measure a router and lexical baselines on the same trials; prints a table, writes JSON.

Rows: the trained router, TF-IDF cosine and BM25 over the same cards. Columns: held-out patterns
of built-in experts, held-out families of invented experts (five beside all built-in ones; card
alone or with two examples), AUROC of *none*, and the calibration error of the router.
"""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mrkl.router import NONE, Router
from mrkl.router.text import card_text
from training.router.trials import Trial, all_trials
from training.router.weigh import calibration_half

Scorer = Callable[[Trial], tuple[np.ndarray, float]]  # scores of experts, score of none


def trained(router: Router) -> Scorer:
    def score(trial: Trial) -> tuple[np.ndarray, float]:
        chance = router.route(trial.text, trial.experts).probabilities
        return np.array([chance[e.card.name] for e in trial.experts]), chance[NONE]

    return score


def whole_card(trial: Trial) -> list[str]:
    return [" ".join([card_text(e.card), *e.card.examples]) for e in trial.experts]


def tf_idf() -> Scorer:
    """Cosine over words, word pairs and character 2-5 grams of card and examples."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    fitted: dict[tuple[int, ...], tuple] = {}

    def score(trial: Trial) -> tuple[np.ndarray, float]:
        key = tuple(map(id, trial.experts))
        if key not in fitted:
            union = make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
            )
            fitted[key] = (union, union.fit_transform(whole_card(trial)))
        union, cards = fitted[key]
        scores = np.asarray((cards @ union.transform([trial.text]).T).todense()).ravel() / 2
        return scores, 1 - float(scores.max())

    return score


def bm25() -> Scorer:
    def words(text: str) -> list[str]:
        return "".join(c if c.isalnum() else " " for c in text.lower()).split()

    def score(trial: Trial) -> tuple[np.ndarray, float]:
        cards = [Counter(words(text)) for text in whole_card(trial)]
        mean = sum(sum(card.values()) for card in cards) / len(cards)
        scores = np.zeros(len(cards))
        for word in set(words(trial.text)):
            having = sum(word in card for card in cards)
            weight = math.log(1 + (len(cards) - having + 0.5) / (having + 0.5))
            for i, card in enumerate(cards):
                count, length = card[word], sum(card.values())
                scores[i] += weight * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / mean))
        return scores, -float(scores.max())

    return score


def auroc(none: list[float], is_none: list[bool]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_none, none))


def calibration_error(found: list[tuple[float, bool]]) -> float:
    """ECE in ten equal bins of the winning outcome's probability."""
    total = 0.0
    for low in np.arange(0, 1, 0.1):
        part = [(p, ok) for p, ok in found if low < p <= low + 0.1]
        if part:
            total += abs(sum(p for p, _ in part) - sum(ok for _, ok in part))
    return total / len(found)


def measure(scorer: Scorer, trials: list[Trial], probable: bool) -> dict[str, float]:
    """Accuracies by kind (none not counted against experts), AUROC of none, ECE."""
    hits: dict[str, list[bool]] = {}
    none: list[float] = []
    is_none: list[bool] = []
    sure: list[tuple[float, bool]] = []
    decided: dict[str, list[bool]] = {}
    for trial in trials:
        scores, nobody = scorer(trial)
        best = trial.experts[int(scores.argmax())].card.name
        none.append(nobody)
        is_none.append(not trial.right)
        if trial.right:
            hits.setdefault(trial.kind, []).append(best in trial.right)
        if probable:
            chosen = () if nobody > scores.max() else (best,)
            ok = bool(set(chosen) & set(trial.right)) or (not chosen and not trial.right)
            sure.append((max(nobody, float(scores.max())), ok))
            decided.setdefault(trial.kind, []).append(ok)
    out = {f"{kind} top-1": float(np.mean(found)) for kind, found in sorted(hits.items())}
    out["none AUROC"] = auroc(none, is_none)
    if probable:
        unseen = [s for s, t in zip(sure, trials, strict=True) if t.kind not in ("builtin", "none")]
        out |= {f"{kind} decided": float(np.mean(found)) for kind, found in decided.items()}
        out["ECE unseen"] = calibration_error(unseen)
    return {key: round(value, 4) for key, value in out.items()}


def speed(router: Router, trials: list[Trial]) -> dict[str, float]:
    """Milliseconds to route with cards already encoded, one call at a time."""
    times: list[float] = []
    for trial in trials[:400]:
        router.route(trial.text, trial.experts)
        began = time.perf_counter()
        router.route(trial.text, trial.experts)
        times.append(1000 * (time.perf_counter() - began))
    return {f"p{q} ms": round(float(np.percentile(times, q)), 2) for q in (50, 95)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    router = Router.load(options.weights)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for examples in (0, 2):
        trials = all_trials(options.phrasings, examples)
        trials = [trial for trial in trials if not calibration_half(trial)]
        print(f"-- {examples} examples a card:", dict(Counter(t.kind for t in trials)))
        for name, scorer in (
            ("router", trained(router)),
            ("tf-idf", tf_idf()),
            ("bm25", bm25()),
        ):
            found = measure(scorer, trials, name == "router")
            results.setdefault(name, {})[f"{examples} examples"] = found
            print(f"{name:8}", found)
    results["speed"] = {"routing": speed(router, trials)}
    print(results["speed"])
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
