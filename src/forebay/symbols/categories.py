"""What each category is at the vendor: the one table of its filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from forebay.errors import UsageError
from forebay.model.universe import Category
from forebay.model.words import nearest


@dataclass(frozen=True, slots=True)
class Filters:
    """How the vendor is asked for a category (REST page, section 4)."""

    market: str
    """Its `market`; options have a list of their own."""
    types: tuple[str, ...] = ()
    """Its `type`s; none: every type."""
    lists_delisted: bool = True
    """It tells who has left."""
    about: str = ""


CATEGORIES: Mapping[Category, Filters] = MappingProxyType(
    {
        Category.US_EQUITIES: Filters("stocks", ("CS",), about="US common stocks; other types with --type"),
        Category.ETF: Filters("stocks", ("ETF", "ETN", "ETS", "ETV"), about="exchange-traded funds and notes"),
        Category.CRYPTO: Filters("crypto", lists_delisted=False, about="cryptocurrency pairs"),
        Category.FX: Filters("fx", about="currency pairs"),
        Category.OPTIONS: Filters("options", about="option contracts of an underlying"),
        Category.INDICES: Filters("indices", about="indices"),
        Category.OTC: Filters("otc", about="stocks traded over the counter"),
    }
)


def category_named(word: str) -> Category:
    """The category that a person names. Raises UsageError with the nearest one."""
    name = word.strip().lower().replace("-", "_")
    if name in list(Category):
        return Category(name)
    raise UsageError(f"unknown category {word!r}", remedy=nearest(name, list(Category)))
