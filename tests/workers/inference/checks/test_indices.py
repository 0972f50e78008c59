"""Indices and sizes that no picture or text can take out of range pass; all others are refused."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.support.tiny_bundle import VOCABULARY, graph_of, serialise, tiny_graphs, unit_length
from tests.workers.inference import hostile

DIM = 32
WORDS = len(VOCABULARY)
INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT
N = helper.make_node


def numbers(*values):
    return np.array(values, np.int64)


def table(rows=32):
    return np.random.default_rng(0).standard_normal((rows, DIM))


def of_picture(nodes, constants=None):
    """A graph in which `at` (batch, 1) is a whole number that the picture determines; its result is `raw`."""
    start = [
        N("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        N("Mul", ["mean", "scale"], ["scaled"]),
        N("Cast", ["scaled"], ["at"], to=INT),
        N("MatMul", ["flat", "weights"], ["own"]),
    ]
    stored = {"scale": np.array(20.0), "weights": hostile.weights(), "table": table()}
    return hostile.pooled([*start, *nodes], stored | (constants or {}))


def read(index):
    """Nodes that add the table's row at `index` (batch, 1) to the picture's own."""
    return [
        N("GatherND", ["table", index], ["read"]),
        N("Add", ["own", "read"], ["raw"]),
    ]


REFUSED_IMAGES = {
    "GatherND": (read("at"), {}),
    "Gather": (
        [
            N("Gather", ["table", "at"], ["r"]),
            N("Squeeze", ["r", "one"], ["read"]),
            N("Add", ["own", "read"], ["raw"]),
        ],
        {"one": numbers(1)},
    ),
    "an index that is too large by one": (
        [N("Clip", ["at", "zero", "most"], ["kept"]), *read("kept")],
        {"zero": numbers(0)[0], "most": numbers(32)[0]},
    ),
    "an index that is only bounded from above": (
        [N("Min", ["at", "most"], ["kept"]), *read("kept")],
        {"most": numbers(31)},
    ),
    "an index that wraps around in 32 bits": (
        [
            N("Clip", ["at", "zero", "most"], ["kept"]),
            N("Mul", ["kept", "huge"], ["wrapped"]),
            N("Div", ["wrapped", "huge"], ["back"]),
            *read("back"),
        ],
        {"zero": numbers(0)[0], "most": numbers(31)[0], "huge": numbers(1 << 30)},
    ),
    "the remainder of what may be any number": (
        [N("Mod", ["at", "rows"], ["kept"]), *read("kept")],
        {"rows": numbers(32)},
    ),
    "an index that was a fraction": (
        [N("Clip", ["scaled", "low", "high"], ["kept"]), N("Cast", ["kept"], ["k"], to=INT), *read("k")],
        {"low": np.array(0.0), "high": np.array(31.0)},
    ),
    "ScatterElements": (
        [N("Expand", ["at", "width"], ["wide"]), N("ScatterElements", ["own", "wide", "own"], ["raw"])],
        {"width": numbers(1, DIM)},
    ),
    "a constant index beyond the table": (read("far"), {"far": numbers(40)[:, None]}),
    "a constant index beyond a batch": ([N("Gather", ["own", "far"], ["raw"])], {"far": numbers(1)}),
}
REFUSED_SIZES = {
    "Expand": [
        N("Expand", ["own", "size"], ["wide"]),
        N("ReduceMax", ["wide"], ["raw"], axes=[0], keepdims=0),
    ],
    "ConstantOfShape": [N("ConstantOfShape", ["size"], ["zeros"]), N("Add", ["own", "zeros"], ["raw"])],
    "Tile": [N("Tile", ["own", "size"], ["wide"]), N("Identity", ["wide"], ["raw"])],
    "Pad": [N("Concat", ["size", "size"], ["pads"], axis=0), N("Pad", ["own", "pads"], ["raw"])],
    "Range": [
        N("Squeeze", ["size"], ["s"]),
        N("Range", ["z", "s", "o"], ["r"]),
        N("Identity", ["own"], ["raw"]),
    ],
    "a step of Range": [
        N("Squeeze", ["size"], ["s"]),
        N("Range", ["z", "o", "s"], ["r"]),
        N("Identity", ["own"], ["raw"]),
    ],
    "TopK": [N("TopK", ["own", "size"], ["raw", "places"], axis=1)],
}


def image_error(refusal, tmp_path, graph):
    return refusal(hostile.bundle_with(tmp_path / "b.zip", image=graph))


@pytest.mark.parametrize("name", REFUSED_IMAGES)
def test_an_index_that_a_picture_can_take_out_of_range_is_refused(tmp_path, refusal, name):
    error = image_error(refusal, tmp_path, of_picture(*REFUSED_IMAGES[name]))
    assert error.id == "bundle.index_not_bounded"
    assert error.detail["operator"] in error.message


@pytest.mark.parametrize("name", REFUSED_SIZES)
def test_a_size_that_a_picture_determines_is_refused(tmp_path, refusal, name):
    start = [
        N("ReduceMax", ["at"], ["most"], axes=[0, 1], keepdims=0),
        N("Reshape", ["most", "one"], ["size"]),
    ]
    stored = {"one": numbers(1), "z": numbers(0)[0], "o": numbers(1)[0]}
    assert (
        image_error(refusal, tmp_path, of_picture([*start, *REFUSED_SIZES[name]], stored)).id
        == "bundle.size_not_bounded"
    )


def test_a_part_of_less_than_nothing_is_refused(tmp_path, refusal):
    nodes = [N("Split", ["own", "parts"], ["a", "raw"], axis=1)]
    error = image_error(refusal, tmp_path, of_picture(nodes, {"parts": numbers(-1, DIM + 1)}))
    assert error.id == "bundle.size_not_bounded"


ALLOWED_IMAGES = {
    "clipped": (
        [N("Clip", ["at", "zero", "most"], ["kept"]), *read("kept")],
        {"zero": numbers(0)[0], "most": numbers(31)[0]},
    ),
    "a remainder": (
        [N("Clip", ["at", "zero", "most"], ["k"]), N("Mod", ["k", "rows"], ["kept"]), *read("kept")],
        {"zero": numbers(0)[0], "most": numbers(5000)[0], "rows": numbers(32)},
    ),
    "the place of a maximum": ([N("ArgMax", ["own"], ["kept"], axis=1, keepdims=1), *read("kept")], {}),
    "the best of several": (
        [N("TopK", ["own", "one"], ["v", "kept"], axis=1), *read("kept")],
        {"one": numbers(1)},
    ),
    "from the end": (
        [N("Clip", ["at", "low", "high"], ["kept"]), *read("kept")],
        {"low": numbers(-32)[0], "high": numbers(-1)[0]},
    ),
}


@pytest.mark.parametrize("name", ALLOWED_IMAGES)
def test_an_index_that_is_in_range_for_every_picture_passes(tmp_path, carry_out, name):
    path = hostile.bundle_with(tmp_path / "b.zip", image=of_picture(*ALLOWED_IMAGES[name]))
    assert carry_out(path)["probes"]["image"]["batch_agreement"] > 0.999


def of_text(nodes, constants, rows=WORDS):
    """A text graph whose nodes turn `vectors` (batch, length, dim), 0 behind a text's end, into `raw` (batch, dim)."""
    stored = {
        "words": np.concatenate([np.zeros((1, DIM)), table(rows - 1)]),
        "axis1": numbers(1),
        "one": numbers(1),
        "minus": numbers(-1),
    }
    start = [N("Gather", ["words", "tokens"], ["vectors"])]
    tokens = helper.make_tensor_value_info("tokens", INT, ["batch", "length"])
    lengths = helper.make_tensor_value_info("lengths", INT, ["batch"])
    return serialise(
        graph_of([*start, *nodes, *unit_length("raw")], [tokens, lengths], DIM, stored | constants)
    )


