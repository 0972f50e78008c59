"""PDFs made for tests: a manual with headings, a table, a figure and two pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Image as Picture
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

if TYPE_CHECKING:
    from typing import Any

STYLES = getSampleStyleSheet()
LONG = "The impeller is held by a key and a nut with left-hand thread, which is locked by a washer. " * 6


def pdf_of(*story: Any, **options: Any) -> bytes:
    """A PDF of these flowing parts."""
    kept = io.BytesIO()
    SimpleDocTemplate(kept, pagesize=A4, **options).build(list(story))
    return kept.getvalue()


def photograph(colour: str = "steelblue", size: tuple[int, int] = (320, 240)) -> io.BytesIO:
    """A picture with more than a few colours, as a PNG."""
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(picture).ellipse((40, 40, 160, 160), fill=colour)
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    kept.seek(0)
    return kept


def manual() -> bytes:
    """A manual with everything in it."""
    table = Table(
        [["Part", "Number"], ["Impeller", "KX-204/B"], ["Shaft seal. Inner", "KX-310/A"]],
        colWidths=[150, 150],
    )
    return pdf_of(
        Paragraph("Pump KX", STYLES["Title"]),
        Paragraph("4 Maintenance", STYLES["Heading1"]),
        Paragraph("4.2 Impeller", STYLES["Heading2"]),
        Paragraph(LONG, STYLES["BodyText"]),
        Spacer(1, 20),
        table,
        Spacer(1, 20),
        Picture(photograph(), 200, 150),
        Paragraph("Figure 3: The impeller with its key", STYLES["BodyText"]),
        PageBreak(),
        Paragraph("5 Faults", STYLES["Heading1"]),
        Paragraph("The pump hums and does not turn: the capacitor is broken.", STYLES["BodyText"]),
        title="Manual of the pump KX", author="J. Weber", keywords="pump, impeller", subject="Maintenance",
    )  # fmt: skip
