"""The catalogue: against the vendor's published list of prefixes, folders and first dates."""

from datetime import date

import pytest

from forebay.model.catalogue import BAR_DATASETS, DATASETS, LAKE_DATASETS, Kind
from forebay.model.instrument import AssetClass

_BARS = ("day_aggs_v1", "minute_aggs_v1")
_FUTURES = ("session_aggs_v1", "minute_aggs_v1", "trades_v1", "quotes_v1")
PUBLISHED = {
    "us_stocks_sip": (*_BARS, "trades_v1", "quotes_v1"),
    "us_options_opra": (*_BARS, "trades_v1", "quotes_v1"),
    "us_indices": (*_BARS, "values_v1"),
    "global_crypto": (*_BARS, "trades_v1"),
    "global_forex": (*_BARS, "quotes_v1"),
    "us_futures_cme": _FUTURES,
    "us_futures_cbot": _FUTURES,
    "us_futures_comex": _FUTURES,
    "us_futures_nymex": _FUTURES,
}
"""Flat files, section 2: these nine prefixes are the whole top level."""


def test_every_published_dataset_is_there():
    """The nine prefixes with exactly their folders, and nothing else."""
    expected = {f"{prefix}/{folder}" for prefix, folders in PUBLISHED.items() for folder in folders}

    assert expected == set(DATASETS)


def test_every_dataset_has_a_table_of_its_own():
    """Coverage is kept by table: two datasets that shared one would count for each other."""
    assert len(DATASETS) == len(LAKE_DATASETS)
    assert "us_futures_comex/session_aggs_v1" == LAKE_DATASETS["futures_comex/bars_1d"].name
    assert "us_options_opra/quotes_v1" == LAKE_DATASETS["options/quotes"].name


def test_bars_by_rest_are_of_everything_but_futures():
    """Ten bar tables; futures, trades, quotes and values come as flat files alone."""
    classes = [each for each in AssetClass if each is not AssetClass.FUTURES]

    assert {f"{each}/{kind}" for each in classes for kind in (Kind.BARS_1D, Kind.BARS_1M)} == set(BAR_DATASETS)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("us_stocks_sip/quotes_v1", date(2003, 9, 10)),
        ("us_options_opra/trades_v1", date(2014, 6, 2)),
        ("us_options_opra/quotes_v1", date(2022, 3, 7)),
        ("us_indices/values_v1", date(2023, 2, 14)),
        ("us_futures_nymex/trades_v1", date(2017, 4, 3)),
    ],
)
def test_first_dates(name, first):
    """The first session date the vendor has, which for option quotes is later than for its siblings."""
    assert first == DATASETS[name].first_date


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_key_names_its_day(name):
    """A dataset's key leads back to the day; the key of another month or dataset, or with another end, does not."""
    dataset, day = DATASETS[name], date(2024, 3, 7)

    assert f"{name}/2024/03/2024-03-07.csv.gz" == dataset.key(day)
    assert day == dataset.day_of(dataset.key(day))
    assert not any(map(dataset.day_of, (f"{name}/2024/04/2024-03-07.csv.gz", f"x/{dataset.key(day)}", f"{name}/2024")))
