"""A language module behind an OpenAI-compatible endpoint (vLLM, llama.cpp server, any other).

In: `openai:URL`, or `openai:URL#model`. Out: drafts and wordings, in the plan language of
docs/contracts.md, parsed strictly; a reply that does not fit is sent back once with the reason.
The key is read from MRKL_API_KEY or OPENAI_API_KEY (environment or keyring). Nothing is sent but to that URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urldefrag, urlsplit

from mrkl.budget import Meter
from mrkl.faithful import fault
from mrkl.language import Draft, ModelError, Offer, Outcomes, Turn
from mrkl.plan import PlanError, parse_plan
from mrkl.prompt import clean, render_result
from mrkl.tools.secrets import keep, load
from mrkl.trace import Trace

if TYPE_CHECKING:
    import httpx

Messages: TypeAlias = "list[dict[str, str]]"

CONFIDENCE = 0.9  # an endpoint tells nothing of its certainty; a placeholder until it is measured
_MAX_REPLY = 1_000_000  # bytes
_PLAN_TOKENS = 400
_ANSWER_TOKENS = 120
_SAY, _ABSTAIN = "SAY", "ABSTAIN"


class OpenAICompatible:
    """Asks one model of one endpoint, over one connection; usable from several threads."""

    def __init__(self, url: str, model: str | None = None, key: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ModelError(f"not the URL of an endpoint: {url!r}", "bad_arguments")
        self.url = url.rstrip("/")
        self.name = f"openai:{self.url}"
        self._model = model
        self._key = keep(key) if key else load("MRKL_API_KEY") or load("OPENAI_API_KEY")
        self._client: httpx.Client | None = None

    @classmethod
    def from_name(cls, name: str) -> OpenAICompatible:
        """From `openai:URL` or `openai:URL#model`; without a model the endpoint's first is used."""
        url, model = urldefrag(name.removeprefix("openai:"))
        return cls(url, model or None)

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """Ask for a plan; once more, with the reason, if the first reply cannot be used."""
        cards = "\n".join(card.line() for card in offer.cards.values())
        messages = [_message("system", _prompt("openai_system.txt").replace("{experts}", cards))]
        for asked, answered in history:
            messages += [_message("user", asked), _message("assistant", f"{_SAY} {answered}")]
        messages.append(_message("user", question))
        reply = self._chat(messages, _PLAN_TOKENS, meter)
        try:
            return _draft(reply, question, offer, messages)
        except PlanError as error:
            trace.add("note", text=f"the reply was sent back: {error}")
            messages += [_message("assistant", reply), _message("user", _sent_back(error))]
        reply = self._chat(messages, _PLAN_TOKENS, meter)
        try:
            return _draft(reply, question, offer, messages)
        except PlanError as error:
            raise ModelError(f"the model's plan cannot be used: {error}", "contract") from None

    def word(self, question: str, draft: Draft, outcomes: Outcomes, meter: Meter) -> str:
        """Ask for the answer's sentence, with slots."""
        results = "".join(render_result(k, out) for k, out in sorted(outcomes.items()))
        text = _prompt("openai_word.txt").replace("{results}", results)
        return self._chat([*draft.state, _message("user", text)], _ANSWER_TOKENS, meter)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _chat(self, messages: Messages, tokens: int, meter: Meter) -> str:
        meter.check()
        limit = min(tokens, max(1, meter.budget.tokens - meter.tokens))
        body = {
            "model": self._chosen(meter),
            "messages": messages,
            "temperature": 0,
            "max_tokens": limit,
        }
        reply = self._request("POST", "/chat/completions", meter, body)
        try:
            text = reply["choices"][0]["message"]["content"]
            usage: Any = reply.get("usage") or {}
            count: Any = usage.get("completion_tokens") or len(text) // 4 + 1
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ModelError(f"{self.url} sent no chat completion", "contract") from None
        if not isinstance(text, str) or not isinstance(count, int):
            raise ModelError(f"{self.url} sent no text", "contract")
        meter.spend_tokens(min(count, limit))
        return text.strip()

    def _chosen(self, meter: Meter) -> str:
        """The model's name; asked of the endpoint when none was given."""
        if self._model is None:
            listed = self._request("GET", "/models", meter)
            try:
                self._model = str(listed["data"][0]["id"])
            except (KeyError, IndexError, TypeError):
                raise ModelError(
                    f"{self.url} lists no model; name one: {self.name}#model", "contract"
                ) from None
        return self._model

    def _request(self, method: str, path: str, meter: Meter, body: Any = None) -> Any:
        import json

        import httpx

        if self._client is None:
            headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
            self._client = httpx.Client(headers=headers, follow_redirects=False)
        remaining = max(0.05, meter.deadline - meter.started - meter.seconds)
        try:
            with self._client.stream(
                method, f"{self.url}{path}", json=body, timeout=remaining
            ) as response:
                content = _bounded(response, meter)
        except httpx.TimeoutException:
            raise ModelError(f"{self.url} did not answer in time", "timeout") from None
        except httpx.HTTPError as error:
            raise ModelError(f"{self.url} cannot be reached: {error}", "offline") from None
        if response.status_code != 200:
            detail = clean(content[:200].decode("utf-8", "replace"))
            raise ModelError(f"{self.url} answered {response.status_code}: {detail}")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise ModelError(f"{self.url} did not send JSON", "contract") from None


def _bounded(response: httpx.Response, meter: Meter) -> bytes:
    """The body, if it is of a bearable size and there in time."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        meter.check()
        if len(content) > _MAX_REPLY:
            raise ModelError(f"a reply of more than {_MAX_REPLY:,} bytes", "contract")
    return bytes(content)


def _draft(reply: str, question: str, offer: Offer, messages: Messages) -> Draft:
    """Read a reply strictly; raises PlanError."""
    word, _, rest = reply.partition(" ")
    if word.rstrip(":") == _SAY:
        return Draft("say", text=rest.strip(), confidence=CONFIDENCE)
    if word.rstrip(":") == _ABSTAIN:
        return Draft("abstain", text=rest.strip(), confidence=CONFIDENCE)
    plan = parse_plan(reply, offer.cards)
    found = fault(plan, offer.cards, question)
    if found:
        raise PlanError(found)
    state = [*messages, _message("assistant", reply)]
    return Draft("plan", plan=plan, confidence=CONFIDENCE, state=state)


def _sent_back(error: PlanError) -> str:
    return f"That cannot be used: {error}. Reply again, with the plan (or SAY, ABSTAIN) only."


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@cache
def _prompt(name: str) -> str:
    return (resources.files("mrkl") / "data" / name).read_text(encoding="utf-8")
