"""`forebay alerts`: what is wrong now, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forebay.model.alert import Raised

app = typer.Typer(help="Look for what is wrong, and tell it to ALERT_URLS; test those; show what is raised.")


@app.command()
def run(ctx: typer.Context, *, json: Json = False) -> int:
    """Look once, and tell what is new, what lasts and what is over, as the daemon does every five minutes.

    Exit code 3 when an address did not take its message.

    Example: forebay alerts
    """
    settings = load_settings(ctx)
    _demand(settings.alerts.addresses)
    from forebay.app import open_app
    from forebay.app.alerts import book
    from forebay.app.alerts import tell as tell_people

    with open_app(settings) as wired:
        told = tell_people(wired)
        raised = book(wired).list()
    if json:
        print_json({"told": [notice.raised.alert.key for notice in told.notices], "sent": told.sent})
    else:
        _show(raised, "nothing is wrong")
        _show_sent(told.sent)
    return ExitCode.OK if all(told.sent.values()) else ExitCode.PARTIAL


@app.command()
def status(ctx: typer.Context, *, json: Json = False) -> int:
    """Show what is wrong now, since when, and when that was last told; tells nobody. Exit code 3 if anything is.

    Example: forebay alerts status --json
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.alerts import book, judge
    from forebay.orchestration.alerting import note

    with open_app(settings) as wired:
        judged = judge(wired)
        note(book(wired), judged)
        now = [raised for raised in book(wired).list() if raised.cleared_at is None]
    unknown = {condition.value: why for condition, why in judged.unknown.items()}
    if json:
        print_json({"raised": [_plain(raised) for raised in now], "unknown": unknown})
    else:
        _show(now, "nothing is wrong")
        for condition, why in unknown.items():
            tell(f"note: {condition} cannot be judged: {why}")
    return ExitCode.PARTIAL if now else ExitCode.OK


@app.command("test")
def send_test(ctx: typer.Context, *, json: Json = False) -> int:
    """Send a message to each address of ALERT_URLS, and say which took it. Exit code 3 if one did not.

    Example: forebay alerts test
    """
    settings = load_settings(ctx)
    _demand(settings.alerts.addresses)
    from forebay.app import open_app
    from forebay.app.alerts import people

    with open_app(settings) as wired:
        sent = people(wired).send("Forebay: a test", "Alerts of this installation come here.", bad=False)
    if json:
        print_json(sent)
    else:
        _show_sent(sent)
    return ExitCode.OK if all(sent.values()) else ExitCode.PARTIAL


def _demand(addresses: Sequence[str]) -> None:
    if not addresses:
        raise UsageError(
            "ALERT_URLS is not set: there is nobody to tell",
            remedy="name addresses as apprise writes them, such as ALERT_URLS=mailto://user:password@example.org; "
            "`forebay alerts status` needs none",
        )


def _show(raised: Sequence[Raised], nothing: str) -> None:
    if not raised:
        say(nothing)
        return
    rows = [
        (each.alert.condition.value, f"{each.raised_at:%Y-%m-%d %H:%M}", _when(each), each.alert.message)
        for each in raised
    ]
    print_table(("condition", "since (UTC)", "told", "what"), rows)
    for remedy in dict.fromkeys(each.alert.remedy for each in raised):
        say(f"next: {remedy}")


def _when(raised: Raised) -> str | None:
    return f"{raised.told_at:%Y-%m-%d %H:%M}" if raised.told_at else None


def _plain(raised: Raised) -> dict[str, Any]:
    alert = raised.alert
    return {
        "condition": alert.condition.value,
        "subject": alert.subject,
        "message": alert.message,
        "next": alert.remedy,
        "raised_at": raised.raised_at,
        "told_at": raised.told_at,
    }


def _show_sent(sent: Mapping[str, bool]) -> None:
    for name, taken in sent.items():
        say(f"address {name}: {'sent' if taken else 'did not take the message'}")
