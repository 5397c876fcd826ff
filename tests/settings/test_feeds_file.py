from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from forebay.errors import UsageError
from forebay.feeds_file import check_dates, dataset_named, read_feeds
from forebay.model.catalogue import DATASETS
from forebay.model.feed import Feed, SourceChoice

GOOD = """\
# what to hold
[[feeds]]
name = "stocks"
datasets = ["us_stocks_sip/minute_aggs_v1", "stocks/bars_1d"]

[[feeds]]
name = "mine"
datasets = ["stocks/bars_1m"]
symbols = ["AAP", "AAp", "NA"]
start = 2024-01-02
end = "2024-06-28"
source = "rest"
into = ["lake"]
"""


def feeds_of(tmp_path, text):
    path = tmp_path / "forebay.toml"
    path.write_text(text)
    return read_feeds(path)


def refused(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        feeds_of(tmp_path, text)
    return f"{caught.value} {caught.value.remedy}".replace(str(tmp_path), "")


def test_feeds_are_read(tmp_path):
    """Catalogue names and lake tables, all symbols or a case-sensitive list, dates as TOML dates or text, defaults."""
    minutes, days = DATASETS["us_stocks_sip/minute_aggs_v1"], DATASETS["us_stocks_sip/day_aggs_v1"]
    expected = [
        Feed("stocks", (minutes, days)),
        Feed("mine", (minutes,), ("AAP", "AAp", "NA"), date(2024, 1, 2), date(2024, 6, 28), SourceChoice.REST),
    ]
    assert expected == feeds_of(tmp_path, GOOD)


def test_a_dataset_under_two_names_is_one(tmp_path):
    """A dataset and its lake table, or a ticker twice, count once."""
    text = GOOD.replace('"stocks/bars_1d"', '"stocks/bars_1m"').replace('"AAp"', '"AAP"')
    feeds = feeds_of(tmp_path, text)
    assert (1, ("AAP", "NA")) == (len(feeds[0].datasets), feeds[1].symbols)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[[feeds]]", "[[feed]]", "/forebay.toml, line 2: unknown table or key 'feed' Is 'feeds' meant?"),
        ("[[feeds]]", "[feeds]", "is not TOML"),
        ("# what to hold", "home = 3", "/forebay.toml, line 1: unknown table or key 'home'"),
        ("# what to hold", "[settings]\nx = 1", "/forebay.toml, line 1: unknown table or key 'settings'"),
        ("datasets = [", "dataset = [", "line 4: unknown key 'dataset' in a feed Is 'datasets' meant?"),
        (
            "us_stocks_sip/minute_aggs_v1",
            "us_stocks_sip/minute_agg_v1",
            "line 4: unknown dataset 'us_stocks_sip/minute_agg_v1' Is 'us_stocks_sip/minute_aggs_v1' meant?",
        ),
        ("stocks/bars_1m", "stocks/bars_2m", "line 8: unknown dataset 'stocks/bars_2m' Is 'stocks/bars_1m' meant?"),
        ('"rest"', '"flatfile"', "line 12: unknown source 'flatfile' Is 'flatfiles' meant?"),
        ('"rest"', "7", "line 12: unknown source 7 Known: auto, flatfiles, rest."),
        ('into = ["lake"]', 'into = ["lakes"]', "line 13: unknown destination 'lakes' Is 'lake' meant?"),
        ('into = ["lake"]', "into = []", "line 13: into must be a list of names in quotes"),
        ('["AAP", "AAp", "NA"]', "[]", "line 9: symbols must be a list of names in quotes"),
        ('["AAP", "AAp", "NA"]', '"AAPL"', "line 9: symbols must be a list of names in quotes"),
        ('["AAP", "AAp", "NA"]', '["AAP", ""]', "line 9: symbols must be a list of names in quotes"),
        ('["stocks/bars_1m"]', '"stocks/bars_1m"', "line 8: datasets must be a list of names in quotes"),
        ('name = "mine"\n', "", "line 6: a feed needs a name"),
        ('name = "mine"', 'name = "stocks"', "line 7: two feeds are called 'stocks'"),
        ("2024-01-02", "2024-13-02", "is not TOML"),
        ("2024-06-28", "28.06.2024", "line 11: end = 28.06.2024 is not a date Write end = 2024-01-31"),
        ("2024-06-28", "2023-12-31", "line 10: start 2024-01-02 is after end 2023-12-31 Swap the two dates."),
        ("start = 2024-01-02", "start = 2024-01-02T09:30:00", "line 10: start = 2024-01-02 09:30:00 is not a date"),
        ("start = 2024-01-02", "start = 20240102", "line 10: start = 20240102 is not a date"),
    ],
)
def test_a_slip_is_named_with_its_line(tmp_path, old, new, expected):
    """A wrong word anywhere names file, line, the word and the nearest right one."""
    assert expected in refused(tmp_path, GOOD.replace(old, new))


