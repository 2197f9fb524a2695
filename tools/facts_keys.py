"""Names as keys: the one spelling under which the facts file stores and finds a name.

In: a name as written ("the Côte d’Ivoire", "St. Lucia"). Out: a key without case, accents,
punctuation or article ("cote d ivoire", "saint lucia"). Also the distance between two keys, for
small typing errors. Knows no facts.
"""

from __future__ import annotations

import re
import unicodedata

_PUNCTUATION = re.compile(r"[^\w]+")
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe"})


def name_key(name: str) -> str:
    """The key of a name: lower case, unaccented, words separated by single spaces."""
    text = unicodedata.normalize("NFKD", name.casefold().translate(_PLAIN))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    words = _PUNCTUATION.sub(" ", text.replace("&", " and ").replace("_", " ")).split()
    if len(words) > 1 and words[0] in ("the", "a", "an"):
        words = words[1:]
    if len(words) > 1 and words[0] == "st":
        words[0] = "saint"
    return " ".join(words)


def distance(left: str, right: str, limit: int) -> int:
    """Edits between two keys (insert, delete, replace, swap of neighbours); above `limit`: limit + 1.

    Time grows with the product of the lengths, so callers bound those.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
