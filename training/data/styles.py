"""How the same question looks when other people type it.

In: a question and the texts in it that arguments copy. Out: the question in lower case, without
marks, with typing errors, carriers or politeness; the copied texts stay as they are.
"""

from __future__ import annotations

import random

from training.data.numbers_as_words import NUMBER_WORDS

BEFORE = (
    "hey ", "hi, ", "quick one: ", "ok so ", "please ", "pls ", "um ", "so ", "hello! ", "tell me: ",
    "my kid asks: ", "for work: ", "need this fast: ", "just wondering, ", "question: ", "yo ",
    "good morning, ", "sorry to bother you, ", "my teacher wants to know: ", "random but ",
)  # fmt: skip
AFTER = (
    " please", " pls", " thanks", " thx", "? thanks!", " ??", " asap", " (just curious)", " lol",
    ", roughly", " if you can", ", any idea?", " please and thank you", " tia", " cheers",
)  # fmt: skip
SWAPS = {
    "what is": "whats", "what's": "whats", "you": "u", "please": "pls", "people": "ppl",
    "because": "cuz", "tomorrow": "tmrw", "i'm": "im", "it's": "its", "don't": "dont",
    "how much": "how mutch", "the": "teh", "which": "wich", "with": "wiht",
    "are": "r", "there": "their", "would": "wud", "could": "cud", "does": "dose",
}  # fmt: skip
NEAR = {
    "a": "s", "s": "a", "e": "r", "r": "t", "t": "y", "i": "o", "o": "p", "n": "m", "m": "n",
    "l": "k", "h": "j", "d": "f", "c": "v", "u": "i", "g": "h",
}  # fmt: skip


def restyle(question: str, keep: tuple[str, ...], rng: random.Random) -> str:
    """One of many ways to type it. `keep` lists the texts that must survive as typed."""
    if rng.random() < 0.3:
        return question
    styled = question
    if rng.random() < 0.4:
        styled = _apart(styled, keep, str.lower)
    if rng.random() < 0.35:
        styled = styled.rstrip("?!. ")
    if rng.random() < 0.15:
        for old, new in rng.sample(sorted(SWAPS.items()), 4):
            styled = _apart(styled, keep, lambda part, o=old, n=new: _word(part, o, n))
    if rng.random() < 0.2:
        styled = _apart(styled, keep, lambda part: slip(part, rng))
    if rng.random() < 0.12:
        styled = rng.choice(BEFORE) + styled
    if rng.random() < 0.1:
        styled = styled.rstrip("?!. ") + rng.choice(AFTER)
    return styled if all(text in styled for text in keep) else question


def _apart(text: str, keep: tuple[str, ...], change):  # type: ignore[no-untyped-def]
    """Change only what lies outside the kept texts and tokens with digits."""
    spans: list[tuple[int, int]] = []
    for piece in keep:
        at = text.find(piece)
        if at >= 0:
            spans.append((at, at + len(piece)))
    out, end = [], 0
    for begin, stop in sorted(spans):
        if begin < end:
            continue
        out += [change(text[end:begin]), text[begin:stop]]
        end = stop
    return "".join([*out, change(text[end:])])


def _word(text: str, old: str, new: str) -> str:
    return f" {text} ".replace(f" {old} ", f" {new} ")[1:-1]


def slip(text: str, rng: random.Random) -> str:
    """One typing error in a longer word without digits."""
    words = text.split(" ")
    long = [
        i
        for i, word in enumerate(words)
        if len(word) > 4 and word.isalpha() and word.lower() not in NUMBER_WORDS
    ]
    if not long:
        return text
    i = rng.choice(long)
    word = words[i]
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        word = word[:at] + word[at + 1 :]
    elif kind == 1:
        word = word[:at] + word[at] + word[at:]
    elif kind == 2:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    else:
        word = word[:at] + NEAR.get(word[at], word[at]) + word[at + 1 :]
    words[i] = word
    return " ".join(words)
