"""Published graphs without the models around them: shapes that become constants, bytes, weights beside, both in one."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from workers.inference.errors import BundleError
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.published.folding import fold
from workers.inference.published.graphs import Padding, PublishedImageTower, PublishedTextTower, read_graph

SIDE, DIM = 4, 3


def graph(nodes, inputs, outputs, constants):
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "g", inputs, outputs, initializer=stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def value(name, kind, *axes):
    return helper.make_tensor_value_info(name, kind, list(axes))


def compiled(model, path):
    onnx.save(model, path)
    return Compiler(None, 1).compile(StoredGraph(path, ""), "f32")


def test_what_follows_from_fixed_shapes_becomes_constant():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "axis"], ["row"]),
        helper.make_node("Concat", ["row", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "axis": np.array([0]), "rest": np.array([-1])}
    model = graph(
        nodes, [value("x", TensorProto.FLOAT, 1, 4, 2)], [value("y", TensorProto.FLOAT, 1, 8)], constants
    )
    fold(model)
    assert [node.op_type for node in model.graph.node] == ["Reshape"]
    assert {one.name: numpy_helper.to_array(one).tolist() for one in model.graph.initializer} == {
        "wanted": [1, -1]
    }


def test_a_graph_that_takes_bytes_gets_the_pictures_own(tmp_path):
    weights = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["image_embedding"]),
    ]
    inputs, outputs = (
        [value("image", TensorProto.UINT8, "b", SIDE, SIDE, 3)],
        [value("image_embedding", 1, "b", DIM)],
    )
    tower = PublishedImageTower(graph(nodes, inputs, outputs, {"weights": weights}))
    assert (tower.takes_bytes, tower.size) == (True, SIDE)
    picture = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    pixels = (picture.astype(np.float32) / 255).transpose(0, 3, 1, 2)
    found = compiled(tower.graph(SIDE), tmp_path / "image.onnx")(np.ascontiguousarray(pixels))
    wanted = picture.reshape(2, -1).astype(np.float32) @ weights
    assert np.allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


def both_towers():
    rng = np.random.default_rng(2)
    constants = {
        "p": rng.normal(size=(3, DIM)).astype(np.float32),
        "t": rng.normal(size=(9, DIM)).astype(np.float32),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "p"], ["image_embeds"]),
        helper.make_node("Gather", ["t", "input_ids"], ["words"]),
        helper.make_node("ReduceMean", ["words"], ["text_embeds"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["image_embeds", "turned"], ["logits_per_image"]),
        helper.make_node("Transpose", ["text_embeds"], ["turned"]),
    ]
    nodes[-2:] = nodes[:-3:-1]
    inputs = [value("pixel_values", 1, "b", 3, SIDE, SIDE), value("input_ids", TensorProto.INT64, "t", "l")]
    outputs = [value(name, 1, None, None) for name in ("logits_per_image", "image_embeds", "text_embeds")]
    return graph(nodes, inputs, outputs, constants)


def test_one_graph_of_both_encoders_is_cut_in_two(tmp_path):
    image, text = PublishedImageTower(both_towers()), PublishedTextTower(both_towers())
    assert list(image.inputs) == ["pixel_values"]
    assert text.fed(Padding()) == ("input_ids",)
    made = text.graph(Padding())
    assert [one.name for one in made.graph.initializer] == ["net.t"]
    network = compiled(made, tmp_path / "text.onnx")
    assert np.allclose(
        np.linalg.norm(network.named({"input_ids": np.array([[1, 2], [3, 4]])}), axis=1), 1, atol=1e-5
    )


def test_a_graph_for_one_text_runs_row_by_row(tmp_path):
    made = PublishedTextTower(both_towers()).graph(Padding(to=2), batches=False)
    network = compiled(made, tmp_path / "text.onnx")
    rows = np.array([[1, 2], [3, 4], [5, 6]])
    together = network.named({"input_ids": rows})
    assert np.allclose(
        together, np.concatenate([network.named({"input_ids": rows[at : at + 1]}) for at in range(3)])
    )


@pytest.mark.parametrize(
    ("offset", "length", "fits"), [(0, 108, True), (8, 108, False), (-8, 108, False), (0, -1, False)]
)
def test_weights_lie_in_the_one_file_beside_or_the_graph_is_refused(tmp_path, offset, length, fits):
    model = both_towers()
    tensor = next(one for one in model.graph.initializer if one.name == "t")
    (tmp_path / "data").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, written in (("location", "/etc/passwd"), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=written)
    (tmp_path / "g.onnx").write_bytes(model.SerializeToString())
    if fits:
        read = read_graph(tmp_path / "g.onnx", tmp_path / "data")
        stored = next(one for one in read.graph.initializer if one.name == "t")
        assert stored.raw_data == (tmp_path / "data").read_bytes()
        return
    with pytest.raises(BundleError) as error:
        read_graph(tmp_path / "g.onnx", tmp_path / "data")
    assert error.value.id == "hub.cannot_convert"
    with pytest.raises(BundleError):
        read_graph(tmp_path / "g.onnx", None)
