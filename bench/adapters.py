"""`python -m bench.adapters`: what an adapter learned from marks is worth, and what giving every unit its vector costs.

`camera`: the demo's model meets the camera of `bench.feedback`. Drawings ask the demo's notes; of the first ten hits
those are judged relevant whose notes speak of a part of the drawing's kind, colour and condition. An adapter is learned
from the judged drawings of two thirds and the others are asked again, with as many plain photos, in several splits.

`remap`: a server of the benchmark's own encodes so many documents, then prepares versions with adapters beside.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bench.feedback import JUDGED_HITS, _other_camera
from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving
from workers.adapting.examples import Examples, JudgedExample
from workers.adapting.learning import learn
from workers.inference.adapted import adapted_write
from workers.inference.adapters import ResidualMap
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion
    from workers.inference.encoder import Encoder

    Floats = NDArray[np.float32]
    Strings = NDArray[np.str_]

LEARNED_FROM = 2 / 3


@dataclass(frozen=True)
class Corpus:
    """Passages and drawings with their vectors and labels (n, 3); the documents' own pictures with their texts."""

    passages: Floats
    passage_labels: Strings
    shifted: Floats
    plain: Floats
    labels: Strings
    pictures: Floats
    texts: Floats


def main() -> None:
    """Print the tables."""
    options = _options()
    if options.what == "remap":
        _remap(options.count)
        return
    corpus = _corpus(options.seed, options.drawings)
    print(f"{len(corpus.labels)} drawings, {len(corpus.passages):,} passages, {len(corpus.pictures)} pairs")
    searches: tuple[int | None, ...] = (*options.searches, None)
    for count in searches:
        _camera(corpus, options.splits, count)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    camera = what.add_parser("camera")
    camera.add_argument("--seed", type=int, default=970, help="of the drawings")
    camera.add_argument("--drawings", type=int, default=500)
    camera.add_argument("--splits", type=int, default=4)
    camera.add_argument(
        "--searches", type=int, nargs="*", default=[], help="also with so many alone to learn from"
    )
    remap = what.add_parser("remap")
    remap.add_argument("--count", type=int, default=100_000, help="documents of one passage each")
    return parser.parse_args()


def _corpus(seed: int, count: int) -> Corpus:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    os.environ.setdefault("SECRET_KEY", "not used here")
    import django

    django.setup()
    from demo.corpus import write_documents, write_drawings
    from demo.evaluate import labelled_drawings, labelled_passages
    from demo.load import BUNDLE, COUNT, SEED
    from workers.training.evaluate import embed_files, opened_bundle

    folder = DATA_DIR / "adapters"
    notes, drawings = folder / f"notes-{SEED}-{COUNT}", folder / f"drawings-{seed}-{count}"
    if not (notes / "documents.jsonl").exists():
        write_documents(notes, SEED, COUNT)
    if not (drawings / "truth.jsonl").exists():
        write_drawings(drawings, seed, count)
    with opened_bundle(BUNDLE) as encoder:
        texts, labels = labelled_passages(notes)
        asked = labelled_drawings(drawings)
        pictures, told = _pairs(notes)
        return Corpus(
            encoder.encode_texts(texts),
            np.array(labels),
            _encoded(encoder, [_other_camera(file) for file in asked.files]),
            embed_files(encoder, tuple(asked.files), lambda *_: None),
            np.array(asked.labels),
            embed_files(encoder, tuple(pictures), lambda *_: None),
            encoder.encode_texts(told),
        )


