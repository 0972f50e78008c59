"""Files that lack something but no pixels are read, those that lack pixels are not; and which way is up."""

import resource
import struct
import tracemalloc
from dataclasses import asdict

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.support import hostile_pictures as hostile
from workers.inference import mending
from workers.inference.decoding.child import PictureHandler
from workers.inference.errors import PictureError
from workers.inference.framing import Framing
from workers.inference.headers.reading import read_header
from workers.inference.headers.types import PictureLimits
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import open_picture, open_sized
from workers.inference.stripping.strip import without_metadata
from workers.inference.stripping.tiff import pages_apart

pillow_heif.register_heif_opener()
LIMITS = PictureLimits()


def photo(width=160, height=120, seed=4):
    values = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


def same(data, original):
    return np.array_equal(np.asarray(open_picture(data)), np.asarray(open_picture(original)))


def refused(data):
    with pytest.raises(PictureError) as caught:
        open_picture(data)
    return caught.value.id


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "restart blocks": {"restart_marker_blocks": 3},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 2},
    "full colour": {"subsampling": 0, "quality": 95},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(kind, missing):
    data = hostile.encoded(photo(), "JPEG", **JPEGS[kind])
    assert same(data[:-missing], data)
    assert open_sized(data[:-missing], shortest_side=30).size == (160, 120)
    assert same(without_metadata(data[:-missing]), data)


def test_a_jpeg_without_its_end_marker_counts_as_often_as_it_is_decoded(monkeypatch):
    decoded = []
    real = mending._decoded
    monkeypatch.setattr(mending, "_decoded", lambda data: decoded.append(data) or real(data))
    data = hostile.encoded(photo(1600, 1200), "JPEG", progressive=True)
    whole, lacking = read_header(data, LIMITS), read_header(data[:-2], LIMITS)
    monkeypatch.setattr(
        resource, "setrlimit", lambda *_: None
    )  # this process is not ended after so many seconds
    handler = PictureHandler(asdict(LIMITS), 8)
    spec = asdict(ImageSpec(resize=64, size=64, mean=(0.5,) * 3, std=(0.5,) * 3, crop="center"))
    head = {"spec": spec, "preview_px": 640, "framing": asdict(Framing())}
    for sent in (
        data,
        data[:-2],
    ):  # the copy is larger than what the encoder takes: the picture is decoded twice
        assert handler.prepare(head, memoryview(sent))[0]["image"] == (640, 480)
    assert len(decoded) + 1 == lacking.scanned_pixels / whole.scanned_pixels == 5


def test_a_jpeg_that_lacks_pixels_is_decoded_no_more_often_than_shows_it(monkeypatch):
    decoded = []
    real = mending._decoded
    monkeypatch.setattr(mending, "_decoded", lambda data: decoded.append(data) or real(data))
    assert refused(hostile.encoded(photo(), "JPEG")[:-300]) == "image.truncated"
    assert len(decoded) == 2


