"""Weights as numpy arrays: from safetensors, and from torch's older files, which are pickles.

A pickle is read only inside the walls, and knows three names there: an ordered dictionary, a storage of floats or
whole numbers, and the function that cuts a tensor out of one. Nothing of torch is imported.
"""

from __future__ import annotations

import collections
import io
import json
import math
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[Any]]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_SAFE_TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
}
_HEADER_MAX = 1 << 20


def read_safetensors(data: bytes | memoryview) -> Tensors:
    """Return the tensors of a safetensors file by name; raises ValueError where it is none."""
    size = int.from_bytes(data[:8], "little")
    if not 2 <= size <= min(_HEADER_MAX, len(data) - 8):
        raise ValueError("The weights are no safetensors file.")
    header = json.loads(bytes(data[8 : 8 + size]))
    header.pop("__metadata__", None)
    return {name: _cut(data[8 + size :], entry) for name, entry in header.items()}


def read_torch_file(data: bytes | memoryview) -> Tensors:
    """Return the tensors of a state dictionary that `torch.save` wrote in its older form; raises ValueError."""
    source = io.BytesIO(data)
    if _StateReader(source).load() != _MAGIC or _StateReader(source).load() != _PROTOCOL:
        raise ValueError("The weights are no file of torch's older form.")
    _StateReader(source).load()  # the writer's byte order, little-endian wherever torch runs
    reader = _StateReader(source)
    state, keys = reader.load(), _StateReader(source).load()
    storages: dict[str, NDArray[Any]] = {}
    for key in keys:
        count, storage = int.from_bytes(source.read(8), "little"), reader.storages[key]
        if count != storage.count:
            raise ValueError("A storage has another size than the file says.")
        storages[key] = _numbers(source.read(count * storage.kind.itemsize), storage.kind, count)
    return {str(name): tensor.of(storages[tensor.storage.key]) for name, tensor in state.items()}


def _cut(body: bytes | memoryview, entry: dict[str, Any]) -> NDArray[Any]:
    start, end = entry["data_offsets"]
    kind, shape = _SAFE_TYPES.get(entry["dtype"]), tuple(entry["shape"])
    if kind is None or not 0 <= start <= end <= len(body):
        raise ValueError("A tensor has an unknown type, or lies outside of the file.")
    return _numbers(body[start:end], kind, math.prod(shape)).reshape(shape)


def _numbers(data: bytes | memoryview, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(data) != count * kind.itemsize:
        raise ValueError("A tensor is cut off.")
    return np.frombuffer(data, kind, count)


@dataclass(frozen=True)
class _Storage:
    """A run of numbers that the file holds behind its pickle."""

    key: str
    kind: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _StoredTensor:
    """A tensor as a piece of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return it, cut out of its storage's numbers; raises ValueError where it would reach beyond them."""
        sides = list(zip(self.shape, self.strides, strict=True))
        last = self.offset + sum((side - 1) * stride for side, stride in sides)
        if min((0, self.offset, *self.strides)) < 0 or min((1, *self.shape)) < 1 or last >= len(numbers):
            raise ValueError("A tensor reaches beyond its storage.")
        if math.prod(self.shape) > len(numbers):
            raise ValueError("A tensor is larger than its storage.")
        steps = [stride * numbers.itemsize for stride in self.strides]
        return as_strided(numbers[self.offset :], self.shape, steps, writeable=False).copy()


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _StoredTensor:
    return _StoredTensor(storage, offset, tuple(shape), tuple(strides))


class _StateReader(pickle.Unpickler):
    """Knows the few names that a dictionary of plain tensors needs."""

    def __init__(self, source: io.BytesIO) -> None:
        super().__init__(source)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name; raises ValueError for any other."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _TYPES:
            return name
        raise ValueError(f"The weights name {module}.{name}, which is not allowed.")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that a tensor lies in."""
        kind, key, count = _TYPES[pid[1]], str(pid[2]), int(pid[4])
        return self.storages.setdefault(key, _Storage(key, kind, count))
