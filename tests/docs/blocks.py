"""The blocks of code in the manual's pages, each with what a comment above it says.

<!-- not run: it needs Docker -->      the block is shown only; the reason must stand there
<!-- first: forebay init -->           typed before the block, unseen by readers
title="forebay.toml"                   behind the fence's language: the block is a file of that name
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)(?: title=\"(?P<title>[^\"]+)\")?$")
_COMMENTS = re.compile(r"(?:<!--(?:(?!-->).)*-->\s*)*$", re.DOTALL)
_SAID = re.compile(r"<!-- (not run|first):(.*?)-->", re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s)#(?: .*)?$")
_STATUS = re.compile(r"# .*exit code (\d+)(?: or (\d+))?")


@dataclass(frozen=True)
class Typed:
    """One command line, without its comment: how it must end, and what the page shows that it says."""

    line: str
    codes: tuple[int, ...] = (0,)
    shown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, its text."""

    page: str
    number: int
    language: str
    title: str
    text: str
    above: dict[str, str]

    @property
    def where(self) -> str:
        return f"{self.page}:{self.number}"

    @property
    def not_run(self) -> str:
        """Why it cannot run in a test; empty if it can."""
        return self.above.get("not run", "")

    @property
    def first(self) -> list[str]:
        """What is typed before it, unseen."""
        return self.above.get("first", "").strip().splitlines()

    def commands(self) -> list[Typed]:
        """What a reader types: each line of `sh`, the lines of `console` behind a dollar."""
        if self.language not in ("sh", "console"):
            return []
        found: list[list[str]] = []
        shown: list[list[str]] = []
        for line in self.text.splitlines():
            goes_on = bool(found) and found[-1][-1].endswith("\\")
            if goes_on:
                found[-1].append(line)
            elif self.language == "sh" or line.startswith("$ "):
                found.append([line.removeprefix("$ ")])
                shown.append([])
            else:
                shown[-1].append(line)
        pairs = zip(("\n".join(each) for each in found), shown, strict=True)
        return [typed(line, said) for line, said in pairs if _COMMENT.sub("", line).strip()]


def typed(line: str, shown: list[str]) -> Typed:
    """A command line as it stands on a page; `exit code 3`, or `0 or 3`, in its comment says how it ends."""
    found = _STATUS.search(line)
    codes = tuple(int(code) for code in found.groups() if code) if found else (0,)
    return Typed(_COMMENT.sub("", line).strip(), codes, [each for each in shown if each.strip()])


def pages() -> list[str]:
    """Every page of the manual, by its path from the top."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in found]


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, from top to bottom."""
    above: list[str] = []
    lines = iter(enumerate((ROOT / page).read_text("utf-8").splitlines(), 1))
    for number, line in lines:
        above.append(line)
        if fence := _FENCE.match(line):
            inside = "\n".join(takewhile("```".__ne__, (text for _, text in lines)))
            yield Block(page, number, fence[1], fence["title"] or "", inside, _said_above("\n".join(above[:-1])))
            above = []


def _said_above(text: str) -> dict[str, str]:
    """What the comments at the end of `text` say, where nothing but blank lines follows them."""
    return {kind: said.strip() for kind, said in _SAID.findall(_COMMENTS.search(text)[0])}
