"""Real formats, hostile bytes and what becomes of colours, orientation and metadata."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from workers.inference.errors import PictureError
from workers.inference.headers.reading import read_header
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import PictureLimits, open_picture, preview_jpeg, to_crop_scale, to_pixels
from workers.inference.sniff import FORMATS, sniff_format

pillow_heif.register_heif_opener()

PILLOW_NAMES = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "heic": "HEIF",
    "avif": "AVIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "gif": "GIF",
}
SPEC = ImageSpec(resize=256, size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def photo(width=60, height=40):
    """White with a red corner at the top left, by which one sees how it was turned."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    return image


def smooth(width, height):
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], -1).astype(np.uint8))


def encoded(image, name, **options):
    target = io.BytesIO()
    image.save(target, name, **options)
    return target.getvalue()


def is_red(pixel):
    return pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60


def refusal(data, **options):
    with pytest.raises(PictureError) as caught:
        open_picture(data, **options)
    error = caught.value
    assert error.message.endswith(".")
    assert error.message[0].isupper()
    return error


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_by_its_content_and_decoded(name):
    data = encoded(photo(), PILLOW_NAMES[name])
    assert sniff_format(data[:64]) == name
    image = open_picture(data)
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert is_red(image.getpixel((10, 8)))
    assert min(image.getpixel((50, 30))) > 240


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [
        (1, (60, 40), "top left"),
        (2, (60, 40), "top right"),
        (3, (60, 40), "bottom right"),
        (4, (60, 40), "bottom left"),
        (5, (40, 60), "top left"),
        (6, (40, 60), "top right"),
        (7, (40, 60), "bottom right"),
        (8, (40, 60), "bottom left"),
    ],
)
def test_a_picture_comes_out_upright(name, orientation, size, corner):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = open_picture(encoded(photo(), name, exif=exif))
    assert image.size == size
    places = {
        f"{row} {column}": (x, y)
        for row, y in (("top", 8), ("bottom", size[1] - 8))
        for column, x in (("left", 8), ("right", size[0] - 8))
    }
    assert [place for place, at in places.items() if is_red(image.getpixel(at))] == [corner]


