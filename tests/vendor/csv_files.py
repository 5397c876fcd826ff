"""Files as the vendor might send them at its worst: any spelling, quote, line end and order of columns."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from forebay.model.catalogue import Column, Dataset

_HARD = "ABab.-:,;\"'\0\t \r\x7f\ufeffé☃𝄞#\\|%"
_ODD_TEXTS = "AAPL AAp NA NULL TRUE 1 1.0 O:SPY251219C00650000 X:BTC-USD"
_ODD_INTS = "-9223372036854775808 9223372036854775807 9223372036854775808 +5 007 -0 1.0 1e3"
_NO_NUMBERS = "nan NaN inf -inf Infinity 1_0 0x10 1e --1 1.2.3 null \uff11 1,5"
_WRONG = ("", " ", " 1", "1 ", *_NO_NUMBERS.split())
_TEXTS = st.one_of(
    st.sampled_from(["", "14,41", *_ODD_TEXTS.split()]),
    st.text(alphabet=_HARD, max_size=6),
)
_FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1e7).map("{:.6f}".format),
    st.floats(allow_nan=False, allow_infinity=False).map("{:.12E}".format),
    st.integers(0, 10**9).map(str),
    st.from_regex(r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1e309", "1e-400"]),
)
_INTS = st.one_of(
    st.integers(0, 10**6).map(str),
    st.integers(-(2**63) - 2, 2**63 + 2).map(str),
    st.sampled_from(_ODD_INTS.split()),
)
_NANOS = st.one_of(st.integers(10**9, 2 * 10**12).map(lambda micros: str(micros * 10**6)), _INTS)
_SPELLED = {Column.TEXT: _TEXTS, Column.FLOAT: _FLOATS, Column.INT: _INTS, Column.NANOS: _NANOS}
_USUAL = {Column.TEXT: "A", Column.FLOAT: "1.5", Column.INT: "7", Column.NANOS: "1744792500000000000"}
_LINE_ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"])


@dataclass(frozen=True)
class File:
    """A file, and the sizes of the pieces in which it is received and parsed."""

    header: list[str]
    first: bytes
    body: bytes
    cut: int
    block: int


def _quoted(text: str, how: str) -> str:
    """A field as it may stand in a line, also as it may not."""
    doubled = text.replace('"', '""')
    ways = {
        "plain": text,
        "quoted": f'"{doubled}"',
        "open": f'"{text}',
        "inside": f'{text}"b',
        "after": f'"{doubled}"b',
    }
    return ways[how]


_HOW = st.sampled_from(["plain"] * 12 + ["quoted"] * 4 + ["open", "inside", "after"])


@st.composite
def _lines(draw: st.DrawFn, header: list[str], dataset: Dataset) -> bytes:
    """One line: mostly a good row with a few odd fields, at times anything at all."""
    if draw(st.integers(0, 19)) == 0:
        anything = st.binary(max_size=30) | st.sampled_from([b"", b" ", b",", b'"', b"\r", b"\xef\xbb\xbf"])
        return draw(anything).replace(b"\n", b"")
    fields = [_USUAL[dataset.columns[name]] for name in header]
    for place in draw(st.lists(st.integers(0, len(header) - 1), max_size=3)):
        odd = draw(_SPELLED[dataset.columns[header[place]]] | st.sampled_from(_WRONG))
        fields[place] = _quoted(odd, "quoted" if "," in odd and draw(st.integers(0, 3)) else draw(_HOW))
    if draw(st.integers(0, 19)) == 0:
        fields = fields[: draw(st.integers(0, len(fields)))] + draw(st.lists(st.just("1"), max_size=2))
    return ",".join(fields).encode()


@st.composite
def files(draw: st.DrawFn, dataset: Dataset) -> File:
    """Any file of a dataset with its columns in any order."""
    header = list(dataset.columns)
    if draw(st.booleans()):
        header = draw(st.permutations(header))
    lines = draw(st.lists(_lines(header, dataset), max_size=8))
    end = draw(_LINE_ENDS)
    body = b"".join(line + (end if draw(st.integers(0, 9)) else draw(_LINE_ENDS)) for line in lines)
    if draw(st.integers(0, 3)) == 0:
        body = body.removesuffix(b"\n").removesuffix(b"\r")
    names = ",".join(f'"{name}"' for name in header) if draw(st.integers(0, 4)) == 0 else ",".join(header)
    first = (b"\xef\xbb\xbf" if draw(st.integers(0, 4)) == 0 else b"") + names.encode() + end
    return File(header, first, body, draw(st.integers(1, 400)), draw(st.sampled_from([1, 40, 200, 1 << 20])))
