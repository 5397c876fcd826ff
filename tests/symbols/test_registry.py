"""The registry of symbols: what is added, changed and listed, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from forebay.errors import KnownSymbol, UnknownSymbol, UsageError
from forebay.ledger import Ledger
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.symbols.registry import Registry

HOUR = timedelta(hours=1)
MIXED = ["AAP", "AAp", "Ab", "O:SPY251219C00650000", "X:BTCUSD", "b"]
"""In byte order; no language sorts them so."""


def symbols(entries) -> list[str]:
    return [entry.symbol for entry in entries]


def test_what_is_added_is_there(registry: Registry, clock) -> None:
    """Every field comes back as it was given; the times are those of the clock."""
    entry = SymbolRegistry(
        "AAPL",
        IngestionStrategy.FLATPACK_SNAPSHOT_STREAM,
        description="Apple Inc. café",
        metadata={"start": "2024-01-02", "timeframes": ["1m", "1d"], "asset_class": "stocks", "mine": {"a": [1, None]}},
        last_backfill=clock.now() - HOUR,
    )

    stored = registry.add(entry)

    assert replace(entry, created_at=clock.now(), updated_at=clock.now()) == stored
    assert stored == registry.get("AAPL")
    assert registry.get("aapl") is None


def test_a_symbol_is_added_once(registry: Registry) -> None:
    """A second addition is refused and changes nothing; of many, those that are known are counted."""
    registry.add(SymbolRegistry("NA", IngestionStrategy.STREAM))

    with pytest.raises(KnownSymbol, match="NA is in the registry already"):
        registry.add(SymbolRegistry("NA"))

    assert (2, 1) == registry.add_many([SymbolRegistry("AAPL"), SymbolRegistry("NA"), SymbolRegistry("aapl")])
    assert ["AAPL", "NA", "aapl"] == symbols(registry.list())
    assert registry.get("NA").strategy is IngestionStrategy.STREAM


def test_disabled_and_not_enabled_are_one_fact(registry: Registry) -> None:
    """Whichever of the two is said, both are stored; any other status enables."""
    registry.add(SymbolRegistry("A", enabled=False))
    registry.add(SymbolRegistry("B", status=IngestionStatus.DISABLED))
    registry.add(SymbolRegistry("C"))
    registry.set_status("C", IngestionStatus.DISABLED)

    for symbol in "ABC":
        entry = registry.get(symbol)
        assert (False, IngestionStatus.DISABLED) == (entry.enabled, entry.status)
    assert [] == registry.list(enabled_only=True)
    back = registry.set_enabled("A", enabled=True)
    assert (True, IngestionStatus.IDLE) == (back.enabled, back.status)
    assert registry.set_status("B", IngestionStatus.ERROR, "why").enabled


def test_an_error_is_kept_until_something_else_is_said(registry: Registry) -> None:
    """The message is stored with the status, and goes with it; texts that no database takes are cut."""
    registry.add(SymbolRegistry("NVDA"))

    failed = registry.set_status("NVDA", IngestionStatus.ERROR, "Rate limit exceeded\0\ud800" + "x" * 5_000)
    cleared = registry.set_status("NVDA", IngestionStatus.IDLE)

    assert failed.error_message.startswith("Rate limit exceeded?x")
    assert 2_000 == len(failed.error_message)
    assert (IngestionStatus.IDLE, None, 0) == (cleared.status, cleared.error_message, cleared.failures)


def test_a_symbol_is_changed_in_part(registry: Registry, clock) -> None:
    """Strategy, description and metadata change alone; the time of the change is noted."""
    added = registry.add(SymbolRegistry("AAPL", description="Apple", metadata={"start": "2024-01-02"}))
    clock.sleep(60)

    registry.set_strategy("AAPL", IngestionStrategy.SNAPSHOT)
    registry.describe("AAPL", description="Apple Inc.")
    changed = registry.describe("AAPL", metadata={})

    expected = replace(added, strategy=IngestionStrategy.SNAPSHOT, description="Apple Inc.", metadata={})
    assert replace(expected, updated_at=clock.now()) == changed


def test_an_unknown_symbol_is_named(registry: Registry) -> None:
    """Whatever is to be changed: a symbol that is not there is refused by name; deleting it says that it was not."""
    registry.add(SymbolRegistry("AAPL"))
    for change in (
        lambda: registry.set_status("aapl", IngestionStatus.IDLE),
        lambda: registry.set_strategy("aapl", IngestionStrategy.STREAM),
        lambda: registry.set_enabled("aapl", enabled=False),
        lambda: registry.describe("aapl", "x"),
    ):
        with pytest.raises(UnknownSymbol, match="aapl is not in the registry") as caught:
            change()
        assert "forebay registry add aapl" in caught.value.remedy

    assert not registry.delete("aapl")
    assert registry.delete("AAPL")
    assert [] == registry.list()


def test_a_list_is_in_byte_order_and_comes_in_pages(registry: Registry) -> None:
    """Pages put together are the whole list, whatever the database's language."""
    registry.add_many([SymbolRegistry(symbol) for symbol in reversed(MIXED)])

    first = registry.list(limit=4)
    rest = registry.list(limit=4, after=first[-1].symbol)

    assert MIXED == symbols(first) + symbols(rest)
    assert 4 == len(first)


