"""Pictures' own metadata, in files that are made here: EXIF, IPTC, XMP, PNG's texts."""

import io
import struct

import pillow_heif
import pytest
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from workers.extraction.position import without_position
from workers.inference.errors import PictureError

pillow_heif.register_heif_opener(thumbnails=False)

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
  xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
  photoshop:City="Hamburg" photoshop:Country="Germany" photoshop:DateCreated="1911-05-14"
  photoshop:Credit="Harbour archive" Iptc4xmpCore:Location="Sandtorkai">
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Two cranes</rdf:li></rdf:Alt></dc:title>
 <dc:description><rdf:Alt>
  <rdf:li xml:lang="x-default">Zwei Kräne am Kai</rdf:li>
  <rdf:li xml:lang="en">Two cranes on the quay</rdf:li>
  <rdf:li xml:lang="de">Zwei Kräne am Kai</rdf:li></rdf:Alt></dc:description>
 <dc:creator><rdf:Seq><rdf:li>A. Petersen</rdf:li><rdf:li>B. Holm</rdf:li></rdf:Seq></dc:creator>
 <dc:subject><rdf:Bag><rdf:li>crane</rdf:li><rdf:li>harbour</rdf:li></rdf:Bag></dc:subject>
 <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC BY 4.0</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()
FORMATS = {"JPEG": "jpg", "PNG": "png", "TIFF": "tif", "WEBP": "webp", "HEIF": "heic"}


def exif():
    made = Image.Exif()
    made[ExifTags.Base.Make], made[ExifTags.Base.Model] = "NIKON CORPORATION", "NIKON D850"
    made[ExifTags.Base.Artist] = "Jörg Groß".encode()
    taken = made.get_ifd(ExifTags.IFD.Exif)
    taken[ExifTags.Base.DateTimeOriginal] = "2024:02:29 13:05:09"
    taken[ExifTags.Base.OffsetTimeOriginal] = "+01:00"
    gps = made.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "S", (33.0, 51.0, 24.84)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (151.0, 12.0, 54.0)
    return made


def picture(name="JPEG", **saved):
    target = io.BytesIO()
    if name == "PNG" and "xmp" in saved:
        saved["pnginfo"] = PngImagePlugin.PngInfo()
        saved["pnginfo"].add_itxt("XML:com.adobe.xmp", saved.pop("xmp").decode())
    if name == "TIFF" and "xmp" in saved:
        saved["tiffinfo"] = TiffImagePlugin.ImageFileDirectory_v2()
        saved["tiffinfo"][700] = saved.pop("xmp")
    if name == "TIFF" and "exif" in saved:  # Pillow would leave out the directories inside
        said, fields = saved.pop("exif"), TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in said.items():
            fields[tag] = value
        for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            fields[tag] = dict(said.get_ifd(tag))
        saved["tiffinfo"] = fields
    Image.new("RGB", (64, 48), (90, 120, 40)).save(target, name, **saved)
    return target.getvalue()


