"""The expert for everything with an article: the first sentences of Wikipedia's summary.

In: a topic. Out: one or two sentences with the article's address and licence as source. It needs
the network; a topic with several meanings or without an article is no answer. The text is data
from outside: it is passed on, never followed.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result
from mrkl.experts.online import fetch

SERVICE = "https://en.wikipedia.org"
SENTENCES = 2
MAX_TEXT = 700  # characters
MAX_TOPIC = 150
_END = re.compile(r"[.!?][\"”’)]*(?=\s+[\"“(]?[A-Z0-9])")
_SHORT = frozenset(("dr", "mr", "mrs", "ms", "st", "vs", "no", "jr", "sr", "prof", "approx", "etc"))

_CARD = Card(
    name="encyclopedia",
    description=(
        "Who or what something is, from Wikipedia: people, events, works, places, ideas; "
        "the first sentences of the article."
    ),
    parameters=(Parameter("topic", "str", "what the article is about"),),
    returns="text",
    examples=(
        "who was Ada Lovelace",
        "what is photosynthesis",
        "tell me about the Peace of Westphalia",
    ),
)


def first_sentences(text: str, count: int = SENTENCES) -> str:
    """The first sentences of a text; a point after an initial or a short form ends none."""
    ends: list[int] = []
    for match in _END.finditer(text):
        word = re.split(r"[\s(]", text[: match.start()])[-1]
        if text[match.start()] == "." and (len(word) < 2 or word.casefold() in _SHORT):
            continue
        ends.append(match.end())
        if len(ends) == count:
            break
    cut = text[: ends[-1]] if len(ends) == count else text
    return cut if len(cut) <= MAX_TEXT else cut[: MAX_TEXT - 2].rsplit(" ", 1)[0] + " …"


class _Encyclopedia:
    """Asks one service; the address is a parameter so that tests can bring their own server."""

    def __init__(self, service: str, allow_loopback: bool) -> None:
        self.service = service.rstrip("/")
        self.allow_loopback = allow_loopback

    def __call__(self, arguments: dict[str, Any], context: Context) -> Result:
        topic = " ".join(str(arguments["topic"]).split()).strip("?!.\"'“”")
        if not topic or len(topic) > MAX_TOPIC:
            raise ExpertError("bad_arguments", f"the topic must have 1 to {MAX_TOPIC} characters")
        page = self._summary(topic, context) or self._nearest(topic, context)
        if page is None:
            raise ExpertError("no_answer", f"no article about {topic!r} was found")
        if page.get("type") == "disambiguation":
            raise ExpertError("no_answer", f"{topic!r} may mean several things: ask more exactly")
        text = first_sentences(str(page.get("extract") or "").strip())
        if not text:
            raise ExpertError("no_answer", f"the article about {topic!r} has no summary")
        title = str(page.get("title") or topic)
        address = f"{self.service}/wiki/{quote(title.replace(' ', '_'))}"
        return Result(text, source=f"{address} (CC BY-SA 4.0)", text=text)

    def _summary(self, title: str, context: Context) -> dict[str, Any] | None:
        path = quote(title.replace(" ", "_"), safe="")
        return self._get(f"/api/rest_v1/page/summary/{path}", {}, context)

    def _nearest(self, topic: str, context: Context) -> dict[str, Any] | None:
        """The summary of the best match of the title search: other spellings, lower case."""
        wanted = {"q": topic, "limit": "1"}
        found = self._get("/w/rest.php/v1/search/page", wanted, context)
        pages: list[dict[str, Any]] = (found or {}).get("pages") or []
        return self._summary(str(pages[0].get("key", "")), context) if pages else None

    def _get(self, path: str, params: dict[str, str], context: Context) -> dict[str, Any] | None:
        address = self.service + path
        return fetch(address, params, context, "the encyclopedia", self.allow_loopback)


def build(service: str = SERVICE, allow_loopback: bool = False) -> Expert:
    """The encyclopedia expert; `service` is the address of a MediaWiki with the REST interface."""
    function = _Encyclopedia(service, allow_loopback)
    return Expert(_CARD, function, effects="network", timeout=12.0)
