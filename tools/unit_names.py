"""How people name units: symbols, plurals, British spellings, slang, each to a unit of pint.

In: a unit's name as written (`kilos`, `fl oz`, `KM`). Out: a `UnitName` with pint's expression and
the symbol shown, or None. Case counts first (`Mb` megabit, `MB` megabyte), then not (`mb` megabyte).
Gallons, pints, cups and fluid ounces are US ones unless called imperial or UK; `ton` is the US
short ton, `tonne` the metric one; a `gb` is 10^9 bytes; `calorie` is the small one, `Calorie` the
food one; `pound` and `ounce` are mass. Compounds (`km/h`) are built in `unit_phrases`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

# pint's expression | symbol | names. A symbol in (s) is a word; [..] lists metric prefixes taken.
_TABLE = """
meter [pnµmcdkh] | m | metre, mtr
inch | in | inches, ", ″, ”
foot | ft | feet, ', ′, ’, international foot
yard | yd |
mile | mi | statute mile, land mile
nautical_mile | nmi | nautical mile, sea mile
furlong | furlong(s) |
fathom | fathom(s) |
thou | thou | mil, thousandth of an inch
hand | hand(s) |
league | league(s) |
chain | chain(s) |
rod | rod(s) |
angstrom | Å | angstrom, ångström, ångstrom
micron | µm | micron
light_year | ly | light year, lightyear, light-year
parsec [kMG] | pc |
astronomical_unit | au | astronomical unit, AU
gram [nµmcdk] | g | gramme, gm
kilogram | kg | kilo
metric_ton [kM] | t | tonne, metric ton, metric tonne
US_ton | US ton(s) | ton, short ton, US ton, american ton
long_ton | long ton(s) | long ton, UK ton, imperial ton, british ton
pound | lb | lbs, pound mass, lbm, avoirdupois pound
ounce | oz | ozs, avoirdupois ounce
stone | st | stones
grain | gr | grain
carat | ct | carat, metric carat
troy_ounce | oz t | troy ounce, ozt, troy oz, ounce troy
troy_pound | troy lb | troy pound
slug | slug(s) |
hundredweight | cwt | US hundredweight, short hundredweight
long_hundredweight | long cwt | long hundredweight, UK hundredweight
dalton [k] | Da | atomic mass unit, amu
second [pnµm] | s | sec
minute | min |
hour | h | hr
day | day(s) | d
week | week(s) | wk
fortnight | fortnight(s) |
month | month(s) | mo, mth
year | year(s) | yr, annum
10*year | decade(s) | decade
century | centuries | century
millennium | millennia | millennium
degC | °C | celsius, degree celsius, deg celsius, °celsius, centigrade, degree centigrade, C, c, ° C, \
degree C, deg C, degC, celcius, degree celcius, celsuis
degF | °F | fahrenheit, degree fahrenheit, deg fahrenheit, °fahrenheit, F, f, ° F, degree F, deg F, \
degF, farenheit, degree farenheit, fahrenheight, degree fahrenheight, ferenheit
kelvin [m] | K | degree kelvin, deg K, k, °K
degR | °R | rankine, degree rankine
degree | ° | degree, deg, degree of arc, angular degree
radian [m] | rad |
gradian | gon | gradian, grad
turn | turn(s) | revolution, rev, full circle
arcminute | arcmin | arc minute, minute of arc
arcsecond | arcsec | arc second, second of arc
liter [nµmcdkhM] | L | l, litre, ltr
cm**3 | cm³ | cc, ccm
gallon {imperial} | gal | us liquid gallon
quart {imperial} | qt |
pint {imperial} | pt |
cup {imperial} | cup(s) |
fluid_ounce {imperial} | fl oz | fluid ounce, floz, fl. oz, fluid oz, fl ounce, liquid ounce
gill {imperial} | gill(s) |
250*milliliter | metric cup(s) | metric cup
tablespoon | tbsp | tbs, tbl, table spoon
teaspoon | tsp | tea spoon
barrel | bbl | barrel
oil_barrel | bbl oil | oil barrel, barrel of oil
bushel {imperial} | bu |
peck {imperial} | peck(s) |
hectare | ha |
acre | acre(s) | ac
are | are(s) |
knot | kn | kt, kts, knot
mile_per_hour | mph |
km/hour | km/h | kph, kmh, kmph, km/hr
speed_of_light | c₀ | speed of light
standard_gravity | g₀ | standard gravity, g-force
newton [mkM] | N |
force_pound | lbf | pound force, pound of force
force_kilogram | kgf | kilogram force
dyne | dyn |
pascal [mkMGh] | Pa |
bar [m] | bar | bars
standard_atmosphere | atm | atmosphere, standard atmosphere
psi | psi | psig, psia
torr | Torr | torr
mmHg | mmHg | millimeter of mercury, millimetre of mercury, mm of mercury, mm hg, mm of hg
inch_Hg | inHg | inch of mercury, inches of mercury, in hg, in of mercury, inch hg, inches hg
joule [mkMGT] | J |
watt_hour [kMGT] | Wh | watt hour
calorie | cal | small calorie, gram calorie
kilocalorie | kcal | kilocalorie, Calorie, Cal, food calorie, large calorie, dietary calorie
Btu | BTU | british thermal unit
therm | therm(s) |
electron_volt [kMGT] | eV | electron volt, electronvolt
erg | erg(s) |
foot*force_pound | ft·lbf | foot pound, ft lb, ft lbs, lb ft, pound foot, foot lb, ft lbf, pound feet
watt [nµmkMGT] | W |
horsepower | hp | horse power, bhp
metric_horsepower | PS | metric horsepower, PS
hertz [kMGT] | Hz | hertz
minute**-1 | rpm | revolution per minute
byte [kMGTP] | B | octet
kibibyte | KiB | kibibyte
mebibyte | MiB | mebibyte
gibibyte | GiB | gibibyte
tebibyte | TiB | tebibyte
megabyte | MB | meg
gigabyte | GB | gig
terabyte | TB |
kilobyte | kB | KB
bit [kMGT] | bit | b
bit/second | bit/s | bps
kilobit/second | kbit/s | kbps
megabit/second | Mbit/s | mbps
gigabit/second | Gbit/s | gbps
ampere [mµk] | A | amp
volt [mµk] | V |
ohm [mkM] | Ω |
ampere_hour [m] | Ah | amp hour
coulomb | C | coulomb
farad [pnµ] | F | farad
henry [mµ] | H | henries
tesla [m] | T |
mole [m] | mol |
lumen | lm |
lux | lx | lux
candela | cd |
gray [m] | Gy |
sievert [mµ] | Sv |
becquerel [kMG] | Bq |
mile/gallon | mpg | US mpg, mpg US, mile to the gallon, american mpg, US mile per gallon
mile/imperial_gallon | mpg (imperial) | imperial mpg, UK mpg, mpg UK, mpg imperial, british mpg, \
imperial mile per gallon, UK mile per gallon
percent | % | percent, per cent
"""

_PREFIXES = {
    "p": "pico",
    "n": "nano",
    "µ": "micro",
    "m": "milli",
    "c": "centi",
    "d": "deci",
    "h": "hecto",
    "k": "kilo",
    "M": "mega",
    "G": "giga",
    "T": "tera",
    "P": "peta",
}
_IMPERIAL = ("imperial", "uk", "british", "imp")
_AMERICAN = ("us", "american", "usa")
# One-letter names mean what they say in their own case only, but for these.
_ANY_CASE = frozenset("cfkl")
# Letters whose symbol is taken by a temperature on purpose: `C` and `F` by themselves.
_TAKEN = {"coulomb": "C", "farad": "F"}
# Symbols that are as often a capitalised milli- as a mega-.
AMBIGUOUS = {"Mg": "mg or tonnes", "Mm": "mm or 1000 km", "Ms": "ms or 1000000 s"}
# What a unit may also mean when its first meaning does not fit the other side.
ALTERNATES = {"pound": "lbf", "ounce": "fl oz"}


@dataclass(frozen=True)
class UnitName:
    """A unit: pint's expression, the symbol shown (plural), and its form beside a 1."""

    pint: str
    symbol: str
    singular: str


