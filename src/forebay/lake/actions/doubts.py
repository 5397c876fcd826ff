"""Why an action is doubted: it comes twice, contradicts itself, or disagrees with the prices around it.

The vendor's lists have had 216 duplicate splits, ratios stored either way round, and wrong ones. What is doubted is not
applied before somebody confirms it; what no price speaks for or against is believed.
"""

from __future__ import annotations

from math import log

import polars as pl

_TELLING = log(1.25)
"""A smaller change of price (in log) is lost among those of any night: a stock dividend of 1.048 shows nowhere."""
_MISS = 0.4
"""How far (in log) a price may open from where the ratio puts it; a quarter of the ratio's own size where that is more:
after a reverse split of 1:50 prices fall."""
_DEAR = 0.5
"""A dividend of more than this part of the price is rather a typing error."""


def doubt_splits() -> pl.Expr:
    """The flag of each split, for rows with `close_before` and `open_on`, all of the days in one table."""
    ratio = pl.col("split_to") / pl.col("split_from")
    jump, size = (pl.col("close_before") / pl.col("open_on")).log(), ratio.log()
    miss, unmoved, turned = (jump - size).abs(), jump.abs(), (jump + size).abs()
    telling = (size.abs() >= _TELLING) & jump.is_not_null()
    inverted = telling & (turned < miss) & (turned < unmoved)
    wrong = telling & ((miss > unmoved) | (miss > pl.max_horizontal(pl.lit(_MISS), size.abs() / 4)))
    agrees = telling & ~inverted & ~wrong
    prices = pl.format("the price went from {} to {}", "close_before", "open_on")
    return _first_of(
        (~((pl.col("split_from") > 0) & (pl.col("split_to") > 0)), pl.lit("its ratio is not above 0")),
        (inverted.fill_null(value=False), pl.lit("inverted? ") + prices),
        (wrong.fill_null(value=False), prices + pl.lit(", not by this ratio")),
        *_twins(["ticker", "execution_date"], agrees.fill_null(value=False), ratio),
    )


def doubt_dividends() -> pl.Expr:
    """The flag of each dividend, for rows with their `previous_close`."""
    cash, close = pl.col("cash_amount"), pl.col("previous_close")
    return _first_of(
        (~(cash > 0), pl.lit("its cash is not above 0")),
        (pl.col("currency") != "USD", pl.format("paid in {}, and prices are in USD", "currency")),
        (cash >= close, pl.format("more than the price before, {}", close)),
        (cash > close * _DEAR, pl.format("more than half of the price before, {}", close)),
        *_twins(["ticker", "ex_dividend_date", "cash_amount"], pl.lit(value=False), cash),
    )


def _twins(group: list[str], agrees: pl.Expr, what: pl.Expr) -> list[tuple[pl.Expr, pl.Expr]]:
    """Of rows about one thing one counts: the first that agrees with the prices, or the first when all say the same."""
    first = pl.col("id").sort_by(~agrees, "id").first().over(group)
    alone = pl.len().over(group) == 1
    same = what.n_unique().over(group) == 1
    proven = agrees.any().over(group)
    return [
        (~alone & (pl.col("id") != first) & (same | proven), pl.format("duplicate of {}", first)),
        (~alone & ~same & ~proven, pl.format("one of {} different ones on this day", pl.len().over(group))),
    ]


def _first_of(*doubts: tuple[pl.Expr, pl.Expr]) -> pl.Expr:
    """The first reason whose condition holds; null without one."""
    return pl.coalesce(pl.when(holds).then(reason) for holds, reason in doubts)
