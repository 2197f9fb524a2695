"""Draw training steps from the compact file: questions, cards, examples, who competes.

In: the arrays of data.py; out: `Step`s in which each question sees its own catalogue of 1-64
experts drawn from the step's cards: its own (missing in about 13 % of rows, then *none* is
right), near relatives, all built-ins or none of them.
"""

import itertools
import re
from dataclasses import dataclass

import numpy as np

BUILTIN, INVENTED = 0, 1
# where an expert is missing, these could still answer, so they leave the catalogue with it
STAND_INS = {
    "knowledge": ("encyclopedia",),
    "encyclopedia": ("knowledge",),
    "calculator": ("algebra", "units"),
    "algebra": ("calculator",),
    "units": ("calculator",),
    "weather": ("calendar",),
    "calendar": ("calculator",),
    "currency": ("calculator",),
}
# invented experts that could answer questions written for built-in ones
RIVALS = re.compile(
    r"working_days|nights_between|mean|percent|convert|dms_to|age|count|distance|date|days|"
    r"triangle|growth|number_to|gravity|voltage|fuel|speed|pressure|interest|round|prime|factor|"
    r"median|average|time|zone|week|hours|minutes|money|currency|weather|temperature|sum|split"
)


@dataclass
class Step:
    """One training step in numpy; `choice` [q, c] marks each question's catalogue."""

    questions: np.ndarray  # text ids [q]
    cards: np.ndarray  # text ids [c]
    examples: np.ndarray  # text ids [e]
    owner: np.ndarray  # card position of each example [e]
    choice: np.ndarray  # bool [q, c]
    right: np.ndarray  # bool [q, c], a subset of `choice`; no true value: none


