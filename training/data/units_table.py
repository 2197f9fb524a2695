"""Units: the one name plans write, the forms people type, and the factor to the base unit.

In: nothing. Out: `UNITS[dimension]` = tuple of `Unit`; `convert` for plausible results;
`canonical` for the names used in the pattern files. The real engine is mrkl.tools' and knows many
more; here only what training questions mention.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """`name` is what the plan writes; `factor` to the dimension's base; `typed` forms by people."""

    name: str
    factor: float
    typed: tuple[str, ...]
    symbol: str
    offset: float = 0.0


_TABLE = """
length|meters|1|m;meter;metre;metres;meters;mtrs|m
length|kilometers|1000|km;kilometre;kilometers;kilometres;kms;kilometer;klicks;kilometeres|km
length|centimeters|0.01|cm;centimetres;centimeters;cms;centimeter;centimetre|cm
length|millimeters|0.001|mm;millimetres;millimeters;milimeters|mm
length|miles|1609.344|miles;mi;mile;miles;milles|mi
length|yards|0.9144|yards;yd;yds;yard|yd
length|feet|0.3048|feet;ft;foot;feets|ft
length|inches|0.0254|inches;in;inch;inchs;"|in
length|nautical miles|1852|nautical miles;nmi;nautical mile|nmi
length|furlongs|201.168|furlongs;furlong|furlongs
length|micrometers|1e-6|micrometres;micrometers;microns;µm|µm
length|light years|9.4607e15|light years;light-years;ly;lightyears|ly
length|fathoms|1.8288|fathoms;fathom|fathoms
mass|kilograms|1|kg;kilos;kilo;kilograms;kilogrammes;kgs;kilogram;killos|kg
mass|grams|0.001|g;grams;gram;gr;grammes|g
mass|milligrams|1e-6|mg;milligrams;miligrams|mg
mass|pounds|0.45359237|pounds;lbs;lb;pound|lb
mass|ounces|0.028349523|ounces;oz;ounce;ounzes|oz
mass|stone|6.35029318|stone;st;stones|st
mass|tonnes|1000|tonnes;metric tons;tonne;metric tonnes|t
mass|short tons|907.18474|short tons;us tons|ton
mass|carats|0.0002|carats;ct;carat|ct
mass|grains|6.479891e-5|grains;grain|gr
volume|liters|1|l;litres;liters;liter;litre;ltr;litters|l
volume|milliliters|0.001|ml;millilitres;milliliters;mls;mililiters|ml
volume|centiliters|0.01|cl;centilitres|cl
volume|gallons|3.785411784|gallons;gal;us gallons;gallon;galons|gal
volume|imperial gallons|4.54609|imperial gallons;uk gallons|imp gal
volume|quarts|0.946352946|quarts;qt;quart|qt
volume|pints|0.473176473|pints;pint;pt|pt
volume|cups|0.2365882365|cups;cup;us cups|cups
volume|fluid ounces|0.0295735296|fluid ounces;fl oz;fluid oz|fl oz
volume|tablespoons|0.01478676478|tablespoons;tbsp;tablespoon;table spoons|tbsp
volume|teaspoons|0.00492892159|teaspoons;tsp;teaspoon|tsp
volume|cubic meters|1000|cubic metres;m3;m³;cubic meters|m³
volume|cubic feet|28.316846592|cubic feet;cu ft;ft3;cubic foot|ft³
volume|cubic centimeters|0.001|cubic centimetres;cm3;cc|cm³
volume|oil barrels|158.987294928|barrels;oil barrels|bbl
temperature|celsius|1|celsius;°C;C;degrees celsius;degrees C;celcius;centigrade|°C|0
temperature|fahrenheit|0.5555555555555556|fahrenheit;°F;F;degrees fahrenheit;degrees F;farenheit;fahrenhiet|°F|-17.77777777777778
temperature|kelvin|1|kelvin;K;kelvins|K|-273.15
speed|kilometers per hour|0.2777777777777778|km/h;kmh;kph;kilometres per hour;kilometers per hour;kmph;km per hour|km/h
speed|miles per hour|0.44704|mph;miles per hour;miles an hour;mi/h|mph
speed|meters per second|1|m/s;metres per second;meters per second;meters a second|m/s
speed|knots|0.5144444444444445|knots;kn;kts;knot|kn
speed|feet per second|0.3048|ft/s;feet per second;fps|ft/s
area|square meters|1|square metres;m2;m²;sq m;square meters;sqm|m²
area|square kilometers|1e6|square kilometres;km2;km²;sq km;square kilometers|km²
area|square miles|2589988.110336|square miles;sq mi;sq miles|mi²
area|square feet|0.09290304|square feet;sq ft;sqft;square foot;ft2|ft²
area|square yards|0.83612736|square yards;sq yd|yd²
area|square inches|0.00064516|square inches;sq in|in²
area|square centimeters|0.0001|square centimetres;cm2;sq cm|cm²
area|acres|4046.8564224|acres;acre;ac|acres
area|hectares|10000|hectares;ha;hectare|ha
time|seconds|1|seconds;sec;secs;s;second|s
time|minutes|60|minutes;min;mins;minute;minits|min
time|hours|3600|hours;hrs;h;hour;hr;hourz|h
time|days|86400|days;day;d|days
time|weeks|604800|weeks;wks;week;wk|weeks
time|milliseconds|0.001|milliseconds;ms|ms
time|years|31557600|years;yrs;year|years
time|fortnights|1209600|fortnights|fortnights
energy|joules|1|joules;J;joule|J
energy|kilojoules|1000|kJ;kilojoules;kj|kJ
energy|calories|4.184|calories;cal|cal
energy|kilocalories|4184|kcal;kilocalories;kcals|kcal
energy|kilowatt hours|3.6e6|kWh;kilowatt hours;kwh;kilowatt-hours|kWh
energy|watt hours|3600|Wh;watt hours|Wh
energy|megajoules|1e6|MJ;megajoules|MJ
energy|BTU|1055.05585262|BTU;btu;btus|BTU
data|bytes|1|bytes;byte|B
data|kilobytes|1e3|KB;kilobytes;kb|kB
data|megabytes|1e6|MB;megabytes;mb;megs|MB
data|gigabytes|1e9|GB;gigabytes;gb;gigs|GB
data|terabytes|1e12|TB;terabytes;tb|TB
data|bits|0.125|bits;bit|bits
data|megabits|125000|megabits;Mbit|Mbit
data|mebibytes|1048576|MiB;mebibytes|MiB
data|gibibytes|1073741824|GiB;gibibytes|GiB
pressure|bar|100000|bar;bars|bar
pressure|psi|6894.757293168|psi;PSI;pounds per square inch|psi
pressure|pascals|1|pascals;Pa;pascal|Pa
pressure|kilopascals|1000|kPa;kilopascals;kpa|kPa
pressure|hectopascals|100|hPa;hectopascals;millibar;mbar|hPa
pressure|atmospheres|101325|atmospheres;atm|atm
pressure|mmHg|133.322387415|mmHg;mm of mercury;torr|mmHg
power|watts|1|watts;W;watt|W
power|kilowatts|1000|kilowatts;kW;kilowatt|kW
power|megawatts|1e6|megawatts;MW|MW
power|horsepower|745.69987158|horsepower;hp;bhp;horse power|hp
angle|degrees|0.017453292519943295|degrees;deg|°
angle|radians|1|radians;rad;rads|rad
pace|minutes per kilometer|1|min/km;minutes per km;minutes per kilometre|min/km
pace|minutes per mile|0.621371192237|min/mile;minutes per mile;min per mile|min/mi
datarate|megabits per second|1|Mbit/s;Mbps;megabits per second|Mbit/s
datarate|megabytes per second|8|MB/s;megabytes per second|MB/s
datarate|gigabits per second|1000|Gbit/s;Gbps;gigabits per second|Gbit/s
datarate|kilobytes per second|0.008|kB/s;kilobytes per second|kB/s
flow|liters per minute|1|l/min;litres per minute|l/min
flow|gallons per minute|3.785411784|gpm;gallons per minute|gal/min
flow|cubic meters per hour|16.6666666667|m3/h;cubic metres per hour|m³/h
fuel|miles per gallon|1|mpg;miles per gallon|mpg
fuel|liters per 100 kilometers|1|l/100km|l/100km
"""


