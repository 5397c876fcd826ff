"""The registry of symbols for Python programs: `RegistryManager`, and the nouns it speaks of."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry

if TYPE_CHECKING:
    from forebay.settings import Settings

__all__ = ["IngestionStatus", "IngestionStrategy", "RegistryManager", "SymbolRegistry"]


class RegistryManager:
    """The table `symbol_registry`; made, or brought up to date, when it is opened.

    Methods raise LedgerError for the database's sake, UsageError for a wrong symbol or entry, and those that change a
    symbol UnknownSymbol when it is not there. Usable from several threads; close it, or use it in a `with`.
    """

    def __init__(self, database: Settings | str | None = None) -> None:
        """Open the ledger of the settings (environment and .env), of other settings, or at an address.

        Raises UsageError for an address that cannot be used.
        """
        from forebay.app import App, new_worker_id
        from forebay.clock import SystemClock
        from forebay.settings import load

        overrides = {"DATABASE_URL": database} if isinstance(database, str) else {}
        settings = load(overrides=overrides) if database is None or isinstance(database, str) else database
        self._app = App(settings, SystemClock(), new_worker_id())

    def add_symbol(self, entry: SymbolRegistry) -> SymbolRegistry:
        """Add one symbol; what was stored. Raises KnownSymbol when it is there already."""
        return self._app.registry.add(entry)

    def get_symbol(self, symbol: str) -> SymbolRegistry | None:
        """One symbol, by its exact spelling; None when it is not there."""
        return self._app.registry.get(symbol)

    def list_symbols(self, enabled_only: bool = False) -> list[SymbolRegistry]:
        """Every symbol, or only those that are run, in byte order."""
        return self._app.registry.list(enabled_only=enabled_only)

    def update_status(self, symbol: str, status: IngestionStatus, error_message: str | None = None) -> SymbolRegistry:
        """Say how a symbol fares, from outside a run: DISABLED disables it, any other status enables it."""
        return self._app.registry.set_status(symbol, status, error_message)

    def update_strategy(self, symbol: str, strategy: IngestionStrategy) -> SymbolRegistry:
        """Keep a symbol in another way, from its next run on."""
        return self._app.registry.set_strategy(symbol, strategy)

    def disable_symbol(self, symbol: str) -> SymbolRegistry:
        """Run it no longer."""
        return self._app.registry.set_enabled(symbol, enabled=False)

    def enable_symbol(self, symbol: str) -> SymbolRegistry:
        """Run it again."""
        return self._app.registry.set_enabled(symbol, enabled=True)

    def delete_symbol(self, symbol: str) -> bool:
        """Forget a symbol; whether it was there. What it brought stays in the lake."""
        return self._app.registry.delete(symbol)

    def close(self) -> None:
        """Let go of the database."""
        self._app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
