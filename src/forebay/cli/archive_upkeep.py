"""`forebay archive verify` and `adopt`: is the archive what the ledger says, and taking over what lies there."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.archive_scope import datasets_asked, span_asked
from forebay.cli.options import Datasets, End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json
from forebay.cli.wishes import known_feeds
from forebay.errors import UsageError
from forebay.model.feed import ARCHIVE

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.settings import Settings


def parse_size(text: str) -> int:
    """`10GB` as bytes. Raises typer.BadParameter for what is no size."""
    from forebay.settings.checks import size

    try:
        return int(size(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from error


def verify_archive(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    budget: Annotated[
        int | None,
        typer.Option("--budget", parser=parse_size, metavar="BYTES", help="With --deep: read so much, such as 10GB."),
    ] = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read the files through, too.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the vendor what it lists.")] = False,
    json: Json = False,
) -> int:
    """Compare storage with the ledger and with the vendor's listing. What is missing or damaged is fetched again later.

    With --deep, files are read to their end and compared with their sha256, those first that were not read for
    longest. Exit code 3 when something was found.

    Example: forebay archive verify --deep --budget 10GB
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.archive_report import audit_json, show_audit
    from forebay.orchestration.archive.audit import Audit, Scope
    from forebay.orchestration.upstream import Upstream
    from forebay.telemetry.progress import open_board

    if budget is not None and not deep:
        raise UsageError("--budget says how much --deep may read", remedy="add --deep")
    scope = Scope(datasets_asked(datasets), span_asked(start, end), not datasets, deep, budget)
    with open_app(settings) as wired:
        wired.settle_archive()
        left_out = _why_offline(wired, offline=offline)
        upstream = None if left_out else Upstream(wired.flatfiles, wired.ledger)
        wanted = _wanted(wired)
        with open_board() as board:
            audited = Audit(wired.ledger, wired.archive, upstream, wired.clock, wanted).run(scope, board)
        address = wired.archive.address
    if json:
        print_json(audit_json(audited, address, left_out))
    else:
        show_audit(audited, address, left_out)
    return ExitCode.OK if audited.sound else ExitCode.PARTIAL


def _wanted(wired: App) -> dict[str, set[date]]:
    """Dataset to the days that forebay.toml and remembered feeds want archived."""
    found: dict[str, set[date]] = {}
    for wish in wired.known_wishes(known_feeds(wired)):
        if wish.destination == ARCHIVE:
            found.setdefault(wish.dataset.name, set()).update(wish.days)
    return found


def _why_offline(wired: App, *, offline: bool) -> str:
    """Why the vendor is not asked; empty when it is."""
    if offline:
        return "--offline"
    return "" if wired.has_flatfiles else "its S3 keys are not set (POLYGON_S3_ACCESS_KEY_ID and its secret)"


def adopt_archive(
    ctx: typer.Context,
    datasets: Datasets = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file to its end, too.")] = False,
    json: Json = False,
) -> int:
    """Take over a mirror that `aws s3 sync` or `rclone` made, at the archive's address, without downloading it again.

    Files are compared with the vendor's listing by size, and by ETag or time, and stay where they are. Exit code 3
    when some could not be taken over; each is named with what to do about it.

    Example: ARCHIVE_URI=/mnt/flatfiles forebay archive adopt
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.archive_report import adopted_json, show_adopted
    from forebay.orchestration.archive.adopt import Adopter, adopt_all
    from forebay.orchestration.archive.inventory import Survey, survey
    from forebay.orchestration.archive.prefix import place_strangers
    from forebay.orchestration.upstream import Upstream
    from forebay.telemetry.progress import open_board

    named = datasets_asked(datasets)
    with open_app(settings) as wired:
        wired.settle_archive()
        adopter = Adopter(wired.ledger, wired.archive, Upstream(wired.flatfiles, wired.ledger), wired.clock, deep)
        with open_board() as board:
            there = Survey(set(named)) if datasets else survey(wired.archive.store)
            adopted = list(adopt_all(adopter, [dataset for dataset in named if dataset in there.datasets], board))
        address = wired.archive.address
        strange = place_strangers(there.strangers, address)
    hints = {_setting(settings, where): files for where, files in strange.elsewhere.items()}
    if json:
        print_json(adopted_json(adopted, strange.findings, address, hints))
    else:
        show_adopted(adopted, strange.findings, address, hints)
    whole = not strange.findings and not hints and not any(one.findings for one in adopted)
    return ExitCode.OK if whole else ExitCode.PARTIAL


def _setting(settings: Settings, address: str) -> str:
    """How an address of the archive is set."""
    archive = settings.archive
    if archive.uri is None and archive.bucket is not None:
        return f"ARCHIVE_PREFIX={address.removeprefix(f's3://{archive.bucket}').strip('/')}"
    return f"ARCHIVE_URI={address}"
