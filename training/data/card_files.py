"""The hand-written expert cards with what people ask of them, split by family.

In: phrasings/expert_cards*.jsonl. Out: `Asked` cards of one split. A question knows where its
values stand (`at`), if its file says so; families stay on one side of the split.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mrkl.experts.base import Card, Parameter
from training.data.firewall import blocked

FOLDER = Path(__file__).parent / "phrasings"
HELD_OUT = 0.08  # share of families kept aside, whole
FAMILIES = (
    "loan_", "triangle_area_", "bmr_", "vat_", "truncate_", "depreciation_", "league_points_",
    "heat_index wind_chill dew_point", "add_stock remove_stock transfer_stock stock_level",
    "send_sms schedule_sms send_email push_notify", "geometric_mean harmonic_mean trimmed_mean",
    "working_days_between add_working_days nights_between",
    "max_heart_rate hr_target_karvonen hr_percent_of_max", "todo_", "library_", "vacuum_",
    "to_morse from_morse", "airport_code airport_from_code", "zodiac_sign chinese_zodiac",
    "to_binary hex_to_dec base_convert ascii_code", "word_count char_count count_letter",
    "reverse_text is_palindrome", "sort_lines shuffle_list dedupe list_diff frequency_table",
    "random_pick random_number coin_toss team_split", "print_dpi_check ink_pages_left",
    "median_of std_dev z_score outliers_iqr", "isbn_check iban_valid luhn_check ean13_check_digit",
    "ping_host mac_vendor wake_on_lan", "password_strength generate_password",
    "order_status return_label delivery_slots", "shoe_size_convert ring_size hat_size",
    "dof_total lens_crop_equivalent nd_filter_time",
)  # fmt: skip
# what a built-in expert may well answer is no example of "nothing fits"
SERVED = re.compile(
    r"\b(fahrenheit|celsius|kelvin|inch(es)?|feet|miles|pounds|ounces|lit(re|er)s|gallons|convert|"
    r"weather|forecast|rain|sun(rise|set)|temperature in|what (day|date|time|weekday)|easter|"
    r"which (day|weekday)|how many (days|weeks|minutes|hours|months)|capital|population|percent|"
    r"plus|minus|times|divided|root|mean of|median|average|sum|total|euros?|dollars?|exchange|"
    r"holiday|leap|week number|time zone|how old|days between|multiply|factor|prime|area of|"
    r"volume of|perimeter|boils?|melts?|how far is .* from the sun|symbol of|who (was|is|wrote)|"
    r"what does .* (mean|stand for)|what is an? )\b|%",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """A question, the call's arguments, and (start, end) of values that stand in it."""

    text: str
    arguments: dict[str, Any]
    at: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True)
class Asked:
    """A hand-written card with what people ask of it."""

    card: Card
    family: str
    questions: tuple[Question, ...]
    near_misses: tuple[str, ...]


def family_of(name: str) -> str:
    """The name of the family that must stay together, or the card's own name."""
    for family in FAMILIES:
        if name in family.split() or (family.endswith("_") and name.startswith(family)):
            return family
    return name


@cache
def load(split: str) -> tuple[Asked, ...]:
    """Cards of one split; whole families are held out."""
    found: list[Asked] = []
    for path in sorted(FOLDER.glob("expert_cards*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            family = raw.get("family") or family_of(raw["name"])
            held = random.Random(f"cards {family}").random() < HELD_OUT
            if held == (split == "heldout"):
                found.append(_asked(raw, family))
    return tuple(found)


def _asked(raw: dict[str, Any], family: str) -> Asked:
    parameters = tuple(
        Parameter(name, p["type"], p.get("description") or "", p["required"], p.get("default"))
        for name, p in raw["parameters"].items()
    )
    card = Card(raw["name"], raw["description"], parameters, raw.get("returns") or "")
    walled = blocked()
    asked = tuple(
        Question(q["q"], q["arguments"], {k: (v[0], v[1]) for k, v in q.get("at", {}).items()})
        for q in raw["questions"]
        if q["q"] not in walled and "\\" not in q["q"]  # the grammar copies no backslash
    )
    near = tuple(
        text
        for text in raw.get("near_misses", ())
        if text not in walled and not SERVED.search(text) and len(re.findall(r"\d+", text)) < 2
    )
    return Asked(card, family, asked, near)
