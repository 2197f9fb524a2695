"""How well a core calls experts that it knows only by their card: `python -m training.core.unseen_cards`.

In: the cards of families held out of training, with hand-written questions, values redrawn. Each
question is asked with its card beside all built-in experts, and --others cards of other families.
Out: how often the first call goes to the right expert and every argument is right, with n and 95 %
Wilson interval, and a row for each question.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mrkl import call_match
from mrkl.embedded import EmbeddedJamba
from mrkl.experts.base import Card, Expert, Result
from mrkl.experts.registry import BUILTINS, builtin_experts
from mrkl.language import Offer
from mrkl.plan import Plan, PlanError, given_plan
from mrkl.router import Router
from mrkl.score import wilson
from training.data.card_files import Asked, Question, load
from training.data.card_rows import varied


def drawn(count: int, seed: int) -> Iterator[tuple[Asked, Question]]:
    """Questions of the held-out cards, each card in turn, in a seeded order."""
    rng = random.Random(seed)
    asked = sorted(load("heldout"), key=lambda one: one.card.name)
    for number in range(count):
        if number % len(asked) == 0:
            rng.shuffle(asked)
        one = asked[number % len(asked)]
        question = rng.choice(one.questions)
        yield one, Question(*varied(question.text, question.arguments, one.card, rng))


def offered(card: Card, family: str, others: int, rng: random.Random) -> dict[str, Expert]:
    """All built-in experts, the card, and some of other held-out families."""
    strange = [one.card for one in load("heldout") if one.family != family]
    cards = [card, *rng.sample(strange, others)]
    rng.shuffle(cards)
    experts = [*builtin_experts(), *(Expert(one, lambda *_: Result(None)) for one in cards)]
    return {expert.name: expert for expert in experts}


def wanted(question: Question, card: Card) -> Plan | None:
    """The one call, or None where the written arguments do not fit the card's types."""
    try:
        return given_plan([("@", card.name, question.arguments)], {card.name: card})
    except PlanError:
        return None


def figure(hits: int, n: int) -> dict[str, Any]:
    low, high = wilson(hits, n)
    return {"right": hits, "n": n, "share": hits / n, "low": low, "high": high}


def main(a: argparse.Namespace) -> None:
    core, router = EmbeddedJamba.load(a.model), Router.load()
    rng = random.Random(a.seed)
    rows: list[dict[str, Any]] = []
    for one, question in drawn(a.count, a.seed):
        plan = wanted(question, one.card)
        if plan is None:
            continue
        experts = offered(one.card, one.family, a.others, rng)
        offer = Offer(experts, frozenset(BUILTINS), router)
        (found,) = call_match.matches(core, offer, [(question.text, plan)])
        told = {"card": one.card.name, "question": question.text, "arguments": question.arguments}
        rows.append({**told, "expert": found.expert, "exact": found.exact})
    n = len(rows)
    figures = {what: figure(sum(row[what] for row in rows), n) for what in ("expert", "exact")}
    for what, name in (("expert", "first expert right"), ("exact", "call exact")):
        f = figures[what]
        print(f"{name}: {f['right']} of {n} = {f['share']:.1%} ({f['low']:.1%} to {f['high']:.1%})")
    if a.out:
        settings = {"count": a.count, "seed": a.seed, "others": a.others}
        a.out.write_text(json.dumps({**settings, **figures, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--others", type=int, default=0, help="further cards on offer")
    parser.add_argument("--model", type=Path, help="a folder; default: the core that ships")
    parser.add_argument("--out", type=Path)
    main(parser.parse_args())
