"""Grammars (llguidance's Lark dialect) for everything the core writes.

In: the question, the step's number, an expert's card. Out: grammar texts for the start of a step,
for its arguments, for the answer. Under them a number can only be one of the question's (or a
constant everyone knows), a copied text only a span of the question, a reference only an earlier
step. They say what can be written, not what should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from mrkl.experts.base import Card, Parameter
from mrkl.numbers_in import answer_numbers, argument_numbers
from mrkl.plan import MAX_STEPS, NUMERIC
from mrkl.prompt import ABSTAIN, ARROW, END, RESULTS, SAY, WHOLE_QUESTION
from mrkl.references import writing

# a subquery: no line break, no arrow; `@` alone is the question as it stands
_SUBQUERY = r"([^\n\-@# ]|#[1-9]|@)([^\n\-]|-[^\n>])*"
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_MOST_NAMES = 600
_SQL_WORDS = (
    "SELECT|FROM|WHERE|AND|OR|NOT|IN|IS|NULL|LIKE|BETWEEN|AS|ON|JOIN|LEFT|INNER|OUTER|CROSS|USING|"
    "GROUP|BY|ORDER|ASC|DESC|HAVING|LIMIT|OFFSET|DISTINCT|UNION|ALL|EXISTS|CASE|WHEN|THEN|ELSE|END|"
    "COUNT|SUM|AVG|MIN|MAX|ROUND|ABS|LOWER|UPPER|LENGTH|COALESCE|NULLIF|SUBSTR|CAST|INTEGER|REAL|"
    "TEXT|DATE|STRFTIME|WITH"
)
_ISO_DATE = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]"


def start_grammar(step: int, planned: bool | None = None, whole: bool = False) -> str:
    """The first tokens of step `step` (from 1) up to its arrow, or what may stand instead.

    `planned` settles for the first step whether there is one; with `whole` its subquery is the
    question as it stands.
    """
    if whole:
        return f'start: "#{step} {WHOLE_QUESTION}{ARROW}"\n'
    if step > MAX_STEPS:
        return f"start: {RESULTS}\n"
    instead = f"{SAY} | {ABSTAIN}" if step == 1 else RESULTS
    if planned is False:
        return f"start: {instead}\n"
    either = "STEP" if planned else f"STEP | {instead}"
    return f"start: {either}\nSTEP: /#{step} {_SUBQUERY}{ARROW}/\n"


def arguments_grammar(question: str, card: Card, step: int) -> str:
    """What follows `EXPERT(` in step `step`, to the end of the line."""
    return ArgumentsGrammar(question, card, step).text()


def answer_grammar(question: str, steps: int) -> str:
    """The wording of an answer: free words, the question's numbers, slots `#1` to `#steps`."""
    slots = [f"#{number}" for number in range(1, steps + 1)]
    return _wording([*slots, *answer_numbers(question)], slots)


def said_grammar(question: str) -> str:
    """What stands after `<|say|>` or `<|abstain|>`: no number that the question does not have."""
    return _wording(answer_numbers(question), [])


def names_grammar(names: Sequence[str]) -> str:
    """One of the expert names with the bracket that opens its arguments."""
    return "start: " + " | ".join(_quoted(f" {name}(") for name in names) + "\n"


def _wording(items: Sequence[str], slots: Sequence[str]) -> str:
    """Runs without digits, and between them listed items; `#1` and `2.5` are never run together."""
    run = r"[^0-9#\n]"
    if not items:
        return f"start: TEXT {END}\nTEXT: /{run}+/\n"
    item = f"({'|'.join(_escaped(item) for item in items)})"
    glued = r"[^0-9#.,\n]"  # what may follow an item directly, besides the end of a sentence
    parted = rf"([.,] ?{glued}{run}*|{glued}{run}*|[.,] )"
    text = rf"({run}+)?({item}{parted})*({item}[.,!?]?)?"
    return f"start: TEXT {END}\nTEXT: /{text}/ & /(.)+/\n"