@dataclass(frozen=True)
class _Names:
    exact: dict[str, UnitName]
    folded: dict[str, UnitName]


def find_unit(name: str) -> UnitName | None:
    """The unit of that name, plural or not, or None. Blanks and hyphens count the same."""
    table = _names()
    name = re.sub(r"[\s\-.]+", " ", name).strip()
    if name in AMBIGUOUS:
        return None
    for form in (name, name.removesuffix("s")):
        if form in table.exact and not (form != name and len(form) == 1):
            return table.exact[form]
    folded = name.casefold()
    if len(name) == 1 and folded not in _ANY_CASE:
        return None
    for form in _singulars(folded):
        if form in table.folded and len(form) > 1 or form == folded and form in table.folded:
            return table.folded[form]
    squeezed = _squeeze(folded)
    return _squeezed().get(squeezed) if len(squeezed) >= 5 else None


def near_names(name: str) -> list[str]:
    """Up to two known names that look like this one, for error messages."""
    import difflib

    return difflib.get_close_matches(name.casefold(), _names().folded, n=2, cutoff=0.78)


def longest_name() -> int:
    """How many words the longest name has."""
    return 5


@functools.cache
def _names() -> _Names:
    table = _Names({}, {})
    for line in _TABLE.replace("\\\n", "").strip().splitlines():
        _add_line(table, *(part.strip() for part in line.split("|")))
    return table


