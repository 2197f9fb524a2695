"""Which words an answer may use by itself.

In: a wording, and the texts it stands on (question, subqueries, results). Out: words and currency
signs that come from none of them and are not among the few that any answer may use. A small core
that has learnt its sentences by heart would otherwise call a grandmother a horse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# From the answers of the hand-written patterns: words that at least four of them use though neither
# question nor subquery has them; units and things taken out.
_OWN = """
a about above across add after against all altogether an and apart are around as at average
averaged away back be becomes been before belongs below between blows boils borders bring by
came can can't change check colder come comes compare cost costing costs cover covered
covers cubed did differ difference differs discovered do does done doubled down drops each
end ends enough enter equals everyone expect factors falls fewer fill finish first for
forecast found from gained gap get gets give gives go goes got grows had half has have here
high hold holds i i'd if in into is isn't it it's its keep know known knows lasted lasts
later leaves leaving left less lie lies like live long look low make makes match means
measures melts more need needs negative next no nobody none not now number of off old on
once one only or other out over paid part past pay pays people per positive put ran rate
reach reaches read reads remain result right rise rises round rounds run runs save say
second set sets should since smaller so solution speak squared stands start starts stay sum
take takes tall tell than that that's the them then there these they those three times to
together tomorrow's took total turn turns until up us use used uses value walked was weigh
weighs were where whether which whose wide will with without works worth would write yes you
you'd you'll your zero answer answers bigger biggest exactly larger largest solutions values
whole
"""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[$€£¥₹]")
OWN = frozenset(_OWN.split())
_STEM = 4  # letters in which two forms of a word agree: tall, taller; cost, costs


def strange_words(text: str, sources: Iterable[str]) -> list[str]:
    """The words of `text` that are neither its own nor in a source, in order."""
    known = {word for source in sources for word in _words(source)}
    stems = {word[:_STEM] for word in known if len(word) >= _STEM}
    return [
        word
        for word in _words(text)
        if word not in OWN and word not in known and word[:_STEM] not in stems
    ]


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text.casefold().replace("’", "'")):
        yield match[0]