def state_at(place, more=()):
    """Nodes that add the state of a text at a place (batch) to the sum of all."""
    return [
        N("Shape", ["tokens"], ["b"], start=0, end=1), N("Squeeze", ["b"], ["bs"]),
        N("Range", ["zero", "bs", "step"], ["rows"]), N("Unsqueeze", ["rows", "minus"], ["r"]),
        *more, N("Unsqueeze", [place, "minus"], ["p"]), N("Concat", ["r", "p"], ["places"], axis=-1),
        N("GatherND", ["vectors", "places"], ["state"]), N("ReduceSum", ["vectors", "axis1"], ["sum"], keepdims=0),
        N("Add", ["state", "sum"], ["raw"]),
    ]  # fmt: skip


TEXT_CONSTANTS = {"zero": numbers(0)[0], "step": numbers(1)[0]}
LAST = [N("Sub", ["lengths", "one"], ["last"])]


def text_bundle(tmp_path, graph):
    return hostile.bundle_with(tmp_path / "b.zip", text=serialise_opset(graph, 15))


def serialise_opset(graph, version):
    import onnx

    model = onnx.load_from_string(graph)
    model.opset_import[0].version = max(version, model.opset_import[0].version)
    return model.SerializeToString()


def test_the_state_at_a_texts_end_is_in_range(tmp_path, carry_out):
    graph = of_text(state_at("last", LAST), TEXT_CONSTANTS)
    assert carry_out(text_bundle(tmp_path, graph))["probes"]["text"]["batch_agreement"] > 0.999