def test_a_turned_heic_is_turned_once():
    """Phones store the turn in the container, which the decoder applies; the EXIF copy of it must not count again."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = open_picture(encoded(photo(), "HEIF", exif=exif.tobytes()))
    assert image.size in {(60, 40), (40, 60)}
    assert is_red(image.getpixel((8, 8) if image.size == (60, 40) else (image.width - 8, 8)))


def test_metadata_is_dropped():
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x8825] = {1: "N", 2: (52.0, 1.0, 2.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = open_picture(encoded(photo(), "JPEG", exif=exif, icc_profile=profile, comment=b"secret"))
    assert image.info == {}
    assert dict(image.getexif()) == {}
    assert b"secret" not in preview_jpeg(image, 32)
    assert type(image) is Image.Image


def test_broken_exif_does_not_spoil_a_good_picture():
    image = open_picture(encoded(photo(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage"))
    assert image.size == (60, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_becomes_white(mode):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 10, 20))
    data = encoded(image.convert("LA") if mode == "LA" else image, "TIFF" if mode == "PA" else "PNG")
    flat = open_picture(data)
    assert flat.getpixel((15, 10)) == (255, 255, 255)
    assert max(flat.getpixel((5, 10))[:2]) < 60


def test_a_palette_with_a_transparent_colour_is_flattened():
    image = Image.new("P", (20, 20), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(1, (0, 0, 10, 20))
    for name in ("PNG", "GIF"):
        flat = open_picture(encoded(image, name, transparency=0))
        assert flat.getpixel((15, 10)) == (255, 255, 255)
        assert flat.getpixel((5, 10)) == (200, 0, 0)


def test_sixteen_bits_are_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    for name in ("PNG", "TIFF"):
        grey = np.asarray(open_picture(encoded(Image.fromarray(ramp), name)))[..., 0]
        assert (grey.min(), grey.max()) == (0, 255)
        assert abs(float(grey.mean()) - 127.5) < 1


def test_floating_point_pictures_are_scaled_to_what_they_hold():
    values = np.linspace(-3, 5, 400).reshape(20, 20).astype(np.float32)
    values[0, 1] = np.nan
    grey = np.asarray(open_picture(encoded(Image.fromarray(values), "TIFF")))[..., 0]
    assert (grey.min(), grey.max()) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr", "LAB"])
def test_other_colour_spaces_become_rgb(mode):
    red = photo().convert(mode) if mode != "LAB" else Image.new("LAB", (60, 40), (200, 128, 128))
    image = open_picture(encoded(red, "TIFF"))
    assert image.mode == "RGB"
    if mode in ("CMYK", "YCbCr"):
        assert is_red(image.getpixel((10, 8)))


def test_a_cmyk_jpeg_keeps_its_colours():
    assert is_red(open_picture(encoded(photo().convert("CMYK"), "JPEG", quality=95)).getpixel((10, 8)))


def test_an_empty_file_is_refused():
    assert refusal(b"").id == "image.empty"


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"<svg/>", b"MZ" + bytes(99), b"BM" + bytes(60), b"\x00" * 64])
def test_what_is_no_picture_is_refused_with_the_formats_that_are_read(data):
    error = refusal(data)
    assert error.id == "image.unknown_format"
    assert error.detail["formats"] == list(FORMATS)


def test_bytes_are_limited_before_anything_is_read():
    error = refusal(b"\xff\xd8\xff" + bytes(2000), limits=PictureLimits(max_bytes=1000))
    assert (error.id, error.detail["bytes"]) == ("image.too_large", 2003)


def png_header(width, height):
    """A PNG that only claims a size; its data would not fill it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (2_000_000_000, 2_000_000_000), (9_000, 9_000)])
def test_a_decompression_bomb_is_refused_by_its_header(size):
    assert refusal(png_header(*size)).id == "image.too_many_pixels"


def test_tiny_pictures_are_refused():
    assert refusal(encoded(Image.new("RGB", (100, 3)), "PNG")).id == "image.too_small"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_cut_file_is_refused(name, share):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    data = encoded(noise, PILLOW_NAMES[name])
    error = refusal(data[: int(len(data) * share)])
    assert error.id == "image.truncated"
    assert error.detail == {"format": name}


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_of_several_frames_or_pages_the_first_is_read(name):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:])
    assert is_red(open_picture(data).getpixel((9, 9)))
    (warning,) = read_header(data).warnings
    assert warning.id == ("image.several_pages" if name == "TIFF" else "image.animated")
    assert warning.detail == {"format": name.lower()}
    assert read_header(encoded(frames[0], name)).warnings == ()


def test_a_phone_photo_with_a_second_preview_picture_is_no_animation():
    image = open_picture(
        encoded(photo(), "MPO", save_all=True, append_images=[photo(30, 20)]), shortest_side=16
    )
    assert min(image.size) >= 16


def test_draft_decoding_is_close_to_full_decoding_and_large_enough():
    data = encoded(smooth(1280, 960), "JPEG", quality=90)
    quick, full = open_picture(data, shortest_side=256), open_picture(data)
    assert quick.size == (640, 480)
    assert full.size == (1280, 960)
    spec = ImageSpec(resize=256, size=224, mean=(0, 0, 0), std=(1, 1, 1))
    assert np.abs(to_pixels(quick, spec) - to_pixels(full, spec)).mean() < 2 / 255


def test_a_preview_is_small_and_never_enlarged():
    assert Image.open(io.BytesIO(preview_jpeg(smooth(640, 480), 96))).size == (96, 72)
    assert Image.open(io.BytesIO(preview_jpeg(smooth(60, 40), 96))).size == (60, 40)


