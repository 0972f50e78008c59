"""Files that are documents themselves: from a PDF, a text or a picture to documents, passages, pages and figures."""

from __future__ import annotations

import copy
import io
import zipfile
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import docx
import numpy as np
import pypdfium2 as pdfium
import pytest
import zxingcpp
from django.core.files.base import ContentFile
from PIL import Image, ImageDraw, ImageFont
from reportlab.platypus import Paragraph

from demo.drawing.render import draw
from demo.drawing.scene import scene_sample
from search.curating.duplicates import duplicate_groups
from search.curating.quality import corpus_of, quality_condition
from search.importers.document_files import external_id_of
from search.importers.recognition import RecognitionOptions
from search.importers.types import ImportOptions
from search.models import Collection, Document, DocumentFile, DocumentPage, Passage
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from search.services.imports import import_checked, import_folder_start, import_start
from tests.search.importers.reading import png, raw_zip
from tests.support.manuals import STYLES, manual, pdf_of, photograph
from workers.jobs import services
from workers.jobs.runner import run_job_inline
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from pathlib import Path

    from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def corpus() -> Collection:
    return collection_create(name="Manuals")


def run(corpus: Collection, content: bytes, name: str, *, dry_run: bool = False, **options: Any) -> Job:
    job = import_start(
        collection=corpus,
        file=ContentFile(content, name=name),
        options=ImportOptions(**options),
        dry_run=dry_run,
    )
    return run_job_inline(job)


