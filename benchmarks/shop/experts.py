"""Four experts of an imaginary shop, as a user might write them: for `mrkl train` (docs/training.md)."""

from typing import Annotated, Literal

import mrkl


@mrkl.expert
def stock(
    article: Annotated[str, "name of the article"],
    size: Literal["XS", "S", "M", "L", "XL", "any"] = "any",
    branch: Annotated[str, "town of the branch"] = "online",
) -> int:
    """How many pieces of an article are left, in one size or in all."""
    return len(article) + len(size) + len(branch)


@mrkl.expert
def refund(
    order: Annotated[int, "order number"],
    reason: Literal["damaged", "wrong item", "too late", "changed mind"],
) -> bool:
    """Give the money of an order back, with the reason for the books."""
    return order > 0 and bool(reason)


@mrkl.expert
def shipping(
    weight_kg: Annotated[float, "weight of the parcel in kg"],
    country: Annotated[str, "where it goes"],
    express: bool = False,
) -> float:
    """What sending a parcel costs, in euros."""
    return round(4.5 + 1.8 * weight_kg + 9 * express + len(country) / 10, 2)


@mrkl.expert
def fitting(
    branch: Annotated[str, "town of the branch"],
    day: Annotated[str, "day as said"],
    time: Annotated[str, "time as said"],
    people: int = 1,
) -> str:
    """Book a fitting room with a tailor at a branch."""
    return f"{branch}, {day} {time}, {people}"
