"""What a file says of itself, and the slow paths of every format, refused before anything is decoded."""

import io

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support import hostile_pictures as hostile
from tests.support.grids import grid
from workers.inference import pictures
from workers.inference.errors import PictureError
from workers.inference.headers.reading import DEFAULT_LIMITS, read_header
from workers.inference.headers.types import PictureLimits

pillow_heif.register_heif_opener()

FORMATS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF"]
PARTS = DEFAULT_LIMITS.max_parts


@pytest.fixture
def _nothing_is_decoded(monkeypatch):
    def opened(*args, **options):
        raise AssertionError("the picture reached the decoder")

    monkeypatch.setattr(Image, "open", opened)


def refused(data, limits=DEFAULT_LIMITS):
    with pytest.raises(PictureError) as caught:
        pictures.open_picture(data, limits=limits)
    assert caught.value.message.endswith(".")
    return caught.value.id


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
@pytest.mark.parametrize("size", [(61, 47), (1280, 960)])
def test_the_header_has_the_size_that_the_decoder_finds(name, mode, size):
    try:
        data = hostile.encoded(Image.new(mode, size), name)
    except (OSError, ValueError, KeyError):
        pytest.skip(f"{name} holds no {mode}")
    header = read_header(data)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == size
    spare = 64 if name == "HEIF" else 1  # coded in whole blocks, which a further box crops
    assert 0 <= header.width - size[0] < spare
    assert 0 <= header.height - size[1] < spare


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1}])
def test_ordinary_jpegs_of_every_kind_are_read(options):
    data = hostile.encoded(Image.effect_noise((640, 480), 50), "JPEG", quality=95, **options)
    assert read_header(data).width == 640


