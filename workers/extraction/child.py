"""The child's side: reads one file after another. Runs in a sandboxed process, without network and without programs."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.extraction.kinds import kind_of
from workers.extraction.output import Output, OutputLimits
from workers.extraction.packing import ZIPPED, check_packing
from workers.extraction.placeholders import without_placeholders
from workers.extraction.registry import format_reader
from workers.extraction.sheets import written_sheets
from workers.inference.errors import FileError, InferenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.extraction.types import Extracted

FILE = "file"
ANSWER = "answer.json"


class ExtractionHandler:
    """Reads the file `FILE` of a folder, and leaves `ANSWER` and what was taken out beside it."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def tables(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[bytes]]:
        """Write the rows of each visible sheet of the workbook that is called `name`; return what the sheets are."""
        file = self._folder / FILE
        with file.open("rb") as opened:
            kind = kind_of(opened, head["name"])
        output = Output(self._folder, OutputLimits(**head["limits"]))
        with _damage_named():
            check_packing(file)
            return {"sheets": [asdict(sheet) for sheet in written_sheets(kind, file, output)]}, []

    def extract(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[bytes]]:
        """Read the file that is called `name`, under `limits`; return its kind."""
        file = self._folder / FILE
        with file.open("rb") as opened:
            kind = kind_of(opened, head["name"])
        if not file.stat().st_size:
            raise FileError("file.empty")
        output = Output(self._folder, OutputLimits(**head["limits"]))
        found = _read(kind, file, output)
        with (self._folder / ANSWER).open("w", encoding="utf-8", errors="replace") as answer:
            json.dump(found.to_json(), answer)
        return {"kind": kind}, []


def _read(kind: str | None, file: Path, output: Output) -> Extracted:
    reader = format_reader(kind)
    with _damage_named():
        if kind in ZIPPED:
            check_packing(file)
        found = reader(file, output)
    found = without_placeholders(found)
    return replace(found, blocks=tuple(block for block in found.blocks if block.text.strip()))


@contextmanager
def _damage_named() -> Iterator[None]:
    """Turn what a library raises into FileError `file.damaged`."""
    try:
        yield
    except (InferenceError, MemoryError):
        raise
    except RecursionError as error:
        raise FileError("file.damaged", reason="what is in it is nested too deeply") from error
    except zipfile.BadZipFile as error:
        raise FileError("file.damaged", reason="a part of it cannot be unpacked") from error
    except Exception as error:
        found = f"{type(error).__name__}: {error}"[:200]
        raise FileError("file.damaged", reason=f"it is not built as such files are ({found})") from error
