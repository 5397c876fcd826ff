"""How one setting is declared: names, default, limits, reason; and a type that does not print what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@\s]*):([^/\s]*)@")


def mask_url(url: str) -> str:
    """`url` without the password it may carry: `redis://:***@host:6379/0`."""
    return _PASSWORD_IN_URL.sub(r"\1:***@", url)


def passwords_in(url: str) -> set[str]:
    """The password that `url` carries, as written there and as meant; empty when it carries none."""
    found = _PASSWORD_IN_URL.search(url)
    return {found[2], unquote(found[2])} if found else set()


class SecretUrl(SecretStr):
    """A URL that prints without its password; `get_secret_value()` is the whole."""

    def _display(self) -> str:
        return mask_url(self.get_secret_value())


_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_TOKEN = re.compile(r"(?=.*(\d|[a-z].*[A-Z]|[A-Z].*[a-z])).{8,}|.{20,}")
"""A part of an address that looks like a token, rather than like a word that logs may hold."""


class SecretAddresses(SecretStr):
    """Several addresses of services, which hold tokens anywhere; commas or blanks between them. Prints none."""

    def each(self) -> tuple[str, ...]:
        """One by one."""
        return tuple(each for each in _BETWEEN.split(self.get_secret_value().strip(" ,")) if each)

    def secrets(self) -> set[str]:
        """Each address, and what in it is a password or looks like a token, as written and as meant."""
        found = set(self.each())
        for address in self.each():
            authority, _, path = address.partition("://")[2].partition("/")
            who, at, host = authority.rpartition("@")
            parts = [*re.split(r"[/?&=#,]", path), *([] if "." in host else [host])]
            found.update(part for part in parts if _TOKEN.fullmatch(part))
            found.update(who.split(":") if at else ())
        return found | {unquote(each) for each in found}


class Group(BaseModel):
    """A group of settings: frozen, and nothing in it that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a field says about itself."""

    group: str
    field: str
    names: tuple[str, ...]
    """The variable's names, the preferred one first."""
    default: Any
    about: str
    """Unit, default and reason, in a sentence or two."""
    secret: bool
    """Its value, or a part of it, must not be shown."""
    verbatim: bool
    """Free text chosen by a person, such as a password: taken from the environment character by character."""

    @property
    def name(self) -> str:
        """The preferred name."""
        return self.names[0]


def setting(*names: str, default: Any, about: str, verbatim: bool = False, **limits: Any) -> Any:
    """Declare a field that is read from the variables `names`; `limits` are pydantic's (`ge`, `le`)."""
    extra = cast("dict[str, Any]", {"names": names, "verbatim": verbatim})
    return Field(default, description=about, json_schema_extra=extra, validate_default=True, **limits)


def declared(groups: dict[str, type[Group]]) -> list[Declared]:
    """Every setting of `groups`, in order."""
    return [
        _declared(group, field, info) for group, model in groups.items() for field, info in model.model_fields.items()
    ]


def _declared(group: str, field: str, info: FieldInfo) -> Declared:
    extra = cast("dict[str, Any]", info.json_schema_extra)
    return Declared(
        group=group,
        field=field,
        names=tuple(extra["names"]),
        default=info.default,
        about=info.description or "",
        secret="Secret" in str(info.annotation),
        verbatim=extra["verbatim"],
    )