@pytest.mark.usefixtures("_nothing_is_decoded")
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (hostile.jpeg_scans(220, 7744), "progressive scans"),
        (hostile.jpeg_segments(PARTS + 1), "segments"),
        (hostile.png_empty_idats(PARTS + 1), "empty IDAT chunks"),
        (hostile.png(hostile.chunk(b"abCd") * (PARTS + 1)), "chunks that nobody knows"),
        (hostile.png(hostile.chunk(b"tEXt", b"a\0b") * (PARTS + 1)), "texts"),
        (hostile.png_profiles(101), "profiles that unpack to a megabyte"),
        (hostile.gif_comments(PARTS + 1), "comments"),
        (hostile.gif_comments(1, 10 * PARTS + 1), "parts of one comment"),
        (hostile.webp_chunks(PARTS + 1), "chunks"),
        (hostile.bmp_run_lengths(5_000_000), "run lengths"),
        (hostile.tiff_strips(PARTS + 1), "strips"),
        (hostile.tiff_strips(10_000, strip=bytes(10_000)), "strips that name the same bytes"),
        (hostile.heic({1: b"grid", 2: b"hvc1"}, {1: [2] * 1001}, tile=(64, 64)), "tiles"),
        (hostile.heic({1: b"grid", 2: b"hvc1"}, {1: [2] * 900}, tile=(4096, 4096)), "large tiles"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_slow_path_is_refused_before_it_is_decoded(data, what):
    assert len(data) < 12_000_000
    assert refused(data) == "image.too_complex"


@pytest.mark.usefixtures("_nothing_is_decoded")
def test_the_refusal_claims_no_more_than_was_counted():
    """Counting ends at the limit, so how many there are in all is not known."""
    with pytest.raises(PictureError, match="has more than 64 scans"):
        read_header(hostile.jpeg_scans(220, 800), PictureLimits())


@pytest.mark.usefixtures("_nothing_is_decoded")
def test_scans_inside_a_tiff_count_too():
    strip = hostile.jpeg_scans(220, 7744)
    data = hostile.tiff_strips(1, compression=7, strip=strip, width=7744, rows=7744)
    assert refused(data) == "image.too_complex"


@pytest.mark.usefixtures("_nothing_is_decoded")
@pytest.mark.parametrize("compression", [6, 34712, 34925, 50001, 34676, 32809, 34887])
def test_rare_compressions_of_tiff_are_refused(compression):
    """Old-style JPEG, JPEG 2000, LZMA, WebP, SGI log, ThunderScan and LERC have decoders of their own."""
    assert refused(hostile.tiff_strips(1, compression=compression)) == "image.unsupported"


@pytest.mark.usefixtures("_nothing_is_decoded")
@pytest.mark.parametrize("kind", [b"iovl", b"iden", b"j2k1", b"jpeg", b"unci", b"vvc1"])
def test_a_heic_is_a_grid_of_coded_pictures_and_nothing_else(kind):
    assert refused(hostile.heic({1: kind, 2: b"hvc1"}, {1: [2, 2]})) == "image.unsupported"


@pytest.mark.usefixtures("_nothing_is_decoded")
def test_a_chain_of_derived_pictures_that_doubles_at_every_link_is_refused():
    items = dict.fromkeys(range(1, 30), b"grid") | {30: b"hvc1"}
    assert refused(hostile.heic(items, {n: [n + 1, n + 1] for n in range(1, 30)})) == "image.unsupported"
    assert refused(hostile.heic({1: b"grid"}, {1: [1, 1]})) == "image.unsupported"


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
@pytest.mark.parametrize(("columns", "rows", "tile"), [(8, 6, 512), (30, 30, 64)])
def test_a_picture_of_as_many_tiles_as_phones_write_is_read(name, columns, rows, tile):
    data = grid(name, columns=columns, rows=rows, tile=tile)
    assert pictures.open_picture(data).size == (columns * tile, rows * tile)
    assert read_header(data).width == columns * tile


def test_jpeg_2000_cannot_be_reached():
    data = hostile.encoded(hostile.small(), "JPEG2000")
    assert refused(data) == "image.unknown_format"
    assert refused(data[data.index(b"\xff\x4f\xff\x51") :]) == "image.unknown_format"


@pytest.mark.parametrize("scans", [10, 20])
def test_as_many_scans_as_cameras_and_optimisers_write_are_read_at_sixty_megapixels(scans):
    limits = PictureLimits(max_pixels=60_000_000)
    assert read_header(hostile.jpeg_scans(scans - 1, 7744), limits).width == 7744


def test_a_small_picture_may_have_more_scans_than_a_large_one():
    limits = PictureLimits(max_pixels=1_000_000, max_scans=10)
    assert read_header(hostile.jpeg_scans(30, 512), limits).width == 512
    assert refused(hostile.jpeg_scans(30, 992), limits) == "image.too_complex"


@pytest.mark.parametrize(("scans", "side"), [(999, 900), (3_999, 300)])
def test_hundreds_of_scans_are_too_many_for_any_picture(scans, side):
    assert refused(hostile.jpeg_scans(scans, side), PictureLimits()) == "image.too_complex"


def test_scans_in_an_embedded_preview_do_not_count():
    preview = b"Exif\0\0" + b"\xff\xda\x00\x08\x01" * 10_000
    data = hostile.encoded(hostile.small(), "JPEG")
    data = data[:2] + hostile.segment(0xE1, preview) + data[2:]
    assert read_header(data, PictureLimits(max_pixels=10_000, max_scans=1)).width == 64


NOISE = Image.fromarray(np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8))
HEADS = [hostile.encoded(NOISE, name) for name in FORMATS]
HEADS += [hostile.heic({1: b"grid", 2: b"hvc1"}, {1: [2, 2]}), hostile.tiff_strips(4)]


@settings(max_examples=600, deadline=None)
@given(
    original=st.sampled_from(HEADS),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 300),
)
def test_any_damage_gives_a_header_or_a_picture_error(original, changes, cut):
    data = bytearray(original)
    for at, value in changes:
        data[at % len(data)] = value
    try:
        header = read_header(bytes(data[: max(len(data) - cut, 1)]))
    except PictureError:
        return
    assert header.width * header.height <= DEFAULT_LIMITS.max_pixels
    assert header.decoding_bytes(64) <= header.decoding_bytes()