def _add_line(table: _Names, expression: str, symbol: str, names: str) -> None:
    expression, _, options = expression.partition(" ")
    aliases = [alias.strip() for alias in names.split(",") if alias.strip()]
    word = symbol.removesuffix("(s)")
    shown = word + "s" if word != symbol else symbol
    spoken = expression.replace("_", " ")
    own = [expression, spoken] if re.fullmatch(r"\w+", expression) else []
    unit = UnitName(expression, shown, aliases[0] if shown == "centuries" else word)
    exact = [] if _TAKEN.get(expression) == symbol else [symbol, word]
    _enter(table, unit, [*exact, *own, *aliases])
    if options.startswith("{"):
        _enter(table, unit, [f"{by} {name}" for by in _AMERICAN for name in [*own, *aliases]])
        imperial = UnitName("imperial_" + expression, f"imperial {shown}", f"imperial {word}")
        _enter(
            table,
            imperial,
            [f"{by} {name}" for by in _IMPERIAL for name in [symbol, word, *own, *aliases]],
        )
    for letter in options.strip("[]") if options.startswith("[") else "":
        long = _PREFIXES[letter]
        prefixed = UnitName(f"{long}{expression}", letter + shown, letter + word)
        spelled = [f"{long}{name}" for name in own]
        spelled += [f"{long}{name}" for name in aliases if len(name) > 3]
        signs = [letter + symbol] + [letter + name for name in aliases if len(name) == 1]
        signs = [] if _TAKEN.get(expression) == symbol else signs
        signs += ["u" + sign[1:] for sign in signs if letter == "µ"]
        signs += ["μ" + sign[1:] for sign in signs if sign[0] == "µ"]
        _enter(table, prefixed, [*signs, *spelled, *(f"{long} {name}" for name in own)])


def _enter(table: _Names, unit: UnitName, names: list[str]) -> None:
    for name in names:
        name = re.sub(r"[\s\-.]+", " ", name).strip()
        table.exact.setdefault(name, unit)
        table.folded.setdefault(name.casefold(), unit)


def _singulars(name: str) -> list[str]:
    """The name and what it may be the plural of: `inches of mercury`, `feet`, `square yards`."""
    forms = [name]
    if name.endswith("s"):
        forms.append(name[:-1])
    if name.endswith("es"):
        forms.append(name[:-2])
    head, space, rest = name.partition(" ")
    if space:
        forms.append(head.removesuffix("s") + space + rest)
        forms.append(head.removesuffix("s") + space + rest.removesuffix("s"))
    return forms


@functools.cache
def _squeezed() -> dict[str, UnitName]:
    """Names with doubled letters written once: `mililiter` and `galon` are what they seem."""
    table: dict[str, UnitName] = {}
    for name, unit in _names().folded.items():
        squeezed = _squeeze(name)
        for form in (squeezed, squeezed + "s"):
            if table.setdefault(form, unit) != unit:
                table.pop(form)
    return table


def _squeeze(name: str) -> str:
    return re.sub(r"([a-z])\1", r"\1", name)
