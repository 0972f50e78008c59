"""Names of Word's elements, sorted by what is done with them."""

from __future__ import annotations

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
V = "{urn:schemas-microsoft-com:vml}"
WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
PIC = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"

VALUE = f"{W}val"
TEXTS = frozenset({f"{W}t", f"{M}t"})
SIGNS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "\N{NON-BREAKING HYPHEN}",
}
DRAWN = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})
NOTE_REFERENCES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
UNREAD = frozenset(
    f"{W}{name}"
    for name in (
        "del", "moveFrom", "delText", "instrText", "delInstrText", "pPr", "rPr", "sdtPr", "sdtEndPr", "rt",
        "commentReference", "annotationRef", "footnoteRef", "endnoteRef", "fldData", "ffData",
    )
)  # fmt: skip
"""What is deleted, formulas of fields, settings, and the small text above Chinese and Japanese."""
WRAPPERS = frozenset(f"{W}{name}" for name in ("customXml", "ins", "moveTo", "smartTag", "sdtContent"))
