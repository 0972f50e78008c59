"""What each operator does to shapes and to the bounds of whole numbers. One that is not named here bounds nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, numpy_helper

from workers.inference.checks import intervals
from workers.inference.checks.intervals import UNKNOWN, Dim, Interval, hull, index_into, length_of, number
from workers.inference.checks.values import (
    WHOLE,
    Tensor,
    Values,
    attribute,
    constant_of,
    packed,
    shape_tensor,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[Values, Any, list[Tensor]], list[Tensor]]

_ROW_MAX = 64
"""Longer rows are not followed entry by entry."""

_BITS: dict[int, int] = {
    TensorProto.INT8: 7,
    TensorProto.UINT8: 8,
    TensorProto.INT16: 15,
    TensorProto.UINT16: 16,
}


def outputs_of(values: Values, node: Any) -> list[Tensor]:
    """Return a node's outputs. Raises nothing: what cannot be followed is not bounded."""
    if node.op_type == "Constant":
        return _constant(node)
    given = values.inputs_of(node)
    found = values.inferred(node)
    from_data = any(one.from_data for one in given if one) and node.op_type not in ("Shape", "Size")
    found = [replace(one, from_data=from_data) for one in found]
    rule = _RULES.get(node.op_type)
    if rule is None or not given or any(one is None for one in given):
        return found
    return [replace(one, from_data=from_data) for one in rule(values, node, found)]


def _given(values: Values, node: Any) -> list[Tensor]:
    return [one for one in values.inputs_of(node) if one is not None]


def _constant(node: Any) -> list[Tensor]:
    for one in node.attribute:
        if one.name == "value":
            return [constant_of(one.t)]
        if one.name in ("value_int", "value_ints", "value_float", "value_floats"):
            kind = np.int64 if "int" in one.name else np.float32
            return [constant_of(numpy_helper.from_array(np.array(attribute(node, one.name), kind)))]
    return [Tensor(TensorProto.UNDEFINED)]