def zipped(**members: bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return kept.getvalue()


def counts(job: Job) -> tuple[int, ...]:
    return tuple(job.result[name] for name in ("new", "changed", "unchanged", "failed"))


def test_a_pdf_becomes_a_document_with_its_pages_figures_and_file(corpus: Collection) -> None:
    job = run(corpus, manual(), "manual.pdf")
    assert counts(job) == (1, 0, 0, 0), job.error
    document = Document.objects.get(collection=corpus)
    assert (document.external_id, document.title) == ("manual.pdf", "Manual of the pump KX")
    assert document.tags == ["pump", "impeller"]
    assert document.metadata["author"] == "J. Weber"
    assert "Part: Impeller | Number: KX-204/B" in document.body
    assert document.images.get().alt == "Figure 3: The impeller with its key"
    assert list(document.pages.values_list("number", "width", "height")) == [(1, 1132, 1600), (2, 1132, 1600)]
    file = document.files.get()
    assert (file.name, file.kind) == ("manual.pdf", "pdf")
    with blob_open(file.blob) as kept:
        assert kept.read().startswith(b"%PDF-")


def test_passages_know_their_page_and_the_sections_that_they_stand_in(corpus: Collection) -> None:
    run(corpus, manual(), "manual.pdf")
    passages = list(Passage.objects.order_by("ordinal"))
    assert passages[0].text.startswith("Pump KX")
    inner = next(passage for passage in passages if "left-hand thread" in passage.text)
    assert inner.page == 1
    assert (inner.text[:7], inner.heading) == ("Pump KX", "")
    row = next(passage for passage in passages if "KX-310/A" in passage.text)
    assert row.heading == "4 Maintenance › 4.2 Impeller"
    assert "Shaft seal. Inner | Number: KX-310/A" in row.text
    (last,) = [passage for passage in passages if passage.page == 2]
    assert last.text.startswith("5 Faults")
    assert all(passage.document.body[passage.start : passage.end] == passage.text for passage in passages)


def test_the_boxes_of_a_page_say_where_each_part_of_the_body_stands(corpus: Collection) -> None:
    run(corpus, manual(), "manual.pdf")
    document = Document.objects.get()
    page = DocumentPage.objects.get(number=2)
    start, end, *box = page.boxes[-1]
    assert document.body[start:end] == "The pump hums and does not turn: the capacitor is broken."
    assert 0.1 < box[0] < 0.2


def test_the_same_file_again_changes_nothing(corpus: Collection) -> None:
    data = manual()
    run(corpus, data, "manual.pdf")
    before = list(Passage.objects.order_by("pk").values_list("pk"))
    job = run(corpus, data, "manual.pdf")
    assert counts(job) == (0, 0, 1, 0)
    assert list(Passage.objects.order_by("pk").values_list("pk")) == before
    assert DocumentFile.objects.count() == 1


def test_a_new_version_keeps_what_stayed_the_same_and_the_former_file(corpus: Collection) -> None:
    chapter = (
        Paragraph("First chapter", STYLES["Heading1"]),
        Paragraph("It says what it said.", STYLES["BodyText"]),
    )
    first = pdf_of(*copy.deepcopy(chapter))
    second = pdf_of(
        *chapter,
        Paragraph("Next chapter", STYLES["Heading1"]),
        Paragraph("These words are new in it.", STYLES["BodyText"]),
    )
    run(corpus, first, "m.pdf")
    kept = Passage.objects.get()
    job = run(corpus, second, "m.pdf")
    assert counts(job) == (0, 1, 0, 0)
    assert Passage.objects.order_by("ordinal")[0] == kept
    assert Passage.objects.count() == 2
    current, former = DocumentFile.objects.order_by("-pk")
    assert current.replaced_at is None
    assert former.replaced_at is not None


def test_a_collection_that_keeps_no_files_keeps_what_is_in_them(corpus: Collection) -> None:
    Collection.objects.update(keep_files=False)
    run(corpus, manual(), "manual.pdf")
    file = DocumentFile.objects.get()
    assert file.blob is None
    assert len(file.sha256) == 64
    assert Passage.objects.exists()


def test_a_dry_run_reads_files_and_writes_nothing(corpus: Collection) -> None:
    job = run(
        corpus, zipped(**{"a/manual.pdf": manual(), "b.pdf": b"%PDF-nonsense"}), "files.zip", dry_run=True
    )
    assert counts(job) == (1, 0, 0, 1)
    assert job.result["images"] == 1
    assert not Document.objects.exists()
    assert not DocumentFile.objects.exists()


def test_a_zip_of_files_pictures_and_texts_becomes_a_document_for_each(corpus: Collection) -> None:
    files = {
        "2024/manual.pdf": manual(),
        "photos/pump.png": photograph().read(),
        "notes.txt": "The pump hums.\n\nReplace the capacitor.".encode("utf-16"),
    }
    job = run(corpus, zipped(**files), "files.zip")
    assert counts(job) == (3, 0, 0, 0)
    titles = dict(Document.objects.values_list("external_id", "title"))
    assert titles == {"2024/manual.pdf": "Manual of the pump KX", "notes.txt": "notes", "photos/pump.png": ""}
    assert Document.objects.get(external_id="2024/manual.pdf").metadata["folder"] == "2024"


def test_one_bad_file_is_one_failed_item_and_the_others_come_in(corpus: Collection) -> None:
    job = run(
        corpus, zipped(**{"a.pdf": b"%PDF-nonsense", "b.txt": b"Words.", "c.pdf": b"\x7fELF"}), "files.zip"
    )
    assert job.state == "succeeded"
    assert counts(job) == (1, 0, 0, 2)
    assert sorted(job.items.values_list("error_id", flat=True)) == ["file.damaged", "file.unknown_format"]
    reasons = [item.reason for item in job.items.all()]
    assert not any(name in reason for reason in reasons for name in ("a.pdf", "c.pdf", "PDFium")), reasons


@pytest.mark.parametrize("in_zip", [True, False])
def test_an_office_file_that_is_cut_off_is_damaged_and_of_no_unknown_format(
    corpus: Collection, in_zip: bool
) -> None:
    whole = io.BytesIO()
    docx.Document().save(whole)
    cut = whole.getvalue()[: len(whole.getvalue()) // 2]
    job = (
        run(corpus, zipped(**{"a.docx": cut, "b.txt": b"W."}), "files.zip")
        if in_zip
        else run(corpus, cut, "a.docx")
    )
    item = job.items.get()
    assert (item.key, item.error_id) == ("a.docx", "file.damaged")
    assert item.reason == "The file is damaged: it is cut off, or a part of it is missing."


def test_files_attached_to_a_file_are_documents_of_their_own(corpus: Collection) -> None:
    outer = pdfium.PdfDocument(manual())
    outer.new_attachment("inner.pdf").set_data(pdf_of(Paragraph("An inner sentence.", STYLES["BodyText"])))
    outer.new_attachment("../../pump.png").set_data(photograph().read())
    kept = io.BytesIO()
    outer.save(kept)
    job = run(corpus, kept.getvalue(), "outer.pdf")
    assert counts(job) == (3, 0, 0, 0)
    assert set(Document.objects.values_list("external_id", flat=True)) == {
        "outer.pdf", "outer.pdf/inner.pdf", "outer.pdf/pump.png",
    }  # fmt: skip


def test_documents_beside_a_table_come_in_with_it(corpus: Collection) -> None:
    table = b"external_id,title\nr1,Row one\nr2,Row two\n"
    job = run(corpus, zipped(**{"list.csv": table, "manual.pdf": manual()}), "files.zip")
    assert counts(job) == (3, 0, 0, 0)


def test_a_folder_on_the_workers_machine_comes_in_the_same_way(corpus: Collection, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "manual.pdf").write_bytes(manual())
    job = run_job_inline(import_folder_start(collection=corpus, path=tmp_path))
    assert counts(job) == (1, 0, 0, 0)
    assert Document.objects.get().external_id == "sub/manual.pdf"


def test_a_single_picture_is_a_document(corpus: Collection) -> None:
    assert counts(run(corpus, photograph().read(), "pump.png")) == (1, 0, 0, 0)
    assert Document.objects.get().images.count() == 1


def test_changing_the_text_by_hand_forgets_where_it_stood_on_the_pages(corpus: Collection) -> None:
    run(corpus, manual(), "manual.pdf")
    document_save(collection=corpus, external_id="manual.pdf", fields=DocumentFields(body="Other words."))
    document = Document.objects.get()
    assert document.outline == {}
    assert all(page.boxes == [] for page in document.pages.all())
    assert document.files.count() == 1


def test_changing_the_tags_alone_keeps_outline_and_places(corpus: Collection) -> None:
    run(corpus, manual(), "manual.pdf")
    document = Document.objects.get()
    fields = DocumentFields(document.title, document.body, tags=("seen",))
    document_save(collection=corpus, external_id="manual.pdf", fields=fields)
    document.refresh_from_db()
    assert document.outline["pages"]
    assert document.pages.first().boxes


def scan(*lines: str) -> bytes:
    """A PDF with a picture of text on its page, and no text."""
    kept = io.BytesIO()
    Image.open(io.BytesIO(scan_picture(*lines))).save(kept, "PDF", resolution=150)
    return kept.getvalue()


def scan_picture(*lines: str) -> bytes:
    """A page's picture with lines of text."""
    font = ImageFont.truetype("DejaVuSans.ttf", 40)
    picture = Image.new("RGB", (1240, 1754), "white")
    for row, line in enumerate(lines):
        ImageDraw.Draw(picture).text((120, 150 + 90 * row), line, fill="black", font=font)
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


def test_a_scanned_page_is_read_and_its_words_stand_in_the_text_and_on_the_page(corpus: Collection) -> None:
    job = run(corpus, scan("Replace the shaft seal", "Order number KX-310/A"), "scan.pdf")
    assert counts(job) == (1, 0, 0, 0)
    document = Document.objects.get()
    assert "Replace the shaft seal" in document.body
    assert document.identifiers.filter(value="kx310a").exists()
    page = document.pages.get()
    assert page.is_read
    start, end, left, top, *_ = page.boxes[0]
    assert document.body[start:end].startswith("Replace")
    assert abs(left - 120 / 1240) < 0.02
    assert abs(top - 150 / 1754) < 0.02


def test_a_picture_on_a_scanned_page_becomes_a_figure_with_its_caption_and_its_place(
    corpus: Collection,
) -> None:
    page = Image.open(io.BytesIO(scan_picture("Replace the shaft seal", "and grease the shaft.")))
    page.paste(draw(scene_sample(np.random.default_rng(3)), 400).convert("RGB"), (300, 500))
    pen = ImageDraw.Draw(page)
    pen.text((300, 930), "Fig. 2: The seal", fill="black", font=ImageFont.truetype("DejaVuSans.ttf", 40))
    kept = io.BytesIO()
    page.save(
        kept, "PDF", resolution=150, save_all=True, append_images=[Image.new("RGB", page.size, "white")]
    )
    job = run(corpus, kept.getvalue(), "scan.pdf")
    assert counts(job) == (1, 0, 0, 0)
    document = Document.objects.get()
    image = document.images.get()
    assert (image.alt, image.page) == ("Fig. 2: The seal", 1)
    wanted = [300 / 1240, 500 / 1754, 400 / 1240, 400 / 1754]
    assert all(abs(side - share) < 0.02 for side, share in zip(image.box, wanted, strict=True))
    assert list(document.pages.values_list("number", "is_unread")) == [(1, False), (2, True)]
    assert corpus_of(corpus).figures["unread"] == 1
    found = Document.objects.filter(quality_condition("unread", corpus))
    assert [one.pk for one in found] == [document.pk]


def test_a_collection_that_wishes_no_character_recognition_keeps_the_page_alone(corpus: Collection) -> None:
    Collection.objects.update(character_recognition="none")
    run(corpus, scan("Replace the shaft seal"), "scan.pdf")
    document = Document.objects.get()
    assert document.body == ""
    assert document.pages.count() == 1
    assert not document.pages.get().is_unread


def test_a_zip_in_a_zip_leads_to_the_documents_in_it_and_is_none_itself(corpus: Collection) -> None:
    inner = zipped(**{"2023/manual.pdf": manual(), "odd.xyz": b"\0\1\2"})
    job = run(corpus, zipped(**{"old/backup.zip": inner, "notes.txt": b"Words."}), "files.zip")
    assert set(Document.objects.values_list("external_id", flat=True)) == {
        "old/backup.zip/2023/manual.pdf", "notes.txt",
    }  # fmt: skip
    assert [(item.key, item.error_id) for item in job.items.all()] == [
        ("old/backup.zip/odd.xyz", "file.unknown_format")
    ]


def test_a_saved_page_comes_with_the_pictures_beside_it(corpus: Collection) -> None:
    page = b"<html><body><h1>Pump</h1><p>It hums.</p><img src='page_files/pump.png' alt='The pump'></body></html>"
    run(
        corpus,
        zipped(**{"site/page.html": page, "site/page_files/pump.png": photograph().read()}),
        "site.zip",
    )
    document = Document.objects.get(external_id="site/page.html")
    assert document.images.get().alt == "The pump"


def test_a_mail_comes_with_its_attachments_as_documents(corpus: Collection) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "The pump hums", "ann@example.org", "bob@example.org"
    mail.set_content("Please see the manual.")
    mail.add_attachment(manual(), maintype="application", subtype="pdf", filename="manual.pdf")
    mail.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="odd.bin")
    job = run(corpus, mail.as_bytes(), "hums.eml")
    assert counts(job) == (2, 0, 0, 0)
    document = Document.objects.get(external_id="hums.eml")
    assert document.title == "The pump hums"
    assert document.files.get().notes == ["“odd.bin” was not read: no known format."]
    assert Document.objects.get(external_id="hums.eml/manual.pdf").pages.count() == 2


def test_a_mail_that_failed_in_part_is_counted_once_when_it_is_tried_again(corpus: Collection) -> None:
    mail = EmailMessage()
    mail["Subject"] = "The pump hums"
    mail.set_content("Please see the manual.")
    mail.add_attachment(b"%PDF-nonsense", maintype="application", subtype="pdf", filename="bad.pdf")
    for dry_run in (True, False):
        job = run(corpus, mail.as_bytes(), "hums.eml", dry_run=dry_run)
        assert counts(job) == (1, 0, 0, 1)
        for _ in range(2):
            job = run_job_inline(services.job_retry_failed(job))
            assert counts(job) == (1, 0, 0, 1)
            assert job.result["documents"] == 1


def test_attachments_of_any_names_have_external_ids_of_their_own(corpus: Collection) -> None:
    mail = EmailMessage()
    mail["Subject"] = "The pump hums"
    mail.set_content("Please see the notes.")
    note = pdf_of(Paragraph("A note.", STYLES["BodyText"]))
    for name in ("x.pdf", "x.pdf", "x.pdf (2)"):
        mail.add_attachment(note, maintype="application", subtype="pdf", filename=name)
    job = run(corpus, mail.as_bytes(), "hums.eml")
    assert job.state == "succeeded"
    inside = sorted(Document.objects.values_list("external_id", flat=True))[1:]
    assert inside == ["hums.eml/x.pdf", "hums.eml/x.pdf (2)", "hums.eml/x.pdf (2) (2)"]


def test_members_of_a_zip_in_a_zip_are_called_as_in_one_alone(corpus: Collection) -> None:
    members = [("Prüfung.txt".encode(), b"The seal."), (b".hidden/x.txt", b"Junk."), (b"b\\c.txt", b"Pump.")]
    run(corpus, zipped(**{"in.zip": raw_zip(members)}), "files.zip")
    found = sorted(Document.objects.values_list("external_id", flat=True))
    assert found == ["in.zip/Prüfung.txt", "in.zip/b/c.txt"]


def test_a_picture_of_a_long_path_is_imported_as_a_source_takes_it(corpus: Collection) -> None:
    name = f"{'scans of the year/' * 15}a.png"
    job = run(corpus, zipped(**{name: png(), "b.txt": b"Words."}), "files.zip")
    assert counts(job) == (2, 0, 0, 0)
    assert Document.objects.filter(external_id=external_id_of(name)).exists()


@pytest.mark.parametrize("keep_originals", [False, True])
def test_a_photo_that_comes_alone_says_what_its_metadata_say(
    corpus: Collection, keep_originals: bool
) -> None:
    Collection.objects.update(keep_originals=keep_originals)
    exif = Image.Exif()
    exif[0x010E] = "A pump with a green motor"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    kept = io.BytesIO()
    Image.new("RGB", (320, 240), "green").save(kept, "JPEG", exif=exif)
    run(corpus, zipped(**{"2024/pump.jpg": kept.getvalue()}), "photos.zip")
    run(corpus, kept.getvalue(), "single.jpg")
    for document in Document.objects.all():
        assert "A pump with a green motor" in (document.title, document.body)
        assert ("latitude" in document.metadata) == keep_originals
    assert Document.objects.get(external_id="2024/pump.jpg").metadata["folder"] == "2024"


def test_a_barcode_on_a_scan_is_an_identifier_of_its_document(corpus: Collection) -> None:
    page = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(page).text(
        (120, 150), "Delivery note", fill="black", font=ImageFont.truetype("DejaVuSans.ttf", 40)
    )
    for place, words in ((400, "KX-204/B"), (900, "ZZ-77-1")):
        code = zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.QRCode)
        page.paste(Image.fromarray(np.asarray(code.to_image(scale=8))), (200, place))
    kept = io.BytesIO()
    page.save(kept, "PDF", resolution=150)
    run(corpus, kept.getvalue(), "note.pdf")
    document = Document.objects.get()
    assert sorted(document.metadata["barcodes"]) == ["KX-204/B", "ZZ-77-1"]
    assert set(document.identifiers.filter(source="metadata").values_list("value", flat=True)) >= {
        "kx204b",
        "zz771",
    }


