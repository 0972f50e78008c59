"""`python -m bench.nothing --bundle FILE …`: which statistic tells a photo about the collection from any other.

Half of the known photos calibrate a threshold that 2 % of such photos should fall below, each without the texts of
its own document, as the job does it; the other half, and pictures of other things, are held against it. `--data` takes
a data set with captions, whose validation photos are the known ones. `--documents` takes what `manage.py demo
documents` wrote, whose pictures calibrate, and `--drawings` what `manage.py demo draw` wrote, which ask. Strange are
“made” noise, textures, charts, screenshots and pages, and the pictures in the folders of `--strange`. Straight from a
bundle, no server.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.strangers import nonsense, strangers
from search.relevance.evidence import (
    closeness,
    evidence,
    familiarity,
    familiarity_held_out,
    scale_of,
    space_of,
)
from search.relevance.fitted import LINE_SHARE
from search.splitting import passages
from workers.training.evaluate import embed_files, opened_bundle
from workers.training.readers.read import DataSource, read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from workers.inference.encoder import Encoder

    Floats = NDArray[np.float64]
    Vectors = NDArray[np.float32]

STRANGERS = 490
NONSENSE = 500
BACKGROUND = 1024
NEIGHBOURS = 5


@dataclass(frozen=True)
class Known:
    """Texts, photos that calibrate, and photos about the same that ask.

    `owners`: the number of each text's document; `calibrated`: that of each calibrating photo's.
    """

    texts: list[str]
    owners: list[int]
    calibrating: list[Path]
    calibrated: list[int]
    asking: list[Path]


@dataclass(frozen=True)
class Space:
    """Vectors of texts and of the photos that calibrate; `background`: a sample of the texts.

    `own` `(photos, texts)`: which texts are of a photo's own document.
    """

    texts: Vectors
    photos: Vectors
    background: Vectors
    own: NDArray[np.bool_]


def main() -> None:
    """Print a table: of known photos and of each strange set, the share that each statistic refuses."""
    options = _options()
    known = _demo(options) if options.documents else _captioned(options)
    rng = np.random.default_rng(options.seed)
    with opened_bundle(options.bundle) as encoder:
        texts = encoder.encode_texts(known.texts)
        sample = texts[rng.permutation(len(texts))[:BACKGROUND]]
        own = np.asarray(known.calibrated)[:, None] == np.asarray(known.owners)[None]
        space = Space(texts, _embedded(encoder, known.calibrating), sample, own)
        asked = {"known": _embedded(encoder, known.asking)} | _strange(encoder, options)
        _, read = encoder.encode_queries(nonsense(NONSENSE, options.seed))
        unknown = [words.nothing_known for words in read]
    print(f"{len(known.texts)} texts, {len(known.calibrating)} photos calibrate; refused, per cent")
    print(f"{'':28}" + "".join(f"{f'{name} ({len(found)})':>20}" for name, found in asked.items()))
    for name, statistic in STATISTICS.items():
        line = _line(statistic(space, None))
        shares = (float((statistic(space, found) < line).mean()) for found in asked.values())
        print(f"{name:28}" + "".join(f"{100 * share:20.1f}" for share in shares))
    print(f"nonsense words of which the model knows none: {sum(unknown)} of {NONSENSE}")


def _line(calibrating: Floats) -> float:
    """Return the value that so many per cent of the calibrating photos fall below."""
    return float(np.sort(calibrating)[int(LINE_SHARE * (len(calibrating) + 1)) - 1])


def _best(space: Space, photos: Vectors | None) -> Floats:
    scores = _asked(space, photos) @ space.texts.T
    if photos is None:
        scores[space.own] = -1
    return scores.max(axis=1).astype(np.float64)


def _deviations(space: Space, photos: Vectors | None) -> Floats:
    scores = _asked(space, photos) @ space.background.T
    above: Floats = (_best(space, photos) - scores.mean(axis=1)) / scores.std(axis=1)
    return above


def _neighbours(space: Space, photos: Vectors | None) -> Floats:
    cosines = _asked(space, photos) @ space.photos.T
    if photos is None:
        np.fill_diagonal(cosines, -1)
    return np.sort(cosines, axis=1)[:, -NEIGHBOURS:].mean(axis=1).astype(np.float64)


def _familiarity(space: Space, photos: Vectors | None) -> Floats:
    if photos is None:
        return familiarity_held_out(space.photos, space.background).astype(np.float64)
    return familiarity(photos, space_of(space.photos, space.background)).astype(np.float64)


def _evidence(space: Space, photos: Vectors | None) -> Floats:
    firsts = closeness(_best(space, None), "cosine"), _familiarity(space, None)
    near, known = closeness(_best(space, photos), "cosine"), _familiarity(space, photos)
    return np.asarray(evidence(near, known, scale_of(*firsts)), dtype=np.float64)


def _asked(space: Space, photos: Vectors | None) -> Vectors:
    return space.photos if photos is None else photos


STATISTICS: dict[str, Callable[[Space, Vectors | None], Floats]] = {
    "best score": _best,
    "its deviations (z)": _deviations,
    "nearest 5 photos": _neighbours,
    "familiarity": _familiarity,
    "best score and familiarity": _evidence,
}
"""Of photos, or with None of those that calibrate, each as if it were not among the others; bigger is more familiar."""


def _strange(encoder: Encoder, options: argparse.Namespace) -> dict[str, Vectors]:
    drawn = [picture for _, picture in strangers(STRANGERS, options.seed)]
    found = {
        "made": np.concatenate([encoder.encode_pictures(drawn[n : n + 64]) for n in range(0, STRANGERS, 64)])
    }
    for folder in options.strange:
        files = _pictures(folder)
        chosen = np.random.default_rng(options.seed).permutation(len(files))[: options.photos]
        found[folder.name] = _embedded(encoder, [files[place] for place in chosen])
    return found


def _captioned(options: argparse.Namespace) -> Known:
    split = read_source(DataSource(options.data, "", "")).split("val")
    order = np.random.default_rng(options.seed).permutation(len(split.paths))[: 2 * options.photos]
    texts = [(text, int(place)) for place in order for text in split.captions[place]]
    photos = [split.paths[place] for place in order]
    owners = [place for _, place in texts]
    return Known([text for text, _ in texts], owners, photos[::2], order[::2].tolist(), photos[1::2])


def _demo(options: argparse.Namespace) -> Known:
    lines = (options.documents / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    texts = [
        (number, found["body"][span.start : span.end])
        for number, found in enumerate(documents)
        for span in passages(found["body"])
    ]
    first = {Path(found["images"][0]).name: n for n, found in enumerate(documents) if found["images"]}
    calibrating = [path for path in _pictures(options.documents / "images") if path.name in first]
    owners = [number for number, _ in texts]
    calibrated = [first[path.name] for path in calibrating]
    asking = _pictures(options.drawings)
    return Known([text for _, text in texts], owners, calibrating, calibrated, asking)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def _embedded(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    return embed_files(encoder, tuple(files), lambda *_: None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", required=True, type=Path)
    parser.add_argument("--data", help="a data set with captions")
    parser.add_argument("--documents", type=Path, help="the demo's documents with their pictures")
    parser.add_argument("--drawings", type=Path, help="the demo's drawings, which ask")
    parser.add_argument(
        "--strange", type=Path, nargs="*", default=[], help="folders of pictures of other things"
    )
    parser.add_argument("--photos", type=int, default=500, help="of each folder at most, and of each half")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
