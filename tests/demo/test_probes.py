import json

import numpy as np
import pytest
from PIL import Image

from demo.corpus import write_drawings
from demo.probes import PROBES, Labelled, colour_histogram, probe, small_pixels


def labelled(folder):
    entries = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return Labelled(
        [folder / entry["file"] for entry in entries],
        [(entry["kind"], entry["colour"], entry["condition"]) for entry in entries],
    )


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_finds_a_picture_among_its_copies(tmp_path, name):
    write_drawings(tmp_path, seed=1, count=8, size=48)
    known = labelled(tmp_path)
    result = probe(name, known, known)
    assert (result.kind, result.everything) == (1.0, 1.0)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_stays_far_below_forty_percent_on_drawings_it_has_not_seen(tmp_path, name):
    write_drawings(tmp_path / "known", seed=1, count=400, size=48)
    write_drawings(tmp_path / "asked", seed=2, count=60, size=48)
    assert probe(name, labelled(tmp_path / "known"), labelled(tmp_path / "asked")).everything < 0.4


def test_a_probe_counts_kind_apart_from_everything(tmp_path):
    write_drawings(tmp_path, seed=1, count=4, size=48)
    known = labelled(tmp_path)
    renamed = Labelled(known.files, [(kind, "other", condition) for kind, _, condition in known.labels])
    result = probe("pixels", known, renamed)
    assert (result.kind, result.everything) == (1.0, 0.0)


def test_a_probe_without_pictures_is_refused():
    with pytest.raises(ValueError, match="needs known and asked"):
        probe("pixels", Labelled([], []), Labelled([], []))


def test_the_histogram_is_a_loop_over_pixels_and_blind_to_places():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
    counts = np.zeros((6, 6, 6))
    for r, g, b in pixels.reshape(-1, 3) // 43:
        counts[min(r, 5), min(g, 5), min(b, 5)] += 1
    feature = colour_histogram(Image.fromarray(pixels))
    assert np.linalg.norm(feature) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(feature, colour_histogram(Image.fromarray(pixels[::-1])), atol=1e-6)
    assert (feature > 0).sum() == (counts > 0).sum()


def test_small_pixels_forget_brightness_and_contrast():
    pixels = np.random.default_rng(1).integers(40, 120, (64, 64, 3)).astype(np.uint8)
    one, other = small_pixels(Image.fromarray(pixels)), small_pixels(Image.fromarray(pixels * 2))
    assert float(one @ other) > 0.99
