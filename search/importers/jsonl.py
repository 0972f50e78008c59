"""JSON Lines: one document per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from search.importers.fields import item_from
from search.importers.types import Item, Rejected, rejected
from workers.formats.bounded_json import JsonError, JsonTooDeepError, load_json
from workers.formats.lines import numbered_lines
from workers.formats.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.importers.types import Reading


def read_jsonl(file: BinaryIO, reading: Reading) -> Iterator[Item]:
    """Yield one item per line that is not empty."""
    for number, line in numbered_lines(file):
        where = f"line {number}"
        if isinstance(line, Problem):
            yield Rejected(where, (line,))
        elif line.strip():
            yield _item(where, line, reading)


def _item(where: str, line: str, reading: Reading) -> Item:
    try:
        values = load_json(line)
    except JsonTooDeepError as error:
        return rejected(where, "import.too_deep", reason=str(error))
    except JsonError as error:
        return rejected(where, "import.line_not_json", reason=str(error))
    if not isinstance(values, dict):
        return rejected(where, "import.line_not_json/no_object")
    return item_from(where, values, reading)
