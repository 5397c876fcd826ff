"""The documentation as a site: it builds, every link leads somewhere, and nothing comes from another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ROOT

BESIDE = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
"""Pages outside the site, with links into its sources."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` does: a link that leads nowhere, or a page without a place, is a failure."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, done.stderr
    return folder


@pytest.mark.timeout(600)
def test_every_link_leads_somewhere(site):
    """Pages, anchors and the places of pages hold; the first one is there."""
    assert (site / "index.html").exists()
    assert (site / "tutorial.html").exists()


@pytest.mark.timeout(600)
def test_nothing_comes_from_another_host(site):
    """No page loads a script, a style, a font or a picture from elsewhere."""
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"?(https?:[^\" >]+)", page.read_text("utf-8"))
        styles = re.findall(r"<link[^>]*rel=\"?(?:stylesheet|preconnect|preload)[^>]*>", page.read_text("utf-8"))
        assert [] == loaded + [each for each in styles if "http" in each], page.name


@pytest.mark.parametrize("page", BESIDE)
def test_links_of_the_pages_beside_it_hold(page):
    """Files and headings that README, CONTRIBUTING and CHANGELOG name are there."""
    for target in re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", (ROOT / page).read_text("utf-8")):
        path = ROOT / (target[0] or page)
        assert path.exists(), target[0]
        assert not target[1] or target[1][1:] in anchors(path), target


def anchors(path: Path) -> set[str]:
    """The headings of a page, as links name them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
