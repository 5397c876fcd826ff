"""The made-up identifiers of an instrument: FIGI, CIK. The quietest have none, as many real ones."""

from __future__ import annotations

from forebay.model.instrument import AssetClass
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.noise import key_of

_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ0123456789"
_FIGI_LETTERS = 9
_WITHOUT = 5.0
"""Trades a day below which an instrument has no FIGI."""


def composite_figi(instrument: Instrument) -> str | None:
    """Its FIGI; None for other classes than stocks and for the quietest."""
    return _figi("BBG0", instrument)


def share_class_figi(instrument: Instrument) -> str | None:
    """Its share-class FIGI, where it has a FIGI."""
    return _figi("BBG1", instrument)


def cik(instrument: Instrument) -> str | None:
    """Its SEC number; funds have none here."""
    if instrument.asset_class is not AssetClass.STOCKS or instrument.kind == "ETF":
        return None
    return f"{key_of('cik', instrument.id) % 2_000_000:010d}"


def _figi(prefix: str, instrument: Instrument) -> str | None:
    if instrument.asset_class is not AssetClass.STOCKS or instrument.trades < _WITHOUT:
        return None
    number, letters = key_of(prefix, instrument.id), prefix
    for _ in range(_FIGI_LETTERS - 1):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return letters
