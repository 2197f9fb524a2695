"""Words and phrases that the operators put in, take out or exchange.

Out: tables. Synonyms are only pairs that hold in any of the pattern files' sentences; a word with
a second meaning there (mean, second, degree, pound) is not listed.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SYNONYMS = """
largest: biggest, greatest | biggest: largest, greatest | smallest: tiniest, littlest
highest: top, greatest | calculate: compute, work out, figure out | compute: calculate, work out
work out: figure out, calculate | figure out: work out, calculate | tell me: give me, let me know
give me: tell me, get me | how many: what number of, how many | roughly: about, approximately, more or less
about: roughly, around | approximately: roughly, about | altogether: in total, all in all, overall
in total: altogether, overall, all told | total: overall | each: apiece, each | left: left over, remaining
remaining: left, left over | bought: purchased, got | buy: get, purchase | cost: set me back, come to
costs: runs to, costs | price: cost | cheap: inexpensive | cheaper: less expensive | expensive: pricey
need: require | needs: requires | require: need | get: obtain, get | receive: get | make: produce
want: would like, wanna | show: list, show | list: name, list | name: give, list | find: work out, get
find out: work out | quickly: fast | fast: quick, quickly | quick: fast | large: big | big: large
small: little | little: small | huge: enormous | kids: children | children: kids | kid: child
people: persons, folks | folks: people | inhabitants: people, residents | residents: inhabitants, people
population: number of people, population | residents: people | friend: mate, pal | friends: mates, pals
mum: mom, mother | mom: mum, mother | mother: mum, mom | dad: father | father: dad | grandma: granny, nan
wife: partner | husband: partner | boss: manager | teacher: professor, teacher | lad: boy
house: home | home: house | flat: apartment | apartment: flat | car: auto, car | bike: bicycle
bicycle: bike | movie: film | film: movie | shop: store | store: shop | holiday: vacation
vacation: holiday | trip: journey | journey: trip | petrol: gas, fuel | lorry: truck | truck: lorry
lift: elevator | elevator: lift | queue: line | autumn: fall | biscuits: cookies | sweets: candy
supper: dinner | lunch: meal | phone: mobile, cell | job: work | salary: pay, wage | wage: pay, salary
earn: make | earns: makes | earned: made | pay: shell out, pay | paid: shelled out, paid | owe: have to pay
split: divide, share | share: split | divide: split | divided: split | equally: evenly | evenly: equally
begin: start | begins: starts | start: begin | starts: begins | started: began | finish: end, complete
finished: done, over | finishes: ends | ends: finishes | ended: was over | done: finished
currently: now, at the moment, right now | at the moment: now, currently, right now
right now: now, at the moment | these days: nowadays | nowadays: these days | exactly: precisely
precisely: exactly | convert: change, turn | turn: convert, change | change: convert
express: write, put | expressed: written | equivalent: same | equals: is | result: outcome, answer
answer: result | figure: number | correct: right | check: verify | verify: check | help: assist
please: pls, kindly | thanks: thank you, cheers | thank you: thanks | hello: hi, hey | hi: hello, hey
hey: hi | suppose: say, assume | assume: suppose, say | imagine: suppose | if: if, in case
because: since, as | but: but, though | also: as well, also | only: just | just: only, simply
maybe: perhaps | perhaps: maybe | really: actually, really | actually: really | nation: country
nations: countries | country: nation | countries: nations | land: country | border: frontier
borders: shares a border with | neighbours: bordering countries | capital city: capital | town: city
planet: planet, world | sun: sun | distance: gap, distance | heavy: weighty | weighs: comes in at
tall: high | long: long | wide: broad | deep: deep | speed: pace | quickest: fastest | fastest: quickest
hot: warm | warm: hot | cold: chilly | chilly: cold | weather: weather, conditions | rainy: wet
forecast: outlook | sunny: bright | windy: breezy | snowing: snowing | going to: gonna | want to: wanna
got to: gotta | kind of: kinda | sort of: sorta | a lot of: lots of, loads of | lots of: plenty of
have to: need to, must | must: have to | should: ought to | can you: could you, would you
could you: can you, would you | would you: could you, can you | do you know: any idea
any idea: do you know | i need: i want, i require | i want: i need, i'd like | i'd like: i want
i have: i've got | i've got: i have | there are: there's | we have: we've got | we've got: we have
difference: gap, difference | minimum: lowest | maximum: highest | ratio: proportion
sum: total | product: product | increase: rise, go up | increases: goes up, rises | decrease: drop
rises: goes up | falls: drops, goes down | grew: went up | dropped: fell
twice: two times | thrice: three times | half: half | solve: work out, solve | simplify: reduce, tidy up
factorise: factor | factor: factorise | differentiate: find the derivative of | homework: assignment
exam: test | test: exam | school: school | class: course | student: pupil | students: pupils
pupils: students | colleague: coworker | colleagues: coworkers | customers: clients | company: firm
firm: company | meeting: call | appointment: meeting | deadline: due date | birthday: bday
till: until | until: till | before: ahead of | after: following | during: over | per: a, per
"""
_ABBREVIATIONS = """
you: u | are: r | your: ur | please: pls, plz | people: ppl | because: cuz, cos | what is: whats, wats
what's: whats, wats | how much: how mch | how many: how mny | tomorrow: tmrw, tmr, 2moro
today: tdy | tonight: tonite, 2nite | i'm: im | it's: its | don't: dont | can't: cant | i've: ive
that's: thats | who's: whos | where's: wheres | how's: hows | when's: whens | there's: theres
isn't: isnt | doesn't: doesnt | won't: wont | didn't: didnt | let's: lets | i'd: id | i'll: ill
thanks: thx, ty | thank you: thx, ty | with: w/, w | without: w/o | and: n, & | about: abt
between: btw, betw | to: 2 | for: 4, fr | okay: ok, k | really: rly | though: tho | through: thru
right now: rn | by the way: btw | i don't know: idk | as soon as possible: asap | going to: gonna
want to: wanna | give me: gimme | let me: lemme | got to: gotta | kind of: kinda | out of: outta
should: shud | would: wud | could: cud | know: kno | temperature: temp | minutes: mins | hours: hrs
week: wk | month: mo | years: yrs | number: nr, no. | average: avg | maximum: max | minimum: min
population: pop | kilometres: km | versus: vs | information: info | favourite: fave | probably: prob
"""


def _table(text: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for entry in text.replace("\n", "|").split("|"):
        old, _, new = entry.partition(":")
        if new:
            choices = tuple(n.strip() for n in new.split(",") if n.strip() != old.strip())
            if choices:
                table[old.strip()] = choices
    return table


SYNONYMS = _table(_SYNONYMS)
ABBREVIATIONS = {k: v for k, v in _table(_ABBREVIATIONS).items() if k not in ("to", "for")}


@lru_cache(maxsize=8)
def _finder(words: tuple[str, ...]) -> re.Pattern[str]:
    longest = sorted(words, key=len, reverse=True)
    return re.compile(
        rf"(?<![\w'’-])({'|'.join(map(re.escape, longest))})(?![\w'’-])", re.IGNORECASE
    )


def finder(table: dict[str, tuple[str, ...]]) -> re.Pattern[str]:
    """A pattern that finds the table's words as whole words."""
    return _finder(tuple(table))


