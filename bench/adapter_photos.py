"""`python -m bench.adapter_photos --bundle FILE --data FOLDER`: what ten marks are worth to a model for everything.

The photos of a data set's validation split ask its captions, each a document without a picture, so nothing but marks is
there to learn from. Somebody marks truthfully what is theirs among the first ten; photos with nothing of theirs there
give no mark. An adapter is learned from so many marked photos, drawn at random, and all others are asked again, in
several splits. Of these: shares with a caption of theirs first, and among the first ten, before and after.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.captioned import CaptionedVectors, captioned_vectors
from bench.composed_quality import settings_ready
from bench.feedback import JUDGED_HITS
from workers.adapting.examples import Examples, JudgedExample
from workers.adapting.learning import learn
from workers.inference.adapters import ResidualMap
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]

CUTS = (1, 10)


def main() -> None:
    """Print a table for each number of marked photos."""
    options = _options()
    settings_ready()
    asked = captioned_vectors(options.bundle, options.data)
    marked = {place: one for place in range(len(asked.photos)) if (one := _marked(asked, place)) is not None}
    print(
        f"{len(asked.photos)} photos, {len(asked.captions):,} captions; {len(marked)} photos could be marked"
    )
    for count in options.searches:
        print(f"\n{count} marked photos to learn from, {options.splits} splits; per cent of the others")
        _learned(asked, marked, count, options.splits)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", required=True, help="folder of a data set that training reads")
    parser.add_argument("--searches", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--splits", type=int, default=10)
    return parser.parse_args()


def _marked(asked: CaptionedVectors, place: int) -> JudgedExample | None:
    hits = np.argsort(-(asked.captions @ asked.photos[place]))[:JUDGED_HITS]
    right = asked.owners[hits] == place
    if not right.any():
        return None
    relevant, rejected = asked.captions[hits[right]], asked.captions[hits[~right]]
    return JudgedExample(asked.photos[place], relevant, rejected, "image", "text", str(place))


def _learned(asked: CaptionedVectors, marked: dict[int, JudgedExample], count: int, splits: int) -> None:
    from search.adapting.collect import BACKGROUND_MAX

    nothing = np.zeros((0, asked.photos.shape[1]), np.float32)
    found = np.full(
        (2, splits, len(asked.photos), len(CUTS)), np.nan
    )  # before and after; not of marked photos
    seconds, unchanged = 0.0, 0
    for split in range(splits):
        draw = np.random.default_rng(split)
        chosen = draw.permutation(list(marked))[:count]
        sample = asked.captions[draw.permutation(len(asked.captions))[:BACKGROUND_MAX]]
        background = {"text": sample, "image": nothing}
        started = time.process_time()
        learned = learn(Examples([marked[at] for at in chosen], nothing, nothing, background), seed=split)
        seconds += time.process_time() - started
        unchanged += not learned.maps
        one = learned.maps.get("image", ResidualMap.nothing(asked.photos.shape[1]))
        others = np.setdiff1d(np.arange(len(asked.photos)), chosen)
        found[0, split, others] = _found(asked, asked.photos[others], others)
        found[1, split, others] = _found(asked, one.vectors(asked.photos[others]), others)
    was, now = (
        100 * np.nanmean(side, axis=0) for side in found
    )  # a photo's mean over the splits is one value
    for cut, mean, gain in zip(CUTS, was.mean(0), paired_means(now, was), strict=True):
        print(
            f"  R@{cut:<4}{mean:>6.1f} → {mean + gain.value:.1f}  {gain.value:+.1f} "
            f"(95 %: {gain.low:+.1f} to {gain.high:+.1f})",
            flush=True,
        )
    print(f"  nothing learned in {unchanged} splits; {seconds / splits:.1f} s of one core a split")


def _found(asked: CaptionedVectors, photos: Floats, places: NDArray[np.int64]) -> Flags:
    """Whether a caption of theirs is among the best, (photos, cuts)."""
    best = np.argsort(-(photos @ asked.captions.T), axis=1)[:, : max(CUTS)]
    right = asked.owners[best] == places[:, None]
    return np.stack([right[:, :cut].any(1) for cut in CUTS], 1)


if __name__ == "__main__":
    main()
