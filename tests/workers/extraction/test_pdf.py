"""PDF: text in its order, headings, rows of tables, figures with captions, pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pypdfium2 as pdfium
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from tests.support.manuals import LONG, STYLES, manual, pdf_of, photograph
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from workers.extraction.extractor import Extractor
    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]


@pytest.fixture(scope="module")
def found(extractor: Extractor) -> Extracted:
    """What the manual holds."""
    with extractor.reading(io.BytesIO(manual()), "manual.pdf") as read:
        return read.extracted


def test_what_the_file_says_of_itself_is_kept(found: Extracted) -> None:
    assert found.title == "Manual of the pump KX"
    assert found.authors == ("J. Weber",)
    assert found.keywords == ("pump", "impeller")
    assert found.metadata == {"subject": "Maintenance"}
    assert found.created.startswith("20")


def test_headings_have_their_levels_and_pages(found: Extracted) -> None:
    headings = [(block.text, block.level, block.page) for block in found.blocks if block.kind == "heading"]
    assert headings == [
        ("Pump KX", 1, 1), ("4 Maintenance", 1, 1), ("4.2 Impeller", 2, 1), ("5 Faults", 1, 2),
    ]  # fmt: skip


def test_lines_of_a_paragraph_are_joined(found: Extracted) -> None:
    texts = [block.text for block in found.blocks if block.kind == "text"]
    assert texts[0] == LONG.strip()
    assert texts[-1] == "The pump hums and does not turn: the capacitor is broken."


def test_a_row_of_a_table_is_one_block_with_its_columns_names(found: Extracted) -> None:
    rows = [block.text for block in found.blocks if block.kind == "row"]
    assert rows == ["Part: Impeller | Number: KX-204/B", "Part: Shaft seal. Inner | Number: KX-310/A"]


def test_a_figure_comes_with_its_caption_at_its_place(found: Extracted) -> None:
    (figure,) = found.figures
    assert figure.caption == "Figure 3: The impeller with its key"
    assert figure.page == 1
    assert found.blocks[figure.after - 1].kind == "row"


def test_every_page_has_a_picture_and_blocks_stand_on_it(extractor: Extractor) -> None:
    with extractor.reading(io.BytesIO(manual()), "manual.pdf") as read:
        pages = read.extracted.pages
        sizes = [Image.open(io.BytesIO(read.data(page.image))).size for page in pages]
    assert [page.number for page in pages] == [1, 2]
    assert all(page.has_text for page in pages)
    assert sizes == [(1132, 1600), (1132, 1600)]
    boxes = [block.box for block in read.extracted.blocks]
    assert all(box and box[0] >= 0.05 and box[0] + box[2] <= 0.95 for box in boxes)


def test_a_scan_has_no_text_and_no_figure_but_a_large_picture_of_its_page(extractor: Extractor) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.drawImage(ImageReader(photograph(size=(800, 1131))), 0, 0, *A4)
    canvas.showPage()
    canvas.save()
    with extractor.reading(io.BytesIO(kept.getvalue()), "scan.pdf") as read:
        (page,) = read.extracted.pages
        assert not page.has_text
        assert max(Image.open(io.BytesIO(read.data(page.image))).size) == 2400
    assert not read.extracted.figures
    assert not read.extracted.blocks


def test_places_on_a_turned_page_are_those_that_a_reader_sees(extracted: Read) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.setFont("Helvetica", 14)
    canvas.drawString(60, 560, "At the top left of the sheet before it was turned")
    canvas.setPageRotation(90)
    canvas.showPage()
    canvas.save()
    (block,) = extracted(kept.getvalue(), "turned.pdf").blocks
    assert block.box is not None
    left, top, width, height = block.box
    assert left > 0.9
    assert top < 0.2
    assert height > width


def test_labels_with_a_number_each_are_no_running_titles(extracted: Read) -> None:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    for number in range(5):
        canvas.drawString(72, A4[1] - 40, f"Label {number}")
        canvas.showPage()
    canvas.save()
    found = extracted(target.getvalue(), "labels.pdf")
    assert [block.text for block in found.blocks] == [f"Label {number}" for number in range(5)]


def test_letters_set_wide_apart_are_one_word(extracted: Read) -> None:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    canvas.setFont("Courier", 9)
    canvas.drawString(72, 700, "Chin", charSpace=2)
    canvas.drawString(72 + 4 * 7.4, 700, "a sends", charSpace=2)
    canvas.drawString(72 + 12 * 7.4, 700, "pumps.", charSpace=2)
    canvas.save()
    assert [block.text for block in extracted(target.getvalue(), "wide.pdf").blocks] == ["China sends pumps."]


def test_a_running_title_and_page_numbers_are_left_out(extracted: Read) -> None:
    def furniture(canvas: Canvas, document: Any) -> None:
        canvas.drawString(70, 820, "Pump KX, manual")
        canvas.drawString(300, 20, f"Page {canvas.getPageNumber()} of 5")

    kept = io.BytesIO()
    story = [
        part
        for n in range(5)
        for part in (Paragraph(f"Sentence {'abcde'[n]}. {LONG}", STYLES["BodyText"]), PageBreak())
    ]
    SimpleDocTemplate(kept, pagesize=A4).build(story, onFirstPage=furniture, onLaterPages=furniture)
    texts = " ".join(block.text for block in extracted(kept.getvalue(), "m.pdf").blocks)
    assert "Sentence e." in texts
    assert "Page" not in texts
    assert "manual" not in texts


def test_a_drawing_of_many_lines_is_a_figure(extracted: Read) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.drawString(70, 780, "An exploded view of the pump, with its numbers.")
    for n in range(30):
        canvas.circle(250 + 5 * n, 500 + (n % 7) * 12, 30)
    canvas.drawString(200, 440, "Fig. 1 Exploded view")
    canvas.showPage()
    canvas.save()
    (figure,) = extracted(kept.getvalue(), "drawing.pdf").figures
    assert figure.caption == "Fig. 1 Exploded view"


def test_what_was_filled_into_a_form_is_text(extracted: Read) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.drawString(70, 780, "Please fill in this order form for spare parts.")
    canvas.acroForm.textfield(
        name="number", tooltip="Part number", value="KX-204/B", x=70, y=700, width=200, height=20
    )
    canvas.showPage()
    canvas.save()
    texts = [block.text for block in extracted(kept.getvalue(), "form.pdf").blocks]
    assert "Part number: KX-204/B" in texts


def test_a_pdf_with_a_password_is_said_to_be_encrypted(extracted: Read) -> None:
    data = pdf_of(Paragraph("secret", STYLES["BodyText"]), encrypt=StandardEncryption("open sesame"))
    with pytest.raises(FileError) as refused:
        extracted(data, "secret.pdf")
    assert refused.value.id == "file.encrypted"


def test_a_pdf_that_cannot_be_opened_is_not_called_encrypted_because_the_one_before_it_was(
    extracted: Read,
) -> None:
    empty = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    second = len(empty)
    empty += b"2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    table = b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n%010d 00000 n \n" % second
    empty += table + b"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(empty)
    secret = pdf_of(Paragraph("secret", STYLES["BodyText"]), encrypt=StandardEncryption("open sesame"))
    for data, error_id in ((secret, "file.encrypted"), (empty, "file.damaged")):
        with pytest.raises(FileError) as refused:
            extracted(data, "a.pdf")
        assert refused.value.id == error_id


def test_a_pdf_that_only_forbids_printing_is_read(extracted: Read) -> None:
    lock = StandardEncryption("", ownerPassword="owner", canPrint=0)
    data = pdf_of(Paragraph("Everybody may read this sentence.", STYLES["BodyText"]), encrypt=lock)
    assert extracted(data, "open.pdf").blocks[0].text == "Everybody may read this sentence."


def test_files_attached_to_a_pdf_come_out_by_their_names(extractor: Extractor) -> None:
    document = pdfium.PdfDocument(manual())
    document.new_attachment("parts.csv").set_data(b"external_id,title\nKX-1,Nut\n")
    kept = io.BytesIO()
    document.save(kept)
    with extractor.reading(io.BytesIO(kept.getvalue()), "manual.pdf") as read:
        (attached,) = read.extracted.attached
        assert attached.name == "parts.csv"
        assert read.data(attached.file).startswith(b"external_id")


def test_a_damaged_pdf_is_a_file_error_and_the_next_file_is_read(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(b"%PDF-1.7\n" + manual()[200:900], "broken.pdf")
    assert refused.value.id == "file.damaged"
    assert extracted(manual(), "manual.pdf").title == "Manual of the pump KX"


def test_a_page_with_a_title_and_a_picture_is_no_scan(extracted: Read) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.drawString(70, 780, "Fig. 1 Pump")
    canvas.drawImage(ImageReader(photograph()), 100, 500, 300, 220)
    canvas.showPage()
    canvas.save()
    found = extracted(kept.getvalue(), "plate.pdf")
    assert found.pages[0].has_text
    assert [figure.caption for figure in found.figures] == ["Fig. 1 Pump"]


def test_a_stamp_on_a_scan_makes_it_no_page_of_text(extracted: Read) -> None:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.drawImage(ImageReader(photograph(size=(800, 1131))), 0, 0, *A4)
    canvas.drawString(500, 20, "17")
    canvas.showPage()
    canvas.save()
    found = extracted(kept.getvalue(), "scan.pdf")
    assert not found.pages[0].has_text
    assert not found.figures


def test_lines_of_a_table_of_contents_are_no_headings(extracted: Read) -> None:
    story = [
        Paragraph("1 Introduction . . . . . . . . . . . . . . 12", STYLES["Heading1"]),
        Paragraph("2 Service ............................. iv", STYLES["Heading1"]),
        Paragraph("Contents in brief", STYLES["Heading1"]),
        Paragraph(LONG, STYLES["BodyText"]),
    ]
    headings = [block.text for block in extracted(pdf_of(*story), "m.pdf").blocks if block.kind == "heading"]
    assert headings == ["Contents in brief"]


def made_by_nobody() -> bytes:
    """A PDF whose program wrote what ReportLab, LaTeX and others write where nobody said anything."""
    kept = io.BytesIO()
    canvas = Canvas(kept)
    canvas.setTitle("untitled")
    canvas.setAuthor("anonymous")
    canvas.setSubject("unspecified")
    canvas.drawString(100, 700, "The pump leaks at the seal.")
    canvas.save()
    return kept.getvalue()


def test_what_a_program_wrote_where_nobody_said_anything_is_left_out(extracted: Read) -> None:
    found = extracted(made_by_nobody(), "a.pdf")
    assert (found.title, found.authors, found.metadata) == ("", (), {})


def test_a_pdf_that_is_cut_off_says_so_in_plain_words(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog", "a.pdf")
    assert refused.value.id == "file.damaged"
    assert refused.value.message == "The file is damaged: its end is missing, so it may have been cut off."
