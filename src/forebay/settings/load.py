"""`load`: from .env file, secrets folder, environment and flags to one checked `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forebay.errors import UsageError
from forebay.settings.derive import derive
from forebay.settings.doubts import refuse_swapped_keys, unknown_names
from forebay.settings.fields import Declared, mask_url
from forebay.settings.settings import DECLARED, GROUPS, Settings
from forebay.settings.sources import Level, Raw, clean, read_env_file, read_environment, read_flags, read_secrets

SECRETS_DIR = "FOREBAY_SECRETS_DIR"
ENV_FILE = "FOREBAY_ENV_FILE"
"""Names the file that `--env-file` would, for programs that have no such flag: Celery's workers."""

_PLAINLY = {"int_parsing": "it must be a whole number", "float_parsing": "it must be a number"}
"""What pydantic says more learnedly."""


def load(
    env_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read every setting: .env file < secrets folder < environment < flags.

    `env_file` None is what FOREBAY_ENV_FILE names, or else `.env` in the working folder, where there is one.
    `overrides` are flags by the setting's variable name (`{"LOG_LEVEL": "DEBUG"}`); None values are flags that were not
    given. Raises UsageError naming the variable, its value unless it is a secret, where it came from, and what it may
    be.
    """
    environ = os.environ if environ is None else environ
    named = clean(environ.get(ENV_FILE, ""))
    file = read_env_file(env_file or (Path(named) if named else None))
    folder = clean(environ.get(SECRETS_DIR, "")) or (file[SECRETS_DIR].value if SECRETS_DIR in file else None)
    levels = [file, read_secrets(folder, DECLARED), read_environment(environ, DECLARED)]
    chosen = _choose(levels, read_flags(overrides or {}, DECLARED))
    derive(chosen)
    settings = _settings(chosen, unknown_names(file))
    refuse_swapped_keys(settings)
    return settings


def _choose(levels: list[Level], flags: Level) -> dict[str, Raw]:
    """The raw value of each setting by its preferred name; settings that nobody set are left out."""
    chosen: dict[str, Raw] = {}
    for item in DECLARED:
        flag = next((flags[name] for name in item.names if name in flags), None)
        found = flag or _one_value(item, levels)
        if found is not None:
            chosen[item.name] = found
    return chosen


def _one_value(item: Declared, levels: list[Level]) -> Raw | None:
    """The value of a setting that may have several names; a later level wins under the same name."""
    found = [values[-1] for name in item.names if (values := [level[name] for level in levels if name in level])]
    for one, other in combinations(found, 2):
        if one.value != other.value:
            raise UsageError(
                f"{one.name} ({one.where}) and {other.name} ({other.where}) are two names of one setting, "
                "and their values differ",
                remedy=f"Keep {one.name} and remove {other.name}, or give both the same value.",
            )
    return found[0] if found else None


def _settings(chosen: Mapping[str, Raw], notes: tuple[str, ...]) -> Settings:
    groups: dict[str, Any] = {}
    for name, model in GROUPS.items():
        items = [item for item in DECLARED if item.group == name and item.name in chosen]
        try:
            groups[name] = model(**{item.field: chosen[item.name].value for item in items})
        except ValidationError as error:
            raise _refused(name, chosen, error) from error
    origins = {name: _origin(name, raw) for name, raw in chosen.items()}
    return Settings(**groups, origins=origins, notes=notes)


def _origin(name: str, raw: Raw) -> str:
    return raw.where if raw.name == name or raw.where == "flag" else f"{raw.where}, as {raw.name}"


def _refused(group: str, chosen: Mapping[str, Raw], error: ValidationError) -> UsageError:
    """The first thing that pydantic refuses, in the user's own words."""
    first = error.errors(include_url=False, include_input=False)[0]
    item = next(item for item in DECLARED if item.group == group and item.field == first["loc"][0])
    raw = chosen[item.name]
    value = "" if item.secret else f"={mask_url(str(raw.value))}"
    reason = _PLAINLY.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    reason = reason.replace("Input should be", "it must be")
    return UsageError(f"{raw.name}{value} ({raw.where}): {reason}", remedy=f"Correct {raw.name}. {item.about}")