def test_a_preview_shows_what_the_picture_shows():
    image = smooth(640, 480)
    preview = np.asarray(Image.open(io.BytesIO(preview_jpeg(image, 200))), np.float32)
    wanted = np.asarray(image.resize((200, 150), Image.Resampling.LANCZOS), np.float32)
    assert np.abs(preview - wanted).mean() < 3


def test_pixels_are_the_normalised_centre_crop():
    image = smooth(300, 224)
    spec = ImageSpec(resize=224, size=224, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    pixels = to_pixels(image, spec)
    crop = np.asarray(image.crop((38, 0, 262, 224)), np.float64) / 255
    expected = (crop - spec.mean) / spec.std
    assert pixels.dtype == np.float32
    assert pixels.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(pixels, expected.transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "resize", "most"), [((640, 480), 256, 1), ((481, 643), 240, 1), ((2000, 1900), 230, 4)]
)
def test_the_centre_crop_is_cut_from_the_whole_picture_at_its_crop_scale(size, resize, most):
    grain = np.random.default_rng(0).integers(0, 256, (size[1] // 8 + 1, size[0] // 8 + 1, 3), dtype=np.uint8)
    image = Image.fromarray(grain).resize(size, Image.Resampling.BICUBIC)
    spec = ImageSpec(resize=resize, size=224, mean=(0, 0, 0), std=(1 / 255, 1 / 255, 1 / 255))
    whole = to_crop_scale(image, spec)
    left, top = (whole.width - 224) // 2, (whole.height - 224) // 2
    expected = np.asarray(whole.crop((left, top, left + 224, top + 224)), np.float32).transpose(2, 0, 1)
    assert np.abs(to_pixels(image, spec) - expected).max() <= most + 0.01


def test_squash_shows_the_whole_picture_and_centre_does_not():
    image = Image.new("RGB", (400, 100), "black")
    image.paste("white", (0, 0, 40, 100))
    plain = {"resize": 64, "size": 64, "mean": (0, 0, 0), "std": (1, 1, 1)}
    assert to_pixels(image, ImageSpec(**plain, crop="squash")).max() > 0.9
    assert to_pixels(image, ImageSpec(**plain)).max() < 0.1


def test_ten_crops_are_corners_and_middle_and_their_mirrors():
    image = smooth(96, 96)
    spec = ImageSpec(resize=96, size=64, mean=(0, 0, 0), std=(1, 1, 1), crop="ten")
    crops = to_pixels(image, spec)
    assert crops.shape == (10, 3, 64, 64)
    whole = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(crops[0], whole[:, :64, :64], atol=1e-6)
    np.testing.assert_allclose(crops[3], whole[:, 32:, 32:], atol=1e-6)
    np.testing.assert_allclose(crops[4], whole[:, 16:80, 16:80], atol=1e-6)
    np.testing.assert_allclose(crops[5:], crops[:5, :, :, ::-1], atol=1e-6)


def test_an_extremely_long_picture_costs_no_more_than_its_middle():
    pixels = to_pixels(Image.new("RGB", (400_000, 8), "red"), SPEC)
    assert pixels.shape == (3, 224, 224)


HEADS = [encoded(photo(), name) for name in PILLOW_NAMES.values()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=400))
def test_any_bytes_give_a_picture_or_a_picture_error(data):
    try:
        mode = open_picture(data).mode
    except PictureError:
        return
    assert mode == "RGB"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    original=st.sampled_from(HEADS),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 300),
    side=st.sampled_from([None, 16]),
)
def test_any_damage_to_a_real_file_gives_a_picture_or_a_picture_error(original, changes, cut, side):
    data = bytearray(original)
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[: max(len(data) - cut, 1)])
    try:
        image = open_picture(damaged, shortest_side=side, limits=PictureLimits(max_pixels=1_000_000))
    except PictureError:
        return
    assert image.mode == "RGB"
    assert image.info == {}
    assert image.width * image.height <= 1_000_000