class ArgumentsGrammar:
    """Collects the rules that one call's arguments need."""

    def __init__(self, question: str, card: Card, step: int) -> None:
        self.question = question
        self.card = card
        self.step = step
        self.rules: dict[str, str] = {}

    def text(self) -> str:
        """The grammar: optional arguments may be left out, the order is the signature's."""
        count = len(self.card.parameters)
        self.rules["start"] = 'first0 ")\\n"'
        for index, parameter in enumerate(self.card.parameters):
            value = self._value(parameter, index)
            written = f"{_quoted(f'{parameter.name}=')} {value} rest{index + 1}"
            following = f'", " {written}'
            skipped = not parameter.required
            self.rules[f"first{index}"] = written + (f" | first{index + 1}" if skipped else "")
            self.rules[f"rest{index}"] = following + (f" | rest{index + 1}" if skipped else "")
        self.rules[f"first{count}"] = self.rules[f"rest{count}"] = '""'
        self.rules.pop("rest0", None)
        return "".join(f"{name}: {body}\n" for name, body in self.rules.items())

    def _value(self, parameter: Parameter, index: int) -> str:
        """The name of a rule for the parameter's value."""
        kind = parameter.type
        if parameter.choices:
            self.rules[f"value{index}"] = " | ".join(
                _quoted(json.dumps(choice, ensure_ascii=False)) for choice in parameter.choices
            )
            return f"value{index}"
        if kind in NUMERIC:
            return self._arithmetic()
        if kind == "bool":
            return '("true" | "false")'
        if kind.startswith("list["):
            return self._list(kind[5:-1])
        if kind == "date":
            return self._copied(self._rule("ISO", f"/{_ISO_DATE}/"))
        if parameter.copy:
            return self._copied()
        return self._written(parameter)

    def _written(self, parameter: Parameter) -> str:
        """A text that is written rather than copied, in the language its expert reads."""
        how = writing(self.card, parameter)
        if how == "arithmetic":
            self._expression()
            return '"\\"" comparison "\\""'
        if how == "algebra":
            self._algebra()
            return '"\\"" equations "\\""'
        return self._sql() if how == "sql" else self._free()

    def _rule(self, name: str, body: str) -> str:
        self.rules[name] = body
        return name

    def _reference(self) -> str | None:
        """An earlier step, where there is one."""
        if self.step == 1:
            return None
        return self._rule("REFERENCE", f"/#[1-{self.step - 1}]/")

    def _or_reference(self, rule: str) -> str:
        reference = self._reference()
        return f"({rule} | {reference})" if reference else rule

    def _number(self) -> str:
        literals = "|".join(_escaped(number) for number in argument_numbers(self.question))
        return self._rule("NUMBER", f"/{literals}/")

    def _arithmetic(self) -> str:
        """Numbers and references with + - * / and brackets."""
        operand = self._or_reference(self._number())
        self._rule("PLAIN", "/ ?[-+*\\/] ?/")
        self._rule("plain_operand", f'"-"? ({operand} | "(" arithmetic ")")')
        return self._rule("arithmetic", "plain_operand (PLAIN plain_operand){0,4}")

    def _list(self, inner: str) -> str:
        item = self._copied() if inner == "str" else self._arithmetic()
        name = f"list_{inner}"
        self._rule(name, f'"[" {item} (", " {item})* "]"')
        return self._or_reference(name)

    def _copied(self, other: str = "") -> str:
        """A span of the question in whole words, as a JSON string, or a reference, or `other`.

        `other` starts after the quote: with the quote in it, the lexer would take a phrase such as
        `"1 March"` for the start of a date.
        """
        parts = [part.strip() for part in re.split(r'["\\\n]', self.question)]
        terminals = [
            self._rule(
                f"SPAN{number}",
                f'%regex {{"substring_words": {json.dumps(part, ensure_ascii=False)}}}'
                " & /[^ ](.*[^ ])?/",
            )
            for number, part in enumerate(dict.fromkeys(part for part in parts if part))
        ]
        reference = self._reference()
        terminals += [rule for rule in (reference, other) if rule]
        name = "copied_day" if other else "copied"
        return self._rule(name, f'"\\"" ({" | ".join(terminals)}) "\\""') if terminals else '""'

    def _free(self) -> str:
        """Any text as a JSON string without escapes; its numbers are the question's."""
        numbers = "|".join(_escaped(number) for number in argument_numbers(self.question))
        item = f"({numbers}{f'|#[1-{self.step - 1}]' if self.step > 1 else ''})"
        run = r'[^0-9#"\\\n]'
        glued = r'[^0-9#."\\\n]'
        text = rf"({run}+)?({item}{glued}{run}*)*({item})?"
        self._rule("FREE", f"/{text}/ & /[^ ](.*[^ ])?/")
        return self._rule("free", '"\\"" FREE "\\""')

    def _sql(self) -> str:
        """One SELECT over the names on the card; its numbers are the question's or a date's."""
        schema = dict.fromkeys(_NAME.findall(self.card.description))
        names = "|".join(sorted(schema, key=len, reverse=True)[:_MOST_NAMES])
        numbers = "|".join(_escaped(number) for number in argument_numbers(self.question))
        number = f"{numbers}|0[1-9]|[12][0-9]|31"
        value = rf"'([^0-9#'\"\\\n]|({number}|#[1-9])[^0-9'\"\\\n])*({number}|#[1-9])?'"
        item = f"({_SQL_WORDS}|{names}|[a-z][0-9]?|{numbers}|#[1-9]|{value})"
        between = r"[ ,()=<>!*+\/.|%-]{1,6}"
        self._rule("SQL", rf"/(SELECT|WITH)({between}{item})*\)*/")
        return self._rule("sql", '"\\"" SQL "\\""')

    def _expression(self) -> None:
        """The calculator's language, over listed numbers and references."""
        from mrkl.tools.arith_functions import FUNCTIONS

        names = "|".join(sorted(FUNCTIONS, key=len, reverse=True))
        self._operators(f"/({names})/", "/pi|e/")
        self._rule("OPERATOR", "/ ?([-+*\\/^]|\\/\\/) ?| % | mod | of /")
        self._rule("comparison", "sum (COMPARISON sum)*")
        self._rule("COMPARISON", "/ ?(=|!=|<|<=|>|>=) ?/")
        self._rule("extreme", '("argmax" | "argmin") "(" pair (COMMA pair)* ")"')
        self._rule("pair", 'LABEL ": " sum')
        self._rule("LABEL", '/[^\\n:"\\\\(),#0-9 ]([^\\n:"\\\\(),#]*[^\\n:"\\\\(),# ])?/')
        if self.step > 1:
            self.rules["pair"] += ' | REFERENCE ": " sum'
        self.rules["atom"] += ' | extreme | "[" arguments "]"'

    def _algebra(self) -> None:
        """Equations with unknowns, joined by `;`."""
        self._operators("/sqrt|cbrt|abs|exp|ln|log10|log2|log|a?(sin|cos|tan)|(sin|cos|tan)h/", "")
        # an unknown is a letter, perhaps numbered, or a word
        self.rules["NAME"] = "/[a-zA-Z][a-zA-Z]{0,14}|[a-zA-Z]_?[0-9]/"
        self._rule("OPERATOR", "/ ?[-+*\\/^] ?/")
        self._rule("equations", "equation (SEPARATOR equation)*")
        self._rule("SEPARATOR", "/; ?|, /")
        self._rule("equation", "sum (COMPARISON sum)?")
        self._rule("COMPARISON", "/ ?(=|<|<=|>|>=) ?/")
        self.rules["factor"] += ' | NUMBER NAME | NUMBER "(" sum ")" | NUMBER call'

    def _operators(self, functions: str, constants: str) -> None:
        """The rules that calculator and algebra share."""
        number = self._number()
        operand = self._or_reference(number)
        self._rule("sum", 'SIGN? factor (OPERATOR "-"? factor)*')
        self._rule("SIGN", "/[-+]/")
        self._rule("factor", "atom POSTFIX*")
        self._rule("POSTFIX", "/[!%]| deg/")
        self._rule("atom", f'{operand} | NAME | call | "(" sum ")"')
        self._rule("call", 'FUNCTION "(" arguments ")"')
        self._rule("arguments", "sum (COMMA sum)*")
        self._rule("COMMA", "/, ?/")
        self._rule("FUNCTION", functions)
        self._rule("NAME", constants)


def _quoted(text: str) -> str:
    """A literal of the grammar."""
    return json.dumps(text, ensure_ascii=False)


def _escaped(text: str) -> str:
    """A literal inside a regular expression of the grammar."""
    return "".join(f"\\{c}" if not (c.isalnum() or c in "#, ") else c for c in text)
