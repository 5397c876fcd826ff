"""What else the ledger remembers: listings, feeds, entitlements."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from ledger_nouns import CHECKED, MINUTES, day, revision

from forebay.errors import LedgerError
from forebay.ledger import Ledger
from forebay.model.catalogue import DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.intervals import Interval

FEED = Feed(
    name="mine",
    datasets=(DATASETS[MINUTES], DATASETS["global_crypto/day_aggs_v1"]),
    symbols=("AAP", "AAp", "NA", "BRK.B"),
    start=date(2024, 1, 1),
    end=date(2024, 6, 28),
    source=SourceChoice.REST,
    destinations=("lake", "archive"),
)


def test_a_listing_tells_the_news(ledger: Ledger) -> None:
    """New and replaced days are news, in order; the same listing again is none."""
    first = {day(1): revision("b"), day(0): revision("a")}

    assert [day(0), day(1)] == ledger.listings.remember(MINUTES, first)
    assert [] == ledger.listings.remember(MINUTES, first)
    assert [day(1), day(2)] == ledger.listings.remember(MINUTES, {day(1): revision("c"), day(2): revision("d")})
    assert [] == ledger.listings.remember(MINUTES, {})


def test_the_newest_revision_stays(ledger: Ledger) -> None:
    """Each day has its newest revision; days that a later listing leaves out stay; datasets do not mix."""
    ledger.listings.remember(MINUTES, {day(0): revision("a"), day(1): revision("b")})
    ledger.listings.remember(MINUTES, {day(1): revision("c")})

    assert {day(0): revision("a"), day(1): revision("c")} == ledger.listings.revisions(MINUTES, day(0), day(9))
    assert {day(1): revision("c")} == ledger.listings.revisions(MINUTES, day(1), day(1))
    assert {} == ledger.listings.revisions("another", day(0), day(9))


def test_a_file_that_the_vendor_took_away_is_forgotten(ledger: Ledger) -> None:
    """Within the span that was asked for, what is not listed is not there any more; outside it nothing is known."""
    ledger.listings.remember(MINUTES, {day(number): revision("a") for number in range(4)})

    assert [] == ledger.listings.remember(MINUTES, {day(2): revision("a")}, Interval(day(1), day(2)))
    assert [day(0), day(2), day(3)] == list(ledger.listings.revisions(MINUTES, day(0), day(9)))


@pytest.mark.parametrize("feed", [FEED, Feed(name="all", datasets=(DATASETS[MINUTES],))], ids=lambda feed: feed.name)
def test_a_feed_comes_back_as_it_was(ledger: Ledger, feed: Feed) -> None:
    """Open ends, all symbols and exact spellings survive."""
    ledger.feeds.remember(feed)

    assert [feed] == ledger.feeds.list()


def test_a_feeds_name_is_its_own(ledger: Ledger) -> None:
    """A feed of the same name takes the place of the old one, and can be forgotten once."""
    other = Feed(name="mine", datasets=(DATASETS[MINUTES],))
    ledger.feeds.remember(FEED)
    ledger.feeds.remember(other)

    assert [other] == ledger.feeds.list()
    assert ledger.feeds.forget("mine")
    assert not ledger.feeds.forget("mine")
    assert [] == ledger.feeds.list()


def test_a_feed_of_an_unknown_dataset(ledger: Ledger) -> None:
    """A remembered dataset that this version does not know is an error that names feed and dataset."""
    ledger.feeds.remember(FEED)
    with ledger.database.write() as connection:
        connection.execute(sa.text('UPDATE feeds SET feed = \'{"datasets": ["us_moon/day_aggs_v1"]}\''))

    with pytest.raises(LedgerError, match=r"feed mine .*us_moon/day_aggs_v1") as caught:
        ledger.feeds.list()

    assert "forget" in caught.value.remedy


def test_an_entitlement_is_believed_for_a_while(ledger: Ledger) -> None:
    """An answer is remembered until it is older than the asker wants; a newer answer replaces it."""
    hour = timedelta(hours=1)
    assert ledger.entitlements.first_day(MINUTES, since=CHECKED) is None

    ledger.entitlements.remember(MINUTES, day(0), CHECKED)

    assert day(0) == ledger.entitlements.first_day(MINUTES, since=CHECKED)
    assert ledger.entitlements.first_day(MINUTES, since=CHECKED + hour) is None
    ledger.entitlements.remember(MINUTES, day(5), CHECKED + hour)
    assert day(5) == ledger.entitlements.first_day(MINUTES, since=CHECKED + hour)
