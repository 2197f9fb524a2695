"""Which other cards stand beside the right one: relatives, and cards that sound like the question.

In: a question and the right card. Out: up to three more cards. Nearness is the sum of the inverse
document frequencies of the words that a question shares with a card's text.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from functools import cache

from mrkl.experts.base import Card
from training.data.card_files import SERVED, Asked, load
from training.data.card_surface import dressed

_WORD = re.compile(r"[a-z]{3,}")
_BUILT_IN = re.compile(
    r"weather|sunrise|sunset|percent|vat|area|volume|convert|mean|median|average|\bage\b|days|date|"
    r"weekday|currency|population|country|capital|element|planet|moon|units?\b|equation|root|"
    r"translate|definition|count|time zone|timezone|year|interest|sum of|duration|temperature",
    re.IGNORECASE,
)


def _words(text: str) -> set[str]:
    return {
        word[:-1] if word.endswith("s") and len(word) > 4 else word
        for word in _WORD.findall(text.lower().replace("_", " "))
    }


def _card_words(card: Card) -> set[str]:
    told = " ".join(f"{p.name} {p.description} {p.type}" for p in card.parameters)
    return _words(f"{card.name} {card.description} {told}")


@cache
def _index() -> tuple[dict[str, tuple[int, ...]], tuple[frozenset[str], ...]]:
    """word → cards of the training split that have it; the words of each card."""
    bags = tuple(frozenset(_card_words(one.card)) for one in load("train"))
    found: dict[str, list[int]] = defaultdict(list)
    for number, bag in enumerate(bags):
        for word in bag:
            found[word].append(number)
    # a word on very many cards tells nothing
    return {w: tuple(n) for w, n in found.items() if len(n) <= len(bags) // 8}, bags


def nearest(question: str, count: int) -> list[Asked]:
    """The training cards whose words the question shares most."""
    where, bags = _index()
    score: Counter[int] = Counter()
    for word in sorted(_words(question)):  # a seed must give the same rows in every process
        cards = where.get(word, ())
        if cards:
            weight = math.log(len(bags) / len(cards))
            for number in cards:
                score[number] += weight  # type: ignore[assignment]
    known = load("train")
    return [known[number] for number, _ in score.most_common(count)]


def alike(one: Card, other: Card) -> bool:
    """Whether two cards describe nearly the same thing, so that either might answer."""
    a, b = _card_words(one), _card_words(other)
    return len(a & b) >= 0.45 * min(len(a), len(b))


def beside(question: str, right: Asked, rng: random.Random) -> list[Card]:
    """None to three other cards for a question that `right` answers.

    None when the question is a bare value (`27`): only with one card on offer does it say enough.
    """
    if bare(question, right.card):
        return []
    count = rng.choice((0, 1, 2, 3, 3))
    others = load("train")
    chosen: list[Asked] = []
    if rng.random() < 0.6:
        pool = [o for o in _family(right.family) if o.card.name != right.card.name]
        chosen += rng.sample(pool, min(len(pool), count))
    if rng.random() < 0.6:
        near = [o for o in nearest(question, 9) if o.family != right.family]
        near = [o for o in near if not alike(o.card, right.card)]
        chosen += rng.sample(near, min(len(near), max(0, count - len(chosen))))
    while len(chosen) < count:
        other = rng.choice(others)
        if other.family != right.family and other not in chosen:
            chosen.append(other)
    return [clothed(o.card, rng) for o in chosen[:count]]


@cache
def _family(name: str) -> tuple[Asked, ...]:
    return tuple(o for o in (*load("train"), *load("heldout")) if o.family == name)


def bare(question: str, card: Card) -> bool:
    """Whether a short question shares no word with the card that answers it."""
    told = _WORD.findall(question.lower())
    return len(told) < 5 and not _words(question) & _card_words(card)


def strangers(question: str, family: str, rng: random.Random) -> list[Card]:
    """One to four cards that do not answer the question, some sounding like it."""
    count = rng.randint(1, 4)
    near = [o for o in nearest(question, 6) if o.family != family]
    chosen = rng.sample(near, min(len(near), rng.randint(0, count)))
    while len(chosen) < count:
        other = rng.choice(load("train"))
        if other.family != family and other not in chosen:
            chosen.append(other)
    return [clothed(o.card, rng) for o in chosen]


def tempting(question: str, rng: random.Random) -> list[Card]:
    """One to four cards for a question that a built-in expert answers, some sounding like it."""
    near = [o.card for o in nearest(question, 16) if not _serves(o.card)]
    chosen = rng.sample(near[:6], min(len(near), rng.randint(0, 2), 6))
    chosen += [o.card for o in rng.sample(load("train"), rng.randint(1, 2))]
    unique = {card.name: card for card in chosen}
    return [clothed(card, rng) for card in unique.values()]


def _serves(card: Card) -> bool:
    """Whether a card may do the work of a built-in expert."""
    text = f"{card.name.replace('_', ' ')} {card.description}"
    return bool(_BUILT_IN.search(text) or SERVED.search(text))


def clothed(card: Card, rng: random.Random) -> Card:
    """The card as it is, or with another surface."""
    return dressed(card, rng)[0] if rng.random() < 0.4 else card
