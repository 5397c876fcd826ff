"""`forebay.registry`: the registry as Python programs use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebay.errors import KnownSymbol, UnknownSymbol, UsageError
from forebay.registry import IngestionStatus, IngestionStrategy, RegistryManager, SymbolRegistry


def test_a_program_keeps_its_symbols(url: str) -> None:
    """Added, listed, changed and deleted under the names that programs know; the next manager finds it all."""
    apple = SymbolRegistry(
        symbol="AAPL",
        strategy=IngestionStrategy.FLATPACK_SNAPSHOT_STREAM,
        enabled=True,
        description="Apple Inc.",
    )
    with RegistryManager(url) as manager:
        manager.add_symbol(apple)
        manager.add_symbol(SymbolRegistry("NVDA"))
        manager.update_status("NVDA", IngestionStatus.ERROR, error_message="Rate limit exceeded")
        manager.update_status("AAPL", IngestionStatus.DISABLED)
        manager.update_strategy("NVDA", IngestionStrategy.SNAPSHOT)

    with RegistryManager(url) as manager:
        said = [
            f"{entry.symbol}: {entry.strategy.value} (status={entry.status.value})" for entry in manager.list_symbols()
        ]
        assert ["AAPL: flatpack_snapshot_stream (status=disabled)", "NVDA: snapshot (status=error)"] == said
        assert ["NVDA"] == [entry.symbol for entry in manager.list_symbols(enabled_only=True)]
        assert "Rate limit exceeded" == manager.get_symbol("NVDA").error_message
        assert manager.enable_symbol("AAPL").enabled
        assert not manager.disable_symbol("NVDA").enabled
        with pytest.raises(KnownSymbol):
            manager.add_symbol(apple)
        assert manager.delete_symbol("AAPL")
        assert not manager.delete_symbol("AAPL")
        with pytest.raises(UnknownSymbol):
            manager.update_status("AAPL", IngestionStatus.IDLE)


def test_the_settings_say_where_the_registry_is(tmp_path, monkeypatch) -> None:
    """Without an address it is the ledger of the environment; a wrong address is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/mine.db")

    with RegistryManager() as manager:
        manager.add_symbol(SymbolRegistry("KO"))

    with RegistryManager(f"sqlite:///{tmp_path}/mine.db") as manager:
        assert ["KO"] == [entry.symbol for entry in manager.list_symbols()]
    with pytest.raises(UsageError, match="DATABASE_URL"):
        RegistryManager("mysql://x/y")


def test_strategies_and_statuses_may_be_named(url: str) -> None:
    """A word in any case is as good as the constant; another one is refused with those that there are."""
    with RegistryManager(url) as manager:
        assert IngestionStrategy.FLATPACK_API is manager.add_symbol(SymbolRegistry("KO", "FLATPACK_API")).strategy
        assert IngestionStrategy.SNAPSHOT is manager.update_strategy("KO", "snapshot").strategy
        assert IngestionStatus.DISABLED is manager.update_status("KO", "Disabled").status
        for wrong in (
            lambda: SymbolRegistry("KO", "sometimes"),
            lambda: manager.update_strategy("KO", "sometimes"),
            lambda: manager.update_status("KO", "sometimes"),
        ):
            with pytest.raises(UsageError, match="cannot be 'sometimes'") as caught:
                wrong()
            assert "known are" in caught.value.remedy


def test_what_the_manual_shows_works(tmp_path, monkeypatch, capsys) -> None:
    """The program in docs/registry.md runs as it stands, and says how its symbol fares."""
    manual = Path(__file__).parents[2] / "docs" / "registry.md"
    program = manual.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/shown.db")

    exec(compile(program, str(manual), "exec"), {})

    assert "AAPL: flatpack_snapshot_stream (status=idle)\n" == capsys.readouterr().out
    with RegistryManager() as manager:
        assert [] == manager.list_symbols()
