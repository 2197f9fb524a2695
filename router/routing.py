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
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mrkl.router import shelf
from mrkl.router.encoder import Encoded, Encoder
from mrkl.router.lexical import Lexicon, average
from mrkl.router.scoring import SHORTLIST, CardVectors, Catalogue, Mix, Query
from mrkl.router.text import card_text, token_ids
from mrkl.router.tuning import SHELF, Tuning

if TYPE_CHECKING:
    from mrkl.experts.base import Card, Expert

NONE = "none"  # key of *none of them* in `Routing.probabilities`
EXAMPLES_READ = 1000  # example questions of a card that are read
CATALOGUES_KEPT = 8  # stacked catalogues kept ready
CARDS_KEPT = 50_000
_ANY = ("utf-8", "surrogatepass")  # an encoding of any text


@dataclass(frozen=True)
class Routing:
    """Who should answer.

    `expert` is the likeliest outcome's name, None where that is *none* or, after a calibration, not
    probable enough. `probabilities` sum to 1 over all experts and "none". `candidates` are the
    experts' names, best first.
    """

    expert: str | None
    probabilities: dict[str, float]
    candidates: list[str]


@dataclass(frozen=True)
class _Stacked:
    """Cards with their catalogue; `distinct`: their names differ and none is "none"."""

    cards: list[Card]
    names: list[str]
    by_number: NDArray[Any]  # the same names
    distinct: bool
    catalogue: Catalogue


