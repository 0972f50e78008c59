"""A zip inside something else: its members are files of their own."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from workers.extraction.types import Attached, Extracted
from workers.formats.zip_names import is_junk_member, member_name
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output


def read(file: Path, out: Output) -> Extracted:
    """Return the members. Raises FileError `file.too_much`; `packing.check_packing` has looked at it before."""
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if not info.is_dir() and not is_junk_member(info)]
        if len(members) > out.limits.attached:
            raise FileError("file.too_much/attached", limit=out.limits.attached)
        return Extracted(
            attached=tuple(Attached(member_name(info), out.put(archive.read(info))) for info in members)
        )
