"""Bundles with a `tokenizer.json`: probed by the names of their graphs' inputs, and served."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.support.tiny_bundle import (
    VOCABULARY,
    graph_of,
    make_tiny_bundle,
    serialise,
    tiny_graphs,
    tiny_manifest,
    unit_length,
)  # fmt: skip
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.encoder import load_encoder

DIM, LONGEST = 32, 12


def tokenizer_bytes(words: tuple[str, ...] = VOCABULARY) -> bytes:
    """Whole words by white space, lower case as they are."""
    made = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made.to_str().encode()


def masked_graph(kind: int, length: int | str, *, masked: bool):
    """input_ids (and attention_mask) → the mean of the words' vectors; of padding's too where not masked."""
    words = np.random.default_rng(1).standard_normal((len(VOCABULARY), DIM))
    nodes = [helper.make_node("Gather", ["words", "input_ids"], ["vectors"])]
    names = ["input_ids"]
    if masked:
        names = ["attention_mask", "input_ids"]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["weights", "axis2"], ["mask"]),
            helper.make_node("Mul", ["vectors", "mask"], ["kept"]),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["kept" if masked else "vectors", "axis1"], ["raw"], keepdims=0),
        *unit_length("raw"),
    ]
    inputs = [helper.make_tensor_value_info(name, kind, ["batch", length]) for name in names]
    constants = {"words": words, "axis1": np.array([1], np.int64), "axis2": np.array([2], np.int64)}
    return graph_of(nodes, inputs, DIM, constants)


def bundle(path, graph, feed, vocabulary=VOCABULARY):
    manifest = tiny_manifest(dim=DIM)
    manifest["text"] = {
        "tokenizer": "tokenizers", "vocabulary": "tokenizer.json", "max_tokens": LONGEST, "feed": feed,
    }  # fmt: skip
    files = {"image.onnx": serialise(tiny_graphs(DIM, 0)[0]), "text.onnx": serialise(graph)}
    bundle_write(path, manifest, files | {"tokenizer.json": tokenizer_bytes(vocabulary)})
    return path


MASKED = {"inputs": ["input_ids", "attention_mask"], "pad": 0}
FIXED = {"inputs": ["input_ids"], "padding": "fixed", "integers": "int32", "pad": 2, "lowercase": True}


@pytest.fixture
def served(tmp_path):
    def load(path):
        bundle_extract(path, tmp_path / "served")
        return load_encoder(tmp_path / "served", device="cpu")

    return load


def test_a_mask_keeps_padding_out(tmp_path, carry_out, served):
    path = bundle(tmp_path / "b.zip", masked_graph(TensorProto.INT64, "length", masked=True), MASKED)
    assert carry_out(path)["probes"]["text"]["batch_agreement"] > 0.9999
    encoder = served(path)
    together = encoder.encode_texts(["red pump", "a red pump of the ground"])
    np.testing.assert_allclose(encoder.encode_texts(["red pump"])[0], together[0], atol=1e-5)


def test_without_a_mask_padding_to_the_longest_changes_vectors_and_is_refused(tmp_path, refusal):
    graph = masked_graph(TensorProto.INT64, "length", masked=False)
    path = bundle(tmp_path / "b.zip", graph, {"inputs": ["input_ids"], "pad": 2})
    assert refusal(path).id == "bundle.batch_changes_result"


@pytest.mark.parametrize("length", ["length", LONGEST])
def test_a_fixed_length_is_fed_as_the_model_was_trained(length, tmp_path, carry_out, served):
    path = bundle(tmp_path / "b.zip", masked_graph(TensorProto.INT32, length, masked=False), FIXED)
    assert carry_out(path)["probes"]["text"]["batch_agreement"] > 0.9999
    words = np.random.default_rng(1).standard_normal((len(VOCABULARY), DIM))
    ids = [VOCABULARY.index("red"), VOCABULARY.index("pump"), *[2] * (LONGEST - 2)]
    wanted = words[ids].sum(0) / np.linalg.norm(words[ids].sum(0))
    np.testing.assert_allclose(served(path).encode_texts(["RED pump"])[0], wanted, atol=1e-5)


def test_other_inputs_than_the_feed_names_are_refused(tmp_path, refusal):
    graph = masked_graph(TensorProto.INT64, "length", masked=True)
    assert refusal(bundle(tmp_path / "a.zip", graph, FIXED)).id == "bundle.graph_interface"
    assert (
        refusal(bundle(tmp_path / "b.zip", graph, MASKED | {"integers": "int32"})).id
        == "bundle.graph_interface"
    )


def test_more_tokens_than_the_graph_knows_are_refused(tmp_path, refusal):
    graph = masked_graph(TensorProto.INT64, "length", masked=True)
    path = bundle(tmp_path / "b.zip", graph, MASKED, (*VOCABULARY, *(f"more{at}" for at in range(3))))
    assert refusal(path).id == "bundle.vocabulary_too_large"


def test_bundles_of_the_other_tokenizers_are_as_they_were(tmp_path, carry_out):
    assert carry_out(make_tiny_bundle(tmp_path / "tiny.zip"))["probes"]["text"]["precision"] == "f32"
