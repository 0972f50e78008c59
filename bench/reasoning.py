"""`python -m bench.reasoning`: the light graph network's time against VSRN's, and nothing else of the model.

Four layers, K = 36, D = 2048, batch 24, as in Refine-ITR's table (27.8 against 44.6 ms there). Both are the same code
but for their affinities, and both are measured as they were trained and as they are served, with their maps folded.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.measure import MS, Report
from workers.inference.vino import openvino
from workers.neural.folding import fold
from workers.neural.reasoning.light import LightConfig
from workers.neural.reasoning.vsrn import VsrnConfig

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = "≤ 0.62"
KINDS = {"vsrn": VsrnConfig, "light": LightConfig}


def main() -> None:
    """Print each form's medians and their ratio."""
    options, report = _options(), Report()
    torch.manual_seed(0)
    nodes = torch.randn(options.batch, options.nodes, options.dim)
    with torch.inference_mode():
        for form in ("as trained", "folded"):
            stacks = {kind: _stack(kind, options, folded=form == "folded") for kind in KINDS}
            runs = {kind: _with_torch(stack, nodes) for kind, stack in stacks.items()}
            _compare(f"torch, {form}", runs, options, report)
            if options.openvino:
                runs = {kind: _with_openvino(stack, nodes) for kind, stack in stacks.items()}
                _compare(f"OpenVINO f32, {form}", runs, options, report)


def _compare(
    name: str, runs: dict[str, Callable[[], object]], options: argparse.Namespace, report: Report
) -> None:
    """Time both in turn, round by round, so that whatever else the machine does meets both."""
    print(name)
    times: dict[str, list[float]] = {kind: [] for kind in runs}
    for run in runs.values():
        run()
    for _ in range(options.rounds):
        for kind, run in runs.items():
            started = time.perf_counter()
            run()
            times[kind].append((time.perf_counter() - started) * MS)
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    for kind, value in medians.items():
        report.say(f"{name}: {kind}", value / options.batch, "ms a picture")
    report.say(f"{name}: light / VSRN", medians["light"] / medians["vsrn"], "×", GOAL)


def _stack(kind: str, options: argparse.Namespace, *, folded: bool) -> torch.nn.Module:
    stack = torch.nn.Sequential(KINDS[kind](layers=options.layers).build(options.nodes, options.dim)).eval()
    return fold(stack) if folded else stack


def _with_torch(stack: torch.nn.Module, nodes: torch.Tensor) -> Callable[[], object]:
    return lambda: stack(nodes)


def _with_openvino(stack: torch.nn.Module, nodes: torch.Tensor) -> Callable[[], object]:
    """The same by OpenVINO in float32, from an ONNX graph of this very shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.onnx"
        torch.onnx.export(stack, (nodes,), path, dynamo=True, verbose=False)
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        request = openvino.Core().compile_model(str(path), "CPU", options).create_infer_request()
    inputs = [np.ascontiguousarray(nodes.numpy())]
    return lambda: request.infer(inputs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"layers": 4, "nodes": 36, "dim": 2048, "batch": 24, "rounds": 7}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--openvino", action="store_true", help="by OpenVINO as well, in float32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