def _same(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    return [_given(values, node)[0]]


def _cast(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    source, kind = _given(values, node)[0], found[0].kind
    if source.kind not in WHOLE or kind not in WHOLE:
        return found
    if kind == TensorProto.BOOL:
        return [replace(found[0], entries=(intervals.TRUTH,))]
    top = 1 << _BITS.get(kind, 25)
    low = (
        0 if kind in (TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64) else -top
    )
    kept = source.all.is_bounded and low <= (source.all.low or 0) and (source.all.high or 0) < top
    if not kept:
        return found
    return [replace(source, kind=kind, constant=None)]


def _shape(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    dims = _given(values, node)[0].dims
    if dims is None:
        return found
    return [shape_tensor(dims[slice(attribute(node, "start", 0), attribute(node, "end", len(dims)))])]


def _size(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    dims = _given(values, node)[0].dims
    return found if dims is None else [Tensor(TensorProto.INT64, (), (length_of(intervals.product(dims)),))]


def _elementwise(operation: Callable[..., Interval]) -> Rule:
    """Return the rule of an operator that treats each number alone, with broadcasting."""

    def rule(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
        given = _given(values, node)
        if found[0].kind not in WHOLE or any(one.kind not in WHOLE for one in given):
            return found
        count = max(len(one.entries) for one in given)
        if any(len(one.entries) not in (1, count) for one in given):
            given, count = [one.with_one_bound() for one in given], 1
        rows = [one.entries * (count // len(one.entries)) for one in given]
        if found[0].dims and len(found[0].dims) and count > 1 and found[0].dims[-1] != Dim(count):
            rows = [(hull(row),) for row in rows]
        return [replace(found[0], entries=tuple(operation(*column) for column in zip(*rows, strict=True)))]

    return rule


def _folded(operation: Callable[[Interval, Interval], Interval]) -> Callable[..., Interval]:
    def over_all(first: Interval, *rest: Interval) -> Interval:
        for one in rest:
            first = operation(first, one)
        return first

    return over_all


def _mod(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    signed = bool(attribute(node, "fmod", 0))
    return _elementwise(lambda a, b: intervals.remainder(a, b, signed=signed))(values, node, found)


def _clip(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    given = values.inputs_of(node)
    if found[0].kind not in WHOLE or given[0] is None:
        return found
    bounds = given[0].all
    if len(given) > 1 and given[1]:
        bounds = intervals.greatest(bounds, given[1].all)
    if len(given) > 2 and given[2]:
        bounds = intervals.least(bounds, given[2].all)
    return [replace(found[0], entries=(replace(bounds, exact=None),))]


def _abs(a: Interval) -> Interval:
    if a.low is not None and a.low >= 0:
        return a
    return replace(intervals.greatest(a, intervals.negated(a)), low=0) if a.is_bounded else UNKNOWN


def _where(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    test, yes, no = _given(values, node)
    if found[0].kind not in WHOLE:
        return found
    choice = [yes, no]
    if test.all.is_one:
        choice = [yes if test.all.low else no]
    return [replace(found[0], entries=(hull(tuple(one.all for one in choice)),))]


def _moved(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    """Return the rule's outputs for an operator that only moves, repeats or drops values."""
    source = _given(values, node)[0]
    moved, tokens = (source.all,), source.is_tokens
    return [replace(one, entries=moved, is_tokens=tokens) if one.kind in WHOLE else one for one in found]


def _gather(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    table, index = _given(values, node)[:2]
    if table.kind not in WHOLE:
        return found
    many = table.dims is not None and len(table.dims) == 1 and len(table.entries) == table.dims[0].factor
    if many and index.constant is not None and index.constant.ndim <= 1:
        picked = [int(at) for at in index.constant.reshape(-1)]
        if all(-len(table.entries) <= at < len(table.entries) for at in picked):
            return [replace(found[0], entries=packed(tuple(table.entries[at] for at in picked)))]
    last = attribute(node, "axis", 0) in (-1, len(table.dims or ()) - 1)
    if last and index.constant is not None and len(table.entries) > 1 and index.constant.ndim == 1:
        places = [int(at) for at in index.constant]
        if all(-len(table.entries) <= at < len(table.entries) for at in places):
            return [replace(found[0], entries=packed(tuple(table.entries[at] for at in places)))]
    return _moved(values, node, found)


def _unsqueeze(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    source = _given(values, node)[0]
    if source.kind not in WHOLE or source.dims is None:
        return found
    # A single number keeps what is known of it; a row does where its axis stays the last one.
    keeps = len(source.dims) <= 1 and found[0].dims is not None and len(found[0].dims) == 1
    kept = source.entries if keeps else (source.all,)
    return [replace(found[0], entries=kept, is_tokens=source.is_tokens)]


def _concat(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    given = _given(values, node)
    axis, dims = attribute(node, "axis", 0), [one.dims for one in given]
    if any(one is None for one in dims):
        return found
    rank = len(dims[0] or ())
    shape = _joined([one or () for one in dims], axis % max(rank, 1), values)
    found = [replace(found[0], dims=shape)]
    if found[0].kind not in WHOLE:
        return found
    if axis in (-1, rank - 1) and (row := _row([one for one in given if one.dims])):
        return [replace(found[0], entries=row)]
    return [replace(found[0], entries=(hull(tuple(one.all for one in given)),))]


def _row(parts: list[Tensor]) -> tuple[Interval, ...]:
    """Return the bounds of rows put one behind the other; none where their lengths are not fixed."""
    row: tuple[Interval, ...] = ()
    for part in parts:
        length = part.dims[-1] if part.dims else Dim(0)
        if not length.is_fixed or length.factor > _ROW_MAX or len(part.entries) not in (1, length.factor):
            return ()
        row += part.entries if len(part.entries) == length.factor else part.entries * length.factor
    return packed(row)


def _joined(dims: list[tuple[Dim, ...]], axis: int, values: Values) -> tuple[Dim, ...]:
    first = list(dims[0])
    along = [one[axis] for one in dims]
    if all(one.is_fixed for one in along):
        first[axis] = Dim(sum(one.factor for one in along))
    elif len(along) > 1:
        first[axis] = values.stranger()
    return tuple(first)


def _slice(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    given = values.inputs_of(node)
    source = given[0]
    if source is None or source.dims is None:
        return found
    constants = [
        one.constant.reshape(-1).tolist() if one and one.constant is not None else None for one in given[1:5]
    ]
    row = len(source.dims) == 1 and source.dims[0].is_fixed and len(source.entries) == source.dims[0].factor
    if row and source.kind in WHOLE and len(constants) >= 2 and constants[0] and constants[1]:
        step = constants[3][0] if len(constants) > 3 and constants[3] else 1
        if step and source.dims[0].factor:
            kept = (
                source.entries[slice(int(constants[0][0]), int(constants[1][0]), int(step))]
                if step > 0
                else ()
            )
            if kept:
                return [replace(found[0], dims=(Dim(len(kept)),), entries=kept)]
    dims = _shorter(given, found[0].dims)
    return _moved(values, node, [replace(found[0], dims=dims)])


def _shorter(given: list[Tensor | None], inferred: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
    """Return what a slice leaves: from 0 to a length that never exceeds the axis, exactly that length."""
    source, starts, ends, axes, steps = (*given, None, None)[:5]
    if not source or not source.dims or not starts or not ends or not axes or axes.constant is None:
        return inferred
    dims = list(source.dims)
    for at, axis in enumerate(axes.constant.reshape(-1).tolist()):
        whole = at < len(starts.entries) and starts.entries[at] == number(0)
        whole = whole and (not steps or steps.all == number(1))
        end = ends.entries[at].exact if at < len(ends.entries) else None
        fits = end and end.axes and end.most is not None and end.most <= source.dims[axis].least
        dims[axis] = end if whole and fits and end else (inferred or dims)[axis]
    return tuple(dims) if inferred else None


def _reshape(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    source, shape = _given(values, node)[:2]
    dims = _reshaped(source, shape, bool(attribute(node, "allowzero", 0)), values)
    found = [replace(found[0], dims=dims if dims is not None else found[0].dims)]
    if source.kind not in WHOLE:
        return found
    same = source.dims is not None and len(source.dims) <= 1 and dims is not None and len(dims) <= 1
    return [replace(found[0], entries=source.entries if same else (source.all,), is_tokens=source.is_tokens)]


def _reshaped(source: Tensor, shape: Tensor, zero_is_length: bool, values: Values) -> tuple[Dim, ...] | None:  # noqa: FBT001
    """Return the lengths that a shape asks for: the one of -1 is what is left of the product."""
    if shape.dims is None or len(shape.dims) != 1 or not shape.dims[0].is_fixed:
        return None
    wanted = shape.entries if len(shape.entries) == shape.dims[0].factor else ()
    if len(wanted) != shape.dims[0].factor:
        return tuple(values.stranger() for _ in range(min(shape.dims[0].factor, 16)))
    dims: list[Dim | None] = []
    for at, entry in enumerate(wanted):
        if entry.is_one and entry.low == 0 and not zero_is_length and source.dims and at < len(source.dims):
            dims.append(source.dims[at])
        elif entry.exact is not None:
            dims.append(entry.exact)
        elif entry.is_one and entry.low == -1:
            dims.append(None)
        else:
            dims.append(values.stranger())
    known = intervals.product(tuple(one for one in dims if one is not None))
    left = intervals.product(source.dims).over(known) if source.dims is not None else None
    return tuple((left or values.stranger()) if one is None else one for one in dims)


def _expand(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    source, shape = _given(values, node)[:2]
    rank = shape.dims[0].factor if shape.dims and shape.dims[0].is_fixed else None
    if source.dims is None or rank is None or len(shape.entries) != rank:
        return _moved(values, node, found)
    own = (Dim(1),) * max(0, rank - len(source.dims)) + source.dims
    asked = (number(1),) * max(0, len(source.dims) - rank) + shape.entries
    dims = tuple(_broadcast(a, b.exact, values) for a, b in zip(own, asked, strict=True))
    return _moved(values, node, [replace(found[0], dims=dims)])


def _broadcast(a: Dim, b: Dim | None, values: Values) -> Dim:
    if b is None:
        return values.stranger()
    if a == Dim(1) or a == b:
        return b
    return a if b == Dim(1) or (a.is_fixed and a.factor > 1) else values.stranger()


def _constant_of_shape(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    shape = _given(values, node)[0]
    value = attribute(node, "value")
    fill = constant_of(value) if value is not None else Tensor(TensorProto.FLOAT)
    dims = tuple(one.exact or values.stranger() for one in shape.entries)
    known = shape.dims is not None and len(shape.dims) == 1 and shape.dims[0] == Dim(len(dims))
    return [Tensor(fill.kind, dims if known else found[0].dims, (fill.all,))]


def _range(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    start, limit, step = _given(values, node)
    if found[0].kind not in WHOLE:
        return found
    simple = start.all.is_one and start.all.low == 0 and step.all.is_one and step.all.low == 1
    dim = limit.all.exact if simple and limit.all.exact else values.stranger()
    rises = step.all.low is not None and step.all.low >= 1
    last = replace(intervals.add(limit.all, number(-1)), exact=None) if rises else UNKNOWN
    bounds = replace(last, low=start.all.low) if start.all.low is not None else UNKNOWN
    return [replace(found[0], dims=(dim,), entries=(bounds,))]


def _places(output: int) -> Rule:
    """Return the rule of an operator that gives indices into an axis of its first input."""

    def rule(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
        dims = _given(values, node)[0].dims
        axis = attribute(node, "axis", -1 if node.op_type == "TopK" else 0)
        if dims is not None and -len(dims) <= axis < len(dims) and len(found) > output:
            found[output] = replace(found[output], entries=(index_into(dims[axis]),))
        return found

    return rule


def _suppression(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    boxes, scores = _given(values, node)[:2]
    if not boxes.dims or not scores.dims or len(scores.dims) != 3:
        return found
    entries = tuple(index_into(dim) for dim in (scores.dims[0], scores.dims[1], scores.dims[2]))
    return [replace(found[0], dims=(values.stranger(), Dim(3)), entries=entries)]


def _truth(values: Values, node: Any, found: list[Tensor]) -> list[Tensor]:
    given = _given(values, node)
    if node.op_type in ("Less", "Greater") and all(one.kind in WHOLE for one in given):
        a, b = (one.all for one in (given if node.op_type == "Less" else given[::-1]))
        return [replace(found[0], entries=(intervals.compared(a, b),))]
    return [replace(found[0], entries=(intervals.TRUTH,))]


_MOVED = """
    Transpose Flatten Tile GatherElements GatherND Split DepthToSpace SpaceToDepth ReverseSequence
    ReduceMax ReduceMin MaxPool
"""
_TRUTH = "Less Greater Equal LessOrEqual GreaterOrEqual And Or Not Xor IsNaN IsInf"
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_MOVED.split(), _moved),
    **dict.fromkeys(_TRUTH.split(), _truth),
    "Identity": _same, "Cast": _cast, "Shape": _shape, "Size": _size,
    "Add": _elementwise(intervals.add), "Mul": _elementwise(intervals.times),
    "Sub": _elementwise(lambda a, b: intervals.add(a, intervals.negated(b))),
    "Div": _elementwise(intervals.divided), "Sum": _elementwise(_folded(intervals.add)),
    "Min": _elementwise(_folded(intervals.least)), "Max": _elementwise(_folded(intervals.greatest)),
    "Clip": _clip, "Neg": _elementwise(intervals.negated), "Abs": _elementwise(_abs), "Mod": _mod, "Where": _where,
    "Gather": _gather, "Unsqueeze": _unsqueeze, "Squeeze": _unsqueeze, "Concat": _concat, "Slice": _slice,
    "Reshape": _reshape, "Expand": _expand, "ConstantOfShape": _constant_of_shape, "Range": _range,
    "TopK": _places(1), "ArgMax": _places(0), "ArgMin": _places(0), "NonMaxSuppression": _suppression,
}  # fmt: skip