def test_the_state_behind_a_texts_end_is_not(tmp_path, refusal):
    """The longest of a batch has none."""
    graph = of_text(state_at("lengths"), TEXT_CONSTANTS)
    assert refusal(text_bundle(tmp_path, graph)).id == "bundle.index_not_bounded"


def test_a_place_that_a_word_names_is_not_in_range(tmp_path, refusal):
    first = [N("Gather", ["tokens", "zero"], ["first"], axis=1)]
    graph = of_text(state_at("first", first), TEXT_CONSTANTS)
    assert refusal(text_bundle(tmp_path, graph)).id == "bundle.index_not_bounded"


def positions(rows):
    nodes = [
        N("Shape", ["tokens"], ["l"], start=1, end=2), N("Squeeze", ["l"], ["ls"]),
        N("Range", ["zero", "ls", "step"], ["at"]), N("Gather", ["places", "at"], ["placed"]),
        N("ReduceMax", ["placed"], ["most"], axes=[0], keepdims=0), N("Mul", ["most", "nothing"], ["none"]),
        N("ReduceSum", ["vectors", "axis1"], ["sum"], keepdims=0), N("Add", ["sum", "none"], ["raw"]),
    ]  # fmt: skip
    return of_text(nodes, TEXT_CONSTANTS | {"places": table(rows), "nothing": np.array(0.0)})


def test_a_table_of_positions_must_have_one_for_the_longest_text(tmp_path, refusal, carry_out):
    """The manifest says at most 32 tokens."""
    assert carry_out(text_bundle(tmp_path, positions(32)))
    path = hostile.bundle_with(tmp_path / "short.zip", text=serialise_opset(positions(31), 15))
    assert refusal(path).id == "bundle.index_not_bounded"


def test_words_beyond_a_table_are_found_through_a_cast_and_a_sum(tmp_path, refusal):
    graph = of_text([N("ReduceSum", ["vectors", "axis1"], ["raw"], keepdims=0)], {}, rows=WORDS - 1)
    assert refusal(text_bundle(tmp_path, graph)).id == "bundle.vocabulary_too_large"


def test_the_bundle_that_killed_the_query_worker_is_refused(tmp_path, refusal):
    """A white picture, and no other, reads at the offset; the probes hold none."""
    nodes = [
        N("Floor", ["mean"], ["t"]), N("Cast", ["t"], ["ti"], to=INT), N("Mul", ["ti", "off"], ["base"]),
        N("Add", ["base", "row"], ["places"]), N("Unsqueeze", ["places", "two"], ["ix"]),
        N("GatherND", ["flat_table", "ix"], ["read"]), N("Add", ["own", "read"], ["raw"]),
    ]  # fmt: skip
    constants = {
        "off": numbers(10**9),
        "row": np.arange(DIM, dtype=np.int64)[None],
        "two": numbers(2),
        "flat_table": np.zeros(DIM),
    }
    error = image_error(refusal, tmp_path, of_picture(nodes, constants))
    assert (error.id, error.detail["operator"]) == ("bundle.index_not_bounded", "GatherND")


def test_a_graph_that_cannot_be_followed_is_refused(tmp_path, refusal):
    """Slice over an axis that its input does not have."""
    nodes = [N("Slice", ["own", "zero", "end", "axes"], ["raw"])]
    constants = {"zero": numbers(0), "end": numbers(3), "axes": numbers(9)}
    assert image_error(refusal, tmp_path, of_picture(nodes, constants)).id == "bundle.graph_invalid"


def test_the_tiny_graphs_pass(tmp_path, carry_out):
    image, text = tiny_graphs(DIM, 0)
    assert carry_out(hostile.bundle_with(tmp_path / "b.zip", image=serialise(image), text=serialise(text)))
