"""Vectors of a data set's validation photos and of their captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workers.training.evaluate import embed_files, opened_bundle
from workers.training.readers.read import DataSource, read_source

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class CaptionedVectors(NamedTuple):
    """Of photos (n, dim) and all captions (m, dim); numbers in the split, of the photos and of the captions' photos."""

    photos: Floats
    captions: Floats
    places: NDArray[np.int64]
    owners: NDArray[np.int64]


def captioned_vectors(bundle: Path, data: str, chosen: slice = slice(None)) -> CaptionedVectors:
    """Encode the chosen validation photos, and the captions of all of them."""
    split = read_source(DataSource(data, "", "")).split("val")
    places = np.arange(len(split.paths))[chosen]
    owners = np.repeat(np.arange(len(split.captions)), [len(captions) for captions in split.captions])
    with opened_bundle(bundle) as encoder:
        captions = encoder.encode_texts([text for texts in split.captions for text in texts])
        photos = embed_files(encoder, tuple(split.paths[place] for place in places), lambda *_: None)
    return CaptionedVectors(photos, captions, places, owners)