def test_a_photo_in_a_document_loses_what_it_says_of_place_and_camera(corpus: Collection) -> None:
    exif = Image.Exif()
    exif[0x0110] = "Camera 7"
    kept = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(kept, "JPEG", exif=exif)
    report = docx.Document()
    report.add_paragraph("A report with a photo.")
    report.add_picture(io.BytesIO(kept.getvalue()))
    file = io.BytesIO()
    report.save(file)
    run(corpus, file.getvalue(), "report.docx")
    with blob_open(Document.objects.get().images.get().blob) as stored:
        assert b"Camera 7" not in stored.read()


def test_text_in_figures_and_photographs_is_read_where_the_collection_wishes_it(corpus: Collection) -> None:
    Collection.objects.update(character_recognition="all")
    report = docx.Document()
    report.add_paragraph("The pump stands in the cellar.")
    report.add_picture(io.BytesIO(nameplate()))
    report.add_paragraph("Figure 1: The nameplate", style="Caption")
    report.add_paragraph("It hums.")
    file = io.BytesIO()
    report.save(file)
    run(corpus, file.getvalue(), "report.docx")
    run(corpus, nameplate(), "plate.png")
    document, photo = Document.objects.order_by("external_id").reverse()
    assert document.body.index("cellar") < document.body.index("KX-204/B") < document.body.index("hums")
    (passage,) = (one for one in document.passages.all() if "KX-204/B" in one.text)
    assert "Read in a picture: Figure 1: The nameplate" in passage.heading
    assert "hums" not in passage.text
    assert "Serial KX-204/B" in photo.body
    assert photo.metadata["text_read_by"] == "character recognition"
    for one in (document, photo):
        assert one.metadata["barcodes"] == ["ZZ-77-1"]
        assert one.identifiers.filter(value="kx204b").exists()


