"""A cell that holds metadata as a JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.formats.bounded_json import JsonError, JsonTooDeepError, load_json
from workers.formats.problems import problem

if TYPE_CHECKING:
    from workers.formats.problems import Problem


def metadata_in(cell: str, into: dict[str, Any], problems: list[Problem]) -> None:
    """Put the object's keys into the metadata, or say what is wrong with it."""
    if not cell.strip():
        return
    try:
        values = load_json(cell)
    except JsonTooDeepError as error:
        problems.append(problem("import.too_deep/metadata", reason=str(error)))
        return
    except JsonError as error:
        wanted = f"a JSON object: {error}"
        problems.append(problem("import.field_wrong_type", name="metadata", wanted=wanted))
        return
    if isinstance(values, dict):
        into.update(values)
    else:
        problems.append(problem("import.field_wrong_type", name="metadata", wanted="a JSON object"))
