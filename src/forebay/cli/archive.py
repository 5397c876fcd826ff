"""`forebay archive`: the vendor's files, kept as they came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.archive_scope import Days, datasets_asked, days_asked
from forebay.cli.archive_upkeep import adopt_archive, verify_archive
from forebay.cli.discoverer import DEFAULT_DATASET, Dates
from forebay.cli.options import Datasets, End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json, say, tell
from forebay.errors import UsageError
from forebay.model.catalogue import Dataset

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.coverage import Coverage
    from forebay.orchestration.archive.get import Fetched, Target
    from forebay.settings import Settings

app = typer.Typer(help="The archive: what it holds, and whether it is sound.")
app.command("verify")(verify_archive)
app.command("adopt")(adopt_archive)


@app.command("status")
def archive_status(
    ctx: typer.Context,
    datasets: Datasets = None,
    *,
    storage: Annotated[
        bool, typer.Option("--storage", help="List the store itself instead of asking the ledger.")
    ] = False,
    json: Json = False,
) -> int:
    """Show where the archive is, what it holds, and what that costs a month. Asks the ledger only.

    Example: forebay archive status
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.archive_view import Place, show_status, status_json
    from forebay.orchestration.archive.inventory import holdings, stored_holdings

    named, price = datasets_asked(datasets), settings.archive.price
    with open_app(settings) as wired:
        if not storage:  # what the ledger knows would be told of another place
            wired.settle_archive()
        address = wired.archive.address
        found = list(stored_holdings(wired.archive.store, named) if storage else holdings(wired.ledger, named))
    place = Place(address, _profile(settings))
    if json:
        print_json(status_json(place, found, price))
    else:
        show_status(place, found, price)
    return ExitCode.OK


def _profile(settings: Settings) -> str:
    """What kind of store the archive is in."""
    if settings.archive.bucket:
        return "Backblaze B2" if "backblazeb2.com" in (settings.archive.endpoint_url or "") else "S3"
    return "S3" if (settings.archive.uri or "").startswith("s3://") else "folder"


@app.command("list")
def list_files(
    ctx: typer.Context,
    datasets: Datasets = None,
    dates: Dates = None,
    start: Start = None,
    end: End = None,
    *,
    json: Json = False,
) -> int:
    """List the files that the archive holds, a line each, by dataset and date. Asks the ledger only.

    Example: forebay archive list --dataset us_options_opra/day_aggs_v1 --start 2024-01-01
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.archive_view import show_files, show_files_json

    with open_app(settings) as wired:
        days = days_asked(dates, start, end, wired.clock.now())
        files = _held(wired, datasets_asked(datasets), days)
        if json:
            show_files_json(files)
        else:
            show_files(files)
    return ExitCode.OK


@app.command("get")
def get_archived(
    ctx: typer.Context,
    datasets: Datasets = None,
    dates: Dates = None,
    start: Start = None,
    end: End = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to; made if it is not there.")] = Path(),
    *,
    flat: Annotated[bool, typer.Option("--flat", help="All in DIR itself, not in the vendor's folders.")] = False,
    earlier: Annotated[
        bool, typer.Option("--earlier", help="The earlier revisions of re-published files instead.")
    ] = False,
    json: Json = False,
) -> int:
    """Copy files out of the archive, each proved on the way. The same file is not written twice.

    The dataset is us_options_opra/day_aggs_v1 unless another is named. Exit code 3 when a file could not be had.

    Example: forebay archive get --dates 2024-03-07,2024-03-08 --out files
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    named = datasets_asked(datasets or [DEFAULT_DATASET])
    with open_app(settings) as wired:
        days = days_asked(dates, start, end, wired.clock.now())
        if days.is_all:
            raise UsageError("no date is named", remedy="add --dates 2024-03-07,2024-03-08, or --start and --end")
        targets = _targets(wired, named, days, out, flat=flat)
        fetched = list(_told(_fetch(wired, targets, earlier=earlier), quiet=json))
    if json:
        print_json([_fetched_json(one) for one in fetched])
    return _end_of_get(fetched, quiet=json)


def _held(wired: App, datasets: Sequence[Dataset], days: Days) -> Iterator[tuple[str, Coverage]]:
    """Keys and coverage of what is held, read a dataset at a time."""
    from forebay.orchestration.archive.inventory import is_held, known_files

    for dataset in datasets:
        for day, row in known_files(wired.ledger, dataset, days.reach).items():
            if is_held(row) and day in days:
                yield dataset.key(day), row


def _targets(wired: App, datasets: Sequence[Dataset], days: Days, out: Path, *, flat: bool) -> Iterator[Target]:
    """What is to go where: every named date, and of a span what the ledger holds."""
    from forebay.orchestration.archive.get import Target

    if days.named:
        keys = [dataset.key(day) for dataset in datasets for day in days.named]
    else:
        keys = [key for key, _ in _held(wired, datasets, days)]
    for key in keys:
        prefix, folder, *_, name = key.split("/")
        yield Target(key, out / (f"{prefix}__{folder}__{name}" if flat else key))


def _fetch(wired: App, targets: Iterator[Target], *, earlier: bool) -> Iterator[Fetched]:
    from forebay.orchestration.archive import get as archive_get

    if not earlier:
        yield from archive_get.get_files(wired.archive, targets)
        return
    for target in targets:
        for one in archive_get.earlier(wired.archive, target):
            yield from archive_get.get_files(wired.archive, [one]) if isinstance(one, archive_get.Target) else [one]


def _told(fetched: Iterator[Fetched], *, quiet: bool) -> Iterator[Fetched]:
    for one in fetched:
        if not quiet:
            say(f"{one.got}: {one.target.path}" + (f": {one.reason}" if one.reason else ""))
        yield one


def _fetched_json(one: Fetched) -> dict[str, object]:
    path, key = one.target.path, one.target.key
    return {"key": key, "path": path, "result": one.got, "bytes": one.bytes, "reason": one.reason or None}


def _end_of_get(fetched: Sequence[Fetched], *, quiet: bool) -> int:
    from forebay.orchestration.archive.get import Got

    if not fetched and not quiet:
        say("nothing of that is in the archive")
    lacking = {one.got for one in fetched} & {Got.ABSENT, Got.DAMAGED}
    if Got.ABSENT in lacking:
        tell("next: `forebay discoverer on-demand --dates ...` and `forebay worker` archive what is absent")
    if Got.DAMAGED in lacking:
        tell("next: `forebay archive verify --deep` finds what is damaged, and has it fetched again")
    return ExitCode.PARTIAL if lacking or not fetched else ExitCode.OK
