"""Following `next_url` from page to page (the vendor's REST page, section 1)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from forebay.errors import PageRejected
from forebay.vendor.http import VendorHttp

_REMEDY = "Ask again; if it stays so, the vendor's paging is broken: report it there."


class Cursor:
    """Where the next page is, and where the walk has been."""

    def __init__(self, http: VendorHttp, path: str) -> None:
        self.url: str | None = path
        """A path, then absolute addresses; None after the last page."""
        self._http = http
        self._path = path
        self._seen: set[str] = set()

    def check(self, next_url: str | None) -> None:
        """Refuse an address on another host, since the key would go there, and one that was followed before.

        Raises PageRejected.
        """
        if next_url and not self._http.is_own(next_url):
            raise PageRejected(
                f"the vendor's next page for {self._path} is on another host; it was not followed",
                remedy="Set FOREBAY_REST_URL to the host that the vendor's answers name.",
            )
        if next_url in self._seen:
            raise PageRejected(f"the vendor's pages for {self._path} go round in a circle", remedy=_REMEDY)

    def follow(self, next_url: str | None, keep: str = "") -> None:
        """Move on to an address that `check` accepted; none, or an empty one, was the last page.

        `keep` is one `name=value` of the question that the vendor's own addresses have been seen to lose.
        """
        if not next_url:
            self.url = None
            return
        self._seen.add(next_url)
        query = urlsplit(next_url).query
        lost = keep and keep.partition("=")[0] not in parse_qs(query)
        self.url = f"{next_url}{'&' if query else '?'}{keep}" if lost else next_url
