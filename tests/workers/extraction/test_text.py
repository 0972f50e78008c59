"""Plain text in any encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

GERMAN = "Die Ölpumpe läuft über.\r\n\r\nDichtung prüfen, Schraube lösen; Größe 12 für die Düse wählen.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-32"])
def test_a_text_is_read_in_the_encoding_that_it_has(extracted: Read, encoding: str) -> None:
    found = extracted(GERMAN.encode(encoding), "note.txt")
    assert [block.text for block in found.blocks] == [
        "Die Ölpumpe läuft über.",
        "Dichtung prüfen, Schraube lösen; Größe 12 für die Düse wählen.",
    ]


def test_an_empty_file_is_said_to_be_empty(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(b"", "note.txt")
    assert refused.value.id == "file.empty"


def test_what_is_no_document_is_said_to_be_none_whatever_its_name(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(b"\x7fELF\0\0\0\1", "manual.pdf")
    assert refused.value.id == "file.unknown_format"


def test_a_text_that_speaks_of_another_format_is_a_text(extracted: Read) -> None:
    assert extracted(b"A PDF begins with %PDF-1.7.", "note.txt").blocks


def test_a_few_damaged_characters_do_not_change_the_encoding(extracted: Read) -> None:
    text = "Насос и рабочее колесо проверяют каждый год. " * 4
    data = text.encode().replace("год".encode(), "год".encode()[:-1], 1)
    assert extracted(data, "note.txt").blocks[0].text.startswith("Насос и рабочее колесо проверяют каждый го")