def test_text_in_a_photograph_is_read_where_the_import_asks_for_it_alone(corpus: Collection) -> None:
    run(corpus, nameplate(), "plate.png")
    assert Document.objects.get().body == ""
    asked = run(corpus, nameplate(), "plate.png", dry_run=True, character_recognition="all")
    assert counts(asked) == (0, 1, 0, 0)
    job = run_job_inline(import_checked(check=asked))
    assert counts(job) == (0, 1, 0, 0)
    assert "Serial KX-204/B" in Document.objects.get().body


def test_drawings_that_are_not_shown_are_named_in_the_report(corpus: Collection) -> None:
    emf = b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60)
    drawn = rb"{\rtf1 The pump hums.\par{\pict\emfblip " + emf.hex().encode() + rb"}\par}"
    job = run(corpus, drawn, "report.rtf")
    detail = warning_of(job, "import.drawings_not_shown")["detail"]
    assert detail["files"] == [{"name": "report.rtf", "reason": "A drawing in EMF is not shown."}]
    assert Document.objects.get().files.get().notes == ["A drawing in EMF is not shown."]


@pytest.mark.parametrize(
    ("language", "asked", "read"),
    [
        ("german", {}, (True, False, "latin")),
        ("greek", {}, (True, False, "any")),
        ("greek", {"character_recognition": "none", "letters": "latin"}, (False, False, "latin")),
        ("german", {"character_recognition": "all", "letters": "any"}, (True, True, "any")),
    ],
)
def test_an_import_reads_as_it_says_and_else_as_its_collection(language, asked, read) -> None:
    found = RecognitionOptions.of(Collection(language=language), ImportOptions(**asked))
    assert (found.reads_pages, found.reads_pictures, found.letters) == read


