"""The two encoders as ONNX graphs.

image: `pixels` float32 (batch, 3, size, size), by ten crops (batch, 10, 3, size, size) → `embedding` (batch, dim) and,
where the encoder splits over a grid, `cells` (batch, rows, columns, dim); of an encoder over regions, the `nodes`
(batch, nodes, channels) between its two stages;
text: `tokens` int64 (batch, length), `lengths` int64 (batch) → `embedding` (batch, dim); all but size is dynamic.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.compose
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript.onnx_opset import opset18
from torch import Tensor, nn

from workers.neural.grid import GridTower, grid_tower
from workers.neural.images.regions import RegionEncoder
from workers.neural.native import HALF_MIN_VALUES
from workers.neural.two_tower import TwoTower
from workers.training.recurrent import gru_operator, with_one_grus
from workers.training.seen_words import with_packed_tables
from workers.training.towers import (
    FirstStage,
    ImageTower,
    SecondStage,
    TextTower,
    image_inputs,
    ready,
    text_inputs,
)

OPSET = 18
EMBEDDING, CELLS, NODES = "embedding", "cells", "nodes"
_SECOND = "second_"
_RESULT = "result_of_tower_"
Grid = tuple[int, int]


def image_graph(model: TwoTower, size: int, *, crops: bool, half: bool) -> tuple[bytes, Grid | None]:
    """The image encoder as a serialised ONNX graph; `half` stores its weights in float16.

    With it come rows and columns of its output `cells`, None for an encoder that has none (`grid.grid_tower`).
    """
    grid = None if crops else grid_tower(model, size)
    tower = grid or ImageTower(model)
    return image_tower_graph(tower, size, crops=crops, half=half), grid.grid if grid else None


def stages_of(model: TwoTower, *, crops: bool) -> Grid | None:
    """Nodes and channels of what passes between the two stages of an encoder over regions; None for any other.

    Of several views the nodes would be several: such an encoder stays one.
    """
    one_view = not crops and not model.config.mirror and model.config.scales == (1.0,)
    if not isinstance(model.image, RegionEncoder) or not one_view:
        return None
    nodes, channels = model.image.shape
    return nodes, channels


def staged_graph(model: TwoTower, size: int, *, half: bool) -> bytes:
    """The image encoder over regions as one graph of two stages, joined at its further output `nodes`.

    The second stage takes all it needs from the nodes, so that the graph can be cut there.
    """
    nodes = torch.zeros(2, *model.image.shape)
    batch = {0: torch.export.Dim("batch")}
    regions, reasoning = (
        onnx.load_from_string(_graph(tower, inputs, dict.fromkeys(inputs, batch), outputs, half=half))
        for tower, inputs, outputs in (
            (FirstStage(model), image_inputs(size, crops=False), [NODES]),
            (SecondStage(model), {NODES: nodes}, [EMBEDDING]),
        )
    )
    joined = onnx.compose.merge_models(
        regions,
        reasoning,
        io_map=[(NODES, NODES)],
        outputs=[NODES, f"{_SECOND}{EMBEDDING}"],
        prefix2=_SECOND,
    )
    _rename(joined.graph, {f"{_SECOND}{EMBEDDING}": EMBEDDING})
    outputs = sorted(
        joined.graph.output, key=lambda value: value.name != EMBEDDING
    )  # what is asked for, first
    del joined.graph.output[:]
    joined.graph.output.extend(outputs)
    onnx.checker.check_model(joined)
    return joined.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def text_graph(model: TwoTower, *, half: bool) -> bytes:
    """The text encoder as a serialised ONNX graph; `half` stores its weights in float16."""
    return text_tower_graph(TextTower(model), half=half)


def image_tower_graph(tower: nn.Module, size: int, *, crops: bool, half: bool) -> bytes:
    """The graph of any module that maps `pixels`, prepared pictures of this size, to embeddings, and perhaps cells."""
    free = {"pixels": {0: torch.export.Dim("batch")}}
    outputs = [EMBEDDING, CELLS] if isinstance(tower, GridTower) else [EMBEDDING]
    return _graph(tower, image_inputs(size, crops=crops), free, outputs, half=half)


def text_tower_graph(tower: nn.Module, *, half: bool, longest: int | None = None) -> bytes:
    """The graph of any module that maps `tokens` and `lengths`, of at most `longest` tokens, to embeddings."""
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=longest)
    free = {"tokens": {0: batch, 1: length}, "lengths": {0: batch}}
    return _graph(tower, text_inputs(), free, [EMBEDDING], half=half)


def _graph(
    tower: nn.Module, inputs: dict[str, Tensor], dynamic: dict[str, Any], outputs: list[str], *, half: bool
) -> bytes:
    """A tower in evaluation mode as a serialised ONNX graph of its inputs by name, whose free axes `dynamic` names.

    `half` stores its weights in float16. `outputs` names the tower's results.
    """
    results = {f"{_RESULT}{name}": name for name in outputs}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            with_packed_tables(with_one_grus(ready(tower))), tuple(inputs.values()), path,
            dynamo=True, opset_version=OPSET, external_data=False,
            input_names=list(inputs), output_names=list(results), dynamic_shapes=dynamic, verbose=False,
            custom_translation_table=TRANSLATIONS,
        )  # fmt: skip
        graph = onnx.load(path)
    _forget_sources(graph)
    # The exporter names the word embedding's rows "embedding" as well, so the results get their names afterwards.
    _rename(graph.graph, {name: f"inner_{name}" for name in outputs} | results)
    if half:
        _store_half(graph.graph)
    onnx.checker.check_model(graph)
    return graph.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def _kept_boxes(boxes: Any, scores: Any, overlap: float) -> Any:
    """`kept_boxes` by ONNX's operators, whose suppression gives (kept, 3): picture, class, box."""
    operators: Any = opset18  # its types ask for ONNX values where Python's numbers will do
    every = operators.Constant(value_int=torch.iinfo(torch.int64).max)
    found = operators.NonMaxSuppression(boxes, operators.Unsqueeze(scores, [1]), every, [overlap], [0.0])
    places = operators.Gather(found, [0, 2], axis=1)
    none = operators.Expand(0.0, operators.Shape(scores))
    ones = operators.Expand(1.0, operators.Shape(found, start=0, end=1))
    return operators.Cast(operators.ScatterND(none, places, ones), to=TensorProto.BOOL)


TRANSLATIONS: dict[Any, Any] = {
    torch.ops.sightline.kept_boxes.default: _kept_boxes,
    torch.ops.sightline.gru_states.default: gru_operator,
}


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """Give values of the graph other names, wherever they are made, used or described."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)


def _forget_sources(graph: onnx.ModelProto) -> None:
    """Drop the notes about source lines: they tell the exporting machine's folders, and make equal models differ."""
    del graph.metadata_props[:]
    for part in (*graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in graph.graph.initializer:
        del value.metadata_props[:]


def _store_half(graph: onnx.GraphProto) -> None:
    """Store large float32 matrices and kernels in float16, each with a Cast to float32 before its uses."""
    casts = []
    for value in graph.initializer:
        matrix = sum(axis > 1 for axis in value.dims) > 1
        if value.data_type != TensorProto.FLOAT or not matrix or np.prod(value.dims) < HALF_MIN_VALUES:
            continue
        name = value.name
        small = numpy_helper.from_array(numpy_helper.to_array(value).astype(np.float16), f"{name}.half")
        value.CopyFrom(small)
        casts.append(
            helper.make_node("Cast", [small.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
