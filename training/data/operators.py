"""Ways in which the same question is typed by other people.

In: a `Draft` (pieces of a question) and a random generator. Out: the same draft with changed
pieces. Slots and copied spans are never misspelled; only their case changes, and the arguments
follow because they are cut from the pieces afterwards. Two operators are kept for the held-out
split, so that unseen ways of typing can be measured.
"""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from training.data import wordings
from training.data.filling import Draft, Piece
from training.data.moments import MONTHS, WEEKDAYS
from training.data.numbers_as_words import NUMBER_WORDS

_NEIGHBOURS = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w",
    "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]{4,}")
# words that carry the meaning of a sum or a date are not misspelled beyond recognition
_SPARE = NUMBER_WORDS | {word.lower() for word in (*MONTHS, *WEEKDAYS)}


class Operator(Protocol):
    """Changes a draft in place; False when it does not apply."""

    def apply(self, draft: Draft, rng: random.Random) -> bool: ...


def _loose(draft: Draft) -> list[Piece]:
    """The pieces that are neither slots nor copied."""
    return [piece for piece in draft.pieces if piece.slot is None and not piece.frozen]


def _formula(draft: Draft) -> bool:
    return any(step.expert == "algebra" for step in draft.pattern.steps)


def _quoted(draft: Draft) -> bool:
    """Texts to be rewritten or spelled are left as they are."""
    return not draft.pattern.steps and bool(re.search(r"[\"“”]|'[^']{6,}'|\bspell", draft.question))


class LowerCase:
    """Everything in lower case, names too."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        for piece in draft.pieces:
            piece.text = piece.text.lower()
        return True


class UpperCase:
    """SHOUTING."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if _formula(draft) or len(draft.question) > 90:
            return False
        for piece in draft.pieces:
            piece.text = piece.text.upper()
        return True


class SentenceCase:
    """A capital at the start."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        first = draft.pieces[0]
        if first.slot or first.frozen:
            return False
        first.text = first.text[:1].upper() + first.text[1:]
        return True


class NoEndMark:
    """No question mark, no full stop."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        last = draft.pieces[-1]
        if last.slot or last.frozen:
            return False
        last.text = last.text.rstrip("?!. ")
        return True


class EndMarks:
    """A question mark, two, or dots."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if draft.pieces[-1].text[-1:] in "?!.":
            return False
        draft.pieces.append(Piece(rng.choice(("?", "?", "?", "??", " ?", "...", "!", "???"))))
        return True


class NoCommas:
    """Commas and apostrophes left out of the words around the values."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        for piece in _loose(draft):
            piece.text = re.sub(r"(?<=[a-z])['’](?=[a-z])", "", piece.text)
            if len(draft.pattern.types) < 3:
                piece.text = re.sub(r"(?<=[a-z]),(?= [a-z])", "", piece.text)
        return True


class _Typo(ABC):
    """Changes one or two longer words by `slip`."""

    @abstractmethod
    def slip(self, word: str, rng: random.Random) -> str:
        """The word with one error."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        places = [
            (piece, match.span())
            for piece in _loose(draft)
            for match in _WORD.finditer(piece.text)
            if match[0].lower() not in _SPARE
        ]
        if not places or _quoted(draft):
            return False
        piece, (start, end) = rng.choice(places)
        word = self.slip(piece.text[start:end], rng)
        piece.text = piece.text[:start] + word + piece.text[end:]
        return True


class NextKey(_Typo):
    """A key beside the right one."""

    def slip(self, word: str, rng: random.Random) -> str:
        at = rng.randrange(len(word))
        near = _NEIGHBOURS.get(word[at].lower(), word[at])
        return word[:at] + rng.choice(near) + word[at + 1 :]


class DoubledLetter(_Typo):
    """A letter twice."""

    def slip(self, word: str, rng: random.Random) -> str:
        at = rng.randrange(len(word))
        return word[:at] + word[at] + word[at:]


class DroppedLetter(_Typo):
    """A letter missing, never the first."""

    def slip(self, word: str, rng: random.Random) -> str:
        at = rng.randrange(1, len(word))
        return word[:at] + word[at + 1 :]


class SwappedLetters(_Typo):
    """Two letters in the wrong order. Held out."""

    def slip(self, word: str, rng: random.Random) -> str:
        at = rng.randrange(1, len(word) - 1)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _in_number(text: str, match: re.Match[str]) -> bool:
    """Whether a word joins parts of a number: `two hundred and fifty`, `three and a half`."""
    before, after = text[: match.start()].lower().split(), text[match.end() :].lower().split()
    if match[0].lower() == "and" and after[:2] in (["a", "half"], ["a", "quarter"]):
        return True
    return bool(before and after) and before[-1] in NUMBER_WORDS and after[0] in NUMBER_WORDS


class Synonyms:
    """A word for another that means the same here."""

    table = wordings.SYNONYMS
    most = 2

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if _quoted(draft):
            return False
        changed = 0
        for piece in _loose(draft):
            for match in reversed(list(wordings.finder(self.table).finditer(piece.text))):
                if _in_number(piece.text, match):
                    continue
                if changed < self.most and rng.random() < 0.6:
                    new = rng.choice(self.table[match[0].lower()])
                    new = new.capitalize() if match[0][0].isupper() else new
                    piece.text = piece.text[: match.start()] + new + piece.text[match.end() :]
                    changed += 1
        return changed > 0


class Abbreviations(Synonyms):
    """u, pls, whats, ppl."""

    table = wordings.ABBREVIATIONS
    most = 3


class Carrier:
    """Something said before the question."""

    texts = wordings.CARRIERS

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        first = draft.pieces[0]
        text = rng.choice(self.texts)
        if first.slot is None and not first.frozen and re.match(r"[A-Z][a-z]|A ", first.text):
            first.text = first.text[0].lower() + first.text[1:]
        draft.pieces.insert(0, Piece(text))
        return True


class Overheard(Carrier):
    """Carriers that report somebody else's question. Held out."""

    texts = wordings.OVERHEARD


