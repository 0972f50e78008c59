"""Saved web pages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.support.document_files import picture
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]


def address_of(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def page(body: str, head: str = "", lang: str = "en") -> bytes:
    return f'<!doctype html><html lang="{lang}"><head>{head}</head><body>{body}</body></html>'.encode()


def texts(found: Extracted) -> list[str]:
    return [block.text for block in found.blocks]


def test_a_pages_head_gives_its_title_authors_date_language_and_keywords(extracted: Read) -> None:
    head = """<title>Pumps &amp; valves - Our site</title><meta property="og:title" content="Pumps &amp; valves">
        <meta name="DC.creator" content="Ada Lovelace"><meta name="DC.creator" content="Grace Hopper">
        <meta name="keywords" content="pump, valve">
        <meta property="article:published_time" content="2024-05-06T10:00:00Z">
        <meta name="description" content="All of them"><link rel="canonical" href="https://example.org/pumps">"""
    found = extracted(page("<p>Text</p>", head, "de-AT"), "page.html")
    assert (found.title, found.authors) == ("Pumps & valves", ("Ada Lovelace", "Grace Hopper"))
    assert (found.created, found.language) == ("2024-05-06T10:00:00+00:00", "de-AT")
    assert found.keywords == ("pump", "valve")
    assert found.metadata == {"description": "All of them", "address": "https://example.org/pumps"}


def test_linked_data_gives_what_the_head_does_not(extracted: Read) -> None:
    head = """<title>Pumps</title><script type="application/ld+json">{"@graph": [{"@type": "Article", "headline":
        "All pumps", "author": [{"name": "Ada Lovelace"}], "datePublished": "2024-05-06"}]}</script>
        <script type="application/ld+json">not JSON</script>"""
    found = extracted(page("<p>Text</p>", head), "page.html")
    assert (found.title, found.authors, found.created) == ("All pumps", ("Ada Lovelace",), "2024-05-06")


def test_headings_paragraphs_and_lists_come_in_reading_order(extracted: Read) -> None:
    body = """<h1>Manual</h1><p>First
        paragraph<br>and a line.<h2>Steps <a href="#steps">¶</a></h2><ol start="3"><li>Close it<li><p>Open it</p>
        <ul><li>slowly</ul></ol><div>End, <em>at last</em>.</div>"""
    found = extracted(page(body), "page.html")
    assert [(block.kind, block.level, block.text) for block in found.blocks] == [
        ("heading", 1, "Manual"),
        ("text", 0, "First paragraph\nand a line."),
        ("heading", 2, "Steps"),
        ("text", 0, "3. Close it"),
        ("text", 0, "4. Open it"),
        ("text", 0, "• slowly"),
        ("text", 0, "End, at last."),
    ]


def test_a_footnotes_number_is_no_part_of_the_word_before_it(extracted: Read) -> None:
    body = "<p>Pump<sup><a href='#1'>1</a></sup> of 3 m<sup>2</sup>, valve<a href='#2'><sup>2</sup></a></p>"
    assert texts(extracted(page(body), "page.html")) == ["Pump 1 of 3 m2, valve 2"]


def test_a_tables_rows_have_their_columns_names_and_stretched_cells(extracted: Read) -> None:
    body = """<table><caption>Parts</caption><thead><tr><th>Part</th><th colspan="2">Size</th></tr><tr><th></th>
        <th>in</th><th>out</th></tr></thead><tr><td rowspan="2">Impeller</td><td>1</td><td>2</td></tr><tr><td>3</td>
        <td><ul><li>4</li><li>5</li></ul></td></tr></table>"""
    found = extracted(page(body), "page.html")
    assert texts(found) == [
        "Parts",
        "Part: Impeller | Size in: 1 | Size out: 2",
        "Part: Impeller | Size in: 3 | Size out: • 4 • 5",
    ]
    assert [block.kind for block in found.blocks] == ["text", "row", "row"]


def test_tables_that_only_place_things_are_text(extracted: Read) -> None:
    body = """<table><tr><td><h2>Left</h2><p>One.</p></td><td><table><tr><td>Order</td><td>12</td></tr></table>
        </td></tr></table><table role="presentation"><tr><td>a<td>b</table><table><tr><td>alone</table>"""
    found = extracted(page(body), "page.html")
    assert [(block.kind, block.text) for block in found.blocks] == [
        ("heading", "Left"), ("text", "One."), ("row", "Order | 12"), ("text", "a"), ("text", "b"), ("text", "alone"),
    ]  # fmt: skip


def test_a_long_cell_of_a_table_is_never_cut(extracted: Read) -> None:
    long = "word " * 5_000
    found = extracted(page(f"<table><tr><th>A<th>B<tr><td>{long}<td>2</table>"), "page.html")
    assert texts(found) == [f"A: {long.strip()} | B: 2"]


def test_what_stands_around_a_text_scripts_and_what_is_hidden_are_left_out(extracted: Read) -> None:
    body = """<header>Site</header><nav>Menu</nav><div role="navigation">Menu</div><div class="left sidebar">Menu</div>
        <article><header><p>Byline</p>
        </header><p onclick="alert(1)">Text</p><p hidden>Secret</p><p style="color: red; display : none">Secret</p>
        <p aria-hidden="true">Secret</p><script>alert(1)</script><style>p {}</style><noscript>Needs scripts</noscript>
        <template><p>Later</p></template><svg><text>12</text></svg><button>Share</button></article><aside>Ad</aside>
        <footer>Imprint</footer>"""
    assert texts(extracted(page(body), "page.html")) == ["Byline", "Text"]


def test_a_page_that_is_nothing_but_menu_or_hidden_is_read_nevertheless(extracted: Read) -> None:
    found = extracted(page("<nav><p>Only this</p></nav><script>alert(1)</script>"), "page.html")
    assert texts(found) == ["Only this"]


def test_the_main_part_of_a_page_is_its_text(extracted: Read) -> None:
    found = extracted(page("<p>Crumbs</p><main><p>One</p><p>Two</p></main><p>Cookies?</p>"), "page.html")
    assert texts(found) == ["One", "Two"]


def test_a_picture_in_the_page_is_a_figure_with_its_caption_and_words(extracted: Read) -> None:
    body = f"""<p>Before.</p><figure><img src="{address_of(picture())}" alt="A red thing"><figcaption>Figure 1:
        the thing</figcaption></figure><p>Behind.</p><img src="{address_of(picture(side=10))}" alt="bullet">"""
    found = extracted(page(body), "page.html")
    [figure] = found.figures
    assert (figure.caption, figure.after) == ("Figure 1: the thing — A red thing", 1)
    assert figure.near.startswith("Before.")
    assert texts(found) == ["Before.", "Figure 1: the thing", "Behind."]


def test_pictures_beside_the_page_are_named_and_remote_ones_noted(extracted: Read) -> None:
    body = """<p>See</p><img src="page_files/a%20b.jpg?1" alt="A pump"><img src="../up.png"><img src="/root.png">
        <img src="https://example.org/x.png" alt="Far"><img src="//example.org/y.png"><img src="file:///etc/passwd">
        <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="late.png">
        <img src="https://t.example/1.gif" width=1>"""
    found = extracted(page(body), "page.html")
    assert [figure.source for figure in found.figures] == [
        "page_files/a b.jpg",
        "../up.png",
        "/root.png",
        "late.png",
    ]
    assert {figure.file for figure in found.figures} == {""}
    assert texts(found) == ["See", "Far"]
    assert found.notes == ("Left out: 3 × picture on the web, which is never fetched.",)


@pytest.mark.parametrize("said", ["iso-8859-1", "utf-8", "no-such-thing", "punycode", "zip", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_page_that_lies_about_its_encoding_is_read(extracted: Read, said: str, encoding: str) -> None:
    text = "Die Ölpumpe läuft über; Größe 12 für die Düse wählen. Prüfen, schließen, öffnen."
    data = f'<html><head><meta charset="{said}"></head><p>{text}</p>'.encode(encoding)
    assert texts(extracted(data, "page.html")) == [text]


def test_a_page_in_an_encoding_that_only_it_knows_is_read_in_it(extracted: Read) -> None:
    text = "ポンプの羽根車を交換する"
    for encoding in ("shift_jis", "euc-jp", "iso-2022-jp"):
        head = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={encoding}"></head>'
        assert texts(extracted(head.encode() + text.encode(encoding), "page.html")) == [text]


@pytest.mark.parametrize(
    "tag", ["div", "b", "ul><li", "table><tr><td", "figure", "h1", "span style='display:none'"]
)
def test_elements_inside_elements_without_end_are_read_or_refused(extracted: Read, tag: str) -> None:
    found = extracted(f"<html><p>Text</p>{f'<{tag}>' * 900}deep".encode(), "page.html")
    assert "Text" in texts(found)
    with pytest.raises(FileError) as refused:
        extracted(f"<html><p>Text</p>{f'<{tag}>' * 100_000}deep".encode(), "page.html")
    assert refused.value.message == "The elements of the file are nested more than 10000 deep."


HOSTILE = {
    "attributes": "<a " + " ".join(f"a{index}=1" for index in range(100_000)) + ">x</a>",
    "comments": "<p>x</p>" + "<!--" * 200_000,
    "ends": "<p>x</p>" + "</b>" * 300_000,
    "stray ends": "<p>x</p>" + "<b>" * 5_000 + "</i>" * 50_000,
    "ampersands": "x" + "&" * 1_000_000,
    "less than": "x" + "< " * 100_000,
    "wide cells": "<p>x</p>"
    + "<table><tr>"
    + "<td colspan=99999 rowspan=99999>a<td>b" * 3
    + "<tr><td>c" * 5_000,
    "rows": "<p>x</p>" + "<table>" + "<tr><td rowspan=65000><td>" * 5_000,
    "data": f"<p>x</p><img src='data:image/png;base64,{'A' * 20_000_000}'>",
    "spaces": "x" + " " * 5_000_000 + "y",
    "list": "<p>x</p><ol start=99999999999999999999>" + "<li value=-5>" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_are_read(extracted: Read, name: str) -> None:
    assert extracted(f"<html>{HOSTILE[name]}".encode(), "page.html").blocks[0].text[0] == "x"


def test_names_of_columns_that_would_fill_memory_stand_once(extracted: Read) -> None:
    body = f"<table><tr><th colspan=1000>{'n' * 100_000}<th>b<tr>{'<td>c' * 1000}</table>"
    found = extracted(page(body), "page.html")
    assert sum(len(block.text) for block in found.blocks) < 200_000


def test_entities_of_a_page_are_not_expanded_and_no_file_is_read(extracted: Read) -> None:
    data = b"""<?xml version="1.0"?><!DOCTYPE html [<!ENTITY file SYSTEM "file:///etc/hostname"><!ENTITY a "aaaaaaaaaa">
        <!ENTITY b "&a;&a;&a;&a;">]><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>
        <body><p>Text &file; &b; <a id="x"/>&amp; more</p></body></html>"""
    found = extracted(data, "page.xhtml")
    said = " ".join(texts(found))
    assert "Text &file; &b; & more" in said
    assert "aaaa" not in said


def test_more_text_than_is_read_is_refused(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(page("<p>" + "word " * 4_100_000), "page.html")
    assert refused.value.id == "file.too_much"
