"""Where raw values come from: the .env file, a folder of secrets, the environment, the command line's flags."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv.parser import Original, parse_stream

from forebay.errors import UsageError
from forebay.settings.fields import Declared

DEFAULT_ENV_FILE = Path(".env")
_TRAILING_COMMENT = re.compile(r"\s+#.*$", re.DOTALL)
_ONLY_COMMENT = re.compile(r"\s*[^=\s]+\s*=\s+#")
_QUOTES = "'\""


@dataclass(frozen=True, slots=True)
class Raw:
    """A value as it was found: under which name, and where (`.env line 3`, `environment`, `flag`)."""

    name: str
    value: Any
    where: str


Level = Mapping[str, Raw]
"""Raw values of one source by variable name. An empty value is left out: it means not set."""


def read_env_file(path: Path | None) -> Level:
    """The values of a .env file; `None` is the file `.env` here, where there is one.

    Raises UsageError when a named file is missing, or it cannot be read, or a line is not NAME=value.
    """
    if path is None:
        if not DEFAULT_ENV_FILE.exists():
            return {}
        path = DEFAULT_ENV_FILE
    values: dict[str, Raw] = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        if binding.error:
            line = _line_of(binding.original)
            raise UsageError(f"{path}, line {line}: not of the form NAME=value", remedy=f"Correct line {line}.")
        if binding.key is not None and binding.value and not _ONLY_COMMENT.match(binding.original.string):
            values[binding.key] = Raw(binding.key, binding.value, f"{path} line {_line_of(binding.original)}")
    return values


def _line_of(original: Original) -> int:
    """The line of a binding's name: the parser counts the empty lines before it to the binding."""
    leading = original.string[: len(original.string) - len(original.string.lstrip())]
    return original.line + leading.count("\n")


def read_environment(environ: Mapping[str, str], known: Iterable[Declared]) -> Level:
    """The values of known variables in `environ`.

    Container tools hand `NAME="value"  # comment` over as it stands in the file, so quotes and trailing comments are
    cut here too, except from passwords.
    """
    values: dict[str, Raw] = {}
    for setting in known:
        for name in setting.names:
            text = environ.get(name, "")
            value = text if setting.verbatim else clean(text)
            if value:
                values[name] = Raw(name, value, "environment")
    return values


def clean(text: str) -> str:
    """`text` without surrounding space, a trailing ` # comment` and surrounding quotes."""
    text = text.strip()
    if text.startswith("#"):
        return ""
    if text[:1] in _QUOTES and text:
        closing = text.find(text[0], 1)
        rest = text[closing + 1 :].strip()
        if closing > 0 and (not rest or rest.startswith("#")):
            return text[1:closing]
    return _TRAILING_COMMENT.sub("", text)


def read_secrets(folder: str | None, known: Iterable[Declared]) -> Level:
    """The files in `folder` that bear the name of a setting, in capitals or small letters; one value each.

    Raises UsageError when the folder or such a file cannot be read.
    """
    if not folder:
        return {}
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(
            f"FOREBAY_SECRETS_DIR={folder} is not a folder", remedy="Name the folder that holds one file per secret."
        )
    values: dict[str, Raw] = {}
    for name in (name for setting in known for name in setting.names):
        for path in (root / name, root / name.lower()):
            if path.is_file() and (text := _text(path).rstrip("\r\n")):
                values[name] = Raw(name, text, f"secrets file {path}")
    return values


def read_flags(overrides: Mapping[str, Any], known: Iterable[Declared]) -> Level:
    """The command line's values by variable name; None is a flag not given. Raises KeyError for a slip in a name."""
    slips = overrides.keys() - {name for setting in known for name in setting.names}
    if slips:
        raise KeyError(f"no settings: {sorted(slips)}")
    return {name: Raw(name, value, "flag") for name, value in overrides.items() if value is not None}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", remedy="Correct the name, or make the file.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="Name a file you may read.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8", remedy="Save it again as UTF-8.") from error