def test_a_missing_list_of_datasets(tmp_path):
    """A feed without datasets is refused at its head."""
    assert "/forebay.toml, line 1: datasets must be a list" in refused(tmp_path, '[[feeds]]\nname = "a"\n')


def test_files_that_cannot_be_read(tmp_path):
    """A missing file, a folder and bytes that are no text are three different errors."""
    with pytest.raises(UsageError, match="there is no file"):
        read_feeds(tmp_path / "forebay.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_feeds(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_feeds(tmp_path / "bytes.toml")


def test_an_empty_file_wishes_nothing(tmp_path):
    """No feeds is a legitimate wish."""
    assert [] == feeds_of(tmp_path, "# later\n")


def test_datasets_by_both_names():
    """The catalogue's name and the lake's table are one dataset; an unknown one names the nearest."""
    assert dataset_named("crypto/bars_1m") is dataset_named("global_crypto/minute_aggs_v1")
    with pytest.raises(UsageError, match="unknown dataset 'stocks/bar_1m'") as caught:
        dataset_named("stocks/bar_1m")
    assert "Is 'stocks/bars_1m' meant?" == caught.value.remedy


def test_dates_of_a_command():
    """Reversed dates and days in the future are refused; New York's date counts, not UTC's."""
    evening = datetime(2025, 1, 10, 2, 0, tzinfo=UTC)
    check_dates(date(2025, 1, 9), date(2025, 1, 9), evening)
    check_dates(None, None, evening)
    with pytest.raises(UsageError, match="start 2025-01-10 is in the future: today is 2025-01-09 in New York"):
        check_dates(date(2025, 1, 10), None, evening)
    with pytest.raises(UsageError, match="end 2030-01-01 is in the future"):
        check_dates(None, date(2030, 1, 1), evening)
    with pytest.raises(UsageError, match="the dates are reversed") as caught:
        check_dates(date(2025, 1, 9), date(2025, 1, 8), evening)
    assert "Give --start 2025-01-08 --end 2025-01-09." == caught.value.remedy


@pytest.mark.parametrize(("day", "line"), [("start = 2024-01-02", 10), ('end = "2024-06-28"', 11)])
def test_a_day_in_the_future_is_named_with_its_line(tmp_path, day, line):
    """Read at a given moment, a feed that begins or ends after it is refused."""
    path = tmp_path / "forebay.toml"
    which = day.split()[0]
    path.write_text(GOOD.replace(day, f"{which} = 2024-04-01"))
    with pytest.raises(UsageError, match=f"line {line}: {which} 2024-04-01 is in the future"):
        read_feeds(path, datetime(2024, 2, 1, tzinfo=UTC))


def test_trades_go_into_the_lake_and_not_into_files_of_tickers(tmp_path):
    """A feed of trades is taken; one that wants them in files of tickers, which hold bars, is refused with its line."""
    text = GOOD.replace('["stocks/bars_1m"]', '["stocks/trades"]')
    path = tmp_path / "forebay.toml"
    path.write_text(text)
    assert "us_stocks_sip/trades_v1" in [dataset.name for feed in read_feeds(path) for dataset in feed.datasets]
    text = text.replace('into = ["lake"]', 'into = ["files"]')
    assert "line 8: us_stocks_sip/trades_v1 does not go into files of tickers" in refused(tmp_path, text)
