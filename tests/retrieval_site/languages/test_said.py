"""Sentences that were stored in English, as a page shows them."""

from __future__ import annotations

import pytest
from django.utils import translation

from retrieval_site.errors import AppError
from retrieval_site.languages.said import in_readers_language, stage_in_readers_language

LARGE = AppError("image.too_large", limit_bytes=26_214_400)
LONG = AppError("text.too_long", limit=2000)


@pytest.mark.parametrize(
    ("error_id", "sentence", "german"),
    [
        (LARGE.id, LARGE.message, "Das Bild hat mehr als 25 MiB."),
        (LONG.id, LONG.message, "Der Text hat mehr als 2.000 Zeichen."),
        ("file.damaged", "The file is damaged: it is empty.", "Die Datei ist beschädigt: sie ist leer."),
        ("file.damaged", "Words of another library.", "Words of another library."),
        ("of.an_older_version", "Not said any more.", "Not said any more."),
        (
            "text.unknown_words",
            "The model does not know “x”; it searched for the rest.",
            "Das Modell kennt “x” nicht; gesucht wurde mit dem Rest.",
        ),
    ],
)
def test_a_stored_sentence_is_translated_with_its_facts(error_id, sentence, german) -> None:
    assert in_readers_language(error_id, sentence) == sentence
    with translation.override("de"):
        assert in_readers_language(error_id, sentence) == german


def test_a_stage_is_translated_with_what_it_is_about() -> None:
    with translation.override("de"):
        assert stage_in_readers_language("split long texts") == "lange Texte zerlegen"
        assert stage_in_readers_language("encode passages for tiny@1") == "Passagen für tiny@1 codieren"
        assert stage_in_readers_language("") == ""