def iptc(*records, utf_8=True):
    data = b"\x1c\x01\x5a\x00\x03\x1b%G" if utf_8 else b""
    for dataset, text in records:
        value = text.encode("utf-8" if utf_8 else "cp1252")
        data += struct.pack(">BBBH", 0x1C, 2, dataset, len(value)) + value
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    segment = b"Photoshop 3.0\0" + block
    plain = picture()
    return plain[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


@pytest.mark.parametrize("name", FORMATS)
def test_xmp_gives_title_caption_keywords_and_places_in_every_format(extracted, name):
    found = extracted(picture(name, xmp=XMP), f"photo.{FORMATS[name]}")
    assert found.title == "Two cranes"
    assert [block.text for block in found.blocks] == ["Zwei Kräne am Kai", "Two cranes on the quay"]
    assert found.language == "de"
    assert found.authors == ("A. Petersen", "B. Holm")
    assert found.keywords == ("crane", "harbour")
    assert found.created == "1911-05-14"
    assert found.metadata == {
        "city": "Hamburg", "country": "Germany", "credit": "Harbour archive", "place": "Sandtorkai",
        "rights": "CC BY 4.0",
    }  # fmt: skip
    assert [figure.caption for figure in found.figures] == ["Zwei Kräne am Kai"]
    assert found.notes == ()


@pytest.mark.parametrize("name", FORMATS)
def test_exif_gives_time_camera_photographer_and_position_in_every_format(extracted, name):
    found = extracted(picture(name, exif=exif()), "photo")
    assert found.created == "2024-02-29T13:05:09+01:00"
    assert found.authors == ("Jörg Groß",)
    assert found.metadata == {
        "camera": "NIKON D850",
        "latitude": "-33.856900",
        "longitude": "151.215000",
    }


def test_a_position_is_left_out_where_originals_are_not_kept(extracted):
    found = without_position(extracted(picture(exif=exif()), "photo.jpg"))
    assert found.metadata == {"camera": "NIKON D850"}


@pytest.mark.parametrize("utf_8", [True, False])
def test_iptc_of_agencies_and_archives_is_read_in_utf_8_and_in_older_letters(extracted, utf_8):
    data = iptc(
        (5, "Kräne"), (25, "Hafen"), (25, "Kran"), (55, "19110514"), (60, "101500+0100"), (80, "Jörg Groß"),
        (90, "Hamburg"), (101, "Deutschland"), (105, "Zwei Kräne am Kai"), (110, "Archiv"), (116, "© Archiv"),
        (120, "Die größeren Kräne"),
        utf_8=utf_8,
    )  # fmt: skip
    found = extracted(data, "scan.jpg")
    assert (found.title, found.authors, found.keywords) == ("Kräne", ("Jörg Groß",), ("Hafen", "Kran"))
    assert [block.text for block in found.blocks] == ["Die größeren Kräne"]
    assert found.created == "1911-05-14T10:15:00+01:00"
    assert found.metadata == {
        "headline": "Zwei Kräne am Kai", "city": "Hamburg", "country": "Deutschland", "credit": "Archiv",
        "rights": "© Archiv",
    }  # fmt: skip


def test_iptc_of_a_tiff_is_read(extracted):
    fields = TiffImagePlugin.ImageFileDirectory_v2()
    fields[33723] = struct.pack(">BBBH", 0x1C, 2, 120, 6) + b"A quay"
    found = extracted(picture("TIFF", tiffinfo=fields), "scan.tif")
    assert [block.text for block in found.blocks] == ["A quay"]


def test_a_png_says_things_by_its_own_keywords(extracted):
    info = PngImagePlugin.PngInfo()
    for name, text in (
        ("Title", "Cranes"),
        ("Description", "Two cranes"),
        ("Author", "A. Petersen"),
        ("Copyright", "free"),
    ):
        info.add_text(name, text)
    found = extracted(picture("PNG", pnginfo=info), "drawn.png")
    assert (found.title, found.authors, found.metadata) == ("Cranes", ("A. Petersen",), {"rights": "free"})
    assert [block.text for block in found.blocks] == ["Two cranes"]


def test_a_caption_that_only_a_camera_wrote_is_none(extracted):
    made = Image.Exif()
    made[ExifTags.Base.ImageDescription] = "OLYMPUS DIGITAL CAMERA         "
    assert extracted(picture(exif=made), "photo.jpg").blocks == ()


def test_a_picture_that_says_nothing_is_a_figure_all_the_same(extracted):
    found = extracted(picture(), "photo.jpg")
    assert (found.title, found.blocks, len(found.figures)) == ("", (), 1)


BOMB = b'<!DOCTYPE a [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]><a>&j;</a>"  # fmt: skip


@pytest.mark.parametrize(
    "hostile",
    [
        BOMB,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<x:xmpmeta",
        b"\xff\xfe<",
        b"<a>" * 5000,
    ],
)
def test_hostile_or_damaged_xmp_is_left_out_with_a_note_and_the_rest_is_read(extracted, hostile):
    found = extracted(picture(xmp=hostile, exif=exif()), "photo.jpg")
    assert found.notes == ("The picture's XMP cannot be read and was left out.",)
    assert found.created.startswith("2024-02-29")


@pytest.mark.parametrize("value", [(500.0, 0.0, 0.0), (1.0, 2.0)])
def test_a_position_that_makes_no_sense_is_none(extracted, value):
    made = exif()
    made.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = value
    assert "latitude" not in extracted(picture(exif=made), "photo.jpg").metadata


def test_a_picture_of_far_too_many_pixels_is_refused_and_the_next_one_is_read(extracted):
    bomb = bytearray(picture("PNG"))
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(PictureError) as raised:
        extracted(bytes(bomb), "bomb.png")
    assert raised.value.id == "image.too_many_pixels"
    assert extracted(picture(), "photo.jpg").figures
