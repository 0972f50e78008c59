"""Pictures that are lists of drawing commands: their formats, and the sentence that says that one is not shown.

EMF and WMF are commands for Windows' own drawing, SVG a program's worth of XML: nothing freely licensed and kept up
draws them all.
"""

from __future__ import annotations

import re

_FORMATS = (
    ("EMF", re.compile(rb"\x01\0\0\0.{36} EMF", re.DOTALL)),
    ("WMF", re.compile(rb"\xd7\xcd\xc6\x9a|[\1\2]\0\x09\0\0[\1\3]")),
    ("SVG", re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml|!DOCTYPE svg|!--)")),
    ("EMF or WMF", re.compile(rb"\x1f\x8b")),
)
_HEAD_BYTES = 200
_CAPTION_CHARACTERS_MAX = 120
_NOT_SHOWN = re.compile(r"(A drawing|\d+ drawings) in (EMF|WMF|SVG|EMF or WMF) (is|are) not shown[.:]")


def drawing_kind(data: bytes) -> str:
    """Return the format of a drawing, such as `EMF`; empty for all else."""
    head = data[:_HEAD_BYTES]
    return next((name for name, pattern in _FORMATS if pattern.match(head)), "")


def not_shown(kind: str, caption: str = "", count: int = 1) -> str:
    """Return the sentence about drawings of a format that are not shown."""
    if count > 1:
        return f"{count} drawings in {kind} are not shown."
    called = f": “{' '.join(caption.split())[:_CAPTION_CHARACTERS_MAX]}”" if caption else ""
    return f"A drawing in {kind} is not shown{called}."


def is_not_shown(note: str) -> bool:
    """Tell such a sentence among the notes of a file."""
    return bool(_NOT_SHOWN.match(note))
