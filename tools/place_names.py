"""One spelling for names of places: lower case, no accents, no leading `the`, single blanks.

In: a name as typed. Out: the folded name that tables are keyed by. It knows no places.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe"}
_LETTERS = str.maketrans({**_PLAIN, **dict.fromkeys("’‘ʻ`", "'")})


def fold(name: str) -> str:
    """`São Paulo ` → `sao paulo`, `St. John's` → `st john's`, `the Netherlands` → `netherlands`."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"[\s.,_]+", " ", plain).strip(" ?!")
    return plain.removeprefix("the ")
