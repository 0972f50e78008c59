"""Small pictures and zips of parts for the tests of documents' readers."""

from __future__ import annotations

import io
import zipfile

from PIL import Image

ENTITIES = (
    '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY a "{long}">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
).format(long="ha" * 5000)
"""A file of the machine, and a text that grows a hundredfold each time that it is named."""


def picture(colour: str = "red", side: int = 100, kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    made = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(made, kind)
    return made.getvalue()


def with_parts(file: bytes, **parts: bytes | str) -> bytes:
    """The same zip with some of its members changed or added: `word__document_xml` is `word/document.xml`."""
    changed = {name.replace("__", "/").replace("_xml", ".xml"): data for name, data in parts.items()}
    return zipped({**unzipped(file), **changed})


def unzipped(file: bytes) -> dict[str, bytes]:
    """The members of a zip."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes | str]) -> bytes:
    """A zip of members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def saved(document) -> bytes:
    """What a writing library saves."""
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()
