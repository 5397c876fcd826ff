"""`forebay archive-bars list` and `cat`: which objects there are, by the ledger, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, Tickers, load_settings
from forebay.cli.output import ExitCode, pass_on, print_json, print_table
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.settings import Settings

_CHUNK = 2**20
_COLUMNS = ("symbol", "date", "timeframe", "exchange", "rows", "bytes", "place", "key")


def list_objects(
    ctx: typer.Context,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=VALUE...", help="Only objects with these tags.")
    ] = None,
    tickers: Tickers = None,
    *,
    json: Json = False,
) -> int:
    """List the objects of every csv.lzo archive that the ledger knows, with their tags; asks no store.

    Example: forebay archive-bars list --tag exchange=NASDAQ --tag date=2026-03-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.bar_objects import bar_objects

    wanted = _tags(tags or ())
    with open_app(settings) as app:
        found = [each for each in bar_objects(app.ledger.coverage, tickers) if wanted.items() <= each.tags.items()]
    if json:
        print_json(found)
    else:
        rows = [
            ({**each.tags, "rows": each.rows, "bytes": each.bytes, "place": each.place, "key": each.key})
            for each in found
        ]
        print_table(_COLUMNS, [[row[name] for name in _COLUMNS] for row in rows])
    return ExitCode.OK


def _tags(texts: Sequence[str]) -> dict[str, str]:
    from forebay.sinks.csv_lzo.series import TAGS

    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or name not in TAGS:
            raise UsageError(
                f"--tag {name}{equals} is not of the form NAME=VALUE with a known name",
                remedy=f"known are {', '.join(TAGS)}: --tag symbol=AAPL, for example",
            )
    return {name: value for name, _, value in pairs}


def cat(
    ctx: typer.Context,
    objects: Annotated[
        list[str],
        typer.Argument(metavar="OBJECT...", help="Files (- is stdin), s3:// addresses, or keys of CSV_LZO_BUCKET."),
    ],
) -> int:
    """Unpack csv.lzo objects, ours or lzop's, to stdout; checksums are checked. A damaged one ends it with exit code 1.

    Example: forebay archive-bars cat stocks/AAPL/polygon/2026/03/02/05/AAPL_polygon_202603020500.csv.lzo
    """
    settings = load_settings(ctx)
    from forebay.lzop.reading import decompress

    for name in objects:
        for chunk in decompress(_bytes_of(name, settings), name=name):
            pass_on(chunk)
    return ExitCode.OK


def _bytes_of(name: str, settings: Settings) -> Iterator[bytes]:
    """The bytes of a file or pipe, of an object at an address, or of one of the archive that the settings name."""
    from forebay.clock import SystemClock
    from forebay.stores.address import bar_archive_address, bar_archive_store
    from forebay.stores.disk import storage_errors

    path = Path("/dev/stdin" if name == "-" else name.removeprefix("file://"))
    if path.exists() and not path.is_dir():
        with storage_errors(path, str(path)), path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
        return
    address, key = bar_archive_address(settings.csv_lzo.bucket, settings.folders), name
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        address = f"s3://{bucket}"
    store = bar_archive_store(address, settings.aws, SystemClock())
    found = store.head(key) if key else None
    if found is None:
        raise UsageError(
            f"there is no file {name}, and no such object in {address}",
            remedy="`forebay archive-bars list` shows the keys",
        )
    with store.open(found) as stream:
        yield from stream
