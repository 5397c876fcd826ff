"""`forebay lake defects`: what the vendor is known to have published wrong, and what of it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table

if TYPE_CHECKING:
    from forebay.orchestration.defects import DefectHeld


def defects(ctx: typer.Context, *, json: Json = False) -> int:
    """List the known defects of the vendor's files: which are put right on the way in, and which sessions are held.

    Example: forebay lake defects
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.defects import defects_held

    with open_app(settings) as wired:
        found = list(defects_held(wired.ledger.coverage))
    if json:
        print_json([_as_json(each) for each in found])
    else:
        heads = ("defect", "dataset", "first", "last", "done", "held", "what is wrong")
        print_table(heads, [_line(each) for each in found])
    return ExitCode.OK


def _line(each: DefectHeld) -> tuple[Any, ...]:
    defect = each.defect
    held = f"{len(each.held)} days" + (f", {each.rows:,} rows fixed" if each.rows else "")
    return defect.name, defect.dataset, defect.first, defect.last, defect.treatment, held, defect.effect


def _as_json(each: DefectHeld) -> dict[str, Any]:
    defect = each.defect
    return {
        "name": defect.name,
        "dataset": defect.dataset,
        "first": defect.first,
        "last": defect.last,
        "treatment": defect.treatment,
        "effect": defect.effect,
        "source": defect.source,
        "shows_as": defect.shows_as,
        "held": each.held,
        "fixed": each.fixed,
        "rows_fixed": each.rows,
    }
