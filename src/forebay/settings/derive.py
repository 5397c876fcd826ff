"""Settings that follow from others when nobody set them: a profile's, the parts of `FOREBAY_HOME`, servers by host."""

from __future__ import annotations

from urllib.parse import quote

from forebay.errors import UsageError
from forebay.settings.checks import host_and_port, service_port
from forebay.settings.groups import FolderSettings
from forebay.settings.profiles import PROFILES
from forebay.settings.servers import TimescaleSettings
from forebay.settings.sources import Raw


def derive(chosen: dict[str, Raw]) -> None:
    """Add to `chosen` (preferred name to raw value) what follows from it."""
    _profile(chosen)
    _redis(chosen)
    _database_at_timescale(chosen)
    home = chosen.get("FOREBAY_HOME")
    if home is not None:
        folders = FolderSettings(home=home.value)
        chosen["FOREBAY_HOME"] = Raw(home.name, folders.home, home.where)
        where = "default, under FOREBAY_HOME"
        database = f"sqlite:///{folders.database.as_posix()}"
        chosen.setdefault("DATABASE_URL", Raw("DATABASE_URL", database, where))
        chosen.setdefault("LAKE_URI", Raw("LAKE_URI", folders.lake.as_posix(), where))


def _profile(chosen: dict[str, Raw]) -> None:
    profile = PROFILES.get(_text(chosen, "PROFILE", ""))
    if profile is not None:
        for name, value in profile.defaults():
            chosen.setdefault(name, Raw(name, value, f"PROFILE={chosen['PROFILE'].value}"))


def _redis(chosen: dict[str, Raw]) -> None:
    host = chosen.get("REDIS_HOST")
    if host is None:
        if "CELERY_RESULT_BACKEND" in chosen:
            chosen.setdefault("REDIS_URL", chosen["CELERY_RESULT_BACKEND"])
        return
    port = str(service_port(_text(chosen, "REDIS_PORT", "6379")))
    url = chosen.get("REDIS_URL")
    if url is None:
        password = _text(chosen, "REDIS_PASSWORD", "")
        user = f":{quote(password, safe='')}@" if password else ""
        chosen["REDIS_URL"] = Raw("REDIS_HOST", f"redis://{user}{host.value}:{port}/0", host.where)
    elif host_and_port(url.value, "6379") != (host.value, port):
        raise UsageError(
            f"{host.name} ({host.where}) and {url.name} ({url.where}) name two different Redis servers",
            remedy=f"Keep {url.name} and remove REDIS_HOST and REDIS_PORT, or let them agree.",
        )


def _database_at_timescale(chosen: dict[str, Raw]) -> None:
    host = chosen.get("TIMESCALE_HOST")
    if host is None or "DATABASE_URL" in chosen:
        return
    fields = TimescaleSettings.model_fields
    user = quote(_text(chosen, "TIMESCALE_USER", fields["user"].default), safe="")
    password = quote(_text(chosen, "TIMESCALE_PASSWORD", ""), safe="")
    port = _text(chosen, "TIMESCALE_PORT", str(fields["port"].default))
    database = quote(_text(chosen, "TIMESCALE_DB", fields["database"].default), safe="")
    login = f"{user}:{password}" if password else user
    url = f"postgresql://{login}@{_place(str(host.value), port, database)}"
    chosen["DATABASE_URL"] = Raw("TIMESCALE_HOST", url, host.where)


def _place(host: str, port: str, database: str) -> str:
    """What follows the login in an address: a host may also be the folder of a server's socket, as in libpq."""
    if host.startswith("/"):
        return f"/{database}?host={quote(host)}&port={port}"
    return f"[{host}]:{port}/{database}" if ":" in host else f"{host}:{port}/{database}"


def _text(chosen: dict[str, Raw], name: str, default: str) -> str:
    return str(chosen[name].value) if name in chosen else default