def _pairs(notes: Path) -> tuple[list[Path], list[str]]:
    import json

    from search.splitting import passages

    pictures, texts = [], []
    for line in (notes / "documents.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["images"]:
            first, image = passages(row["body"])[0], row["images"][0]
            pictures.append(notes / (image if isinstance(image, str) else image["path"]))
            texts.append(row["body"][first.start : first.end])
    return pictures, texts


def _encoded(encoder: Encoder, photos: list[bytes]) -> Floats:
    found = []
    for start in range(0, len(photos), 16):
        pictures = [Image.open(io.BytesIO(photo)) for photo in photos[start : start + 16]]
        found.append(encoder.encode_pictures(pictures))
    return np.concatenate(found)


def _camera(corpus: Corpus, splits: int, searches: int | None) -> None:
    """Print first hits before and after, on the photos that were not learned from; and the gain over all splits."""
    judged = {
        place: one for place in range(len(corpus.labels)) if (one := _judged(corpus, place)) is not None
    }
    rows = []
    print(
        f"\n{'all' if searches is None else searches} of two thirds of {len(judged)} judged drawings to learn from"
    )
    print(
        "split  shifted: before  after   plain: before  after   share  seconds  held out: before  after  interval"
    )
    for split in range(splits):
        order = np.random.default_rng(split).permutation(list(judged))
        cut = round(LEARNED_FROM * len(order))
        chosen, others = order[:cut][:searches], order[cut:]
        examples = _examples(corpus, [judged[place] for place in chosen], split)
        started = time.process_time()
        found = learn(examples, seed=split)
        seconds = time.process_time() - started
        maps = found.maps.get("image", ResidualMap.nothing(corpus.passages.shape[1]))
        hits = [
            _first_hits(corpus, vectors, others, one)
            for vectors in (corpus.shifted, corpus.plain)
            for one in (None, maps)
        ]
        rows.append(np.stack(hits, 1))
        shares = 100 * rows[-1].mean(0)
        print(
            f"{split:>5}{shares[0]:>17.1f}{shares[1]:>7.1f}{shares[2]:>16.1f}{shares[3]:>7.1f}{found.share:>8}"
            f"{seconds:>9.1f}{100 * found.first_hits[0]:>18.1f}{100 * found.first_hits[1]:>7.1f}"
            f"  {100 * found.first_hits_gain.low:+.1f} to {100 * found.first_hits_gain.high:+.1f} {found.nothing}",
            flush=True,
        )
    values = 100 * np.concatenate(rows)
    shifted, plain = (paired_means(values[:, [k + 1]], values[:, [k]])[0] for k in (0, 2))
    before, after, plain_before, plain_after = values.mean(0)
    print(f"  all{before:>17.1f}{after:>7.1f}{plain_before:>16.1f}{plain_after:>7.1f}")
    for name, gain in (("shifted", shifted), ("plain", plain)):
        print(f"{name}: {gain.value:+.1f} (95 %: {gain.low:+.1f} to {gain.high:+.1f})", flush=True)


def _judged(corpus: Corpus, place: int) -> JudgedExample | None:
    """What people would say of the first ten hits; None where none of them is right."""
    photo = corpus.shifted[place]
    hits = np.argsort(-(corpus.passages @ photo))[:JUDGED_HITS]
    right = (corpus.passage_labels[hits] == corpus.labels[place]).all(1)
    if not right.any():
        return None
    return JudgedExample(
        photo, corpus.passages[hits[right]], corpus.passages[hits[~right]], "image", "text", str(place)
    )


def _examples(corpus: Corpus, judged: list[JudgedExample], seed: int) -> Examples:
    from search.adapting.collect import BACKGROUND_MAX
    from search.relevance.labels import PAIRS_MAX

    rows = np.random.default_rng(seed).permutation(len(corpus.passages))[:BACKGROUND_MAX]
    background = {"text": corpus.passages[rows], "image": corpus.pictures}
    return Examples(judged, corpus.pictures[:PAIRS_MAX], corpus.texts[:PAIRS_MAX], background)


def _first_hits(corpus: Corpus, photos: Floats, places: Any, one: ResidualMap | None) -> NDArray[np.bool_]:
    asked = photos[places] if one is None else one.vectors(photos[places])
    best = (asked @ corpus.passages.T).argmax(1)
    return np.asarray((corpus.passage_labels[best] == corpus.labels[places]).all(1))


def _remap(count: int) -> None:
    report, folder = Report(), DATA_DIR / "remap"
    with serving(DATA_DIR=str(folder)), tempfile.TemporaryDirectory() as room:
        attached(folder)
        from bench import asking
        from demo.load import BUNDLE

        captions = list(captions_of_demo(count))
        base = asking.prepared(BUNDLE, captions, "hnsw")
        report.say(f"{count:,} passages encoded and indexed", _seconds(base), "s")
        for name, towers in (("mapped", ("text",)), ("copied", ("image",))):
            version = asking.uploaded(adapted_to(base, Path(room) / f"{name}.zip", towers))
            _finished_preparing(version)
            report.say(f"{count:,} passages {name} and indexed", _seconds(version), "s", "≤ 120")
        report.say("mapped / encoded", _seconds(version) / _seconds(base), "×")
        _without_index(base, version, report)


def captions_of_demo(count: int) -> Iterator[str]:
    """Return so many different texts: those of the demo's notes, again and again, each with a number."""
    from demo.corpus import write_documents
    from demo.evaluate import labelled_passages
    from demo.load import COUNT, SEED

    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder), SEED, COUNT, pictured=False)
        texts, _ = labelled_passages(Path(folder))
    yield from (f"{texts[number % len(texts)]} No. {number}" for number in range(count))


def adapted_to(base: ModelVersion, to: Path, towers: tuple[str, ...]) -> Path:
    """Write a bundle with a small random map behind these towers: how good it is does not matter here."""
    from models_admin.files import version_folder

    draw = np.random.default_rng(1)
    one = replace(
        ResidualMap.nothing(base.dim),
        weights=(0.02 * draw.normal(size=(base.dim, base.dim))).astype(np.float32),
    )
    adapted_write(version_folder(base), dict.fromkeys(towers, one), to, adapted_from=base.key, metrics={})
    return to


def _finished_preparing(version: ModelVersion) -> None:
    from bench import asking
    from models_admin import services

    asking.finished(services.version_prepare(version=version))
    version.refresh_from_db()


def _seconds(version: ModelVersion) -> float:
    """How long the job took that prepared a version."""
    from models_admin.job_types import PREPARE
    from workers.models import Job

    job = Job.objects.filter(type=PREPARE.name, params__version=version.pk).latest("created_at")
    return float((job.finished_at - job.started_at).total_seconds())


def _without_index(base: ModelVersion, version: ModelVersion, report: Report) -> None:
    """The parts apart, in this process: mapping and writing, and building the index."""
    from search.indexing.remap import remap_missing
    from search.vectors.index import index_build, index_drop
    from search.vectors.tables import table_create, table_drop

    mapped = type(version).objects.filter(name=base.name).order_by("number")[1]
    table_drop(mapped)
    table_create(mapped)
    started = time.perf_counter()
    done = remap_missing(mapped, "passage", _Unwatched(), None)
    seconds = time.perf_counter() - started
    report.say(f"of it mapping and writing {done:,}", seconds, "s")
    index_drop(mapped, "passage")
    started = time.perf_counter()
    index_build(mapped, "passage")
    report.say("of it the index", time.perf_counter() - started, "s")


class _Unwatched:
    """A job's context that nobody watches."""

    def stage(self, *_: object, **__: object) -> None:
        pass

    advance = checkpoint = stage


if __name__ == "__main__":
    main()
