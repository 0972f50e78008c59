"""What OpenVINO does with indices and sizes out of range, operator by operator, and that the check knows of it.

Each case runs in a process of its own, since some of them crash. The table is what `checks/indices.py` and
`docs/bundle.md` rely on: where OpenVINO begins to read elsewhere after an update, a case fails here.
"""

import numpy as np
import pytest

from tests.workers.inference.checks.out_of_range import FILL, Case, outcomes
from workers.inference.checks.operators import ALLOWED

TABLE = np.full((32, 4), FILL, np.float32)
WORDS = np.full(4, int(FILL), np.int64)
IMAGE = np.full((1, 1, 8, 8), FILL, np.float32)
ONES = np.ones((3, 4), np.float32)
NUMBERS = {"-33": -33, "32": 32, "1e6": 10**6, "2^31-1": 2**31 - 1, "-2^31": -(2**31), "2^63-1": 2**63 - 1}
SAFE = {"error", "in bounds"}


def whole(*shape, numbers=NUMBERS):
    """Arrays of a shape that hold one number each."""
    return {name: np.full(shape, value, np.int64) for name, value in numbers.items()}


def leading(*rest):
    return {name: np.array([value, *rest], np.int64) for name, value in NUMBERS.items()}


CHECKED_BY_OPENVINO = [
    Case("GatherElements", ("t", "at"), whole(3, 4), fed={"t": TABLE}),
    Case("ScatterND", ("t", "at", "u"), whole(3, 1), fed={"t": TABLE}, constants={"u": ONES}),
    Case("CumSum", ("t", "at"), whole(), fed={"t": np.zeros((32, 4), np.float32)}),
    Case("ReverseSequence", ("t", "at"), whole(4), {"batch_axis": 1, "time_axis": 0}, fed={"t": TABLE}),
    Case("Trilu", ("t", "at"), whole(), fed={"t": TABLE}),
    Case("Reshape", ("t", "at"), leading(1), fed={"t": TABLE}),
    Case("Unsqueeze", ("t", "at"), whole(1), fed={"t": TABLE}),
    Case("Squeeze", ("t", "at"), whole(1), fed={"t": np.zeros((1, 4), np.float32)}),
    Case("ReduceMax", ("t", "at"), whole(1), fed={"t": TABLE}, opset=18),
    Case("RoiAlign", ("t", "r", "at"), whole(1), {"sampling_ratio": 2}, fed={"t": IMAGE},
         constants={"r": np.array([[0, 0, 4, 4]], np.float32)}),
    Case("OneHot", ("at", "d", "v"), whole(3), constants={"d": np.array(5)},
         fed={"v": np.array([0, FILL], np.float32)}),
    Case("NonMaxSuppression", ("b", "s", "at"), whole(1),
         constants={"b": np.zeros((1, 3, 4), np.float32), "s": np.ones((1, 1, 3), np.float32)}),
]  # fmt: skip
UNCHECKED = [
    Case("Gather", ("t", "at"), whole(), fed={"t": WORDS}),
    Case("GatherND", ("t", "at"), whole(3, 1), fed={"t": TABLE}),
    Case("ScatterElements", ("t", "at", "u"), whole(3, 4), fed={"t": TABLE}, constants={"u": ONES}),
    Case("Split", ("t", "at"), {"-1": np.array([-1, 33])}, outputs=("a", "out"), fed={"t": TABLE}),
]
CRASHES = [
    Case("Slice", ("t", "s", "e", "at"), whole(1), fed={"t": TABLE},
         constants={"s": np.array([1]), "e": np.array([20])}),
    Case("Range", ("z", "l", "at"), {"0": np.array(0)}, constants={"z": np.array(0), "l": np.array(10)}),
]  # fmt: skip


def named(case):
    return case.operator


@pytest.mark.parametrize("case", CHECKED_BY_OPENVINO, ids=named)
@pytest.mark.parametrize("constant", [False, True], ids=["input", "constant"])
def test_openvino_refuses_or_bounds_what_is_left_to_it(case, constant):
    found = outcomes(case, constant=constant)
    assert set(found.values()) <= SAFE, found


@pytest.mark.parametrize("case", [*UNCHECKED, *CRASHES], ids=named)
def test_openvino_still_leaves_unchecked_what_the_graph_check_refuses(case):
    """Where this fails OpenVINO has learnt to check: then the rule may go."""
    assert not set(outcomes(case, constant=False).values()) <= SAFE


def test_every_operator_of_the_table_is_one_that_graphs_may_use():
    assert {case.operator for case in [*CHECKED_BY_OPENVINO, *UNCHECKED, *CRASHES]} <= ALLOWED
