"""The pages of symbols, as a person sees and uses them."""

from __future__ import annotations

import pytest
from browsing import PHONE, axe, fits, keep

from forebay.model.registry import SymbolRegistry


@pytest.fixture(scope="module")
def kept(synced, service):
    """A service that keeps a symbol, and one whose name is hostile."""
    from forebay.app import open_app
    from forebay.settings import load

    with open_app(load(environ={"FOREBAY_HOME": str(synced)})) as app:
        app.registry.add_many(
            [
                SymbolRegistry("MSFT", "flatpack_snapshot_stream", description="Microsoft Corporation"),
                SymbolRegistry("<b>A", description="<script>alert(1)</script>"),
            ]
        )
    return service


@pytest.mark.parametrize(("name", "look"), [("light", {}), ("dark", {"dark": True}), ("phone", {"size": PHONE})])
def test_a_symbol_is_seen(kept, visit, name, look):
    """The list and the candles of one symbol: in light, in dark, on a phone, and for people who cannot see them."""
    page = visit(kept.url, **look)
    page.goto("/symbols")
    keep(page, f"symbols-{name}")
    page.goto("/symbols/MSFT?size=1d")
    seen = page.locator("svg.chart:visible")
    assert (1, "MSFT candles") == (seen.count(), seen.locator("title").first.text_content())
    assert fits(page)
    assert [] == axe(page)
    keep(page, f"symbol-{name}")


def test_a_symbol_is_found_let_go_and_kept_without_javascript(kept, visit):
    """Search and buttons work where no script runs; the numbers of the chart are there as a table."""
    page = visit(kept.url, javascript=False)
    page.goto("/symbols")
    page.get_by_label("Ticker or name").fill("microsoft")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="MSFT").click()
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("button", name="Enable").click()
    page.get_by_label("Strategy").select_option("flatpack_api")
    page.get_by_role("button", name="Change strategy").click()
    assert "flatpack_api" in page.locator("#kept dl").inner_text()
    page.get_by_role("link", name="1d", exact=True).click()
    page.locator("#values summary").click()
    assert 12 == page.locator("#values tbody tr").count()


def test_a_name_is_never_a_script(kept, visit):
    """What a ticker is called stays text on the list and on its page."""
    page = visit(kept.url)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for address in ("/symbols?q=alert", "/symbols/%3Cb%3EA"):
        page.goto(address)
        assert "<script>alert(1)</script>" in page.locator("main").inner_text()
        assert [] == axe(page)


def test_what_changes_is_seen_without_a_reload(kept, synced, visit):
    """An open page shows what another process changed of the symbol."""
    from forebay.app import open_app
    from forebay.model.registry import IngestionStatus
    from forebay.settings import load

    page = visit(kept.url)
    page.goto("/symbols/MSFT")
    page.locator("#live[data-state=on]").wait_for()
    with open_app(load(environ={"FOREBAY_HOME": str(synced)})) as app:
        app.registry.set_status("MSFT", IngestionStatus.ERROR, "the vendor answered 500")
    page.get_by_text("the vendor answered 500").wait_for()