def nameplate() -> bytes:
    """A photograph of a nameplate with a code beside it."""
    picture = Image.new("RGB", (900, 600), (200, 205, 210))
    letters = ImageFont.truetype("DejaVuSans.ttf", 56)
    for row, line in enumerate(("Impeller pump", "Serial KX-204/B")):
        ImageDraw.Draw(picture).text((60, 80 + 120 * row), line, fill="black", font=letters)
    code = zxingcpp.create_barcode("ZZ-77-1", zxingcpp.BarcodeFormat.QRCode)
    picture.paste(Image.fromarray(np.asarray(code.to_image(scale=8))), (620, 340))
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


def warning_of(job: Job, error_id: str) -> dict[str, Any]:
    return next(one for one in job.result["warnings"] if one["id"] == error_id)


def test_a_file_that_is_there_in_another_folder_is_said_to_be_the_same_and_stands_among_the_duplicates(
    corpus: Collection,
) -> None:
    plate, other = png("red"), png("blue")
    run(corpus, zipped(**{"a/notes.txt": b"The seal leaks.", "a/plate.png": plate}), "first.zip")
    content = {
        "b/copy.txt": b"The seal leaks.",
        "b/other.txt": b"The seal.",
        "b/p.png": plate,
        "b/q.png": other,
    }
    job = run(corpus, zipped(**content), "second.zip")
    assert counts(job) == (4, 0, 0, 0)
    warning = warning_of(job, "import.same_files")
    assert warning["message"] == (
        "2 new documents are the same files as earlier ones of the collection: b/copy.txt as a/notes.txt, "
        "b/p.png as a/plate.png."
    )
    assert warning["detail"]["files"][0] == {"name": "b/copy.txt", "reason": "the same as a/notes.txt"}
    groups = [sorted(one.external_id for one in group) for group in duplicate_groups(corpus)]
    assert sorted(groups) == [["a/notes.txt", "b/copy.txt"], ["a/plate.png", "b/p.png"]]
    assert corpus_of(corpus).figures["same"] == 4
    assert not run(corpus, zipped(**content), "second.zip").result["warnings"]


def test_files_that_are_left_out_are_named_with_their_reasons(corpus: Collection) -> None:
    job = run(
        corpus,
        zipped(**{"a.txt": b"Words.", "x/tool.exe": b"MZ\0\0\1\2\3", "b.odd": b"", "c.odd": b"w"}),
        "4 files",
    )
    warning = warning_of(job, "import.files_ignored")
    assert warning["message"] == "3 files were not read: b.odd, c.odd, x/tool.exe."
    assert warning["detail"]["files"] == [
        {"name": "b.odd", "reason": "it is empty"},
        {"name": "c.odd", "reason": "a text whose name does not end as a document’s does, such as .txt"},
        {"name": "x/tool.exe", "reason": "a Windows program"},
    ]


def test_where_no_file_is_read_the_failure_names_them(corpus: Collection) -> None:
    job = run(corpus, zipped(**{"x/tool.exe": b"MZ\0\0\1\2\3"}), "1 files")
    assert job.error == (
        "None of the files is a document, a picture or a list of documents: x/tool.exe (a Windows program)."
    )
