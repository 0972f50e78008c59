"""A site's own name, logos and colour: on every page, readable, and with nothing in them that runs."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.accounts.adapters import SecondFactorAdapter
from retrieval_site.branding.colours import CONTRAST_MIN, DARK_GROUNDS, LIGHT_GROUNDS, contrast, shades_of
from retrieval_site.branding.config import Branding
from retrieval_site.branding.files import BYTES_MAX, PIXELS_MAX, read_brand_file
from retrieval_site.config import read_config
from retrieval_site.templatetags.branding import named_site

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="url(#a)"/></svg>'


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02"


@pytest.fixture
def branded(settings, tmp_path):
    """A site with everything of its own."""
    (tmp_path / "logo.svg").write_text(SVG)
    logo = read_brand_file(tmp_path / "logo.svg", "SITE_LOGO")
    settings.CONFIG = dataclasses.replace(
        settings.CONFIG, site_name="A <&> B", branding=Branding(logo, logo, logo, "#2fae5f")
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("branded")
def test_name_logo_and_colour_are_on_a_page_and_served(client):
    page = client.get("/login/").content.decode()
    assert "<title>Sign in · A &lt;&amp;&gt; B</title>" in page
    assert page.count('alt="A &lt;&amp;&gt; B"') == 2
    assert "Sightline" not in page.partition("<main")[0]
    logo = client.get("/brand/logo")
    assert (logo.content.decode(), logo["Content-Type"]) == (SVG, "image/svg+xml")
    assert logo["Content-Security-Policy"].endswith("sandbox")
    assert "script-src" not in logo["Content-Security-Policy"]
    assert logo["X-Content-Type-Options"] == "nosniff"
    sheet = client.get("/brand/accent.css")
    assert (sheet["Content-Type"], sheet.content.count(b"light-dark(")) == ("text/css", 4)
    manifest = client.get("/site.webmanifest").json()
    assert (manifest["name"], manifest["icons"][0]["type"]) == ("A <&> B", "image/svg+xml")
    assert SecondFactorAdapter().get_totp_issuer() == "A <&> B"


@pytest.mark.django_db
def test_a_site_without_any_of_it_is_as_it_was(client):
    page = client.get("/login/").content.decode()
    assert "<title>Sign in · Sightline</title>" in page
    assert "/brand/" not in page
    assert [client.get(f"/brand/{name}").status_code for name in ("logo", "icon", "accent.css", "x")] == [
        404
    ] * 4
    assert client.get("/site.webmanifest").json()["name"] == "Sightline"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Sign in · Sightline\n  ", "Sign in · X\n  "),
        ("Sightline: find", "X: find"),
        ("Sightline", "X"),
        ("Sightline manual · Sightline", "Sightline manual · X"),
        ("The Sightline story", "The Sightline story"),
    ],
)
def test_only_where_a_title_names_the_site_it_is_renamed(settings, title, shown):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, site_name="X")
    assert named_site(title) == shown


@pytest.mark.parametrize(
    "hostile",
    [
        "<svg><script>alert(1)</script></svg>", '<svg onload="alert(1)"/>', "<svg/onload=alert(1)>",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', '<svg><a href="javascript:alert(1)"/></svg>',
        '<svg><image href="https://elsewhere.example/x.png"/></svg>', "<svg><foreignObject/></svg>",
        '<svg><use xlink:href="//elsewhere.example/#a"/></svg>', "<svg><style>@import 'x'</style></svg>",
        "<svg><style>a{background:url(https://elsewhere.example)}</style></svg>",
        '<svg><a href="&#106;avascript:alert(1)"/></svg>', "<html><svg/></html>", "GIF89a", "", "<svg>\0</svg>",
        "<!---->" * 60 + "no drawing",
        '<?xml-stylesheet href="x"?><svg/>', '<svg><set attributeName="href" to="x"/></svg>',
    ],
)  # fmt: skip
def test_a_file_that_could_run_or_fetch_something_is_refused_at_the_start(monkeypatch, tmp_path, hostile):
    (tmp_path / "logo").write_text(hostile)
    monkeypatch.setenv("SITE_LOGO", str(tmp_path / "logo"))
    with pytest.raises(ImproperlyConfigured, match="SITE_LOGO"):
        read_config()


@pytest.mark.parametrize(
    ("content", "good"),
    [
        (png(400, 100), True), (png(PIXELS_MAX + 1, 1), False), (png(0, 5), False), (png(4, 4)[:18], False),
        (png(4, 4) + b"x" * BYTES_MAX, False), (b"\xff\xd8\xff\xe0", False), (b"\0\0\1\0x", False),
    ],
)  # fmt: skip
def test_a_png_is_looked_at_by_its_header(tmp_path, content, good):
    (tmp_path / "logo").write_bytes(content)
    if good:
        assert read_brand_file(tmp_path / "logo", "SITE_LOGO").content_type == "image/png"
    else:
        with pytest.raises(ImproperlyConfigured):
            read_brand_file(tmp_path / "logo", "SITE_LOGO")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_NAME", "a\nb"), ("SITE_NAME", "x" * 61), ("SITE_ACCENT", "red"), ("SITE_ACCENT", "#12345"),
        ("SITE_ACCENT", "#12345g;}"), ("SITE_LOGO", "/nowhere/x.svg"), ("SITE_LOGO_DARK", "/nowhere/x.svg"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        read_config()


@pytest.mark.parametrize(
    "colour", ["#ffff00", "#ffffff", "#000000", "#0a5fb4", "#2fae5f", "#808080", "#ff00ff"]
)
def test_any_colour_becomes_readable_on_every_ground(colour):
    light, dark = shades_of(colour)
    for shades, grounds in ((light, LIGHT_GROUNDS), (dark, DARK_GROUNDS)):
        for ground in (*grounds, shades.soft):
            assert contrast(shades.accent, ground) >= CONTRAST_MIN
            assert contrast(shades.strong, ground) >= CONTRAST_MIN
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_a_colour_that_is_readable_stays_as_it_is():
    assert shades_of("#0a5fb4")[0].accent == "#0a5fb4"
