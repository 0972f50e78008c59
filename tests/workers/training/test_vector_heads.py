"""What the kept vectors of heads are named after."""

from dataclasses import replace

from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.bundles import read_manifest
from workers.training.layout import Captioned
from workers.training.vector_heads import _vectors_key


def test_other_pictures_or_another_way_of_reading_them_are_not_taken_for_these(tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one picture")
    split = Captioned((picture,), (("a caption",),), (0,))
    manifest = read_manifest(make_tiny_bundle(tmp_path / "tiny.zip"))
    key = _vectors_key(manifest, split)
    assert _vectors_key(manifest, split) == key
    found = {
        key,
        _vectors_key(replace(manifest, image=replace(manifest.image, mean=(0.1, 0.1, 0.1))), split),
        _vectors_key(replace(manifest, text=replace(manifest.text, max_tokens=5)), split),
        _vectors_key(manifest, replace(split, captions=(("another",),))),
    }
    picture.write_bytes(b"two picture")  # of the same name and size
    found.add(_vectors_key(manifest, split))
    assert len(found) == 5
