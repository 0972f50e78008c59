"""Where every query's right items were found, in both directions: kept with a run, so that runs can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workers.training.errors import TrainingError
from workers.training.measures.places import NOWHERE, Labels, Places
from workers.training.measures.quality import Quality, direction_of

_FAR = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Ranks:
    """`of_images` and `of_captions` are the labels, int64 (n) and (m): what has an equal one belongs together."""

    image_to_text: Places
    text_to_image: Places
    of_images: Labels
    of_captions: Labels

    def quality(self) -> Quality:
        """All measures of both directions."""
        return Quality(direction_of(self.image_to_text), direction_of(self.text_to_image))

    def save(self, path: Path) -> None:
        """Write a compressed npz file: some 100 KB for 1,000 pictures with five captions each."""
        np.savez_compressed(
            path,
            image_to_text=np.minimum(self.image_to_text.first, _FAR).astype(np.int32),
            text_to_image=np.minimum(self.text_to_image.first, _FAR).astype(np.int32),
            of_images=self.of_images,
            of_captions=self.of_captions,
        )


def joined_ranks(several: Sequence[Ranks]) -> Ranks:
    """Several models' ranks of the same queries as one: its measures are the means of theirs."""
    return Ranks(
        _joined([ranks.image_to_text for ranks in several]),
        _joined([ranks.text_to_image for ranks in several]),
        np.concatenate([ranks.of_images for ranks in several]),
        np.concatenate([ranks.of_captions for ranks in several]),
    )


def _joined(places: Sequence[Places]) -> Places:
    return Places(np.concatenate([p.first for p in places]), np.concatenate([p.right for p in places]))


def read_ranks(path: Path) -> Ranks:
    """What `save` wrote. Raises TrainingError where that is not there."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        labels = arrays["of_images"], arrays["of_captions"]
        return Ranks(
            _restored(arrays["image_to_text"], labels),
            _restored(arrays["text_to_image"], (labels[1], labels[0])),
            *labels,
        )
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} holds no ranks to compare: {error}.") from None


def _restored(first: Labels, labels: tuple[Labels, Labels]) -> Places:
    names, counts = np.unique(labels[1], return_counts=True)
    places = np.where(first == _FAR, NOWHERE, first.astype(np.int64))
    return Places(places, counts[np.searchsorted(names, labels[0])])
