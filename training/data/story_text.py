"""The sentences of a story: slots filled with names, pronouns, things and numbers as people write them.

In: a text with slots such as `{He:P} sold {sold} of the {X}`. Out: the text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from training.data.numbers_as_words import in_words, typed_int
from training.data.words import listed

SLOT = re.compile(r"\{(?:([A-Za-z]+):)?(\w+)\}")
WOMEN = listed("""
Maria, Aisha, Priya, Sofia, Chloe, Ingrid, Lucia, Nadia, Fatima, Emma, Olivia, Ava, Mia, Zoe,
Hana, Elena, Anna, Julia, Sarah, Rachel, Amara, Leila, Mei, Anjali, Salma, Camila, Freya, Niamh,
Bridget, Isla, Manon, Grace, Ruby, Poppy, Violet, Nora, Greta, Matilda, Katya, Zofia, Eva,
Valentina, Beatriz, Zainab, Ngozi, Yara, Elif, Dana, Ruth, Paula, Rosa, Alice, Hannah, Jess,
Carla, Wendy, Tina, Mrs Lee, Ms Okafor, Aunt Jo, Grandma, Molly, Tessa, Ines, Karin, Lola, Megan,
Nell, Odette, Petra, Rita, Sunita, Tamsin, Ursula, Vera, Yuki, Abby, Beth, Carol, Deepa""")
MEN = listed("""
Tom, Jonas, Ben, Liam, Omar, Kenji, Oscar, Jack, Noah, Leo, Ethan, Ivan, Diego, Marco, Peter,
David, Mike, Kofi, Yusuf, Chen, Ravi, Tariq, Pedro, Lars, Sean, Callum, Hugo, Luc, Henry, Alfie,
Dexter, Arthur, Felix, Otto, Igor, Dmitri, Piotr, Janos, Mateo, Thiago, Kwame, Tunde, Hassan,
Mehmet, Nikos, Gil, Joel, Ahmed, Bob, Charlie, Mr Patel, Uncle Ray, Grandpa, Coach Dan, Will,
George, Harry, Finn, Rory, Stan, Bruno, Carlos, Emeka, Farid, Gus, Hamid, Ian, Jamal, Kurt,
Lorenzo, Milo, Nils, Owen, Paolo, Quentin, Rafael, Simon, Theo, Umar, Viktor, Wes, Xavi, Zach""")
_DAYS = frozenset(
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Christmas", "Easter",
     "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
     "November", "December", "Mr", "Mrs", "Dr", "Ms", "Aunt", "Uncle", "Grandma", "Grandpa", "Coach")
)  # fmt: skip
PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
}
_FRACTIONS = {
    "1/2": "half", "1/3": "a third", "2/3": "two thirds", "1/4": "a quarter", "3/4": "three quarters",
    "1/5": "a fifth", "2/5": "two fifths", "3/5": "three fifths", "1/6": "a sixth", "1/8": "an eighth",
    "3/8": "three eighths", "1/10": "a tenth",
}  # fmt: skip


def slots(text: str) -> Iterator[tuple[str, str]]:
    """(pronoun or "", name) of every slot."""
    for match in SLOT.finditer(text):
        yield match[1] or "", match[2]


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".!?" else text + "."


def number(value: Fraction, kind: str) -> str:
    """As an expression has it."""
    if kind == "fraction":
        return f"{value.numerator}/{value.denominator}"
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.2f}".rstrip("0")


@dataclass(frozen=True)
class Voice:
    """What each slot says in one telling."""

    texts: Mapping[str, str]
    people: Mapping[str, str]  # name of the slot → "she" or "he"
    rng: random.Random

    @staticmethod
    def of(
        words: Mapping[str, str | list[str]],
        values: Mapping[str, Fraction],
        kinds: Mapping[str, str],
        rng: random.Random,
    ) -> Voice:
        """Draw names and things, write the numbers."""
        texts: dict[str, str] = {"z": str(rng.randint(2, 60))}
        people: dict[str, str] = {}
        for name, choice in words.items():
            if isinstance(choice, list):
                texts[name] = rng.choice([c for c in choice if c not in texts.values()] or choice)
                continue
            people[name] = rng.choice(("she", "he")) if choice == "any" else choice
            names = WOMEN if people[name] == "she" else MEN
            texts[name] = rng.choice([n for n in names if n not in texts.values()]).replace(
                "~", " "
            )
        for name, value in values.items():
            texts[name] = spoken(value, kinds[name], rng)
        return Voice(texts, people, rng)

    def fill(self, text: str, met: set[str]) -> str:
        """The text with every slot filled; who is not among the `met` yet is called by name."""

        def put(match: re.Match[str]) -> str:
            pronoun, name = match[1] or "", match[2]
            new = name not in met
            met.add(name)
            if not pronoun or (new and pronoun.lower() != "himself"):
                return self.texts[name] + ("'s" if pronoun.lower() == "his" else "")
            said = PRONOUNS[self.people.get(name, "he")][pronoun.lower()]
            return said.capitalize() if pronoun[0].isupper() else said

        return SLOT.sub(put, text)

    def joined(self, parts: list[str]) -> list[str]:
        """Now and then two sentences as one, or all of a short story as one question with if."""
        *told, asked = parts
        if 1 <= len(told) <= 3 and self.rng.random() < 0.12:
            facts = [self._inside(part) for part in told]
            facts = [", ".join(facts[:-1]) + " and " + facts[-1]] if len(facts) > 1 else facts
            word = self.rng.choice(("if ", "If ", "if ", "say ", "Given that ", "suppose "))
            return [f"{word}{facts[0]}, {self._inside(asked)}"]
        if len(told) > 1 and self.rng.random() < 0.3:
            at = self.rng.randrange(len(told) - 1)
            glue = self.rng.choice((" and ", ", and ", "; ", ", ", ", while "))
            pair = told[at].rstrip(".") + glue + self._inside(told[at + 1]) + "."
            told[at : at + 2] = [pair]
        return [*told, asked]

    def _inside(self, text: str) -> str:
        """A sentence as it stands inside another: small initial, no full stop."""
        first = text.split(maxsplit=1)[0].rstrip(",'s.")
        proper = {name for slot in self.people for name in self.texts[slot].split()}
        known = first in proper or first in ("I", "I'm", "I've") or first in _DAYS
        return (text if known else text[:1].lower() + text[1:]).rstrip(".")


def spoken(value: Fraction, kind: str, rng: random.Random) -> str:
    """A number as people write it in a story."""
    if kind == "fraction":
        plain = number(value, kind)
        return plain if rng.random() < 0.15 else _FRACTIONS[plain]
    if kind == "percent":
        return number(value, kind) + rng.choice(("%", "%", "%", " percent", " per cent"))
    if kind == "times" and value.denominator == 1:
        if value == 2 and rng.random() < 0.8:
            return "twice"
        return f"{in_words(int(value)) if rng.random() < 0.6 else int(value)} times"
    if kind == "money":
        whole = value.denominator == 1
        digits = f"{int(value):,}" if whole and rng.random() < 0.5 else str(int(value))
        amount = digits if whole else f"{float(value):.2f}"
        return f"{amount} dollars" if rng.random() < 0.12 else f"${amount}"
    if value.denominator == 1 and kind == "count":
        return typed_int(int(value), rng)
    return number(value, kind)
