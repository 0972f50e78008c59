"""Weights without torch: what torch and safetensors wrote is read, and nothing else."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from tests.workers.inference.starter.tiny_weights import safetensors_bytes, sentence_weights
from workers.inference.starter.tensors import read_safetensors, read_torch_file


def torch_bytes(state) -> bytes:
    torch = pytest.importorskip("torch")
    out = io.BytesIO()
    torch.save(state, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def test_safetensors_are_read():
    weights = sentence_weights()
    found = read_safetensors(safetensors_bytes(weights))
    assert found.keys() == weights.keys()
    assert all(np.array_equal(found[name], values) for name, values in weights.items())


@pytest.mark.parametrize("data", [b"", b"\xff" * 32, b"\x02" + bytes(7) + b"{}"[:1]])
def test_what_is_no_safetensors_file_is_refused(data):
    with pytest.raises(ValueError, match="safetensors"):
        read_safetensors(data)


def test_a_tensor_that_lies_outside_is_refused():
    data = safetensors_bytes({"a": np.ones((3, 4), np.float32)})
    with pytest.raises(ValueError, match="tensor"):
        read_safetensors(data[:-8])


def test_torchs_older_files_are_read_with_every_layout():
    torch = pytest.importorskip("torch")
    whole = torch.arange(24.0).reshape(2, 3, 4)
    state = {"whole": whole, "turned": whole.transpose(0, 2), "piece": whole[1, 1:], "count": torch.tensor(7)}
    found = read_torch_file(torch_bytes(state))
    assert all(np.array_equal(found[name], values.numpy()) for name, values in state.items())


class Harmful:
    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_that_names_anything_else_is_refused_before_it_runs(capsys):
    data = torch_bytes({}).replace(pickle.dumps({}, 2)[2:], b"", 1)
    hostile = b"".join(pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {}))
    with pytest.raises(ValueError, match="not allowed"):
        read_torch_file(hostile + pickle.dumps(Harmful(), 2))
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="older form"):
        read_torch_file(pickle.dumps(5, 2) + data)


def test_a_tensor_that_reaches_beyond_its_storage_is_refused():
    torch = pytest.importorskip("torch")
    data = torch_bytes({"a": torch.ones(3, 5)})
    assert data.count(b"K\x03K\x05\x86") == 1
    with pytest.raises(ValueError, match="storage"):
        read_torch_file(data.replace(b"K\x03K\x05\x86", b"K\x04K\x05\x86"))
