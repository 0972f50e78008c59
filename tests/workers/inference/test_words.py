"""Which words of a text a model does not know."""

from __future__ import annotations

import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.manifest import TextSpec
from workers.inference.texts import TextReader
from workers.inference.words import UnknownWords, as_written, holds_words


@pytest.fixture
def reader(tmp_path) -> TextReader:
    bundle_extract(make_tiny_bundle(tmp_path / "tiny.zip"), tmp_path / "tiny")
    return TextReader(read_manifest(tmp_path / "tiny").text, tmp_path / "tiny")


@pytest.mark.parametrize(
    ("text", "words", "nothing_known"),
    [
        ("a red pump", (), False),
        ("a red Zylinder", ("Zylinder",), False),
        ("Zylinder, zylinder & KOLBEN!", ("Zylinder", "KOLBEN"), True),
        ("the Zylinder of the pump", ("Zylinder",), False),
        ("the Zylinder", ("Zylinder",), True),
        ("a red pump?! … “(red)”", (), False),
        ("the red pump's valve isn't", (), False),
        ("насос", ("насос",), True),
        ("红色的泵 red", ("红色的泵",), False),
        ("İstanbul", ("i̇stanbul",), True),
        ("M8 12.5", ("M8", "12.5"), True),
        ("the of", (), True),
        ("🔧 🙂", (), True),
        ("→", (), True),
        ("a red 🔧", (), False),
    ],
)
def test_unknown_words_are_told_as_they_are_written(
    reader: TextReader, text: str, words: tuple[str, ...], nothing_known: bool
) -> None:
    found = reader.unknown_words(text)
    assert found == UnknownWords(words, nothing_known)


def test_only_words_that_the_model_reads_count(reader: TextReader) -> None:
    assert reader.unknown_words("red " * 40 + "Zylinder").words == ()


def test_byte_pairs_know_every_word(tmp_path) -> None:
    (tmp_path / "merges.txt").write_text("r e\nre d</w>\n")
    spec = TextSpec(tokenizer="clip-bpe", vocabulary="merges.txt", max_tokens=77)
    reader = TextReader(spec, tmp_path)
    assert reader.unknown_words("Zylinderkopf 红色") == UnknownWords()
    assert reader.unknown_words("🔧") == UnknownWords()
    assert reader.unknown_words("The of, and") == UnknownWords(nothing_known=True)


def test_words_that_a_text_does_not_hold_are_not_repeated() -> None:
    assert as_written(["pump", "click here", "pump"], "A Pump") == ("Pump",)


@pytest.mark.parametrize("text", ["?!.", "...", " - – — ", "“”", "\u200b", "+++", "\u0301"])
def test_punctuation_is_no_word(text: str) -> None:
    assert not holds_words(text)


@pytest.mark.parametrize("text", ["a", "7", "红", "насос", "🔧", "½", "?a!", "€"])
def test_letters_digits_and_signs_are_words(text: str) -> None:
    assert holds_words(text)
