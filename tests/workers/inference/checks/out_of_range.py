"""Run one operator in OpenVINO with values that it should not take, in a process that may crash.

`outcome_of` answers how it ended: `error`, `in bounds`, `foreign` (values that are nowhere in the table), or `SIGSEGV`.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from dataclasses import dataclass, field

import numpy as np
from onnx import helper, numpy_helper

from workers.inference.vino import openvino

FILL = 7.0
"""What every table holds: whatever else comes out, and is not zero, was read elsewhere."""
_KNOWN = {0.0, 1.0, FILL}
_SECONDS, _MEMORY_BYTES = 20, 12 << 30


@dataclass(frozen=True)
class Case:
    """An operator whose input `at` gets `values`; the others are the graph's further inputs or constants."""

    operator: str
    inputs: tuple[str, ...]
    values: dict[str, np.ndarray]
    attributes: dict = field(default_factory=dict)
    outputs: tuple[str, ...] = ("out",)
    fed: dict[str, np.ndarray] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    opset: int = 17


def outcomes(case: Case, *, constant: bool) -> dict[str, str]:
    """Return what comes of each of a case's values, as a constant of the graph or as its input."""
    return {name: outcome_of(case, value, constant=constant) for name, value in case.values.items()}


def outcome_of(case: Case, value: np.ndarray, *, constant: bool) -> str:
    """Return how the operator ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_and_tell(case, value, writer, constant=constant)
    os.close(writer)
    with os.fdopen(reader) as source:
        told = source.read()
    status = os.waitpid(child, 0)[1]
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else told


def _run_and_tell(case: Case, value: np.ndarray, writer: int, *, constant: bool) -> None:
    faulthandler.disable()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(_SECONDS)
    try:
        found = _run(case, value, constant=constant)
        known = found.dtype.kind != "f" or set(np.unique(found).tolist()) <= _KNOWN
        told = "in bounds" if known else "foreign"
    except (RuntimeError, MemoryError):
        told = "error"
    os.write(writer, told.encode())
    os._exit(0)


def _run(case: Case, value: np.ndarray, *, constant: bool) -> np.ndarray:
    fed = case.fed | ({} if constant else {"at": value})
    stored = case.constants | ({"at": value} if constant else {})
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(_model(case, fed, stored)), "CPU", options)
    request = compiled.create_infer_request()
    request.start_async(fed)
    request.wait()
    return np.array(request.get_output_tensor(0).data)


def _model(case: Case, fed: dict[str, np.ndarray], stored: dict[str, np.ndarray]) -> bytes:
    node = helper.make_node(case.operator, case.inputs, case.outputs, **case.attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape))
        for name, value in fed.items()
    ]
    kind = next(iter(case.fed.values())).dtype if case.fed else np.dtype(np.int64)
    output = helper.make_tensor_value_info("out", helper.np_dtype_to_tensor_dtype(kind), None)
    constants = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    graph = helper.make_graph([node], "one", inputs, [output], constants)
    opset = helper.make_opsetid("", case.opset)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
