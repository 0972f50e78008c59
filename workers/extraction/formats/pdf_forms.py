"""What was filled into a PDF's form: PDFium's text leaves it out."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium_c

from workers.extraction.formats.pdf_lines import box_around
from workers.extraction.lines import PageLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdfium2 as pdfium

_LENGTH_MAX = 20_000
_SIZE = 10.0


def form_values(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> list[PageLine]:
    """Return a line `name: value` for each filled field of the page."""
    if document.formenv is None:
        return []
    return [line for annotation in _annotations(page) if (line := _line(document, page, annotation))]


def _annotations(page: pdfium.PdfPage) -> Iterator[Any]:
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        try:
            if pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET:
                yield annotation
        finally:
            pdfium_c.FPDFPage_CloseAnnot(annotation)


def _line(document: pdfium.PdfDocument, page: pdfium.PdfPage, annotation: Any) -> PageLine | None:
    value = _text(pdfium_c.FPDFAnnot_GetFormFieldValue, document, annotation)
    name = _text(pdfium_c.FPDFAnnot_GetFormFieldAlternateName, document, annotation) or _text(
        pdfium_c.FPDFAnnot_GetFormFieldName, document, annotation
    )
    place = pdfium_c.FS_RECTF()
    if not value or value == "Off" or not pdfium_c.FPDFAnnot_GetRect(annotation, place):
        return None
    box = box_around(page, [(place.left, place.bottom), (place.right, place.top)])
    return PageLine(f"{name}: {value}" if name else value, box, _SIZE, is_value=True) if box else None


def _text(ask: Any, document: pdfium.PdfDocument, annotation: Any) -> str:
    """Ask PDFium for a text: first for its length in bytes, then for itself."""
    length = ask(document.formenv, annotation, None, 0)
    if not 2 < length <= _LENGTH_MAX:
        return ""
    kept = ctypes.create_string_buffer(length)
    ask(document.formenv, annotation, ctypes.cast(kept, ctypes.POINTER(ctypes.c_ushort)), length)
    return " ".join(kept.raw[: length - 2].decode("utf-16-le", errors="ignore").split())