class Sampler:
    """Draws steps; `held` selects the held-out half (validation) instead of training."""

    def __init__(self, data: dict[str, np.ndarray], seed: int, held: bool = False) -> None:
        self.data, self.rng = data, np.random.default_rng(seed)
        starts = np.concatenate([[0], np.cumsum(data["card_counts"])])
        self.cards = [data["card_texts"][a:b] for a, b in itertools.pairwise(starts)]
        self.names = [str(name) for name in data["group_names"]]
        self.sources, self.families = data["group_sources"], data["group_families"]
        builtin = self.sources == BUILTIN
        self.held = held
        self.groups = np.flatnonzero((data["group_held"] == held) | (builtin & held))
        self.rows = np.flatnonzero(data["row_held"] == held)
        single = (data["row_answers"][:, 0] >= 0) & (data["row_answers"][:, 1] < 0)
        self.own: list[np.ndarray] = [
            np.flatnonzero(single & (data["row_answers"][:, 0] == group))
            for group in range(len(self.names))
        ]
        usable = np.isin(np.arange(len(self.names)), self.groups)
        for group in range(len(self.names)):
            rows = self.own[group]
            keep = data["row_held"][rows] == held if builtin[group] else usable[group]
            self.own[group] = rows[keep] if np.ndim(keep) else rows if keep else rows[:0]
        none = data["row_answers"][:, 0] < 0
        ok = self.rows
        self.multi = ok[(data["row_answers"][ok, 1] >= 0) & (data["row_sources"][ok] == BUILTIN)]
        self.none_rows = {s: ok[none[ok] & (data["row_sources"][ok] == s)] for s in range(4)}
        self.rival = np.array([bool(RIVALS.search(name)) for name in self.names])
        self.databases = np.array([name.startswith("database#") for name in self.names])

    def _pick_cards(self, count: int) -> np.ndarray:
        """Groups of this step: every built-in, one database, families whole, others at random."""
        rng = self.rng
        fixed = self.groups[(self.sources[self.groups] == BUILTIN) & ~self.databases[self.groups]]
        database = rng.choice(self.groups[self.databases[self.groups]], 1)
        rest = self.groups[self.sources[self.groups] != BUILTIN]
        # invented experts weigh more: they are what the router is for
        weight = np.where(self.sources[rest] == INVENTED, 2.0, 1.0)
        size = min(count - len(fixed) - 1, len(rest))
        drawn = rng.choice(rest, size, replace=False, p=weight / weight.sum())
        kin = rest[np.isin(self.families[rest], self.families[drawn])]
        return np.unique(np.concatenate([fixed, database, drawn, kin]))

    def step(self, questions: int, cards: int, examples: int) -> Step:
        """`questions` rows, about `cards` cards, at most `examples` example texts."""
        rng, data = self.rng, self.data
        groups = self._pick_cards(cards)
        position = np.full(len(self.names), -1)
        position[groups] = np.arange(len(groups))
        # wording 0 is the run-time form of the card: half of all draws
        texts = np.array(
            [
                self.cards[g][0 if rng.random() < 0.4 else rng.integers(len(self.cards[g]))]
                for g in groups
            ]
        )
        asked: list[int] = []
        shown: list[tuple[int, int]] = []
        budget = int(questions * 0.82)
        share = np.where(self.sources[groups] == BUILTIN, 6.0, 1.0)
        wanted = np.ceil(budget * share / share.sum()).astype(int)
        for place, group in enumerate(groups):
            rows = rng.permutation(self.own[group])
            few = min(int(rng.integers(0, 6)) if rng.random() < 0.5 else 0, len(rows) // 2)
            shown += [(int(row), place) for row in rows[:few]]
            asked += rows[few : few + wanted[place]].tolist()
        rng.shuffle(shown)
        shown = shown[:examples]
        for source, part in ((BUILTIN, 0.07), (INVENTED, 0.06), (2, 0.02)):
            if len(self.none_rows[source]):
                asked += rng.choice(self.none_rows[source], int(questions * part)).tolist()
        if len(self.multi):
            asked += rng.choice(self.multi, int(questions * 0.06)).tolist()
        rows = rng.permutation(np.array(asked))[:questions]
        choice, right = self._catalogues(rows, groups, position)
        return Step(
            data["row_texts"][rows],
            texts,
            data["row_texts"][[row for row, _ in shown]] if shown else np.zeros(0, np.int32),
            np.array([place for _, place in shown], np.int64),
            choice,
            right,
        )

    def _catalogues(
        self, rows: np.ndarray, groups: np.ndarray, position: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which cards compete for each row [q, c], and which of them are right."""
        rng, data = self.rng, self.data
        q, c = len(rows), len(groups)
        answers = data["row_answers"][rows].astype(int)
        places = np.where(answers >= 0, position[answers], -1)
        right = np.zeros((q, c), bool)
        for column in range(places.shape[1]):
            found = places[:, column] >= 0
            right[np.flatnonzero(found), places[found, column]] = True
        complete = ((answers < 0) | (places >= 0)).all(1)
        source, kinds = data["row_sources"][rows], self.sources[groups]
        near = data["row_near"][rows].astype(int)
        allowed = self._allowed(source, kinds, near, groups)
        missing = (rng.random(q) < 0.13) | ~complete
        allowed &= ~(missing[:, None] & self._stand_ins(answers, groups))
        priority = rng.random((q, c))
        own_family = self.families[np.maximum(np.where(near >= 0, near, answers[:, 0]), 0)]
        kin = self.families[groups][None, :] == own_family[:, None]
        kin &= ((answers[:, 0] >= 0) | (near >= 0))[:, None]
        priority -= kin & (rng.random(q) < 0.6)[:, None]
        # a near miss of X: X itself competes, its siblings (who might answer) do not
        self_near = groups[None, :] == near[:, None]
        allowed &= ~(kin & (near >= 0)[:, None] & ~self_near)
        priority -= 2 * self_near
        all_builtin = (rng.random(q) < 0.6)[:, None] & (kinds == BUILTIN)[None, :]
        priority -= 2 * all_builtin
        priority[~allowed | right] = 9
        size = np.exp(rng.uniform(0, np.log(64), q)).astype(int) + 8 * all_builtin.any(1)
        size = np.maximum(size, 1)
        rank = np.argsort(np.argsort(priority, axis=1), axis=1)
        choice = (rank < size[:, None]) & allowed & ~right
        right &= ~missing[:, None]
        choice |= right
        empty = ~choice.any(1)
        if empty.any():  # a catalogue of one at least
            choice[np.flatnonzero(empty), np.argmin(priority[empty], axis=1)] = True
        return choice, right

    def _allowed(
        self, source: np.ndarray, kinds: np.ndarray, near: np.ndarray, groups: np.ndarray
    ) -> np.ndarray:
        """Sources that may meet: built-in and invented experts; each intent set by itself."""
        both = (source[:, None] <= INVENTED) & (kinds[None, :] <= INVENTED)
        allowed = both | (source[:, None] == kinds[None, :])
        rival = self.rival[groups] & (kinds == INVENTED)
        return allowed & ~((source == BUILTIN)[:, None] & rival[None, :])

    def _stand_ins(self, answers: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Experts that could still answer a row whose own expert is missing [q, c]."""
        out = np.zeros((len(answers), len(groups)), bool)
        names = [self.names[group] for group in groups]
        for i, row in enumerate(answers):
            if row[0] < 0:
                continue
            out_names: set[str] = set()
            for group in row[row >= 0]:
                name = self.names[group]
                out_names |= set(STAND_INS.get(name, ()))
                if self.sources[group] == INVENTED:
                    out_names |= {"calculator", "calendar", "units"}
            if out_names:
                out[i] = [name in out_names for name in names]
        return out
