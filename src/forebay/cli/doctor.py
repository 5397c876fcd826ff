"""`forebay doctor`: is everything in place, and if not, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, say

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.checkup import Finding
    from forebay.settings import Settings


def doctor(ctx: typer.Context, *, json: Json = False) -> int:
    """Check keys, what the plan includes, clock, disk, ledger, lake and every configured server.

    Exit code 1 when something has to be mended. Example: forebay doctor
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.checkup import Health

    marks = {Health.OK: "ok   ", Health.NOTE: "note ", Health.FAULT: "FAULT"}
    findings: list[Any] = []
    with open_app(settings) as app:
        for finding in _findings(app):
            findings.append(finding)
            if not json:
                say(f"{marks[finding.health]} {finding.subject}: {finding.detail}")
                if finding.remedy and finding.health is not Health.OK:
                    say(f"      next: {finding.remedy}")
    if json:
        print_json(findings)
    return ExitCode.ERROR if any(finding.health is Health.FAULT for finding in findings) else ExitCode.OK


def _findings(app: App) -> Iterator[Finding]:
    from forebay.orchestration import checkup

    yield checkup.checked("disk", lambda: checkup.check_disk(app.settings.folders.home))
    yield checkup.checked("ledger", lambda: _ledger(app))
    yield checkup.checked("lake", lambda: _lake(app))
    yield from _vendor(app)
    for subject, host, port, setting in _servers(app.settings):
        yield checkup.check_server(subject, host, port, setting)


def _ledger(app: App) -> Finding:
    from forebay.orchestration.checkup import Finding, Health

    tasks = sum(app.ledger.tasks.counts().values())
    return Finding("ledger", Health.OK, f"{app.ledger.database.name}: {tasks:,} tasks")


def _lake(app: App) -> Finding:
    from forebay.orchestration.checkup import Finding, Health

    tables = app.lake.tables()
    return Finding("lake", Health.OK, f"{app.lake_path}: {', '.join(tables) or 'empty'}")


def _vendor(app: App) -> Iterator[Finding]:
    from forebay.model.catalogue import BAR_DATASETS
    from forebay.orchestration import checkup

    if app.has_rest:
        yield from checkup.check_rest(app.rest, app.clock)
        yield from checkup.check_rest_entitlement(app.rest, [BAR_DATASETS["stocks/bars_1d"]], app.clock)
    if app.has_flatfiles:
        yield from checkup.check_files(app.flatfiles, app.clock)
    for present, what, names in (
        (app.has_rest, "API key", "POLYGON_API_KEY"),
        (app.has_flatfiles, "flat-file keys", "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"),
    ):
        if not present:
            remedy = f"set {names} in .env if your plan has them; `forebay sandbox` needs no account"
            yield checkup.Finding(what, checkup.Health.NOTE, "not set", remedy)


def _servers(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    """Every server that a setting names, with the port it implies."""
    if settings.queue.url:
        url = urlsplit(settings.queue.url.get_secret_value())
        yield "Redis", url.hostname or "localhost", url.port or settings.queue.port, "REDIS_URL"
    for server in (settings.kafka.bootstrap_servers or "").split(","):
        if server.strip():
            host, _, port = server.strip().rpartition(":")
            yield "Kafka", host, int(port), "KAFKA_BOOTSTRAP_SERVERS"
    if "TIMESCALE_HOST" in settings.origins:
        yield "TimescaleDB", settings.timescale.host, settings.timescale.port, "TIMESCALE_HOST"
    for subject, address, setting in (
        ("Backblaze B2", settings.archive.endpoint_url, "B2_ENDPOINT_URL"),
        ("S3 destination", settings.aws.endpoint_url, "AWS_ENDPOINT_URL"),
    ):
        if address:
            url = urlsplit(address)
            yield subject, url.hostname or "", url.port or (80 if url.scheme == "http" else 443), setting
