"""`forebay doctor`: is everything in place, and if not, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, say

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.catalogue import Dataset
    from forebay.orchestration.checkup import Finding
    from forebay.settings import Settings

_KAFKA_PORT = 9092
_FEW_CALLS = 30
"""With fewer calls a minute, one asset class has to speak for all."""


def doctor(
    ctx: typer.Context,
    *,
    sizing: Annotated[
        bool, typer.Option("--sizing", help="Say how many workers fit this machine and your limit, and nothing else.")
    ] = False,
    json: Json = False,
) -> int:
    """Check keys, what the plan includes, clock, disk, ledger, lake, archive and every configured server.

    Makes two REST calls where they are few. Exit code 1 when something has to be mended.

    Example: forebay doctor --sizing
    """
    settings = load_settings(ctx)
    if sizing:
        return _size(settings.vendor.rate_limit, json=json)
    from forebay.app import open_app
    from forebay.orchestration.checkup import Health

    findings: list[Finding] = []
    with open_app(settings) as app:
        for finding in _findings(app):
            findings.append(finding)
            if not json:
                _show(finding)
    if json:
        print_json(findings)
    return ExitCode.ERROR if any(finding.health is Health.FAULT for finding in findings) else ExitCode.OK


def _size(calls_per_minute: int, *, json: bool) -> int:
    from forebay.orchestration.sizing import size, this_machine

    fits = size(calls_per_minute, this_machine())
    if json:
        print_json(fits)
    else:
        say(f"# as many as {fits.limited_by} allow; {fits.memory_mb} MB of memory for each worker")
        say(f"WORKERS={fits.workers}")
        say(f"WORKER_CONCURRENCY={fits.concurrency}")
    return ExitCode.OK


def _show(finding: Finding) -> None:
    say(f"{finding.health.label} {finding.subject}: {finding.detail}")
    if finding.remedy:
        say(f"      next: {finding.remedy}")


def _findings(app: App) -> Iterator[Finding]:
    from forebay.orchestration import checkup

    yield checkup.check_disk(app.settings.folders.home)
    ledger = checkup.checked("ledger", lambda: checkup.check_ledger(app.ledger))
    yield ledger
    yield checkup.checked("lake", lambda: checkup.check_lake(app.lake))
    yield checkup.checked("archive", lambda: checkup.check_archive(app.archive))
    redis = _redis(app)
    yield from redis
    yield from _rest(app, [ledger, *redis])
    yield from _files(app)
    for subject, host, port, setting in _servers(app.settings):
        yield checkup.check_server(subject, host, port, setting)


def _redis(app: App) -> list[Finding]:
    """The one finding about Redis; none where it is not configured."""
    if app.settings.queue.url is None:
        return []
    from forebay.app.calls import redis_book
    from forebay.orchestration import checkup

    def check() -> Finding:
        with closing(redis_book(app.settings, app.clock)) as book:
            return checkup.check_redis(book)

    return [checkup.checked("Redis", check)]


def _rest(app: App, counting: Sequence[Finding]) -> Iterator[Finding]:
    """The API key and the plan, by REST, where that which counts calls is well."""
    from forebay.orchestration import checkup

    broken = [each.subject for each in counting if each.health is checkup.Health.FAULT]
    if not app.settings.vendor.rate_limit:
        broken = [subject for subject in broken if subject != "Redis"]  # it has nothing to count
    if not app.has_rest:
        yield _not_set("API key", "POLYGON_API_KEY")
    elif broken:
        detail = f"not tried: {broken[0]} counts the calls"
        yield checkup.Finding("API key", checkup.Health.NOTE, detail, f"mend {broken[0]} first")
    else:
        yield checkup.checked("rate budget", lambda: checkup.check_budget(app.budget))
        yield from checkup.check_rest(app.rest, _worth_a_call(app.settings.vendor.rate_limit), app.clock)


def _worth_a_call(calls_per_minute: int) -> list[Dataset]:
    """The datasets to ask REST about: each costs a call, and a sync may be waiting for it."""
    from forebay.model.catalogue import BAR_DATASETS, Kind

    days = [dataset for dataset in BAR_DATASETS.values() if dataset.kind is Kind.BARS_1D]
    return days[:1] if 0 < calls_per_minute < _FEW_CALLS else days


def _files(app: App) -> Iterator[Finding]:
    from forebay.orchestration import checkup

    if app.has_flatfiles:
        yield from checkup.check_files(app.flatfiles, app.clock)
    else:
        yield _not_set("flat-file keys", "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY")


def _not_set(what: str, names: str) -> Finding:
    from forebay.orchestration.checkup import Finding, Health

    remedy = f"set {names} in .env if your plan has them; `forebay sandbox` needs no account"
    return Finding(what, Health.NOTE, "not set", remedy)


def _servers(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    """Every other server that a setting names, with the port it implies; an empty host where it is not an address."""
    for server in (settings.kafka.bootstrap_servers or "").split(","):
        if server.strip():
            yield "Kafka", *_address(f"//{server.strip()}", _KAFKA_PORT), "KAFKA_BOOTSTRAP_SERVERS"
    if "TIMESCALE_HOST" in settings.origins:
        yield "TimescaleDB", settings.timescale.host, settings.timescale.port, "TIMESCALE_HOST"
    for subject, url, setting in (
        ("Backblaze B2", settings.archive.endpoint_url, "B2_ENDPOINT_URL"),
        ("S3 destination", settings.aws.endpoint_url, "AWS_ENDPOINT_URL"),
    ):
        if url:
            yield subject, *_address(url, 80 if url.startswith("http:") else 443), setting


def _address(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        return parts.hostname or "", parts.port or default_port
    except ValueError:  # a port that is no number
        return "", default_port
