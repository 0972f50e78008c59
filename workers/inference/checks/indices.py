"""No operator of a graph may read beyond its table, and no memory may grow with what a picture shows.

OpenVINO does not check every index: with some operators it reads, or writes, whatever lies beyond. What it does with
each was tried out (`tests/workers/inference/checks/test_out_of_range.py`); what it leaves unchecked must be in bounds
for every picture and text, as far as the graph itself shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from workers.inference.checks import intervals
from workers.inference.checks.intervals import Axis, Dim
from workers.inference.checks.transfer import outputs_of
from workers.inference.checks.values import Tensor, Values, attribute
from workers.inference.errors import BundleError
from workers.inference.text_feed import IDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.inference.checks.graphs import Port

SIZE_MAX = 1 << 20
"""A length that depends on a text's words or length may be this large."""
BATCH_MAX = 4096
"""No batch is larger."""
_SIZES = {
    "Expand": (1,), "Tile": (1,), "ConstantOfShape": (0,), "Range": (0, 1, 2), "Resize": (1, 2, 3), "Upsample": (1,),
    "Pad": (1, 3), "OneHot": (1,), "Split": (1,), "TopK": (1,), "Slice": (3,),
}  # fmt: skip
"""The inputs that say how much memory an operator takes."""


@dataclass(frozen=True)
class Texts:
    """What a text encoder is fed: ids below `words`, at most `longest` of them."""

    words: int
    longest: int


def check_indices(model: Any, ports: Mapping[str, Port], texts: Texts | None, name: str) -> None:
    """Refuse a graph in which an index or a size may be out of range.

    Raises BundleError `bundle.index_not_bounded`, `bundle.size_not_bounded`, `bundle.vocabulary_too_large` or, where
    the graph cannot be followed, `bundle.graph_invalid`.
    """
    node = None
    try:
        values = Values(model, {key: _input(key, port, texts) for key, port in ports.items()})
        for node in model.graph.node:
            _check_index(values, node, name)
            _check_sizes(values, node, name)
            values.keep(node, outputs_of(values, node))
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        operator = node.op_type if node else ""
        raise BundleError(
            "bundle.graph_invalid",
            file=name,
            problem=f"cannot be followed, in the operator “{operator}”",
            operator=operator,
            reason=str(error)[:500],
        ) from error


def _input(key: str, port: Port, texts: Texts | None) -> Tensor:
    length = Dim(1, (Axis("length", 1, texts.longest if texts else BATCH_MAX),))
    free = iter((Dim(1, (Axis("batch", 1, BATCH_MAX),)), length))
    dims = tuple(next(free) if axis is None else Dim(axis) for axis in port.axes)
    if texts is None or key == "pixels":
        return Tensor(port.elem_type, dims, from_data=True)
    bounds = _bounds(key, texts, port, length)
    return Tensor(port.elem_type, dims, (bounds,), from_data=True, is_tokens=key in IDS)


def _bounds(key: str, texts: Texts, port: Port, length: Dim) -> intervals.Interval:
    """Return between what numbers the values of a text graph's input are."""
    if key == "lengths":
        return intervals.Interval(1, texts.longest, (length, 0))
    if key == "attention_mask":
        return intervals.between(0, 1)
    return intervals.between(0, 0 if key == "token_type_ids" else texts.words - 1)


def _check_index(values: Values, node: Any, name: str) -> None:
    given = values.inputs_of(node)
    if node.op_type in ("Gather", "ScatterElements"):
        _check_axis(given, attribute(node, "axis", 0), node, name)
    elif node.op_type == "GatherND":
        _check_places(given, attribute(node, "batch_dims", 0), node, name)
    elif node.op_type == "RotaryEmbedding" and len(given) > 3 and given[3]:
        _check_axis([given[1], given[3]], 0, node, name)
    elif node.op_type == "RoiAlign" and not attribute(node, "sampling_ratio", 0) and _from_data(given[1]):
        _refuse_size(node, name, 1)


def _check_axis(given: list[Tensor | None], axis: int, node: Any, name: str) -> None:
    table, index = given[0], given[1]
    if table is None or index is None or table.dims is None or not -len(table.dims) <= axis < len(table.dims):
        _refuse_index(node, name, 1)
    length = table.dims[axis]
    if index.all.fits(length):
        return
    if index.is_tokens and length.is_fixed and node.op_type == "Gather":
        words = (index.all.high or 0) + 1
        raise BundleError("bundle.vocabulary_too_large", file=name, words=words, rows=length.factor)
    _refuse_index(node, name, 1)


def _check_places(given: list[Tensor | None], batch_dims: int, node: Any, name: str) -> None:
    """Check the rows of GatherND's index: each is a place in the table's axes after those of the batch."""
    table, index = given[0], given[1]
    if table is None or index is None or table.dims is None or not index.dims or not index.dims[-1].is_fixed:
        _refuse_index(node, name, 1)
    width = index.dims[-1].factor
    axes = table.dims[batch_dims : batch_dims + width]
    entries = index.entries if len(index.entries) == width else (index.all,) * width
    fits = all(entry.fits(axis) for entry, axis in zip(entries, axes, strict=False))
    if batch_dims < 0 or len(axes) != width or not fits:
        _refuse_index(node, name, 1)


def _check_sizes(values: Values, node: Any, name: str) -> None:
    given = values.inputs_of(node)
    for at in _SIZES.get(node.op_type, ()):
        if at < len(given) and _from_data(given[at]) and not _is_small(given[at]):
            _refuse_size(node, name, at)
    if node.op_type == "Range" and not _has_step(given[2]):
        _refuse_size(node, name, 2)
    if node.op_type == "Split" and not _is_split(given, node):
        _refuse_size(node, name, 1)
    if node.op_type == "Slice" and len(given) > 3 and given[3] and given[3].constant is None:
        _refuse_index(node, name, 3)


def _from_data(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.from_data


def _is_small(tensor: Tensor | None) -> bool:
    bounds = tensor.all if tensor else intervals.UNKNOWN
    if bounds.low is None or bounds.high is None:
        return False
    return -SIZE_MAX <= bounds.low <= bounds.high <= SIZE_MAX


def _has_step(step: Tensor | None) -> bool:
    """Whether a step is never zero, by which OpenVINO would divide."""
    if step is None:
        return False
    if step.constant is not None:
        return bool((step.constant != 0).all())
    return (step.all.low is not None and step.all.low > 0) or (
        step.all.high is not None and step.all.high < 0
    )


def _is_split(given: list[Tensor | None], node: Any) -> bool:
    """Whether no part is below zero, with which OpenVINO would read before the next one's beginning."""
    sizes = given[1] if len(given) > 1 else None
    if sizes is None:
        return all(size >= 0 for size in attribute(node, "split", ()))
    return sizes.all.low is not None and sizes.all.low >= 0


def _refuse_index(node: Any, name: str, at: int) -> NoReturn:
    raise BundleError("bundle.index_not_bounded", **_place(node, name, at))


def _refuse_size(node: Any, name: str, at: int) -> NoReturn:
    raise BundleError("bundle.size_not_bounded", **_place(node, name, at))


def _place(node: Any, name: str, at: int) -> dict[str, str]:
    given = node.input[at] if at < len(node.input) else ""
    return {"file": name, "operator": node.op_type, "node": node.name[:100], "input": given[:100]}
