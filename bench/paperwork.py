"""A firm's paperwork, made for measuring how files are read: PDFs, scans, Office files, mail, photographs, a table.

Each document is about one drawn part with a number of its own, and says of itself what it holds, so that what was read
can be compared with it. The same seed makes the same contents.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING

import docx
import numpy as np
import openpyxl
import pptx
import pypdfium2 as pdfium
from docx.shared import Inches
from PIL import Image
from pptx.util import Inches as SlideInches
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Image as Flowable
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from demo.drawing.render import draw
from demo.drawing.scene import scene_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIGURE_PX = 256
COUNTS = {"pdf": 30, "scan": 30, "docx": 16, "pptx": 12, "xlsx": 12, "eml": 30, "photo": 200}
TABLE_ROWS = 500
_STYLES = getSampleStyleSheet()
_DOES = (
    "is replaced",
    "is greased",
    "is measured",
    "is balanced",
    "is sealed",
    "is aligned",
    "is tested",
    "is cleaned",
)
_WHEN = ("every spring", "after each flood", "before the audit", "at every second visit", "when the siren sounds",
         "on the last Friday", "after a power cut", "in the dry season")  # fmt: skip
_WHO = (
    "the night shift",
    "the harbour crew",
    "two apprentices",
    "the supplier",
    "an inspector",
    "the foreman",
)
_NAMES = ("Amber", "Basalt", "Cobalt", "Dorado", "Ember", "Fjord", "Garnet", "Heron", "Indigo", "Jasper", "Kestrel",
          "Linden", "Merlin", "Nimbus", "Onyx", "Puffin", "Quartz", "Raven", "Saffron", "Tundra")  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A heading with a sentence below it that stands nowhere else, on its page."""

    heading: str
    sentence: str
    page: int


