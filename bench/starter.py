"""`python -m bench.starter --data FOLDER [--from PACKAGES] [--beside BUNDLE]`: what the starter knows without training.

Photos of a data set's validation split ask for their captions and the other way round; then the time of a photo and
of a caption, alone, as the machine's own and as a ratio to another bundle's (the demo's, say), one thread each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bench.measure import MS, Report
from workers.inference.bundles import bundle_extract
from workers.inference.encoder import load_encoder
from workers.inference.starter.build import starter_write
from workers.training.readers.read import DataSource, read_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workers.inference.encoder import Encoder

    Floats = NDArray[np.float32]

CUTS = (1, 10, 50)
_GROUP, _TIMED = 32, 60


def main() -> None:
    """Print recalls both ways and the times."""
    options, report = _options(), Report()
    split = read_source(DataSource(options.data, "", "")).split("val")
    paths, captions = split.paths[: options.photos], split.captions[: options.photos]
    with tempfile.TemporaryDirectory() as room:
        bundle = options.bundle or Path(room) / "starter.zip"
        if options.bundle is None:
            starter_write(bundle, options.folder, print)
        encoder = _loaded(bundle, Path(room) / "starter")
        _recalls(encoder, paths, captions, report)
        sizes = _times(encoder, paths, captions)
        if options.beside:
            beside = _times(_loaded(options.beside, Path(room) / "beside"), paths, captions)
            for what, seconds in sizes.items():
                report.say(f"{what}, times the other bundle's", seconds / beside[what], "")
        for what, seconds in sizes.items():
            report.say(what, MS * seconds, "ms")
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _loaded(bundle: Path, folder: Path) -> Encoder:
    bundle_extract(bundle, folder)
    return load_encoder(folder, device="cpu", threads=1)


def _recalls(encoder: Encoder, paths: list[Path], captions: list[list[str]], report: Report) -> None:
    photos = np.concatenate(
        [_encoded(encoder, paths[at : at + _GROUP]) for at in range(0, len(paths), _GROUP)]
    )
    texts = encoder.encode_texts([text for group in captions for text in group])
    owner = np.repeat(np.arange(len(captions)), [len(group) for group in captions])
    scores = photos @ texts.T
    rights = owner == np.arange(len(paths))[:, None]
    for cut in CUTS:
        report.say(f"photo to caption R@{cut}", _recall(scores, rights, cut), "%")
        report.say(f"caption to photo R@{cut}", _recall(scores.T, rights.T, cut), "%")


def _recall(scores: Floats, rights: NDArray[np.bool_], cut: int) -> float:
    """Return the percentage of rows with a right column among the best `cut`."""
    best = np.argpartition(-scores, cut - 1, axis=1)[:, :cut]
    return round(100 * float(np.take_along_axis(rights, best, axis=1).any(axis=1).mean()), 1)


def _encoded(encoder: Encoder, paths: list[Path]) -> Floats:
    return encoder.encode_pictures([_opened(path) for path in paths])


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _times(encoder: Encoder, paths: list[Path], captions: list[list[str]]) -> dict[str, float]:
    """Return the median seconds of one photo and of one caption."""
    pictures, texts = [_opened(path) for path in paths[:_TIMED]], [group[0] for group in captions[:_TIMED]]
    return {
        "photo": _median(lambda at: encoder.encode_pictures([pictures[at]]), len(pictures)),
        "caption": _median(lambda at: encoder.encode_texts([texts[at]]), len(texts)),
    }


def _median(call: Callable[[int], object], count: int) -> float:
    found = []
    for at in range(count):
        started = time.perf_counter()
        call(at)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a data set's folder or file of captions")
    parser.add_argument("--photos", type=int, default=1000, help="how many of the validation split at most")
    parser.add_argument("--bundle", type=Path, help="the starter's bundle, where it is made already")
    parser.add_argument("--from", dest="folder", type=Path, help="folder with the packages' wheels")
    parser.add_argument("--beside", type=Path, help="a bundle whose times are compared")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
