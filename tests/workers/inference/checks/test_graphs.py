"""What is refused of an ONNX graph before it runs, and what running it on probes finds."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.support.tiny_bundle import SIZE, make_tiny_bundle
from tests.workers.inference import hostile
from workers.inference.checks.operators import ALLOWED
from workers.inference.checks.outputs import check_outputs
from workers.inference.errors import BundleError


@pytest.mark.parametrize(
    ("make", "error_id", "part"),
    [
        (hostile.custom_operator, "bundle.operator_not_allowed", "image"),
        (hostile.endless_loop, "bundle.operator_not_allowed", "image"),
        (hostile.own_function, "bundle.operator_not_allowed", "image"),
        (hostile.external_data, "bundle.external_data", "image"),
        (hostile.nan_weights, "bundle.output_not_finite", "image"),
        (hostile.constant_output, "bundle.outputs_all_alike", "image"),
        (hostile.batch_dependent, "bundle.batch_changes_result", "image"),
        (hostile.not_unit, "bundle.output_not_unit", "image"),
        (lambda: b"\x80\x04\x95junk", "bundle.graph_invalid", "image"),
        (hostile.short_word_table, "bundle.vocabulary_too_large", "text"),
        (hostile.length_blind_text, "bundle.batch_changes_result", "text"),
    ],
)
def test_a_hostile_graph_is_refused(tmp_path, refusal, make, error_id, part):
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", **{part: make()})).id == error_id


def test_a_good_bundle_is_measured(tmp_path, carry_out):
    result = carry_out(make_tiny_bundle(tmp_path / "tiny.zip"))
    assert result["probes"]["image"]["length_error"] < 1e-5
    assert result["notes"] == []


def test_another_dimension_than_stated_is_refused(tmp_path, refusal):
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", dim=64)).id == "bundle.output_wrong_dim"


def test_a_dimension_that_only_running_shows_is_refused(tmp_path, refusal):
    def free(model):
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "dim"

    text = hostile.serialise(hostile.tiny_graphs(64, 0)[1])
    path = hostile.bundle_with(tmp_path / "b.zip", image=hostile.image_model(free), text=text, dim=64)
    assert refusal(path).id == "bundle.output_wrong_dim"


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: setattr(graph.input[0], "name", "picture"),
        lambda graph: setattr(graph.input[0].type.tensor_type, "elem_type", TensorProto.DOUBLE),
        lambda graph: setattr(graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 2),
        lambda graph: setattr(graph.input[0].type.tensor_type.shape.dim[2], "dim_value", SIZE * 2),
        lambda graph: graph.input[0].type.tensor_type.shape.dim.add(),
        lambda graph: graph.output.add(name="second"),
        lambda graph: setattr(graph.output[0].type.tensor_type.shape.dim[0], "dim_value", 8),
    ],
)
def test_other_inputs_and_outputs_than_documented_are_refused(tmp_path, refusal, change):
    image = hostile.image_model(lambda model: change(model.graph))
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", image=image)).id == "bundle.graph_interface"


def test_a_graph_that_is_no_valid_onnx_is_refused(tmp_path, refusal):
    image = hostile.image_model(lambda model: model.graph.node[1].input.append("from_nowhere"))
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", image=image)).id == "bundle.graph_invalid"


@pytest.mark.parametrize("opset", [7, 99])
def test_an_unknown_version_of_onnx_is_refused(tmp_path, refusal, opset):
    image = hostile.image_model(lambda model: setattr(model.opset_import[0], "version", opset))
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", image=image)).id == "bundle.graph_invalid"


def test_sparse_tensors_are_refused(tmp_path, refusal):
    def add(model):
        values = helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0])
        places = helper.make_tensor("places", TensorProto.INT64, [1], [0])
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [5]))

    path = hostile.bundle_with(tmp_path / "b.zip", image=hostile.image_model(add))
    assert refusal(path).id == "bundle.operator_not_allowed"


def test_a_graph_that_fails_while_running_is_refused(tmp_path, refusal):
    nodes = [
        helper.make_node("Reshape", ["flat", "impossible"], ["square"]),
        helper.make_node("MatMul", ["square", "weights"], ["raw"]),
    ]
    image = hostile.pooled(nodes, {"impossible": np.array([7, 3], np.int64), "weights": hostile.weights()})
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", image=image)).id in {
        "bundle.graph_failed",
        "bundle.output_wrong_dim",
    }


@pytest.mark.parametrize(
    "operator", ["Loop", "If", "Scan", "RandomNormal", "RandomUniformLike", "StringConcat", "ImageDecoder"]
)
def test_control_flow_chance_and_strings_are_not_on_the_list(operator):
    assert operator not in ALLOWED


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_mix_up_among_nearly_equal_vectors_is_still_found():
    """With a random network all vectors have cosine 0.9997: the tolerance must not hide a permutation among them."""
    random = np.random.default_rng(0)
    vectors = unit(1 + 0.01 * random.standard_normal((8, 64)))
    assert check_outputs(lambda at: vectors[list(at)], 8, 64, "image")[1].batch_agreement == 1
    with pytest.raises(BundleError) as caught:
        check_outputs(lambda at: vectors[list(at) if len(at) == 1 else sorted(at)], 8, 64, "image")
    assert caught.value.id == "bundle.batch_changes_result"


def test_an_image_only_bundle_passes(tmp_path, carry_out):
    from workers.inference.bundles import bundle_write

    values = hostile.tiny_manifest() | {
        "modalities": ["image"],
        "payloads": {"onnx": {"image": "image.onnx"}},
    }
    del values["text"]
    image, _ = hostile.tiny_graphs(32, 0)
    bundle_write(tmp_path / "b.zip", values, {"image.onnx": hostile.serialise(image)})
    assert set(carry_out(tmp_path / "b.zip")["probes"]) == {"image"}