@dataclass(frozen=True)
class Paper:
    """A file and what is in it. `pages`: whether its format has some; `rows`: each with all of its cells."""

    name: str
    format: str
    number: str
    data: bytes = b""
    sections: tuple[Section, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    figure: Image.Image | None = None
    pages: bool = False
    attached: tuple[str, ...] = field(default=())


def paperwork(seed: int, share: float = 1.0) -> Iterator[Paper]:
    """Yield the papers of a firm, each format's in turn; `share` makes fewer of each."""
    for format_name, count in COUNTS.items():
        for index in range(max(1, round(count * share))):
            rng = np.random.default_rng([seed, len(format_name), ord(format_name[0]), index])
            yield MAKERS[format_name](_contents(format_name, index, rng))


def table(seed: int, rows: int = TABLE_ROWS) -> bytes:
    """Return a table that lists documents, as CSV."""
    kept = io.StringIO()
    writer = csv.writer(kept)
    writer.writerow(["external_id", "title", "body"])
    for index in range(rows):
        rng = np.random.default_rng([seed, 99, index])
        writer.writerow([f"T{seed}-{index:04d}", f"Record {index}", _sentence(f"record {index}", rng)])
    return kept.getvalue().encode()


def _contents(format_name: str, index: int, rng: np.random.Generator) -> Paper:
    """Return what a paper says, without its file."""
    number = f"{format_name[:2].upper()}-{index:03d}/{rng.integers(100, 1000)}"
    name = f"{_NAMES[index % len(_NAMES)]} {number.replace('/', '-')}"
    sections = tuple(
        Section(f"{page} {title} of {name}", _sentence(f"{part} {number}", rng), page)
        for page, (title, part) in enumerate((("Safety", "the cover"), ("Service", "the shaft")), start=1)
    )
    rows = tuple(
        (f"{kind} of {name}", f"{number[:2]}{rng.integers(10**5, 10**6)}", str(rng.integers(1, 90)))
        for kind in ("Gasket. Inner", "Ring", "Bolt")
    )
    figure = draw(scene_sample(rng), FIGURE_PX)
    return Paper(
        f"{format_name}/{number.replace('/', '-')}",
        format_name,
        number,
        sections=sections,
        rows=rows,
        caption=f"Figure {index + 1}: {name} as delivered",
        figure=figure,
    )


def _sentence(what: str, rng: np.random.Generator) -> str:
    does, when, who = (words[int(rng.integers(len(words)))] for words in (_DOES, _WHEN, _WHO))
    return f"In hall {rng.integers(10, 99)} {what} {does} by {who} {when}."


def _picture(paper: Paper, kind: str = "PNG") -> io.BytesIO:
    kept = io.BytesIO()
    assert paper.figure is not None
    paper.figure.save(kept, kind)
    kept.seek(0)
    return kept


def _pdf(paper: Paper) -> Paper:
    story = []
    for section in paper.sections:
        story += [
            Paragraph(section.heading, _STYLES["Heading1"]),
            Paragraph(section.sentence, _STYLES["BodyText"]),
        ]
        if section.page == 1:
            story += [
                Spacer(1, 20),
                Table([["Part", "Number", "Quantity"], *paper.rows], colWidths=[200, 120, 80]),
            ]
            story += [Spacer(1, 20), Flowable(_picture(paper), 200, 200)]
            story += [Paragraph(paper.caption, _STYLES["BodyText"]), PageBreak()]
    kept = io.BytesIO()
    SimpleDocTemplate(kept, pagesize=A4, title=paper.number).build(story)
    return _with_file(paper, ".pdf", kept.getvalue(), pages=True)


def _scan(paper: Paper) -> Paper:
    """Return the PDF's pages as pictures alone, at 200 dots per inch, a little askew and noisy."""
    rng = np.random.default_rng([7, len(paper.number), *paper.number.encode()])
    pages = []
    with pdfium.PdfDocument(_pdf(paper).data) as document:
        for page in document:
            sheet = page.render(scale=200 / 72).to_pil().convert("L")
            sheet = sheet.rotate(
                float(rng.uniform(-1.5, 1.5)), fillcolor=255, resample=Image.Resampling.BILINEAR
            )
            noisy = np.asarray(sheet, np.float32) + 8 * rng.standard_normal((sheet.height, sheet.width))
            pages.append(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))
    kept = io.BytesIO()
    pages[0].save(kept, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return _with_file(paper, ".pdf", kept.getvalue(), pages=True)


def _docx(paper: Paper) -> Paper:
    document = docx.Document()
    for section in paper.sections:
        document.add_heading(section.heading, 1)
        document.add_paragraph(section.sentence)
    rows = [("Part", "Number", "Quantity"), *paper.rows]
    cells = document.add_table(len(rows), 3)
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            cells.cell(row, column).text = value
    document.add_picture(_picture(paper), Inches(2))
    document.add_paragraph(paper.caption, style="Caption")
    kept = io.BytesIO()
    document.save(kept)
    return _with_file(paper, ".docx", kept.getvalue())


def _pptx(paper: Paper) -> Paper:
    show = pptx.Presentation()
    for section in paper.sections:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = section.heading
        slide.placeholders[1].text = section.sentence
    rows = [("Part", "Number", "Quantity"), *paper.rows]
    across = SlideInches(1)
    cells = slide.shapes.add_table(len(rows), 3, across, SlideInches(4), SlideInches(6), SlideInches(1)).table
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            cells.cell(row, column).text = value
    picture = slide.shapes.add_picture(_picture(paper), across, across)
    picture._element.nvPicPr.cNvPr.set("descr", paper.caption)
    kept = io.BytesIO()
    show.save(kept)
    return _with_file(paper, ".pptx", kept.getvalue(), pages=True)


def _xlsx(paper: Paper) -> Paper:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = paper.number.replace("/", " ")
    for row in (("Part", "Number", "Quantity"), *paper.rows):
        sheet.append(row)
    for section in paper.sections:
        other = book.create_sheet(section.heading[:31].replace("/", " "))
        other["A1"] = section.sentence
    kept = io.BytesIO()
    book.save(kept)
    plain = _with_file(paper, ".xlsx", kept.getvalue())
    # A sheet's name has 31 characters at most and no figure was put in: only the sentences and rows are asked for.
    return Paper(plain.name, plain.format, plain.number, plain.data, _headless(plain.sections), plain.rows)


def _headless(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    return tuple(Section("", section.sentence, section.page) for section in sections)


def _eml(paper: Paper) -> Paper:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = f"About {paper.number}", "ann@example.org", "bob@example.org"
    mail.set_content("\n\n".join(section.sentence for section in paper.sections))
    mail.add_attachment(_picture(paper).read(), maintype="image", subtype="png", filename="part.png")
    kept = _with_file(paper, ".eml", mail.as_bytes())
    sections = _headless(kept.sections)
    return Paper(
        kept.name, kept.format, kept.number, kept.data, sections, attached=(f"{kept.name}/part.png",)
    )


def _photo(paper: Paper) -> Paper:
    exif = Image.Exif()
    exif[0x010E] = f"{paper.sections[0].sentence} {paper.number}"
    kept = io.BytesIO()
    assert paper.figure is not None
    paper.figure.save(kept, "JPEG", quality=90, exif=exif)
    sections = _headless(paper.sections[:1])
    return Paper(
        f"{paper.name}.jpg", paper.format, paper.number, kept.getvalue(), sections, figure=paper.figure
    )


def _with_file(paper: Paper, suffix: str, data: bytes, *, pages: bool = False) -> Paper:
    return Paper(
        paper.name + suffix, paper.format, paper.number, data, paper.sections, paper.rows,
        paper.caption, paper.figure, pages,
    )  # fmt: skip


MAKERS: dict[str, Callable[[Paper], Paper]] = {
    "pdf": _pdf,
    "scan": _scan,
    "docx": _docx,
    "pptx": _pptx,
    "xlsx": _xlsx,
    "eml": _eml,
    "photo": _photo,
}
