"""Names of money to ISO 4217 codes: codes, symbols, names, slang, countries, by CLDR data.

In: `usd`, `€`, `A$`, `bucks`, `quid`, `swiss francs`, `rupees (indian)`, `thailand`. Out: the code.
A plain `dollar`, `pound`, `rupee`, `peso` and the like mean the one most used (`_PLAIN`); a name
that several share with no clear first (`dinar`, `krone`, `crown`) raises RateError naming them.
It knows nothing of rates, nor of coins and cryptocurrencies.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from mrkl.tools.place_names import fold
from mrkl.tools.time_zones import country_code

_PLAIN = {
    "dollar": "USD",
    "pound": "GBP",
    "rupee": "INR",
    "peso": "MXN",
    "franc": "CHF",
    "won": "KRW",
    "ruble": "RUB",
    "krona": "SEK",
    "dirham": "AED",
    "riyal": "SAR",
    "rial": "IRR",
    "shilling": "KES",
    "leu": "RON",
    "manat": "AZN",
}
_SPOKEN = {
    "buck": "dollar",
    "greenback": "us dollar",
    "quid": "pound",
    "sterling": "british pound",
    "pound sterling": "british pound",
    "renminbi": "yuan",
    "rmb": "yuan",
    "rouble": "ruble",
    "reai": "real",
    "kroner": "krone",
    "kronor": "krona",
    "kronur": "krona",
    "lire": "lira",
    "lei": "leu",
    "nis": "new shekel",
    "sheqel": "shekel",
    "loonie": "canadian dollar",
    "aussie": "australian",
    "kiwi": "new zealand",
    "american": "us",
    "usa": "us",
    "america": "us",
    "u": "us",
    "uk": "british",
    "english": "british",
    "scottish": "british",
    "zlotych": "zloty",
    "zlotie": "zloty",
    "colone": "colon",
    "korean": "south korean",
    "emirati": "united arab emirate",
    "uae": "united arab emirate",
    "argentinian": "argentine",
    "taiwanese": "taiwan",
    "singaporean": "singapore",
    "bruneian": "brunei",
}
_CROWNS = ("CZK", "DKK", "ISK", "NOK", "SEK")
_SYMBOLS = {  # narrow symbols that CLDR's English data does not list
    "$": "USD",
    "us$": "USD",
    "au$": "AUD",
    "c$": "CAD",
    "cad$": "CAD",
    "s$": "SGD",
    "rs": "INR",
    "rs.": "INR",
    "฿": "THB",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "₺": "TRY",
    "₽": "RUB",
    "₦": "NGN",
    "₴": "UAH",
    "元": "CNY",
    "円": "JPY",
    "¢": "",
}
_EURO = ("europe", "eu", "eurozone", "euro area", "euro zone", "european union", "ecu")
_FILLER = frozenset(("currency", "money", "of", "the", "in", "one", "ones", "local", "national"))


class RateError(ValueError):
    """A currency or rate that is not known; the message is one clear line."""


def currency_code(name: str) -> str:
    """The ISO code of the money named; raises RateError."""
    shown = " ".join(name.split())
    if not shown or len(shown) > 60:
        raise RateError(f"{shown[:60]!r} is not a currency I know" if shown else "which currency?")
    code = _symbol(shown) or _iso(shown) or _country(shown) or _words(shown)
    if not code:
        raise RateError(f"{shown!r} is not a currency I know")
    return code


def currency_name(code: str) -> str:
    """The English name of a currency by its code: `Swiss Franc`."""
    return _locale().currencies.get(code, code)


@functools.cache
def _locale() -> Any:
    from babel import Locale

    return Locale("en")


def _symbol(shown: str) -> str | None:
    folded = shown.casefold()
    if folded in _SYMBOLS:
        return _SYMBOLS[folded]
    if shown.isascii() and shown.isalpha():
        return None
    signs = {sign.casefold(): code for code, sign in _locale().currency_symbols.items()}
    return signs.get(folded)


def _iso(shown: str) -> str | None:
    code = shown.upper()
    return code if len(code) == 3 and code in _locale().currencies else None


def _country(shown: str) -> str | None:
    folded = fold(re.sub(r"[()]", " ", shown))
    if folded in _EURO:
        return "EUR"
    place = country_code(re.sub(r"(?:'s)? (?:currency|money)$|^(?:currency|money) of ", "", folded))
    return _money_of(place) if place else None


def _money_of(place: str) -> str | None:
    from babel.numbers import get_territory_currencies

    found: Any = get_territory_currencies(place)
    return str(found[0]) if found else None


def _words(shown: str) -> str | None:
    """By the words of the name: `indian rupees`, `pounds (british)`, `baht`."""
    words = _normal(shown)
    if not words:
        return None
    wanted = set(words)
    if "crown" in wanted:
        rest = wanted - {"crown"}
        found = [code for code in _CROWNS if rest <= set(_current()[code])]
    else:
        exact = [code for code, name in _current().items() if wanted == set(name)]
        found = exact or [code for code, name in _current().items() if wanted <= set(name)]
    if len(found) == 1:
        return found[0]
    if len(words) == 1 and words[0] in _PLAIN:
        return _PLAIN[words[0]]
    if found:
        raise RateError(_ambiguous(shown, found))
    return _of_country(words) or _former(wanted)


def _of_country(words: list[str]) -> str | None:
    """`thailand baht`, `pesos mexico`: a country beside the name of its money."""
    for rest, noun in ((words[:-1], words[-1]), (words[1:], words[0])):
        place = country_code(" ".join(rest)) if rest else None
        code = _money_of(place) if place else None
        if code and noun in (*_current().get(code, ()), "crown"):
            return code
    return None


def _former(wanted: set[str]) -> str | None:
    """Money of the past, if just one had that name: `deutsche mark` is left unknown."""
    names: dict[str, str] = _locale().currencies
    found = [code for code, name in names.items() if wanted <= set(_normal(name))]
    return found[0] if len(found) == 1 else None


def _ambiguous(shown: str, codes: list[str]) -> str:
    names = [f"{currency_name(code)} ({code})" for code in codes[:5]]
    more = " …" if len(codes) > 5 else ""
    return f"{shown!r} could be {', '.join(names)}{more}: say which"


@functools.cache
def _current() -> dict[str, tuple[str, ...]]:
    """Code → words of the name, of all money in use."""
    from babel.numbers import get_territory_currencies

    codes: set[str] = set()
    for territory in _locale().territories:
        if len(territory) == 2:
            codes |= {str(code) for code in get_territory_currencies(territory)}
    names: dict[str, str] = _locale().currencies
    return {code: tuple(_normal(names[code])) for code in sorted(codes) if code in names}


def _normal(name: str) -> list[str]:
    """Words in one form: singular, slang as the name, filler gone."""
    text = re.sub(r"[^a-z]+", " ", fold(name).replace("u s ", "us ")).strip()
    words = [w[:-1] if w.endswith("s") and len(w) > 3 and w[-2] != "s" else w for w in text.split()]
    phrase = " ".join(word for word in words if word not in _FILLER)
    if phrase in _SPOKEN:
        return _SPOKEN[phrase].split()
    said = [part for word in phrase.split() for part in _SPOKEN.get(word, word).split()]
    return list(dict.fromkeys(said))
