"""Files keep their pixels, orientation and colour profile, and lose what they say of their owner."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.support import hostile_pictures as hostile
from tests.support.grids import grid
from workers.inference.errors import PictureError
from workers.inference.headers import gif
from workers.inference.headers.reading import DEFAULT_LIMITS
from workers.inference.pictures import open_picture
from workers.inference.stripping.strip import without_metadata

pillow_heif.register_heif_opener()

FORMATS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF"]
SECRET = b"SECRETPLACE"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d" '
    b'place="SECRETPLACE"/></x:xmpmeta>'
)


def photo():
    values = np.random.default_rng(4).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((120, 80), Image.Resampling.BICUBIC)


def exif_of(orientation=1):
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    exif[0x010F], exif[0x010E] = "SECRETPLACE camera", "SECRETPLACE"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 2.0), 3: "E", 4: (13.0, 24.0, 1.0), 29: "SECRETPLACE"}
    return exif


def full_of_secrets(name, orientation=1):
    """A file that says its place in every way that its format has."""
    exif = exif_of(orientation)
    if name == "PNG":
        words = PngInfo()
        words.add_text("Comment", "SECRETPLACE")
        words.add_text("Place", "SECRETPLACE", zip=True)
        words.add_itxt("XML:com.adobe.xmp", (XMP % orientation).decode(), zip=True)
        return hostile.encoded(photo(), name, exif=exif, icc_profile=PROFILE, pnginfo=words)
    if name == "GIF":
        data = hostile.encoded(photo(), name, comment=SECRET)
        at = next(block.start for block in gif.blocks(data, DEFAULT_LIMITS) if block.kind == gif.IMAGE)
        return data[:at] + b"\x21\xff\x0bXMP DataXMP\x0bSECRETPLACE\x00" + data[at:] + SECRET
    if name == "TIFF":
        fields = ImageFileDirectory_v2()
        fields[270], fields[700], fields[33723], fields[50000] = "SECRETPLACE", SECRET, SECRET, "SECRETPLACE"
        fields[274] = orientation
        fields[34665] = {36867: "SECRETPLACE"}
        return hostile.encoded(photo(), name, tiffinfo=fields, icc_profile=PROFILE) + SECRET
    if name == "BMP":
        return hostile.encoded(photo(), name)
    options = {"exif": exif.tobytes(), "icc_profile": PROFILE, "xmp": XMP % 1, "quality": 90}
    if name == "JPEG":
        data = hostile.encoded(photo(), name, comment=SECRET, **options)
        iptc = hostile.segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0bSECRETPLACE\0")
        end = data.rindex(b"\xff\xd9")
        return (
            data[:2] + iptc + data[2:end] + hostile.segment(0xFE, SECRET) + data[end:] + data[:600] + SECRET
        )
    if name == "WEBP":
        data = hostile.encoded(photo(), name, **options) + b"abcd" + struct.pack("<I", 11) + SECRET + b"\0"
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] + SECRET
    return hostile.encoded(photo(), name, **options) + hostile.box(b"uuid", bytes(16), SECRET)


def pixels(data):
    return open_picture(data).tobytes()


def profile(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.info.get("icc_profile")


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_what_a_file_says_of_its_owner(name):
    data = full_of_secrets(name)
    assert name == "BMP" or SECRET in data
    clean = without_metadata(data)
    assert SECRET not in clean
    assert b"adobe:ns:meta" not in clean
    with Image.open(io.BytesIO(clean)) as image:
        image.load()
        exif = dict(image.getexif())
        assert not exif.keys() - {0x0112} or name == "TIFF"
        assert not image.getexif().get_ifd(0x8825)
        assert not image.info.keys() & {"comment", "Comment", "Place", "photoshop"}
        assert not any(image.info.get(key, b"").strip(b"\0") for key in ("xmp", "XML:com.adobe.xmp"))


@pytest.mark.parametrize("name", FORMATS)
def test_the_pixels_stay_as_they_are_and_so_does_the_colour_profile(name):
    data = full_of_secrets(name)
    clean = without_metadata(data)
    assert pixels(clean) == pixels(data)
    assert profile(clean) == profile(data)
    assert profile(data) == PROFILE or name in ("BMP", "GIF")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stays_upright(name, orientation):
    data = full_of_secrets(name, orientation)
    clean = without_metadata(data)
    assert open_picture(clean).size == open_picture(data).size
    assert pixels(clean) == pixels(data)
    if name not in ("HEIF", "TIFF"):
        assert open_picture(clean).size == ((120, 80) if orientation < 5 else (80, 120))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_that_only_xmp_names_stays(name):
    if name == "PNG":
        words = PngInfo()
        words.add_itxt("XML:com.adobe.xmp", (XMP % 6).decode(), zip=True)
        data = hostile.encoded(photo(), name, pnginfo=words)
    else:
        data = hostile.encoded(photo(), name, xmp=XMP % 6)
    assert open_picture(data).size == (80, 120)
    clean = without_metadata(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_exif_that_older_programs_store_as_text_in_a_png_counts():
    hexadecimal = exif_of(8).tobytes().hex()
    words = PngInfo()
    words.add_text("Raw profile type exif", f"\nexif\n{len(hexadecimal) // 2}\n{hexadecimal}\n", zip=True)
    data = hostile.encoded(photo(), "PNG", pnginfo=words)
    assert open_picture(data).size == (80, 120)
    clean = without_metadata(data)
    assert b"Raw profile" not in clean
    assert pixels(clean) == pixels(data)


@pytest.mark.parametrize("name", FORMATS)
def test_stripping_twice_changes_nothing_more(name):
    clean = without_metadata(full_of_secrets(name, 1 if name in ("BMP", "GIF") else 6))
    assert without_metadata(clean) == clean


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 2}, {"subsampling": 0}])
def test_every_kind_of_jpeg_keeps_its_pixels(options):
    data = hostile.encoded(photo(), "JPEG", comment=SECRET, exif=exif_of(3), **options)
    clean = without_metadata(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_a_cmyk_jpeg_keeps_its_colours():
    data = hostile.encoded(photo().convert("CMYK"), "JPEG", exif=exif_of())
    assert pixels(without_metadata(data)) == pixels(data)


def test_previews_inside_a_file_are_gone():
    small = hostile.encoded(photo().resize((40, 30)), "JPEG")
    exif = exif_of().tobytes() + small
    data = hostile.encoded(photo(), "JPEG", exif=exif)
    jfxx = hostile.segment(0xE0, b"JFXX\0\x10" + small)
    data = data[:20] + jfxx + data[20:]
    assert data.count(b"\xff\xd8\xff") == 3
    assert without_metadata(data).count(b"\xff\xd8\xff") == 1


def test_a_phones_second_picture_goes_with_its_exif():
    data = hostile.encoded(photo(), "MPO", save_all=True, append_images=[photo()], exif=exif_of(6))
    clean = without_metadata(data)
    assert clean.count(b"\xff\xd8\xff") == 1
    assert b"MPF" not in clean
    with Image.open(io.BytesIO(clean)) as image:
        assert image.format == "JPEG"
    assert pixels(clean) == pixels(data)


def test_previews_inside_a_heic_are_blanked():
    image = pillow_heif.from_pillow(photo().resize((1200, 800)))
    target = io.BytesIO()
    image.save(target, thumbnails=[256], quality=80, exif=exif_of().tobytes())
    data = target.getvalue()
    clean = without_metadata(data)
    assert len(clean) == len(data)
    assert pixels(clean) == pixels(data)
    assert len(zlib.compress(clean)) < len(zlib.compress(data)) - 300


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_picture_of_tiles_keeps_its_pixels(name):
    data = grid(name, columns=3, rows=2, tile=64)
    clean = without_metadata(data)
    assert SECRET in data
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_of_a_tiff_of_several_pages_the_first_is_kept():
    other = photo().transpose(Image.Transpose.ROTATE_180)
    data = hostile.encoded(photo(), "TIFF", save_all=True, append_images=[other])
    clean = without_metadata(data)
    assert len(clean) < 0.6 * len(data)
    assert pixels(clean) == pixels(data)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits", "zstd"])
def test_every_compression_of_tiff_keeps_its_pixels(compression):
    data = hostile.encoded(photo(), "TIFF", compression=compression, tiffinfo={270: "SECRETPLACE"})
    clean = without_metadata(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_a_big_tiff_keeps_its_pixels():
    data = hostile.encoded(photo(), "TIFF", big_tiff=True, tiffinfo={270: "SECRETPLACE"})
    assert data[:4] in (b"II+\0", b"MM\0+")
    clean = without_metadata(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_a_png_of_many_megabytes_of_packed_text_is_bounded():
    data = hostile.png(
        hostile.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(200_000_000)))
    )
    assert b"zTXt" not in without_metadata(data)


HEADS = [full_of_secrets(name) for name in FORMATS]


@settings(max_examples=500, deadline=None)
@given(
    original=st.sampled_from(HEADS),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 600),
)
def test_any_damage_gives_a_file_or_a_picture_error(original, changes, cut):
    data = bytearray(original)
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[: max(len(data) - cut, 1)])
    try:
        clean = without_metadata(damaged)
    except PictureError:
        return
    most = (
        4 * len(damaged) if damaged.startswith((b"II", b"MM")) else len(damaged)
    )  # fields of TIFF may overlap
    assert len(clean) <= most + 100
    try:
        assert without_metadata(clean) == clean
    except PictureError as error:
        assert error.id in ("image.truncated", "image.unknown_format")  # noqa: PT017  what is left is no picture