def test_what_a_jpeg_without_its_end_marker_takes_beside_its_pixels_is_two_copies_of_the_file():
    noise = np.random.default_rng(5).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    data = hostile.encoded(Image.fromarray(noise), "JPEG", quality=100, subsampling=0)[:-2]
    tracemalloc.start()
    try:
        mending.mended(data, "jpeg", LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(data)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_grey_or_cmyk_jpeg_that_lacks_only_its_end_marker_is_read(mode):
    data = hostile.encoded(photo().convert(mode), "JPEG")
    assert same(data[:-2], data)


@pytest.mark.parametrize("missing", [4, 6, 10, 40, 300, 1500])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_pixels_is_refused_at_every_scale(kind, missing):
    data = hostile.encoded(photo(), "JPEG", **JPEGS[kind])[:-missing]
    for side in (None, 15):
        with pytest.raises(PictureError) as caught:
            open_picture(data, shortest_side=side)
        assert caught.value.id == "image.truncated"


def test_a_jpeg_that_ends_where_a_restart_or_a_scan_begins_is_refused():
    restarts = hostile.encoded(photo(), "JPEG", restart_marker_rows=1)
    places = [at for at in range(len(restarts)) if restarts[at] == 0xFF and 0xD0 <= restarts[at + 1] <= 0xD7]
    for at in places:
        assert refused(restarts[:at]) == "image.truncated"
        assert refused(restarts[: at + 2]) == "image.truncated"
    scans = hostile.encoded(photo(), "JPEG", progressive=True)
    starts = [at for at in range(len(scans)) if scans[at : at + 2] in (b"\xff\xda", b"\xff\xc4")]
    for at in starts[1:]:
        assert refused(scans[:at]) == "image.truncated"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF"])
@pytest.mark.parametrize("more", [b"\0", b"\0" * 5000, b"written behind it by a server\r\n"])
def test_what_follows_a_picture_does_no_harm(name, more):
    data = hostile.encoded(photo(), name)
    assert same(data + more, data)
    assert same(without_metadata(data + more), data)


@pytest.mark.parametrize("missing", [1, 4, 12, 16])
def test_a_png_without_its_end_is_read(missing):
    data = hostile.encoded(photo(), "PNG")
    assert same(data[:-missing], data)
    assert refused(data[:-80]) == "image.truncated"


def test_a_gif_without_its_trailer_is_read():
    data = hostile.encoded(photo().quantize(64), "GIF")
    assert same(data[:-1], data)
    assert same(data[:-2], data)
    assert refused(data[:-40]) == "image.truncated"


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 80}, {"quality": 80, "exif": b"Exif\0\0II"}]
)
@pytest.mark.parametrize("wrong_by", [-9, -2, -1, 1, 2, 3, 4000])
def test_a_webp_whose_container_says_a_wrong_length_is_read(options, wrong_by):
    data = hostile.encoded(photo(), "WEBP", **options)
    said = int.from_bytes(data[4:8], "little") + wrong_by
    wrong = data[:4] + said.to_bytes(4, "little") + data[8:]
    assert same(wrong, data)
    assert same(without_metadata(wrong), data)
    assert refused(data[: len(data) * 2 // 3]) == "image.truncated"


# Which way is up


def corner(width=64, height=48):
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    return image


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def turned_by_exif_alone(name):
    """A file whose container does not say how to turn it; the writers here put that into the container as well."""
    if name == "HEIF":
        return hostile.encoded(corner(), name, exif=exif(6)).replace(b"irot", b"free")
    block = Image.Exif()
    block[0x0115] = 6
    data = hostile.encoded(corner(), name, exif=block.tobytes())
    tag, renamed = b"\x01\x15\0\x03\0\0\0\x01", b"\x01\x12\0\x03\0\0\0\x01"
    assert data.count(tag) == 1
    return data.replace(tag, renamed)


def is_red(pixel):
    return pixel[0] > 180 and max(pixel[1:]) < 90


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_exif_turns_a_picture_whose_container_says_nothing(name):
    data = hostile.encoded(corner(), name, exif=exif(6))
    silent = turned_by_exif_alone(name)
    for file in (data, silent, without_metadata(data), without_metadata(silent)):
        opened = open_sized(file)
        assert (opened.size, opened.image.size) == ((48, 64), (48, 64))
        assert is_red(opened.image.getpixel((40, 8)))
        assert not is_red(opened.image.getpixel((8, 8)))


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_container_that_turns_is_believed_more_than_exif(name):
    data = hostile.encoded(corner(), name, exif=exif(6))
    at = data.index(b"irot") + 4
    half = data[:at] + b"\x02" + data[at + 1 :]
    opened = open_sized(half)
    assert opened.size == (64, 48)
    assert is_red(opened.image.getpixel((60, 44)))


# Several pages


PREVIEW, OLD_PREVIEW, MASK, PAGE = {254: 1}, {255: 2}, {254: 4}, {254: 2}


def tiff_marked(images, marks):
    """A TIFF whose pages say their kinds; Pillow writes all pages alike, so that the marks are set behind it."""
    data = bytearray(
        hostile.encoded(images[0], "TIFF", save_all=True, append_images=images[1:], tiffinfo={254: 0, 255: 1})
    )
    at = struct.unpack_from("<I", data, 4)[0]
    for mark in marks:
        (count,) = struct.unpack_from("<H", data, at)
        for row in range(at + 2, at + 2 + 12 * count, 12):
            (tag,) = struct.unpack_from("<H", data, row)
            if tag in (254, 255):
                struct.pack_into("<HI", data, row + 2, 4, 1)
                struct.pack_into("<I", data, row + 8, mark.get(tag, 0 if tag == 254 else 1))
        at = struct.unpack_from("<I", data, at + 2 + 12 * count)[0]
    return bytes(data)


@pytest.mark.parametrize("mark", [PREVIEW, OLD_PREVIEW, MASK])
@pytest.mark.parametrize("place", [0, 1])
def test_reduced_copies_and_masks_are_no_pages(mark, place):
    images, marks = [corner(), photo(32, 24)], [{}, mark]
    if place == 0:
        images, marks = images[::-1], marks[::-1]
    data = tiff_marked(images, marks)
    assert open_sized(data).size == (64, 48)
    assert (read_header(data).width, read_header(data).warnings) == (64, ())
    assert same(without_metadata(data), data)
    assert len(pages_apart(data, LIMITS, 9)) == 1


def test_a_file_of_reduced_copies_alone_is_its_first():
    data = tiff_marked([corner(), photo(32, 24)], [PREVIEW, PREVIEW])
    assert open_sized(data).size == (64, 48)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_each_page_of_a_scan_becomes_a_file_of_its_own(compression):
    images = [photo(seed=seed) for seed in range(3)]
    if compression == "group4":
        images = [image.convert("1") for image in images]
    data = hostile.encoded(
        images[0], "TIFF", save_all=True, append_images=images[1:], compression=compression
    )
    assert [warning.id for warning in read_header(data).warnings] == ["image.several_pages"]
    pages = pages_apart(data, LIMITS, 3)
    assert len(pages) == 3
    for page, image in zip(pages, images, strict=True):
        assert same(page, hostile.encoded(image, "TIFF", compression=compression))
        assert without_metadata(page) == page
        assert len(page) < 0.6 * len(data)
    with pytest.raises(PictureError) as caught:
        pages_apart(data, LIMITS, 2)
    assert (caught.value.id, caught.value.detail["limit"]) == ("image.too_many_pages", 2)


def test_a_damaged_page_behind_the_first_does_not_spoil_a_search():
    data = hostile.encoded(photo(), "TIFF", save_all=True, append_images=[photo(seed=5)])
    first = struct.unpack_from("<I", data, 4)[0]
    (count,) = struct.unpack_from("<H", data, first)
    at = first + 2 + 12 * count
    for nowhere in (len(data) + 100, first, len(data) - 3):
        broken = data[:at] + struct.pack("<I", nowhere) + data[at + 4 :]
        assert open_sized(broken).size == (160, 120)


def test_a_photo_of_a_phone_with_a_second_picture_is_no_animation():
    data = hostile.encoded(photo(), "MPO", save_all=True, append_images=[photo(40, 30)])
    assert read_header(data).warnings == ()
    assert open_sized(data, shortest_side=20).size == (160, 120)