def _load() -> dict[str, tuple[Unit, ...]]:
    units: dict[str, list[Unit]] = {}
    for line in _TABLE.strip().splitlines():
        dimension, name, factor, typed, symbol, *offset = line.split("|")
        shift = float(offset[0]) if offset else 0.0
        forms = tuple(typed.split(";"))
        units.setdefault(dimension, []).append(Unit(name, float(factor), forms, symbol, shift))
    return {dimension: tuple(found) for dimension, found in units.items()}


UNITS = _load()
BY_NAME = {unit.name: (dim, unit) for dim, all_ in UNITS.items() for unit in all_}
_ALIASES = {
    form.lower(): unit.name for all_ in UNITS.values() for unit in all_ for form in unit.typed
} | {name.lower(): name for name in BY_NAME}
_ALIASES |= {
    "liters per 100 km": "liters per 100 kilometers", "kilometres": "kilometers",
    "pound": "pounds", "kilogram": "kilograms", "barrels": "oil barrels", "square metres":
    "square meters", "kilocalorie": "kilocalories", "gibibyte": "gibibytes",
}  # fmt: skip
# The first few units of a dimension are what people ask about most.
COMMON = {"length": 8, "mass": 7, "volume": 12, "temperature": 3, "speed": 4, "area": 9}


def canonical(name: str) -> str:
    """The plan's name of a unit; names not in the table stay as they are."""
    return _ALIASES.get(name.lower(), name)


def convert(number: float, source: str, target: str) -> tuple[float, str] | None:
    """The value in `target` and its symbol, or None when the table cannot tell."""
    a, b = BY_NAME.get(canonical(source)), BY_NAME.get(canonical(target))
    if a is None or b is None or a[0] != b[0] or a[0] == "fuel":
        return None
    base = number * a[1].factor + a[1].offset
    return (base - b[1].offset) / b[1].factor, b[1].symbol
