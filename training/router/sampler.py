"""Draw training steps from the compact file: questions, cards, examples, who competes.

In: the arrays of data.py; out: `Step`s in which each question sees its own catalogue of 1-64
experts drawn from the step's cards: its own (missing in about 13 % of rows, then *none* is
right), near relatives, all built-ins or none of them.
"""

import itertools
import re
from dataclasses import dataclass

import numpy as np

BUILTIN, INVENTED, COMPOSED = 0, 1, 4
DESCRIBED = (BUILTIN, INVENTED, COMPOSED)  # may stand in one catalogue
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


def pair_table(pairs: np.ndarray, count: int) -> np.ndarray:
    """Which groups make a pair, both ways round: bool [groups, groups]."""
    table = np.zeros((count, count), bool)
    table[pairs[:, 0], pairs[:, 1]] = table[pairs[:, 1], pairs[:, 0]] = True
    return table


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
        self.none_rows = {s: ok[none[ok] & (data["row_sources"][ok] == s)] for s in range(5)}
        self.near = pair_table(data["near_pairs"], len(self.names))
        self.twins = pair_table(data["twin_pairs"], len(self.names))
        self.rival = np.array([bool(RIVALS.search(name)) for name in self.names])
        self.databases = np.array([name.startswith("database#") for name in self.names])

    def _relatives(self, drawn: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Families whole, and one that may be taken for each composed expert drawn."""
        kin = rest[np.isin(self.families[rest], self.families[drawn])]
        near = [np.flatnonzero(self.near[group]) for group in drawn]
        taken = [self.rng.choice(found) for found in near if len(found)]
        return np.concatenate([drawn, kin, rest[np.isin(rest, taken)]])

    def _pick_cards(self, count: int) -> np.ndarray:
        """Groups of this step: every built-in, one database, families whole, others at random."""
        rng = self.rng
        fixed = self.groups[(self.sources[self.groups] == BUILTIN) & ~self.databases[self.groups]]
        database = rng.choice(self.groups[self.databases[self.groups]], 1)
        rest = self.groups[self.sources[self.groups] != BUILTIN]
        # invented experts are what the router is for; of intents there are few
        weight = np.array([1.0, 2.0, 4.0, 4.0, 1.5])[self.sources[rest]]
        size = min(count - len(fixed) - 1, len(rest))
        drawn = rng.choice(rest, size, replace=False, p=weight / weight.sum())
        return np.unique(np.concatenate([fixed, database, self._relatives(drawn, rest)]))

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
        allowed &= ~(self.twins[np.maximum(answers[:, 0], 0)][:, groups] & (answers[:, :1] >= 0))
        missing = (rng.random(q) < 0.13) | ~complete
        allowed &= ~(missing[:, None] & self._stand_ins(answers, groups))
        priority = rng.random((q, c))
        own = np.maximum(np.where(near >= 0, near, answers[:, 0]), 0)
        kin = self.families[groups][None, :] == self.families[own][:, None]
        kin |= self.near[own][:, groups]
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
        """Sources that may meet: built-in, invented and composed experts; each intent set by
        itself. A composed expert could answer what is a near miss of an invented one."""
        both = np.isin(source, DESCRIBED)[:, None] & np.isin(kinds, DESCRIBED)[None, :]
        allowed = both | (source[:, None] == kinds[None, :])
        rival = self.rival[groups] & (kinds != BUILTIN)
        allowed &= ~((source == BUILTIN)[:, None] & rival[None, :])
        return allowed & ~((near >= 0)[:, None] & (kinds == COMPOSED)[None, :])

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
                if self.sources[group] in (INVENTED, COMPOSED):
                    out_names |= {"calculator", "calendar", "units"}
                if self.sources[group] == COMPOSED:
                    out_names |= {"algebra", "currency"}
            if out_names:
                out[i] = [name in out_names for name in names]
        return out