def test_a_list_may_be_of_some(registry: Registry) -> None:
    """Strategy and status narrow it down."""
    registry.add_many(
        [
            SymbolRegistry("A", IngestionStrategy.STREAM),
            SymbolRegistry("B", IngestionStrategy.STREAM, enabled=False),
            SymbolRegistry("C"),
        ]
    )

    assert ["A", "B"] == symbols(registry.list(strategy=IngestionStrategy.STREAM))
    assert ["A"] == symbols(registry.list(strategy=IngestionStrategy.STREAM, enabled_only=True))
    assert ["B"] == symbols(registry.list(status=IngestionStatus.DISABLED))


@pytest.mark.parametrize(
    "symbol",
    ["", " ", "A B", "../etc/passwd", "..", "A/B", "a\\b", "A\0", "A\nB", "ÄÖ", "\ud800", "A" * 10_000, 5],
)
def test_what_is_no_symbol_is_refused(registry: Registry, symbol: object) -> None:
    """Nothing is added of a list that has one, and no database is asked for one."""
    with pytest.raises(UsageError, match="is no symbol") as caught:
        registry.add_many([SymbolRegistry("AAPL"), SymbolRegistry(symbol)])

    assert len(str(caught.value)) < 200
    assert [] == registry.list()
    for ask in (
        registry.get,
        registry.delete,
        lambda each: registry.list(after=each),
        lambda each: registry.claim("w", 1, symbols=[each]),
        lambda each: registry.set_status(each, IngestionStatus.IDLE),
    ):
        with pytest.raises(UsageError, match="is no symbol"):
            ask(symbol)


@pytest.mark.parametrize(
    "metadata",
    [
        {"asset_class": "stock"},
        {"asset_class": 7},
        {"timeframes": "1m"},
        {"timeframes": ["5m"]},
        {"timeframes": [[]]},
        {"start": "2024-02-30"},
        {"start": 20240102},
        {"x": float("nan")},
        {"x": object()},
        {"x": "\0"},
        {"x": "\ud800"},
        {"x": "y" * 20_000},
    ],
)
def test_wrong_metadata_are_refused(registry: Registry, metadata) -> None:
    """What no run could obey, or no database hold, is refused when it is given, with the symbol's name."""
    registry.add(SymbolRegistry("KO"))

    with pytest.raises(UsageError, match=r"^AAPL: "):
        registry.add(SymbolRegistry("AAPL", metadata=metadata))
    with pytest.raises(UsageError, match=r"^KO: "):
        registry.describe("KO", metadata=metadata)

    assert {} == registry.get("KO").metadata


@pytest.mark.parametrize("description", ["\0", "\ud800", "x" * 2_001])
def test_wrong_descriptions_are_refused(registry: Registry, description: str) -> None:
    """What a database cannot hold is refused by name."""
    registry.add(SymbolRegistry("KO"))

    with pytest.raises(UsageError, match=r"^AAPL: its description"):
        registry.add(SymbolRegistry("AAPL", description=description))
    with pytest.raises(UsageError, match=r"^KO: its description"):
        registry.describe("KO", description)


