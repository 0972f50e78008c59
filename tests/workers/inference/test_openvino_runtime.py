"""Errors of a running network reach the caller, however many threads it has."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from workers.inference.openvino_runtime import Compiler, StoredGraph


@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_that_fails_raises_instead_of_answering_with_what_lies_in_memory(tmp_path, threads):
    table = helper.make_tensor_value_info("table", TensorProto.FLOAT, ["rows", 4])
    places = helper.make_tensor_value_info("places", TensorProto.INT64, ["rows", 4])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["rows", 4])
    node = helper.make_node("GatherElements", ["table", "places"], ["out"])
    model = helper.make_model(
        helper.make_graph([node], "one", [table, places], [out]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    (tmp_path / "g.onnx").write_bytes(model.SerializeToString())
    network = Compiler(None, threads).compile(StoredGraph(tmp_path / "g.onnx", ""), "f32")
    rows = np.full((3, 4), 7, np.float32)
    assert (network(rows, np.zeros((3, 4), np.int64)) == 7).all()
    with pytest.raises(RuntimeError, match="exceed"):
        network(rows, np.full((3, 4), 99, np.int64))
