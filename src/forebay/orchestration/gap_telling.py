"""A session that lacks minutes, told as a gap: how many, by which proof, and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from forebay.model.gap import Gap, GapKind, Proof


def gap_of(row: Mapping[str, Any]) -> Gap:
    """The gap of a row with `ticker` and `session_date`; what does not apply is None.

    `minutes` that are held; `first` and `last` of the longest silence; `opens` and `closes`, the regular hours;
    `proved` by trades; `lost` of those `brought`; `by_day_bar`, and then what `lacking` tells.
    """
    first, last = row["first"] or row["opens"], row["last"] or row["closes"] - timedelta(minutes=1)
    proof = _proof(row)
    return Gap(
        symbol=row["ticker"],
        day=row["session_date"],
        kind=GapKind.MINUTES if row["minutes"] else GapKind.DAY,
        proof=proof,
        missing=max(row["proved"] or 0, row["lost"] or 0) or _estimate(row),
        first=first,
        last=last,
        evidence=_evidence(row, proof),
    )


def _proof(row: Mapping[str, Any]) -> Proof:
    if row["proved"]:
        return Proof.TRADES
    if row["lost"]:
        return Proof.COUNT
    return Proof.DAY_BAR if row["by_day_bar"] else Proof.COVERAGE


def _estimate(row: Mapping[str, Any]) -> int:
    """Minutes that lack, by the trades that do and those of the symbol's usual minute; at most all regular ones."""
    if not row["traded_day"]:
        return 1
    lacks: float = row["traded_day"] - (row["traded"] or 0) - (row["usual"] or 0)
    regular = int((row["closes"] - row["opens"]) / timedelta(minutes=1))
    return min(max(1, round(lacks / max(row["per_minute"] or 1.0, 1.0))), regular)


def _evidence(row: Mapping[str, Any], proof: Proof) -> str:
    if proof is Proof.TRADES:
        return f"{row['proved']:,} minute bars that its trades make are not held"
    if proof is Proof.COUNT:
        return f"{row['lost']:,} of the {row['brought']:,} minute bars that REST brought are not in the lake"
    if proof is Proof.COVERAGE:
        return "nothing of the session was ever fetched, and no day bar says whether it traded"
    if row["traded_day"] is None:
        return "its day bar says that it traded; no minute is held"
    lacks = row["traded_day"] - (row["traded"] or 0)
    usual = f"; usually {row['usual']:,.0f} do" if row["minutes"] else "; no minute is held"
    return f"{lacks:,} of the {row['traded_day']:,} trades of its day bar are in no minute{usual}"
