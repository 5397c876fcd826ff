"""A thousand symbols of mixed strategies, one in twenty of which fails: the others are kept as if they were alone."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from misfortunes import BY_VENDOR, FIRST, LAST, Misfortunes
from postgres_server import create_database, postgresql

from forebay import Lake
from forebay.app import App
from forebay.app.ingest import open_ingest
from forebay.model.registry import IngestionStatus, Phase
from forebay.settings import load
from forebay.vendor.http import Timeouts
from forebay.vendor.rest import RestClient

MINUTE = timedelta(minutes=1)
_TICKER = re.compile(r"/v2/aggs/ticker/([^/]+)/range/1/day/2026-02-23/")


@pytest.fixture(params=[("sqlite", 1000), ("postgresql", 40)], ids=["sqlite", "postgresql"])
def kept(request, tmp_path):
    """Who fails how, the vendor that sees to it, and an application that keeps them all."""
    database, tickers = request.param
    market = Misfortunes(tickers)
    with market.vendor() as vendor:
        settings = {**vendor.env, "FOREBAY_HOME": str(tmp_path), "LOG_LEVEL": "CRITICAL"}
        if database == "postgresql":
            settings["DATABASE_URL"] = create_database(request.getfixturevalue("server"), "thousand")
        app = App(load(environ=settings), market.clock, "worker-1")
        key, patience = app.settings.vendor.require_api_key(), Timeouts(read=0.7)
        app.batch_rest = RestClient(vendor.url, key, app.ledger.budget, market.clock, timeouts=patience)
        app.registry.add_many(market.entries(vendor))
        with app.ledger.database.write() as connection:
            for statement in market.spoiling:
                connection.execute(sa.text(statement))
        yield market, vendor, app
        app.close()


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        yield folder


def test_each_failure_is_one_symbols_and_is_tried_again_when_it_is_due(kept, tmp_path):
    """Its message and its time; nothing that is held is asked for again; what is mended completes."""
    market, vendor, app = kept
    first = {one.symbol: one.error for one in open_ingest(app).run()}
    _check_failures(market, app, first)
    _check_the_others(market, vendor, app, first, tmp_path)

    asked, entries = len(vendor.requests), app.registry.list()
    due = {entry.symbol for entry in entries if entry.failures and entry.retry_at <= market.clock.now()}
    second = {one.symbol: one.error for one in open_ingest(app).run()}
    later = {entry.symbol for entry in entries if entry.failures and entry.retry_at > market.clock.now()}
    assert due <= second.keys()
    assert not second.keys() & later
    bars = [one.path for one in vendor.requests[asked:] if one.kind == "data" and "/snapshot/" not in one.path]
    assert set(market.said) >= {_ticker(path) for path in bars}

    market.clock.advance(3600)
    third = {one.symbol: one.error for one in open_ingest(app).run(market.said.keys())}
    failing = {name for name in market.said if market.victims.get(name) not in BY_VENDOR}
    assert failing == {name for name, error in third.items() if error}
    assert {2, 3} >= {app.registry.get(name).failures for name in failing}
    mended = [app.registry.get(name) for name in market.said.keys() - failing]
    assert {(IngestionStatus.IDLE, 0, None)} == {(one.status, one.failures, one.error_message) for one in mended}


def _check_failures(market, app, first):
    """Those that were meant to fail did, for their own reason, and wait for up to a minute."""
    assert market.said.keys() == {name for name, error in first.items() if error}
    for name, words in market.said.items():
        entry = app.registry.get(name)
        assert (IngestionStatus.ERROR, 1, first[name]) == (entry.status, entry.failures, entry.error_message)
        assert re.search(words, entry.error_message), entry.error_message
        assert MINUTE / 2 <= entry.retry_at - entry.updated_at <= MINUTE


def _check_the_others(market, vendor, app, first, folder):
    """All others are idle, with a time for each phase that they have, and the lake holds what the market did."""
    entries = {entry.symbol: entry for entry in app.registry.list()}
    assert first.keys() == entries.keys()
    for entry in (entries[name] for name in market.well):
        done = {Phase.BACKFILL: entry.last_backfill, Phase.SNAPSHOT: entry.last_snapshot}
        having = set(entry.strategy.phases) - {Phase.STREAM}
        assert (IngestionStatus.IDLE, None, having) == (
            entry.status,
            entry.error_message,
            {phase for phase, at in done.items() if at},
        )
    kept = [name for name in market.well if Phase.BACKFILL in entries[name].strategy.phases]
    truth = vendor.market.bars("stocks", "bars_1d", FIRST, LAST)
    held = Lake(folder / "lake").bars(kept, "1d").collect()
    assert Counter(ticker for ticker in truth["ticker"] if ticker in set(kept)) == Counter(held["ticker"])


def _ticker(path):
    found = _TICKER.match(path)
    return found.group(1) if found else path
