"""`Router.load().route(text, experts) -> Routing`: the room's one door.

In: a subquery or a whole question and the experts on offer; out: calibrated probabilities with
*none of them* among the outcomes. Cards are encoded once and kept by their content. Routing says
who is likely to answer; whether two should be asked is the caller's choice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mrkl.router import shelf
from mrkl.router.encoder import Encoded, Encoder
from mrkl.router.lexical import Lexicon
from mrkl.router.scoring import CardVectors, Catalogue, Mix, Query
from mrkl.router.text import card_text, token_ids

if TYPE_CHECKING:
    from mrkl.experts.base import Card, Expert

NONE = "none"  # key of *none of them* in `Routing.probabilities`
EXAMPLES_READ = 32  # example questions of a card that are read
CATALOGUES_KEPT = 8  # stacked catalogues kept ready
CARDS_KEPT = 50_000
SHELF = "cards.safetensors"


@dataclass(frozen=True)
class Routing:
    """Who should answer.

    `expert` is the likeliest outcome's name, None where that is *none*. `probabilities` sum to 1
    over all experts and "none". `candidates` are the experts' names, best first.
    """

    expert: str | None
    probabilities: dict[str, float]
    candidates: list[str]


class Router:
    """Scores texts against experts' cards. Safe to share between threads for routing."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        values = encoder.values
        self.mix = Mix(
            values["mix"],
            values["guess"],
            float(np.exp(values["shrink"])),
            values["none"],
        )
        self.lexicon = Lexicon(values["lexicon"])
        self._cards: OrderedDict[bytes, CardVectors] = OrderedDict()
        # by the identity of the card objects, which are kept beside it and so stay alive
        self._catalogues: OrderedDict[tuple[int, ...], tuple[Catalogue, list[Card]]] = OrderedDict()

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Router:
        """The router that ships with the package, or one from a folder with
        router.safetensors and config.json. Raises FileNotFoundError where either is missing."""
        if folder is None:
            with as_file(files("mrkl.router") / "data") as shipped:
                return cls.load(shipped)
        router = cls(Encoder.load(Path(folder)))
        router._cards.update(shelf.read(Path(folder) / SHELF))
        return router

    def keep_cards(self, folder: str | Path, experts: Sequence[Expert]) -> None:
        """Store the vectors of these experts' cards (at least one) beside the weights in
        `folder`; `load` then need not encode them."""
        cards = [expert.card for expert in experts]
        vectors = {self._fingerprint(card): self.encode_card(card) for card in cards}
        shelf.write(Path(folder) / SHELF, vectors)

    def route(self, text: str, experts: Sequence[Expert]) -> Routing:
        """Route a text. Names must differ and none may be "none" (ValueError); with no experts
        on offer the outcome is *none* for certain."""
        names = [expert.card.name for expert in experts]
        if len(set(names)) != len(names) or NONE in names:
            raise ValueError(f'experts need distinct names other than "{NONE}": {names}')
        if not names:
            return Routing(None, {NONE: 1.0}, [])
        scores, none = self.scores(text, experts)
        config = self.encoder.config
        logits = np.append(scores, none) / config.temperature
        raised = np.exp((logits - logits.max()).astype(np.float64))
        chance = (raised / raised.sum()).tolist()
        order: list[int] = np.argsort(-scores, kind="stable").tolist()
        candidates = [names[i] for i in order]
        probabilities = dict(zip([*names, NONE], chance, strict=True))
        best = candidates[0]
        return Routing(
            best if probabilities[best] >= probabilities[NONE] else None, probabilities, candidates
        )

    def scores(self, text: str, experts: Sequence[Expert]) -> tuple[np.ndarray, float]:
        """Uncalibrated scores [experts] in the order given, and that of *none*."""
        catalogue = self.catalogue([expert.card for expert in experts])
        query = self.query(text)
        return catalogue.scores(query), catalogue.none_score(query)

    def query(self, text: str) -> Query:
        """A text as it is compared with cards."""
        return Query(self._encode(text, role=0), self.lexicon.vector(text).dense())

    def encode_card(self, card: Card) -> CardVectors:
        """The card's vectors, from the cache where its content is known."""
        key = self._fingerprint(card)
        known = self._cards.get(key)
        if known is not None:
            return known
        whole = self._encode(card_text(card), role=1)
        shown = [self._encode(text, role=0).pooled for text in card.examples[:EXAMPLES_READ]]
        examples = np.array(shown, np.float32).reshape(len(shown), len(whole.pooled))
        spelled = tuple(self.lexicon.vector(text) for text in card.examples[:EXAMPLES_READ])
        known = CardVectors(
            whole.pooled, whole.tokens, examples, self.lexicon.vector(card_text(card)), spelled
        )
        self._cards[key] = known
        while len(self._cards) > CARDS_KEPT:
            self._cards.popitem(last=False)
        return known

    def _encode(self, text: str, role: int) -> Encoded:
        return self.encoder.encode(token_ids(text, self.encoder.config.length), role)

    def catalogue(self, cards: list[Card]) -> Catalogue:
        """The cards (at least one) encoded and stacked; kept for the next call."""
        identity = tuple(map(id, cards))
        known = self._catalogues.get(identity)
        if known is not None:
            return known[0]
        catalogue = Catalogue([self.encode_card(card) for card in cards], self.mix)
        self._catalogues[identity] = (catalogue, cards)
        while len(self._catalogues) > CATALOGUES_KEPT:
            self._catalogues.popitem(last=False)
        return catalogue

    def _fingerprint(self, card: Card) -> bytes:
        """A digest [16] of the weights and of all that is read of a card."""
        read = [self.encoder.config.digest, card_text(card), "\x1e", *card.examples[:EXAMPLES_READ]]
        content = "\x1f".join(read).encode("utf-8", "replace")
        return blake2b(content, digest_size=16).digest()
