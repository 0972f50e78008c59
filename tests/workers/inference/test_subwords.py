"""`tokenizer.json` files: what is read, against the library that others use them with, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.support.published_tokenizers import gemma_bpe, siglip2_reference
from workers.inference.errors import BundleError, TextError
from workers.inference.manifest import TextSpec
from workers.inference.subwords import TEXT_MAX, SubwordTokenizer
from workers.inference.text_feed import TextFeed
from workers.inference.texts import TextReader, graph_inputs, pad_ids
from workers.inference.words import UnknownWords

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "pump", "##s", "the", "of", ",", "泵"]
TEXTS = ["A red  pump", "the pumps, of a", "Zylinder of the PUMP", "泵红", "a " * 50]
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def bert() -> Tokenizer:
    """As BERT's, and MiniLM's, with words as pieces."""
    made = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return made


def clip() -> Tokenizer:
    """As CLIP's, of byte pairs."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {
        piece: at for at, piece in enumerate([*letters, *(f"{one}</w>" for one in letters), "re", "red</w>"])
    }
    vocab |= {"<|startoftext|>": len(vocab), "<|endoftext|>": len(vocab) + 1}
    merges = [("r", "e"), ("re", "d</w>")]
    made = Tokenizer(models.BPE(vocab, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    start, end = [(token, vocab[token]) for token in ("<|startoftext|>", "<|endoftext|>")]
    made.post_processor = processors.RobertaProcessing(end, start, add_prefix_space=False, trim_offsets=False)
    return made


def siglip() -> Tokenizer:
    """As T5's and SigLIP's, of pieces with scores, an end but no start."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0), ("▁a", -2.0), ("▁red", -2.5), ("▁pump", -3.0),
              ("s", -2.0), ("p", -4.0), ("u", -4.0), ("m", -4.0), ("▁the", -2.0), ("▁of", -2.0)]  # fmt: skip
    made = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
         normalizers.Replace(Regex(" {2,}"), " "),
         normalizers.Strip()]
    )  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return made


FAMILIES = {"bert": bert, "clip": clip, "siglip": siglip}


def written(tokenizer: Tokenizer) -> bytes:
    """A tokenizer's file."""
    return tokenizer.to_str().encode()


def reader_of(data: bytes, folder, feed: TextFeed, longest: int = 16) -> TextReader:
    """A reader of the file in a folder."""
    (folder / "tokenizer.json").write_bytes(data)
    return TextReader(TextSpec("tokenizers", "tokenizer.json", longest, feed), folder)


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_are_those_of_transformers(family):
    transformers = pytest.importorskip("transformers")
    published = transformers.PreTrainedTokenizerFast(tokenizer_object=FAMILIES[family]())
    read = SubwordTokenizer(written(FAMILIES[family]()), 12)
    for text in TEXTS:
        wanted = published(text, truncation=True, max_length=12)["input_ids"]
        assert read.encode(text)[0] == wanted, text


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_are_those_of_the_library_and_never_too_many(family):
    plain, read = FAMILIES[family](), SubwordTokenizer(written(FAMILIES[family]()), 12)
    for text in TEXTS:
        ids = plain.encode(text).ids
        assert read.encode(text)[0] == (ids if len(ids) <= 12 else [*ids[:11], ids[-1]])
    assert len(read.encode("a red pump " * TEXT_MAX)[0]) == 12
    assert len(read.vocabulary) == read.size == plain.get_vocab_size()


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_that_the_file_names_is_not_used(family):
    tokenizer = FAMILIES[family]()
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(3)
    assert SubwordTokenizer(written(tokenizer), 12).encode("a red pump") == SubwordTokenizer(
        written(FAMILIES[family]()), 12
    ).encode("a red pump")


def test_texts_are_padded_to_the_longest_or_to_a_fixed_length(tmp_path):
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    reader = reader_of(written(bert()), tmp_path, TextFeed(inputs, "int64", "longest", 0))
    rows = [reader.encode("a red pump"), reader.encode("pump")]
    fed = graph_inputs(*pad_ids(rows, reader.spec), reader.spec)
    assert {name: values.tolist() for name, values in fed.items()} == {
        "input_ids": [[2, 4, 5, 6, 3], [2, 6, 3, 0, 0]],
        "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]],
        "token_type_ids": [[0] * 5] * 2,
    }
    fixed = reader_of(
        written(siglip()), tmp_path, TextFeed(("text",), "int32", "fixed", 1, lowercase=True), 8
    )
    ids = graph_inputs(*pad_ids([fixed.encode("A RED!")], fixed.spec), fixed.spec)["text"]
    assert ids.tolist() == [[4, 5, 1, 1, 1, 1, 1, 1]]
    assert ids.dtype == np.int32


def test_a_text_without_words_is_refused_and_unknown_words_are_told(tmp_path):
    reader = reader_of(written(bert()), tmp_path, TextFeed())
    with pytest.raises(TextError):
        reader.encode(" \n ")
    assert reader.unknown_words("the Zylinder, of 泵红") == UnknownWords(
        ("Zylinder", "红"), nothing_known=False
    )
    assert reader.unknown_words("the Zylinder") == UnknownWords(("Zylinder",), nothing_known=True)
    assert reader.unknown_words("the of") == UnknownWords((), nothing_known=True)
    assert reader.unknown_words("a red pump") == UnknownWords()


def test_marks_written_out_in_a_text_are_words_like_others():
    read = SubwordTokenizer(written(clip()), 77)
    ids, own = read.encode("red <|endoftext|> red")
    assert read.vocabulary[ids[-1]] == "<|endoftext|>"
    assert ids.count(ids[-1]) == 1
    assert own == len(ids) - 2


def changed(tokenizer: Tokenizer, *path: str | int, value) -> bytes:
    """The file with another value at a path."""
    top = json.loads(tokenizer.to_str())
    place = top
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(top).encode()


def regex(pattern: str) -> dict:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": ""}


HOSTILE = {
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b'{"model":' * 40,
    "a key twice": b'{"version": "1.0", "version": "1.0"}',
    "an unknown key": changed(bert(), "extra", value=1),
    "no model": b"{}",
    "an unknown model": changed(bert(), "model", "type", value="WordLevel"),
    "a step of another kind": changed(bert(), "normalizer", value={"type": "Python"}),
    "a sequence of itself": changed(
        bert(), "normalizer", value={"type": "Sequence", "normalizers": [{"type": "NFC"}] * 40}
    ),
    "nested repetition": changed(bert(), "normalizer", value=regex(r"(a+)+b")),
    "two repetitions": changed(bert(), "normalizer", value=regex(r"\s*a*b")),
    "a reference back": changed(bert(), "normalizer", value=regex(r"(a)\1")),
    "many choices": changed(bert(), "normalizer", value=regex("(?:a|a)" * 20)),
    "many options": changed(bert(), "normalizer", value=regex("a?" * 20 + "a" * 20)),
    "long repetition": changed(bert(), "normalizer", value=regex("a{1,999}")),
    "a call of itself": changed(bert(), "normalizer", value=regex(r"\g<0>")),
    "looking behind": changed(bert(), "normalizer", value=regex(r"(?<=a+)b")),
    "an open bracket": changed(bert(), "normalizer", value=regex(r"(a")),
    "a pattern in the decoder": changed(bert(), "decoder", value=regex(r"(a+)+b")),
    "texts that grow": changed(
        bert(),
        "normalizer",
        value={"type": "Sequence", "normalizers": [regex("a") | {"content": "a" * 9}] * 2},
    ),
    "long words": changed(bert(), "model", "max_input_chars_per_word", value=100_000),
    "an id beyond all": changed(bert(), "model", "vocab", "a", value=1 << 40),
    "an id below zero": changed(bert(), "model", "vocab", "a", value=-1),
    "an id twice": changed(bert(), "model", "vocab", "a", value=5),
    "a long token": changed(bert(), "model", "vocab", "a" * 1000, value=12),
    "a template of many texts": changed(
        bert(), "post_processor", "single", value=[{"Sequence": {"id": "A", "type_id": 0}}] * 9
    ),
    "a template without the text": changed(
        bert(), "post_processor", "single", value=[{"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    ),
    "a mark of many ids": changed(bert(), "post_processor", "special_tokens", "[CLS]", "ids", value=[1] * 99),
    "a mark beyond all": changed(bert(), "post_processor", "special_tokens", "[CLS]", "ids", value=[1 << 30]),
    "merges at random": changed(clip(), "model", "dropout", value=0.5),
    "a merge of nothing": changed(clip(), "model", "merges", value=[["zz", "yy"]]),
    "a score that is none": changed(siglip(), "model", "vocab", 3, value=["a", "b"]),
    "an unknown id beyond": changed(siglip(), "model", "unk_id", value=99),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name, tmp_path):
    with pytest.raises(BundleError) as caught:
        reader_of(HOSTILE[name], tmp_path, TextFeed())
    assert caught.value.id == "bundle.vocabulary_invalid"


LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@pytest.mark.parametrize(
    "pattern",
    [
        CLIP_WORDS,
        r"\s+",
        " {2,}",
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        LLAMA,
    ],
)
def test_patterns_of_well_known_models_are_read(pattern, tmp_path):
    reader_of(changed(bert(), "normalizer", value=regex(pattern)), tmp_path, TextFeed())


def test_a_padding_id_that_the_vocabulary_lacks_is_refused(tmp_path):
    with pytest.raises(BundleError, match="pads"):
        reader_of(written(bert()), tmp_path, TextFeed(pad=12))


def test_marks_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match="room"):
        SubwordTokenizer(written(bert()), 2)


@pytest.mark.parametrize(
    "text", ["two men are near", "A RED Dog", "CAFÉ à l'École", "İstanbul, ΟΔΟΣ ΟΔΟΣ.", "泵 RED  ẞ", "ǅ Ω\tİ"]
)
def test_lowered_texts_have_the_ids_of_siglip_2s_tokeniser(text):
    """Its tokenizer.json is Gemma's, which knows every byte; transformers lowers texts before it."""
    ours = SubwordTokenizer(written(gemma_bpe()), 64, lowercase=True)
    assert ours.encode(text)[0] == siglip2_reference().encode(text).ids
    assert ours.unknown_places(text) == []
