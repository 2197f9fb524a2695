"""Why the router would choose an expert: which words speak for it, which example is nearest.

In: a router, a text, the experts on offer, the name of one. Out: `Why`. A word's weight is how
far the expert's score falls when the word is left out; nothing else is claimed of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mrkl.experts.base import Expert
    from mrkl.router.routing import Router

MOST_WORDS = 40  # of a text; later ones are not left out in turn
PART_NAMES: tuple[str, ...] = (
    "card",
    "best example",
    "card and examples together",
    "words of the card",
    "spelling of the card",
    "spelling of the best example",
    "examples together, whitened",
    "spelling of the examples together",
    "habits of the examples",
    "the card's words in the question",
)


@dataclass(frozen=True)
class Why:
    """What speaks for an expert.

    `words`: (word, how far the score falls without it), most important first; only words whose
    absence costs something. `example`: the nearest example question and its cosine, if the card
    has any. `parts`: what each comparison adds to the score, by name.
    """

    expert: str
    words: tuple[tuple[str, float], ...]
    example: tuple[str, float] | None
    parts: dict[str, float]


def why(router: Router, text: str, experts: Sequence[Expert], name: str) -> Why:
    """Explain the score of the expert `name`; ValueError where it is not among `experts`."""
    place = next((i for i, expert in enumerate(experts) if expert.card.name == name), None)
    if place is None:
        raise ValueError(f"no expert {name!r} is on offer")
    whole, _ = router.scores(text, experts)
    words = text.split()
    falls: dict[str, float] = {}
    for at, word in enumerate(words[:MOST_WORDS]):
        less, _ = router.scores(" ".join(words[:at] + words[at + 1 :]), experts)
        falls[word] = max(falls.get(word, 0.0), float(whole[place] - less[place]))
    ranked = sorted(falls.items(), key=lambda pair: -pair[1])
    card = experts[place].card
    catalogue, query = router.catalogue([e.card for e in experts]), router.query(text)
    weighed = catalogue.weights[:, place] * catalogue.parts(query)[:, place]
    parts: dict[str, float] = dict(zip(PART_NAMES, weighed.tolist(), strict=True))
    head = router.tuning.head
    if head is not None:
        parts["fitted to your examples"] = head.gains(query).get(name, 0.0)
    vectors = router.encode_card(card)
    example = None
    if len(vectors.examples):
        near = vectors.examples @ query.encoded.pooled
        best = int(np.argmax(near))
        example = (router.examples_of(card)[best], float(near[best]))
    return Why(name, tuple((word, fall) for word, fall in ranked if fall > 0), example, parts)