CARRIERS = (
    "hey ", "hi, ", "hi! ", "hello, ", "hey there, ", "quick question: ", "quick one: ", "ok so ",
    "so ", "um, ", "uh ", "well, ", "right, ", "alright, ", "yo ", "hiya, ", "good morning, ",
    "good evening! ", "please help: ", "help: ", "question: ", "a question: ", "one more: ",
    "next one: ", "another one: ", "for a quiz: ", "for school: ", "for work: ", "for my report: ",
    "homework: ", "pub quiz: ", "trivia: ", "just curious: ", "just wondering, ", "random but ",
    "sorry to bother you, ", "sorry, dumb question, ", "silly question: ", "need this fast: ",
    "urgent: ", "my kid asks: ", "my daughter wants to know: ", "my teacher asks: ", "tell me: ",
    "my boss wants to know: ", "settling a bet: ", "we are arguing here: ", "i keep forgetting: ",
    "i'm writing an article. ", "i'm a bit lost. ", "here's one: ", "let me ask you: ", "dear mrkl, ",
    "listen, ", "look, ", "hmm, ", "btw ", "also, ", "and ", "now ", "please ", "pls ", "mrkl, ",
)  # fmt: skip
OVERHEARD = (
    "someone at work asked: ", "a stranger on the bus asked me: ", "the radio host just asked: ",
    "my neighbour put it like this: ", "it says here on the card: ", "the guy next to me goes: ",
    "from the crossword magazine: ", "a reader writes: ", "overheard in the canteen: ",
)  # fmt: skip
TRAILERS = (
    " please", " pls", " thanks", " thx", "? thanks!", "? thank you", " asap", ", just curious",
    " lol", " haha", ", any idea?", " tia", " cheers", "? i forgot", "? need it for homework",
    "? it's for a quiz", ", please and thank you", "? my son wants to know", " - need it quick",
    "? be honest", "? asking for a friend", ", if you can", "? i can't work it out", " mate",
    "? no rush", ", short answer please", " :)", " ^^", "? just the answer", "? i'm on my phone",
    ", please be exact", "? we're in a hurry", "? thanks in advance.", ". Thank you very much.",
)  # fmt: skip
DISTRACTORS_BEFORE = (
    "i'm {n} years old and have a question: ", "this is question {n} on my sheet: ",
    "i've asked {n} people already: ", "page {n} of my book says: ", "row {n} of my list: ",
    "we're {n} people in this chat and nobody knows, ", "it's my {n}th try, ",
    "i waited {n} minutes in the queue, so quickly: ", "my bus comes in {n} minutes, so ",
    "exercise {n}: ", "after {n} coffees i still don't know: ", "for {n} points: ",
)  # fmt: skip
DISTRACTORS_AFTER = (
    "? (question {n} of the quiz)", "? i have {n} minutes left", ", {n} of us are waiting",
    "? already asked {n} times", " (i'm {n} btw)", "? it's worth {n} points", ", exercise {n}",
    "? my phone is at {n} percent", "? i've got {n} more of these to do",
)  # fmt: skip
_TELL = ("could you tell me {}", "can you tell me {}", "tell me {}", "i need {}", "i'd like to know {}",
         "do you know {}", "i want to know {}", "please give me {}", "i was wondering about {}",
         "find me {}", "give me {}", "any idea about {}", "looking for {}")  # fmt: skip
_MANY = ("do you know {}", "any idea {}", "can you tell me {}", "tell me {}", "i wonder {}",
         "could you tell me {}", "i'd like to know {}", "guess {}")  # fmt: skip


def _leads(forms: tuple[str, ...], rest: str) -> tuple[str, ...]:
    return tuple(form.format(rest) for form in forms)


INDIRECT: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"(what is|what's|whats|what are) the (?!time|day|date|weather)", re.IGNORECASE),
     _leads(_TELL, "the ")),
    (re.compile(r"how many (?=[a-z]+ (in|are in|per|until|till|from|between)\b)", re.IGNORECASE),
     _leads(_MANY, "how many ")),
    (re.compile(r"capital of ", re.IGNORECASE), _leads(_TELL, "the capital of ")),
    (re.compile(r"population of ", re.IGNORECASE), _leads(_TELL, "the population of ")),
)  # fmt: skip
OPENING = re.compile(
    r"^(what is|what's|whats|what are|could you tell me|can you tell me|tell me|please|do you know) "
    r"(the )?",
    re.IGNORECASE,
)
