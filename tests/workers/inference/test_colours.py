"""Colour profiles: whatever a file says of its colours, the picture comes out as its sRGB twin."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from tests.support import hostile_pictures as hostile
from workers.inference.icc import CodePoints, gamma_profile, profile_made
from workers.inference.pictures import open_picture
from workers.inference.stripping.strip import without_metadata

pillow_heif.register_heif_opener()

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
PROPHOTO = (*D50, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
ADOBE = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ODD = (*D65, 0.30, 0.60, 0.64, 0.33, 0.15, 0.06)
PROFILES = {
    "Display P3": CodePoints(12, 13).profile(),
    "Adobe RGB": gamma_profile(ADOBE, 563 / 256),
    "ProPhoto": gamma_profile(PROPHOTO, 1.8),
    "odd primaries": profile_made(ODD, lambda values: values**1.4),
}
SRGB = ImageCms.createProfile("sRGB")
CONTAINERS = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "HEIF": {"quality": 98, "chroma": 444},
    "AVIF": {"quality": 98, "subsampling": "4:4:4"},
}


def scene():
    """Smooth colours of every hue, none so strong that a smaller space would cut them."""
    x, y = np.meshgrid(np.linspace(60, 190, 96), np.linspace(60, 190, 64))
    return Image.fromarray(np.stack([x, y, 250 - x], -1).astype(np.uint8))


def in_colours(profile, image=None, mode="RGB"):
    """The scene as numbers of another profile."""
    described = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    given = ImageCms.profileToProfile(image or scene(), SRGB, described, outputMode=mode)
    given.info = {}
    return given


def apart(one, other):
    """How far two pictures are apart, on average, of 255."""
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


def with_profile(name, profile, image=None, **options):
    given = image or in_colours(profile)
    return hostile.encoded(given, name, icc_profile=profile, **CONTAINERS[name] | options)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("colours", PROFILES)
def test_a_profile_is_converted_to_srgb_in_every_format(container, colours):
    profile = PROFILES[colours]
    data = with_profile(container, profile)
    assert apart(open_picture(data), scene()) < 2.5
    plain = hostile.encoded(in_colours(profile), container, **CONTAINERS[container])
    assert apart(open_picture(plain), scene()) > 4


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_stored_picture_without_metadata_keeps_its_colours(container):
    data = with_profile(container, PROFILES["ProPhoto"])
    assert apart(open_picture(without_metadata(data)), open_picture(data)) == 0


def test_colours_are_converted_at_every_scale_alike():
    profile = PROFILES["ProPhoto"]
    large = scene().resize((960, 640))
    data = hostile.encoded(in_colours(profile, large), "JPEG", icc_profile=profile, quality=95)
    small = open_picture(data, shortest_side=80)
    assert small.size == (120, 80)
    assert apart(small, scene().resize((120, 80))) < 4


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparency_and_palettes_keep_their_colours(mode):
    profile = PROFILES["ProPhoto"]
    image = in_colours(profile)
    if mode == "P":
        data = with_profile("PNG", profile, image.quantize(256))
        assert apart(open_picture(data), scene()) < 6
        return
    image = image.convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    given = open_picture(with_profile("PNG", profile, image))
    opaque = open_picture(with_profile("PNG", profile, image.convert("L" if mode == "LA" else "RGB")))
    ground = Image.new("RGB", image.size, "white")
    ground.paste(opaque, mask=image.getchannel("A"))
    assert apart(given, ground) < 1


def grey_profile(gamma):
    """A profile of one channel, as scanners write it."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"
    white = struct.pack(">4sI3i", b"XYZ ", 0, *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    start = 128 + 4 + 24
    head = struct.pack(">I4xI4s4s4s", start + 36, 0x02400000, b"mntr", b"GRAY", b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + white[8:]
    table = struct.pack(">I4sII4sII", 2, b"wtpt", start, 20, b"kTRC", start + 20, 14)
    return head.ljust(128, b"\0") + table + white + curve


@pytest.mark.parametrize("container", ["JPEG", "PNG", "TIFF"])
def test_a_grey_profile_counts(container):
    ramp = Image.linear_gradient("L")
    picture = open_picture(with_profile(container, grey_profile(1.0), ramp))
    light = np.asarray(ramp, np.float64) / 255
    wanted = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert apart(picture.getchannel("G"), wanted) < 2
    assert picture.getextrema()[0] == picture.getextrema()[1]


def test_sixteen_bits_of_grey_have_their_profile_too():
    wide = Image.fromarray(np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64))
    plain = hostile.encoded(wide, "PNG")
    given = hostile.encoded(wide, "PNG", icc_profile=grey_profile(1.0))
    assert np.asarray(open_picture(given)).mean() > np.asarray(open_picture(plain)).mean() + 30


def lut_profile(space, channels, table):
    """A profile that is a table (`lut8`, two points a channel) from device values to Lab, as printers' are."""
    points = np.stack(np.meshgrid(*[[0.0, 1.0]] * channels, indexing="ij"), -1).reshape(-1, channels)
    lab = np.array([table(point) for point in points])
    scaled = np.clip([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], 0, 255).T.astype(np.uint8)
    straight = bytes(range(256))
    lut = struct.pack(">4sIBBBx", b"mft1", 0, channels, 3, 2)
    lut += struct.pack(">9i", *(65536 if n % 4 == 0 else 0 for n in range(9)))
    lut += straight * channels + scaled.tobytes() + straight * 3
    white = struct.pack(">4sI3i", b"XYZ ", 0, *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    start = 128 + 4 + 24
    total = start + len(white) + len(lut)
    head = struct.pack(">I4xI4s4s4s", total, 0x02400000, b"prtr", space, b"Lab ") + bytes(12)
    head += b"acsp" + bytes(28) + white[8:]
    table_bytes = struct.pack(">I4sII4sII", 2, b"wtpt", start, 20, b"A2B0", start + 20, len(lut))
    return head.ljust(128, b"\0") + table_bytes + white + lut


def green_ink(point):
    """Inks of which the first is green, unlike any real cyan."""
    light = 100 * np.prod(1 - 0.8 * np.asarray(point))
    return light, -90 * point[0] * (1 - point[3]), 70 * point[0] * (1 - point[3])


@pytest.mark.parametrize("container", ["JPEG", "TIFF"])
def test_a_cmyk_profile_says_what_the_inks_look_like(container):
    image = Image.new("CMYK", (64, 48), (255, 0, 0, 0))
    options = {"icc_profile": lut_profile(b"CMYK", 4, green_ink)}
    red, green, blue = open_picture(hostile.encoded(image, container, **options)).getpixel((9, 9))
    assert green > red + 20
    assert green > blue + 20
    plain = open_picture(hostile.encoded(image, container)).getpixel((9, 9))
    assert plain[2] > 200, "without a profile the first ink is cyan"


def test_a_profile_of_tables_counts_for_rgb_too():
    swapped = lut_profile(b"RGB ", 3, lambda p: (100 * p[0], 0.0, 0.0))
    picture = open_picture(with_profile("PNG", swapped, Image.new("RGB", (32, 32), (255, 0, 0))))
    assert min(picture.getpixel((5, 5))) > 240


def test_lab_is_read():
    to_lab = ImageCms.buildTransform(SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB")
    data = hostile.encoded(ImageCms.applyTransform(scene(), to_lab), "TIFF")
    assert apart(open_picture(data), scene()) < 3
    assert apart(open_picture(without_metadata(data)), scene()) < 3


BROKEN = {
    "noise": b"\x17" * 900,
    "cut": PROFILES["ProPhoto"][:200],
    "no bytes": b"\0",
    "of another kind": lut_profile(b"CMYK", 4, green_ink),
    "of grey": grey_profile(1.0),
    "far too large": PROFILES["ProPhoto"] + bytes(5 << 20),
}


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_profile_is_ignored(container, what):
    data = hostile.encoded(scene(), container, icc_profile=BROKEN[what], **CONTAINERS[container])
    assert apart(open_picture(data), scene()) < 2.5


def test_a_grey_picture_with_a_profile_of_srgb_is_as_it_is():
    grey = scene().convert("L")
    data = hostile.encoded(grey, "PNG", icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes())
    assert apart(open_picture(data).getchannel("R"), grey) == 0


def png_with(*extra, image):
    data = hostile.encoded(image, "PNG")
    return data[:33] + b"".join(extra) + data[33:]


def test_a_png_profile_that_cannot_be_unpacked_is_ignored():
    broken = hostile.chunk(b"iCCP", b"a\0\0" + b"no zlib at all")
    unknown = hostile.chunk(b"iCCP", b"a\0\x07" + zlib.compress(PROFILES["ProPhoto"]))
    for extra in (broken, hostile.chunk(b"iCCP", b"")):
        assert apart(open_picture(png_with(extra, image=scene())), scene()) == 0
    assert open_picture(png_with(unknown, image=scene())).size == scene().size


def test_a_png_may_give_its_colours_in_numbers():
    p3 = in_colours(PROFILES["Display P3"])
    by_points = png_with(hostile.chunk(b"cICP", bytes([12, 13, 0, 1])), image=p3)
    assert apart(open_picture(by_points), scene()) < 1
    assert apart(open_picture(without_metadata(by_points)), scene()) < 1
    numbers = struct.pack(">8I", *(round(100_000 * n) for n in ADOBE))
    adobe = hostile.chunk(b"gAMA", struct.pack(">I", 45470)) + hostile.chunk(b"cHRM", numbers)
    by_numbers = png_with(adobe, image=in_colours(PROFILES["Adobe RGB"]))
    assert apart(open_picture(by_numbers), scene()) < 1.5
    assert apart(open_picture(png_with(hostile.chunk(b"sRGB", b"\0"), adobe, image=scene())), scene()) == 0
    nonsense = hostile.chunk(b"gAMA", bytes(4)) + hostile.chunk(b"cHRM", bytes(32))
    assert apart(open_picture(png_with(nonsense, image=scene())), scene()) == 0


@pytest.mark.parametrize("container", ["HEIF", "AVIF"])
def test_a_box_of_code_points_says_the_colours(container):
    image = in_colours(PROFILES["Display P3"])
    data = hostile.encoded(image, container, **CONTAINERS[container])
    if container == "HEIF":
        data = hostile.encoded(image, container, color_primaries=1, **CONTAINERS[container])
    at = data.index(b"nclx") + 4
    p3 = data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :]
    assert apart(open_picture(p3), scene()) < 2.5
    assert apart(open_picture(data), scene()) > 4
    assert apart(open_picture(without_metadata(p3)), scene()) < 2.5


def test_a_gif_and_a_bmp_may_have_a_profile():
    profile = PROFILES["ProPhoto"]
    image = in_colours(profile)
    gif = hostile.encoded(image.quantize(256), "GIF")
    at = 13 + 3 * 256
    parts = [profile[n : n + 255] for n in range(0, len(profile), 255)]
    block = b"\x21\xff\x0bICCRGBG1012" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    assert apart(open_picture(gif[:at] + block + gif[at:]), scene()) < 6
    plain = hostile.encoded(image, "BMP")
    pixels = plain[54:]
    head = struct.pack("<I", 124) + plain[18:54] + bytes(124 - 40)
    head = bytearray(head)
    head[56:60], head[112:120] = b"DEBM", struct.pack("<II", 124 + len(pixels), len(profile))
    file = b"BM" + struct.pack("<IHHI", 138 + len(pixels) + len(profile), 0, 0, 138) + head + pixels + profile
    assert apart(open_picture(file), scene()) < 1.5