class Router:
    """Scores texts against experts' cards. Safe to share between threads for routing."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.tuning = Tuning(encoder.config.digest)
        values = encoder.values
        self.mix = Mix(
            values["mix"],
            float(values["count"][0]),
            values["guess"],
            float(np.exp(values["shrink"])),
            values["none"],
            values["centre"],
            values["whitening"],
        )
        self.lexicon = Lexicon(values["lexicon"])
        self._cards: OrderedDict[bytes, CardVectors] = OrderedDict()
        self._stacked: list[_Stacked] = []  # the newest last

    @classmethod
    def load(cls, folder: str | Path | None = None, tuning: Path | None = None) -> Self:
        """The router that ships with the package, or one from a folder with
        router.safetensors and config.json, and what a user's own examples add from the folder
        `tuning`. Raises FileNotFoundError where a file is missing, TuningError."""
        if folder is None:
            with as_file(files("mrkl.router") / "data") as shipped:
                return cls.load(shipped, tuning)
        router = cls(Encoder.load(Path(folder)))
        router._cards.update(shelf.read(Path(folder) / SHELF))
        if tuning is not None:
            router.tuning = Tuning.read(tuning, router.encoder.config.digest)
            router._cards.update(shelf.read(tuning / SHELF))
        return router

    def save(self, folder: Path, experts: Sequence[Expert]) -> None:
        """Store the tuning, and the vectors of the cards it gives examples to, for `load`."""
        self.tuning.save(folder)
        changed = [expert for expert in experts if expert.card.name in self.tuning.examples]
        if changed:
            self.keep_cards(folder, changed)

    def use(self, tuning: Tuning) -> None:
        """Route with what was fitted or calibrated from now on."""
        self.tuning = tuning
        self._stacked = []

    def keep_cards(self, folder: str | Path, experts: Sequence[Expert]) -> None:
        """Store the vectors of these experts' cards (at least one) beside the weights in
        `folder`; `load` then need not encode them."""
        cards = [expert.card for expert in experts]
        vectors = {self._fingerprint(c, self.examples_of(c)): self.encode_card(c) for c in cards}
        shelf.write(Path(folder) / SHELF, vectors)

    def route(self, text: str, experts: Sequence[Expert]) -> Routing:
        """Route a text. Names must differ and none may be "none" (ValueError); with no experts
        on offer the outcome is *none* for certain."""
        if not experts:
            return Routing(None, {NONE: 1.0}, [])
        cards = [expert.card for expert in experts]
        stacked = self._stack(cards)
        names = stacked.names
        if not stacked.distinct:
            raise ValueError(f'experts need distinct names other than "{NONE}": {names}')
        scores, none = self._scores(text, stacked)
        tuning = self.tuning
        temperature = self.encoder.config.temperature * tuning.temperature
        logits = np.append(scores, none) / temperature
        raised = np.exp((logits - logits.max()).astype(np.float64))
        chance = (raised / raised.sum()).tolist()
        # a stable sort takes twice as long, and of so many experts nobody asks who came first
        order = np.argsort(-scores, kind="stable" if len(names) <= SHORTLIST else None)
        candidates: list[str] = stacked.by_number[order].tolist()
        probabilities = dict(zip([*names, NONE], chance, strict=True))
        best = candidates[0]
        enough = max(tuning.least, probabilities[NONE])
        return Routing(best if probabilities[best] >= enough else None, probabilities, candidates)

    def scores(self, text: str, experts: Sequence[Expert]) -> tuple[np.ndarray, float]:
        """Uncalibrated scores [experts] in the order given, and that of *none*."""
        return self._scores(text, self._stack([expert.card for expert in experts]))

    def _scores(self, text: str, stacked: _Stacked) -> tuple[np.ndarray, float]:
        catalogue, query = stacked.catalogue, self.query(text)
        parts = catalogue.parts(query)
        scores, none = catalogue.weighed(parts), catalogue.none_score(query, parts)
        if self.tuning.head is None:
            return scores, none
        gains = self.tuning.head.gains(query)
        told = [gains.get(name, 0.0) for name in stacked.names]
        return scores + np.array(told, np.float32), none

    def query(self, text: str) -> Query:
        """A text as it is compared with cards."""
        return Query(self._encode(text, role=0), self.lexicon.vector(text))

    def encode_card(self, card: Card) -> CardVectors:
        """The vectors of the card and of its examples that are read."""
        return self.vectors(card, self.examples_of(card))

    def vectors(self, card: Card, examples: tuple[str, ...]) -> CardVectors:
        """The vectors of the card with these examples, from the cache where both are known."""
        key = self._fingerprint(card, examples)
        known = self._cards.get(key)
        if known is not None:
            return known
        whole = self._encode(card_text(card), role=1)
        shown = [self._encode(text, role=0).pooled for text in examples]
        spelled = tuple(self.lexicon.vector(text) for text in examples)
        known = CardVectors(
            whole.pooled,
            whole.tokens,
            np.array(shown, np.float32).reshape(len(shown), len(whole.pooled)),
            self.lexicon.vector(card_text(card)),
            spelled,
            average(spelled),
            self.lexicon.habits(spelled),
            bool(card.description or card.parameters),
        )
        self._cards[key] = known
        while len(self._cards) > CARDS_KEPT:
            self._cards.popitem(last=False)
        return known

    def examples_of(self, card: Card) -> tuple[str, ...]:
        """The card's examples that are read, and a user's own."""
        return (*card.examples, *self.tuning.examples.get(card.name, ()))[:EXAMPLES_READ]

    def _encode(self, text: str, role: int) -> Encoded:
        return self.encoder.encode(token_ids(text, self.encoder.config.length), role)

    def catalogue(self, cards: list[Card]) -> Catalogue:
        """The cards (at least one) encoded and stacked; kept for the next call."""
        return self._stack(cards).catalogue

    def _stack(self, cards: list[Card]) -> _Stacked:
        kept = self._stacked  # another thread may put a new list in its place meanwhile
        for known in reversed(kept):
            if known.cards == cards:  # quick: the same objects, or different from the first one on
                if known is not kept[-1]:
                    self._stacked = [*(other for other in kept if other is not known), known]
                return known
        # copies, which lie side by side in memory: thousands of scattered ones are slow to reach
        names = [str(card.name.encode(*_ANY), *_ANY) for card in cards]
        distinct = len(set(names)) == len(names) and NONE not in names
        catalogue = Catalogue([self.encode_card(card) for card in cards], self.mix)
        known = _Stacked(list(cards), names, np.array(names, object), distinct, catalogue)
        self._stacked = [*kept, known][-CATALOGUES_KEPT:]
        return known

    def _fingerprint(self, card: Card, examples: tuple[str, ...]) -> bytes:
        """A digest [16] of the weights and of all that is read of a card."""
        read = [self.encoder.config.digest, card_text(card), "\x1e", *examples]
        content = "\x1f".join(read).encode("utf-8", "replace")
        return blake2b(content, digest_size=16).digest()
