"""An lzop file of 200 MB of minute bars, written and read by Forebay and by the program lzop itself.

lzop looks for repetitions in two ways: fast by default, and hard from level 7 on. Forebay's library only knows the hard
one, so both are measured: the default, and level 7, whose files are as small. All processes are whole and run in turns;
what starting Python and importing costs is subtracted. Ratios are medians of the turns' own ratios of processor time.
A gigabyte is written, read back, compared and tested by lzop, for the peak of memory.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.child import Cost, cost_of, cost_of_command

BYTES, GIGABYTE, ROUNDS = 200_000_000, 1_000_000_000, 3
TARGET = 1.3
_START = "import forebay.lzop.writing, forebay.lzop.reading"
_PACK = """
import sys
from datetime import UTC, datetime
from forebay.lzop.writing import compress
def chunks(path, times):
    for _ in range(times):
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk
source, target, times, block = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open(target, "wb") as file:
    when = datetime(2024, 1, 2, tzinfo=UTC)
    for piece in compress(chunks(source, times), name="bars.csv", modified=when, block_bytes=block):
        file.write(piece)
"""
_UNPACK = """
import sys
from forebay.lzop.reading import decompress
with open(sys.argv[1], "rb") as file, open(sys.argv[2], "wb") as out:
    for text in decompress(iter(lambda: file.read(1 << 20), b"")):
        out.write(text)
"""


def run() -> dict[str, object]:
    """Seconds, ratios, sizes and peaks; raises RuntimeError when a text does not come back."""
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "bars.csv"
        # In a process of its own, so that this one stays small: a child's peak memory is at least its parent's.
        subprocess.run([sys.executable, "-m", "bench.lzop_bars", str(csv), str(BYTES)], check=True)
        start = cost_of(_START)
        return {
            "csv_bytes": csv.stat().st_size,
            "target_ratio": TARGET,
            "compress": _compress(csv, start),
            "decompress": _decompress(csv, start),
            "gigabyte": _gigabyte(csv),
        }


def _compress(csv: Path, start: Cost) -> dict[str, object]:
    contenders = {
        "forebay": lambda out: cost_of(_PACK, str(csv), out, "1", str(256 << 10)),
        "forebay_16k_blocks": lambda out: cost_of(_PACK, str(csv), out, "1", str(16 << 10)),
        "lzop": lambda out: cost_of_command(["lzop", "-f", "-o", out, str(csv)]),
        "lzop_7": lambda out: cost_of_command(["lzop", "-7", "-f", "-o", out, str(csv)]),
    }
    files = {name: csv.with_name(f"{name}.lzo") for name in contenders}
    costs = _turns({name: lambda run=run, name=name: run(str(files[name])) for name, run in contenders.items()})
    figures = _figures(costs, start)
    return {
        **figures,
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "ratio_to_lzop": _ratio(costs, "forebay", "lzop", start),
        "ratio_to_lzop_7": _ratio(costs, "forebay", "lzop_7", start),
        "ratio_of_16k_blocks_to_lzop": _ratio(costs, "forebay_16k_blocks", "lzop", start),
        "ratio_of_16k_blocks_to_lzop_7": _ratio(costs, "forebay_16k_blocks", "lzop_7", start),
    }


def _decompress(csv: Path, start: Cost) -> dict[str, object]:
    """Of the file that lzop made by default, and of our own."""
    found: dict[str, object] = {}
    for name in ("lzop", "forebay", "forebay_16k_blocks"):
        packed, ours, theirs = csv.with_name(f"{name}.lzo"), csv.with_name("ours.csv"), csv.with_name("theirs.csv")
        costs = _turns(
            {
                "forebay": lambda packed=packed, ours=ours: cost_of(_UNPACK, str(packed), str(ours)),
                "lzop": lambda packed=packed, theirs=theirs: cost_of_command(
                    ["lzop", "-d", "-f", "-o", str(theirs), str(packed)]
                ),
            }
        )
        _same(csv, ours)
        _same(csv, theirs)
        found[f"{name}_file"] = {**_figures(costs, start), "ratio_to_lzop": _ratio(costs, "forebay", "lzop", start)}
    return found


def _gigabyte(csv: Path) -> dict[str, object]:
    """There and back, through files."""
    packed, back = csv.with_name("gigabyte.lzo"), csv.with_name("gigabyte.csv")
    times = -(-GIGABYTE // csv.stat().st_size)
    there = cost_of(_PACK, str(csv), str(packed), str(times), str(16 << 10))
    again = cost_of(_UNPACK, str(packed), str(back))
    cost_of_command(["lzop", "-t", str(packed)])
    with back.open("rb") as file:
        expected = csv.read_bytes()
        if any(file.read(len(expected)) != expected for _ in range(times)) or file.read(1):
            raise RuntimeError("a gigabyte did not come back as it went")
    return {
        "bytes": back.stat().st_size,
        "compress_peak_mb": there.peak >> 20,
        "decompress_peak_mb": again.peak >> 20,
        "lzop_t": "passed",
    }


def _turns(contenders: dict[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    turns = [{name: run() for name, run in contenders.items()} for _ in range(ROUNDS)]
    return {name: [turn[name] for turn in turns] for name in contenders}


def _figures(costs: dict[str, list[Cost]], start: Cost) -> dict[str, object]:
    return {
        "cpu_s": {
            name: round(statistics.median(_cpu(name, cost, start) for cost in of), 3) for name, of in costs.items()
        },
        "peak_mb": {name: max(cost.peak for cost in of) >> 20 for name, of in costs.items()},
    }


def _ratio(costs: dict[str, list[Cost]], ours: str, theirs: str, start: Cost) -> float:
    pairs = zip(costs[ours], costs[theirs], strict=True)
    return round(statistics.median(_cpu(ours, one, start) / other.cpu for one, other in pairs), 2)


def _cpu(name: str, cost: Cost, start: Cost) -> float:
    """Python's start counts for neither."""
    return cost.cpu - (start.cpu if name.startswith("forebay") else 0)


def _same(csv: Path, other: Path) -> None:
    if subprocess.run(["cmp", "-s", csv, other], check=False).returncode:
        raise RuntimeError(f"{other.name} is not the text that was packed")