class Trailer:
    """Something said after the question."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if not draft.pattern.steps and rng.random() < 0.8:
            return False
        NoEndMark().apply(draft, rng)
        draft.pieces.append(Piece(rng.choice(wordings.TRAILERS)))
        return True


class Distractor:
    """A clause with a number that has nothing to do with the question."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if not draft.pattern.steps or _formula(draft) or len(draft.question) > 140:
            return False
        n = rng.randint(2, 60)
        if rng.random() < 0.5:
            Carrier.apply(_Told(n), draft, rng)
        else:
            NoEndMark().apply(draft, rng)
            draft.pieces.append(Piece(rng.choice(wordings.DISTRACTORS_AFTER).format(n=n)))
        return True


class _Told(Carrier):
    def __init__(self, n: int) -> None:
        self.texts = tuple(text.format(n=n) for text in wordings.DISTRACTORS_BEFORE)


class Indirect:
    """`What is the X` → `could you tell me the X`."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        first = draft.pieces[0]
        if first.slot or first.frozen or not draft.pattern.steps:
            return False
        for start, leads in wordings.INDIRECT:
            match = start.match(first.text)
            if match:
                first.text = rng.choice(leads) + first.text[match.end() :]
                return True
        return False


class Telegraphic:
    """Small words left out: `capital peru`."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        if len(draft.question) > 70 or not draft.pattern.steps or _formula(draft):
            return False
        first = draft.pieces[0]
        if first.slot is None and not first.frozen:
            first.text = wordings.OPENING.sub("", first.text)
        for piece in _loose(draft):
            if rng.random() < 0.7:
                piece.text = re.sub(r"(?<![a-z'])(the|a|an|is|are|please) ", "", piece.text)
        return bool(draft.question.strip())


class ExtraSpaces:
    """A doubled or missing space between words."""

    def apply(self, draft: Draft, rng: random.Random) -> bool:
        places = [p for p in _loose(draft) if re.search(r"[a-z], ?[a-z]|[a-z] [a-z]", p.text)]
        if not places:
            return False
        piece = rng.choice(places)
        old, new = rng.choice(((", ", ","), (" ", "  "), (". ", "."), (", ", " , ")))
        piece.text = piece.text.replace(old, new, 1)
        return True


HELD_OUT: tuple[type[Operator], ...] = (SwappedLetters, Overheard)
# operator, share of questions it is tried on; applied in this order
_TABLE: tuple[tuple[type[Operator], float], ...] = (
    (Synonyms, 0.22), (Indirect, 0.1), (Telegraphic, 0.06), (Abbreviations, 0.16), (Carrier, 0.12),
    (Distractor, 0.05), (Trailer, 0.08), (NextKey, 0.06), (DoubledLetter, 0.05),
    (DroppedLetter, 0.08), (NoCommas, 0.2), (NoEndMark, 0.3), (EndMarks, 0.08), (ExtraSpaces, 0.02),
)  # fmt: skip
_PLAIN = 0.22  # share of questions left exactly as the pattern has them


def vary(draft: Draft, rng: random.Random, split: str) -> None:
    """Apply some operators; on the held-out split always one of the held-out ones as well."""
    if split == "heldout":
        _run(rng.choice(HELD_OUT), draft, rng)
    if rng.random() < _PLAIN:
        return
    for operator, share in _TABLE:
        if rng.random() < share:
            _run(operator, draft, rng)
    roll = rng.random()
    case: Callable[[], Operator] | None = (
        LowerCase
        if roll < 0.4
        else SentenceCase
        if roll < 0.48
        else UpperCase
        if roll < 0.49
        else None
    )
    if case is not None and not (_formula(draft) and case is UpperCase):
        case().apply(draft, rng)


def _run(operator: type[Operator], draft: Draft, rng: random.Random) -> None:
    if operator().apply(draft, rng):
        draft.used.append(operator.__name__)
