"""A `winmail.dat` that came alone: read as the mail that it was packed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.formats.eml import read_message
from workers.extraction.formats.mail_making import part_of_type, part_with_data, say
from workers.extraction.formats.mail_parts import TNEF_FILES_MAX
from workers.extraction.formats.tnef import TnefError, tnef_of
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted


def read(file: Path, out: Output) -> Extracted:
    """Return what is packed. Raises FileError `file.damaged`, `file.too_much`."""
    data = file.read_bytes()
    try:
        found = tnef_of(data, TNEF_FILES_MAX)
    except TnefError as error:
        raise FileError("file.damaged", reason="it is cut off, or a part of it is missing") from error
    mail = part_of_type("multipart/mixed")
    say(mail, "Subject", found.subject)
    mail.attach(part_with_data("application/ms-tnef", data))
    return read_message(mail, out)
