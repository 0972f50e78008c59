"""Pretrained sentence encoders against transformers' own BERT and tokeniser, with small random weights."""

import json
import zipfile

import pytest
import torch
from transformers import BertTokenizerFast

from tests.support.sentence_models import publish_sentence_model
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.pieces import piece_tokenizer, vocabulary_in
from workers.neural.texts.sentence import SentenceConfig
from workers.neural.tokens import SPECIAL_TOKENS
from workers.training.batches import padded
from workers.training.sentence_model import SentenceModel

PIECES = [
    "[PAD]",
    "[unused0]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "dog",
    "run",
    "##s",
    "##ning",
    "creme",
    ".",
    "-",
    "kx",
    "##2",
]
TEXTS = ["A dog runs.", "Crème running-dogs KX2 zzz", "dog"]
SHAPE = SentenceConfig(layers=2, width=16, heads=4, inner=24, positions=32)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder as transformers writes it."""
    folder = tmp_path_factory.mktemp("sentence")
    return folder, publish_sentence_model(folder, PIECES)


def filled(folder, shape=SHAPE):
    source = SentenceModel(folder)
    encoder = shape.build(len(source.vocabulary), 8).eval()
    source.fill(encoder.pretrained, shape)
    return encoder, piece_tokenizer(source.vocabulary)


def test_texts_get_the_vectors_that_transformers_gives_them(published):
    folder, theirs = published
    encoder, tokenizer = filled(folder)
    their_tokenizer = BertTokenizerFast.from_pretrained(folder)
    with torch.inference_mode():
        ours = encoder.pretrained(*padded([tokenizer.encode(text).ids for text in TEXTS]))
        for text, vector in zip(TEXTS, ours, strict=True):
            states = theirs(**their_tokenizer(text, return_tensors="pt")).last_hidden_state
            torch.testing.assert_close(vector, states[0].mean(0), rtol=1e-4, atol=1e-5)


def test_a_zip_is_as_good_as_its_folder(published, tmp_path):
    folder, _ = published
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            archive.write(folder / name, name)
    zipped, _ = filled(tmp_path / "model.zip")
    for name, value in filled(folder)[0].pretrained.state_dict().items():
        assert torch.equal(zipped.pretrained.state_dict()[name], value)


def test_the_vocabulary_begins_with_our_special_tokens_and_survives_its_file(published):
    vocabulary = SentenceModel(published[0]).vocabulary
    assert tuple(vocabulary[:4]) == SPECIAL_TOKENS
    assert sorted(vocabulary[4:]) == sorted(set(PIECES) - {"[PAD]", "[UNK]", "[CLS]", "[SEP]"})
    assert vocabulary_in(piece_tokenizer(vocabulary).to_str()) == vocabulary


def test_another_shape_is_refused_with_the_right_one(published):
    with pytest.raises(WeightsError, match="layers=2"):
        filled(published[0], SentenceConfig(layers=3, width=16, heads=4, inner=24, positions=32))


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("config.json", {"model_type": "roberta"}, "no BERT"),
        ("tokenizer.json", {"normalizer": {"type": "BertNormalizer", "lowercase": False}}, "uncased"),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": {}}}, "WordPiece"),
    ],
)
def test_models_of_another_kind_are_refused_with_a_sentence(published, tmp_path, name, change, problem):
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / file).write_bytes((published[0] / file).read_bytes())
    (tmp_path / name).write_text(json.dumps(json.loads((tmp_path / name).read_text()) | change))
    with pytest.raises(WeightsError, match=problem):
        filled(tmp_path)


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK")
    for path in (tmp_path, tmp_path / "x.zip", tmp_path / "nothing"):
        with pytest.raises(WeightsError, match="no sentence model"):
            SentenceModel(path)


def test_remembered_sentences_are_computed_once_and_are_the_same(published, monkeypatch):
    encoder, tokenizer = filled(published[0])
    tokens, lengths = padded([tokenizer.encode(text).ids for text in TEXTS])
    fresh = encoder(tokens, lengths)
    encoder.remember(on=True)
    torch.testing.assert_close(encoder(tokens, lengths), fresh)
    monkeypatch.setattr(encoder.pretrained, "forward", None)  # nothing is left to compute
    torch.testing.assert_close(encoder(tokens[[2, 0]], lengths[[2, 0]]), fresh[[2, 0]])


def test_a_part_that_is_trained_is_never_remembered(published):
    encoder, tokenizer = filled(published[0])
    encoder.pretrained.layers[-1].requires_grad_()
    encoder.remember(on=True)
    encoder(*padded([tokenizer.encode(text).ids for text in TEXTS])).sum().backward()
    assert encoder.pretrained.layers[-1].query.weight.grad.abs().sum() > 0
    assert encoder.pretrained.layers[0].query.weight.grad is None


@pytest.mark.parametrize("wrong", [{"layers": 10**9}, {"width": 0}, {"heads": 5}, {"positions": 10**6}])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ModelConfigError):
        SentenceConfig(**{"width": 16, "heads": 4, **wrong}).build(20, 8)