def test_rows_of_other_programs_are_read(registry: Registry, database) -> None:
    """A row that was inserted by SQL with the few columns it must have, in capitals, is an entry like others."""
    insert(database, "symbol, strategy", "'AAPL', 'FLATPACK_API'")

    entry = registry.get("AAPL")

    assert (IngestionStrategy.FLATPACK_API, IngestionStatus.IDLE, True) == (entry.strategy, entry.status, entry.enabled)
    assert {} == entry.metadata
    assert entry.created_at is not None
    assert ["AAPL"] == symbols(registry.list(strategy=IngestionStrategy.FLATPACK_API))


@pytest.mark.parametrize(("status", "enabled"), [("DISABLED", "true"), ("idle", "false")])
def test_another_program_may_disable_a_symbol_either_way(registry: Registry, database, status, enabled) -> None:
    """By its status or by `enabled` alone: it is disabled, and nobody runs it."""
    insert(database, "symbol, strategy, status, enabled", f"'KO', 'stream', '{status}', {enabled}")

    entry = registry.get("KO")

    assert (False, IngestionStatus.DISABLED) == (entry.enabled, entry.status)
    assert [] == registry.list(enabled_only=True)
    assert [] == registry.list(status=IngestionStatus.IDLE)
    assert [entry] == registry.list(status=IngestionStatus.DISABLED)
    assert [] == registry.claim("w", 1)


@pytest.mark.parametrize(
    ("columns", "values", "says"),
    [
        ("strategy", "'yearly'", "no strategy 'yearly'"),
        ("strategy, metadata", """'stream', '{"asset_class": "bonds"}'""", "its asset_class cannot be 'bonds'"),
        ("strategy, metadata", """'stream', '{"start": "soon"}'""", "its start cannot be 'soon'"),
        ("strategy, metadata", """'stream', '["1d"]'""", "its metadata cannot be"),
    ],
)
def test_what_another_program_wrote_wrongly_is_that_symbols_error(registry, database, columns, values, says) -> None:
    """It is listed with its error beside the others, and claimed as they are; what corrects it is named."""
    insert(database, "symbol, strategy", "'AAPL', 'stream'")
    insert(database, f"symbol, {columns}", f"'KO', {values}")

    listed = {entry.symbol: entry for entry in registry.list()}

    assert (IngestionStatus.IDLE, IngestionStatus.ERROR) == (listed["AAPL"].status, listed["KO"].status)
    assert says in listed["KO"].error_message
    assert listed["KO"] == registry.get("KO")
    assert ["AAPL", "KO"] == [claimed.symbol for claimed in registry.claim("w", 5)]
    registry.set_strategy("KO", IngestionStrategy.STREAM)
    registry.describe("KO", metadata={})
    assert IngestionStatus.IDLE is registry.set_status("KO", IngestionStatus.IDLE).status


def test_a_status_that_there_is_not_is_none(registry: Registry, database) -> None:
    """Its symbol is idle until it is run."""
    insert(database, "symbol, strategy, status", "'KO', 'stream', 'sleeping'")

    assert IngestionStatus.IDLE is registry.get("KO").status
    assert ["KO"] == [claimed.symbol for claimed in registry.claim("w", 5)]


def test_text_in_the_place_of_json_harms_one_symbol(tmp_path, clock) -> None:
    """SQLite lets other programs write it; they are told what was found there."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock) as ledger:
        insert(ledger.database, "symbol, strategy, metadata", "'KO', 'stream', '{start: 2024}'")
        registry = Registry(ledger.database, clock)
        registry.add(SymbolRegistry("AAPL"))

        assert ["AAPL", "KO"] == symbols(registry.list())
        assert "its metadata cannot be '{start: 2024}'" in registry.get("KO").error_message


def insert(database, columns: str, values: str) -> None:
    with database.write() as connection:
        connection.execute(sa.text(f"INSERT INTO symbol_registry ({columns}) VALUES ({values})"))
