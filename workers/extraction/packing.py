"""Files that are zips inside (docx, epub, odt): looked at before anything in one is unpacked."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from workers.formats.zips import packing_fault
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

ZIPPED = frozenset({"zip", "docx", "pptx", "xlsx", "odt", "ods", "odp", "epub"})
UNPACKED_BYTES_MAX = 1 << 30
RATIO_MAX = 200
MEMBERS_MAX = 50_000


def check_packing(file: Path) -> None:
    """Raise FileError `file.too_much`, `file.encrypted` for what would unpack to suspiciously much, or not at all."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    faults = {packing_fault(info, RATIO_MAX) for info in members}
    if "encrypted" in faults:
        raise FileError("file.encrypted")
    unpacked = sum(info.file_size for info in members)
    if "ratio" in faults or unpacked > UNPACKED_BYTES_MAX or len(members) > MEMBERS_MAX:
        raise FileError("file.too_much/packed")
