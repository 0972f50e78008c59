"""An adapter in the whole of a validation: an honest one passes, a broken one is refused."""

import numpy as np
import pytest

from tests.support.tiny_bundle import serialise, tiny_graphs, tiny_manifest, vocabulary_bytes
from workers.inference.adapters import ResidualMap
from workers.inference.bundles import bundle_write


def adapted(room, scale):
    """The tiny bundle with an adapter of its texts, whose weights are `scale` times the identity."""
    one = ResidualMap(scale * np.eye(32, dtype=np.float32), np.full(32, 0.01, np.float32))
    one.write(room / "text.npy")
    image, text = tiny_graphs(32, 0)
    files = {
        "image.onnx": serialise(image),
        "text.onnx": serialise(text),
        "vocabulary.txt": vocabulary_bytes(),
    }
    manifest = tiny_manifest() | {"adapter": {"text": "adapter/text.npy"}}
    bundle_write(room / "b.zip", manifest, files | {"adapter/text.npy": room / "text.npy"})
    return room / "b.zip"


def test_an_honest_adapter_passes(tmp_path, carry_out):
    assert "adapter" in carry_out(adapted(tmp_path, 0.2))["seconds"]


@pytest.mark.parametrize(
    ("scale", "error_id"), [(-1, "bundle.outputs_all_alike"), (np.nan, "bundle.adapter_invalid")]
)
def test_a_broken_adapter_is_refused(tmp_path, refusal, scale, error_id):
    assert refusal(adapted(tmp_path, scale)).id == error_id
